"""Ask the advisory services whether a locked dependency has a known weakness: pip-audit and npm audit.

Both need a service that not every network reaches. Without it the check says "not checked" and passes, unless
REQUIRE_ADVISORIES is set, as where releases are made.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
LOCKS: Final = ("requirements.lock", "tests/requirements/alpaca-trade-api.lock")
UNREACHABLE: Final = "not checked: advisory service unreachable"
SECONDS_MAX: Final = 300
_PINNED: Final = re.compile(r"^([a-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
# What is known and has no consequence here: the advisory's id, and why.
IGNORED: Final[dict[str, str]] = {}


def main() -> int:
    """Check every lock file; return 1 for a weakness, or for silence where an answer is demanded."""
    pinned = {lock: _PINNED.findall((ROOT / lock).read_text(encoding="utf-8")) for lock in LOCKS}
    # One package first: without a service each of them would be waited for.
    is_answered = run_pip_audit(pinned[LOCKS[0]][:1]) is not None
    outcomes = {lock: audit_python(pinned[lock]) if is_answered else (None, UNREACHABLE) for lock in LOCKS}
    for lock in sorted(ROOT.glob("**/package-lock.json")):
        if not {"node_modules", "build", ".venv"} & set(lock.parts):
            outcomes[str(lock.relative_to(ROOT))] = audit_npm(lock.parent)
    for name, (_, said) in outcomes.items():
        print(f"advisories: {name}: {said}")
    is_demanded = bool(os.environ.get("REQUIRE_ADVISORIES"))
    bad = [is_good for is_good, _ in outcomes.values() if is_good is False or (is_good is None and is_demanded)]
    return 1 if bad else 0


def audit_python(pinned: list[tuple[str, str]]) -> tuple[bool | None, str]:
    """Return whether packages are free of known weaknesses (None: nobody answered), and what to say."""
    found = run_pip_audit(pinned)
    if found is None:
        return None, UNREACHABLE
    return not found, ", ".join(found) or f"{len(pinned)} packages, no known weakness"


def run_pip_audit(pinned: list[tuple[str, str]]) -> list[str] | None:
    """Return the weaknesses of packages that count, or None when not all of them could be asked about."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(f"{name}=={version}" for name, version in pinned))
        file.flush()
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "-r", file.name, "-f", "json"]
        output = run(command, folder=ROOT)
    return read_pip_audit(output)


def read_pip_audit(output: str) -> list[str] | None:
    """Return the weaknesses in a report of pip-audit, or None when it could not ask about a package."""
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    if not packages or any("skip_reason" in package for package in packages):
        return None
    found = [(package["name"], weakness["id"]) for package in packages for weakness in package["vulns"]]
    return [f"{name}: {number}" for name, number in found if number not in IGNORED]


def audit_npm(folder: Path) -> tuple[bool | None, str]:
    """Return whether the lock file of a folder is free of known weaknesses (None: nobody answered), and what to say."""
    return read_npm_audit(run(["npm", "audit", "--package-lock-only", "--json"], folder=folder))


def read_npm_audit(output: str) -> tuple[bool | None, str]:
    """Return what a report of npm audit says."""
    try:
        counts = json.loads(output)["metadata"]["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        return None, UNREACHABLE
    total = counts["total"]
    return total == 0, f"{total} packages with known weaknesses" if total else "no known weakness"


def run(command: list[str], *, folder: Path) -> str:
    """Return what a command prints, whatever it ends with; nothing when it cannot be run."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
