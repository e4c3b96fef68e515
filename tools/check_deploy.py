"""Check what deploys the exchange: hadolint over the Dockerfiles, Docker Compose over compose.yaml.

Compose comes with `make test`. Where it is not there its check says "not checked" and passes, never where CI is set.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
HADOLINT: Final = Path(sys.executable).with_name("hadolint")
COMPOSE: Final = ROOT / "build" / "compose" / "compose" / "docker-compose"
SECONDS_MAX: Final = 60


def main() -> int:
    """Check everything; return 1 when something is wrong, or could not be checked where that is demanded."""
    dockerfiles = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("deploy/**/Dockerfile"))
    return 0 if all([is_clean(str(HADOLINT), *dockerfiles), is_compose_file_valid()]) else 1


def is_compose_file_valid() -> bool:
    """Whether compose.yaml is one, each profile of it too: Compose holds it against the Compose Specification."""
    if not COMPOSE.exists():
        print("compose.yaml: not checked: no Docker Compose here; `make test` installs it")
        return not os.environ.get("CI")
    return is_clean(str(COMPOSE), "--file", "compose.yaml", "--profile", "*", "config", "--quiet")


def is_clean(program: str, *arguments: str) -> bool:
    """Run a program that is silent about what is good; return whether it found nothing."""
    if shutil.which(program) is None:
        print(f"{program} is not installed; run `make setup`")
        return False
    # No choices of whoever runs it: what is checked is what everybody gets.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WAIVER_", "COMPOSE_"))}
    done = subprocess.run([program, *arguments], cwd=ROOT, check=False, timeout=SECONDS_MAX, env=environment)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
