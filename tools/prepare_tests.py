"""Install what tests drive and Python packages do not bring: a browser. Silent when it is there.

Where it cannot be installed the tests that need it are skipped and say so; never where CI is set.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LOG = Path(__file__).resolve().parent.parent / "build" / "prepare_tests.log"


def main() -> int:
    """Install a browser with apt-get where that is possible."""
    if any(shutil.which(name) for name in BROWSERS):
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("test: installing chromium (about a minute)", flush=True)
        LOG.parent.mkdir(exist_ok=True)
        with LOG.open("w", encoding="utf-8") as log:
            for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
                environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
                subprocess.run(command, stdout=log, stderr=log, check=False, env=environment)
        if shutil.which("chromium"):
            return 0
        print(f"test: chromium could not be installed, see {LOG.relative_to(LOG.parent.parent)}", flush=True)
    else:
        print(
            "test: no browser here, its tests are skipped; on Debian and Ubuntu: apt-get install chromium", flush=True
        )
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
