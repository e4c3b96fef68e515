"""Prepare .venv from the lock file; silent when nothing has changed."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PIP = VENV / "bin" / "pip"
STAMP = VENV / "prepared.stamp"
LOG = ROOT / "build" / "setup.log"
LOCK_FILE = ROOT / "requirements.lock"
LOG_LINES_SHOWN = 25


def main() -> int:
    """Create the environment, install what is locked, install the package in place."""
    LOG.parent.mkdir(exist_ok=True)
    with (LOG.parent / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two terminals may run make at once
        fingerprint = fingerprint_of_inputs()
        if STAMP.exists() and STAMP.read_text(encoding="ascii") == fingerprint:
            return 0
        LOG.write_text("", encoding="utf-8")
        if not is_usable():
            create_environment()
        install()
        STAMP.write_text(fingerprint, encoding="ascii")
    return 0


def fingerprint_of_inputs() -> str:
    """A hash of the lock, the package's description, the interpreter, and the place.

    The place belongs to it because the scripts of an environment name the folder they were made in: a copied checkout
    needs an environment of its own.
    """
    digest = hashlib.sha256()
    for path in (LOCK_FILE, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    digest.update(identity().encode())
    return digest.hexdigest()


def identity() -> str:
    """What an environment cannot change without being made anew."""
    return f"{ROOT}\n{os.path.realpath(sys.executable)}\n{sys.version}\n"


def is_usable() -> bool:
    """Whether .venv was made here and by this Python, so that installing into it is enough."""
    made_by = VENV / "made_by"
    return PIP.exists() and made_by.exists() and made_by.read_text(encoding="utf-8") == identity()


def create_environment() -> None:
    """Make .venv anew."""
    print(f"setup: creating .venv with Python {sys.version.split()[0]}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(VENV)], hint="On Debian and Ubuntu: apt-get install python3-venv")
    (VENV / "made_by").write_text(identity(), encoding="utf-8")


def install() -> None:
    """Install exactly what is locked, then the package itself from its sources."""
    total = sum("==" in line for line in LOCK_FILE.read_text(encoding="utf-8").splitlines())
    print(f"setup: installing {total} locked packages", flush=True)
    run([str(PIP), "install", "--require-hashes", "-r", str(LOCK_FILE)], counted=total)
    print("setup: installing waiver-exchange in place", flush=True)
    run([str(PIP), "install", "--no-deps", "--no-build-isolation", "-e", str(ROOT)])


def run(command: list[str], *, counted: int = 0, hint: str = "") -> None:
    """Run with the output in the log, counting packages on a terminal; on failure stop with the log's end."""
    fetched = 0
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with LOG.open("a", encoding="utf-8") as log, process:
        for line in process.stdout or ():
            log.write(line)
            if counted and line.startswith("Collecting ") and sys.stdout.isatty():
                fetched += 1
                print(f"\r  {fetched} of {counted}", end="\n" if fetched == counted else "", flush=True)
    if process.returncode != 0:
        tail = "\n".join(LOG.read_text(encoding="utf-8").splitlines()[-LOG_LINES_SHOWN:])
        sys.exit(f"{tail}\nsetup: failed; log: {LOG.relative_to(ROOT)}" + (f"\n{hint}" if hint else ""))


if __name__ == "__main__":
    sys.exit(main())
