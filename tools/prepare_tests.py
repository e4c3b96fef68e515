"""Install what tests drive and the lock file does not bring: a browser and the older Alpaca SDK.

Silent when both are there. Without a browser the tests of the page are skipped and say so, never where CI is set;
without the SDK its tests fail.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LOG = ROOT / "build" / "prepare_tests.log"
OLD_SDK_LOCK = ROOT / "tests" / "requirements" / "alpaca-trade-api.lock"
OLD_SDK = ROOT / "build" / "alpaca-trade-api"


def main() -> int:
    """Prepare everything; return 1 when something is missing that must not be."""
    LOG.parent.mkdir(exist_ok=True)
    is_complete = all([prepare_browser(), prepare_old_sdk()])
    return 1 if not is_complete and os.environ.get("CI") else 0


def prepare_browser() -> bool:
    """Install a browser with apt-get where that is possible; return whether there is one."""
    if any(shutil.which(name) for name in BROWSERS):
        return True
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("test: installing chromium (about a minute)", flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
            run(command, environment=environment)
        if shutil.which("chromium"):
            return True
        print(f"test: chromium could not be installed, see {LOG.relative_to(ROOT)}", flush=True)
    else:
        print(
            "test: no browser here, its tests are skipped; on Debian and Ubuntu: apt-get install chromium", flush=True
        )
    return False


def prepare_old_sdk() -> bool:
    """Make the environment of alpaca-trade-api, whose pins contradict ours; return whether it is there."""
    stamp = OLD_SDK / "prepared.stamp"
    fingerprint = hashlib.sha256(OLD_SDK_LOCK.read_bytes() + f"{OLD_SDK}\n{sys.version}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == fingerprint:
        return True
    print("test: installing alpaca-trade-api into an environment of its own", flush=True)
    shutil.rmtree(OLD_SDK, ignore_errors=True)
    pip = str(OLD_SDK / "bin" / "pip")
    if run([sys.executable, "-m", "venv", str(OLD_SDK)]) and run(
        [pip, "install", "--require-hashes", "-r", str(OLD_SDK_LOCK)]
    ):
        stamp.write_text(fingerprint, encoding="ascii")
        return True
    shutil.rmtree(OLD_SDK, ignore_errors=True)
    print(f"test: alpaca-trade-api could not be installed, see {LOG.relative_to(ROOT)}", flush=True)
    return False


def run(command: list[str], *, environment: dict[str, str] | None = None) -> bool:
    """Run a command with its output in the log; return whether it succeeded."""
    with LOG.open("a", encoding="utf-8") as log:
        return subprocess.run(command, stdout=log, stderr=log, check=False, env=environment).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
