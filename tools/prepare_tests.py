"""Install what tests drive and the lock file does not bring: a browser, servers, Docker, an older SDK, a provider.

Silent when all are there. Without a browser, Redis, PostgreSQL, Docker, or Node for the identity provider, the tests
that need it are skipped and say so, never where CI is set; without the SDK its tests fail.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LOG = ROOT / "build" / "prepare_tests.log"
OLD_SDK_LOCK = ROOT / "tests" / "requirements" / "alpaca-trade-api.lock"
OLD_SDK = ROOT / "build" / "alpaca-trade-api"
COMPOSE_LOCK = ROOT / "tests" / "requirements" / "compose.lock"
COMPOSE = ROOT / "build" / "compose"
DOCKER_PACKAGES = {
    "dockerd": "docker.io",
    "iptables": "iptables",
    "slirp4netns": "slirp4netns",
    "debootstrap": "debootstrap",
}
PROVIDER_PACKAGE = ROOT / "tests" / "support" / "oidc_provider"
PROVIDER = ROOT / "build" / "identity-provider"


def main() -> int:
    """Prepare everything; return 1 when something is missing that must not be."""
    LOG.parent.mkdir(exist_ok=True)
    is_complete = all(
        [
            prepare_browser(),
            prepare_redis(),
            prepare_postgres(),
            prepare_docker(),
            prepare_compose(),
            prepare_old_sdk(),
            prepare_identity_provider(),
        ]
    )
    return 1 if not is_complete and os.environ.get("CI") else 0


def prepare_browser() -> bool:
    """Install a browser with apt-get where that is possible; return whether there is one."""
    return prepare_programs(BROWSERS[:1], what="browser", is_there=lambda: any(map(shutil.which, BROWSERS)))


def prepare_redis() -> bool:
    """Install a Redis server with apt-get where that is possible; return whether there is one."""
    return prepare_programs(("redis-server",), what="redis-server", is_there=lambda: bool(shutil.which("redis-server")))


def prepare_postgres() -> bool:
    """Install a PostgreSQL server with apt-get where that is possible; return whether there is one.

    Debian keeps its programs out of the path, and would start a server of its own that no test uses.
    """

    def is_there() -> bool:
        return bool(shutil.which("initdb")) or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))

    if not is_there():
        keep_from_starting = Path("/etc/postgresql-common/createcluster.conf")
        if os.geteuid() == 0 and not keep_from_starting.exists():
            keep_from_starting.parent.mkdir(exist_ok=True)
            keep_from_starting.write_text("create_main_cluster = false\n", encoding="ascii")
    return prepare_programs(("postgresql",), what="PostgreSQL server", is_there=is_there)


def prepare_docker() -> bool:
    """Install a Docker engine and what its network and base images are made with; return whether all are there."""

    def lacking() -> list[str]:
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        return [package for program, package in DOCKER_PACKAGES.items() if shutil.which(program, path=path) is None]

    return prepare_programs(tuple(lacking()), what="Docker engine", is_there=lambda: not lacking())


def prepare_compose() -> bool:
    """Install Docker Compose, a program inside of a Python package, from its lock file; return whether it is there."""
    stamp = COMPOSE / "prepared.stamp"
    fingerprint = hashlib.sha256(COMPOSE_LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == fingerprint:
        return True
    if sys.platform != "linux":
        return True  # the test that needs it says so itself
    print("test: installing Docker Compose", flush=True)
    shutil.rmtree(COMPOSE, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--require-hashes", "--no-deps", "--target", str(COMPOSE)]
    if run([*command, "-r", str(COMPOSE_LOCK)]):
        (COMPOSE / "compose" / "docker-compose").chmod(0o755)
        stamp.write_text(fingerprint, encoding="ascii")
        return True
    print(f"test: Docker Compose could not be installed, see {LOG.relative_to(ROOT)}", flush=True)
    return False


def prepare_programs(packages: tuple[str, ...], *, what: str, is_there: Callable[[], bool]) -> bool:
    """Install Debian packages where something is missing and that is possible; return whether it is there."""
    if is_there():
        return True
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"test: installing {' '.join(packages)} (about a minute)", flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *packages]):
            run(command, environment=environment)
        if is_there():
            return True
        print(f"test: {' '.join(packages)} could not be installed, see {LOG.relative_to(ROOT)}", flush=True)
    else:
        print(
            f"test: no {what} here, its tests are skipped; on Debian and Ubuntu: apt-get install {' '.join(packages)}",
            flush=True,
        )
    return False


def prepare_identity_provider() -> bool:
    """Install the OpenID provider from its lock file; return whether it is there."""
    if not prepare_programs(("nodejs", "npm"), what="Node", is_there=lambda: bool(shutil.which("npm"))):
        return False
    stamp = PROVIDER / "prepared.stamp"
    files = [PROVIDER_PACKAGE / name for name in ("package.json", "package-lock.json", ".npmrc")]
    fingerprint = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == fingerprint:
        return True
    print("test: installing oidc-provider", flush=True)
    shutil.rmtree(PROVIDER, ignore_errors=True)
    PROVIDER.mkdir(parents=True)
    for file in files:
        shutil.copy(file, PROVIDER)
    if run(["npm", "ci", "--ignore-scripts", "--prefix", str(PROVIDER)]):
        stamp.write_text(fingerprint, encoding="ascii")
        return True
    print(f"test: oidc-provider could not be installed, see {LOG.relative_to(ROOT)}", flush=True)
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
