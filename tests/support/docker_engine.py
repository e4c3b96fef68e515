"""A Docker engine of the tests' own, in a network and a mount namespace of its own, ended by its own id.

Nothing on this machine changes: bridges, packet filters and forwarding are the namespace's, and the way out of it is a
user-mode network stack (slirp4netns). Images and layers stay in build/docker, so that a second run is quick.
"""

import atexit
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "build" / "docker"
COMPOSE: Final = ROOT / "build" / "compose" / "compose" / "docker-compose"
# Debian's programs before what else may be called so.
PATH: Final = f"/usr/bin:/usr/sbin:/bin:/sbin:{os.environ.get('PATH', '')}"
PROGRAMS: Final = ("docker", "dockerd", "iptables", "slirp4netns", "debootstrap", "unshare")
# The resolver inside of the user-mode network, which asks whomever this machine asks.
RESOLVER: Final = "10.0.2.3"
# This machine's own loopback, seen from there.
HOST: Final = "10.0.2.2"
START_SECONDS_MAX: Final = 60
STOP_SECONDS_MAX: Final = 60
# Other tests, some of which measure time, run beside what is built here.
NICE: Final = 5
_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET, <linux/sched.h>
_T = TypeVar("_T")


def program(name: str) -> str | None:
    """Return where a program lies, or None."""
    return shutil.which(name, path=PATH)


def obstacle() -> str | None:
    """Return why there can be no engine here, or None."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a Docker engine of the tests' own needs Linux and root"
    lacking = [name for name in PROGRAMS if program(name) is None]
    if lacking:
        return f"no {', '.join(lacking)} here; on Debian: apt-get install docker.io debootstrap slirp4netns iptables"
    if not COMPOSE.exists():
        return "no Docker Compose here; tools/prepare_tests.py installs it"
    if not Path("/dev/net/tun").exists():
        return "no /dev/net/tun here, which the engine's network needs"
    return None


class DockerEngine:
    """A running engine; `run` is its client, `within` runs code in its network."""

    def __init__(self, runtime: Path) -> None:
        """Start it; `runtime` is a short path for its sockets. Raises `AssertionError` when it does not start."""
        self._runtime = runtime
        self._socket = runtime / "docker.sock"
        self._log = FOLDER / "engine.log"
        self._network: subprocess.Popen[bytes] | None = None
        self._inside: ThreadPoolExecutor | None = None
        plugins = runtime / "cli-plugins"
        plugins.mkdir()
        (plugins / "docker-compose").symlink_to(COMPOSE)
        self.environment = {
            "PATH": PATH,
            "HOME": str(runtime),
            "DOCKER_HOST": f"unix://{self._socket}",
            "DOCKER_CONFIG": str(runtime),
            "DOCKER_BUILDKIT": "1",
        }
        with self._log.open("wb") as log:
            self._engine = subprocess.Popen(  # noqa: S603 - the arguments are written here
                [
                    *(
                        "/usr/bin/nice",
                        "-n",
                        str(NICE),
                        str(program("unshare")),
                        "--net",
                        "--mount",
                        "--propagation",
                        "private",
                    ),
                    *(str(program("dockerd")), "--host", f"unix://{self._socket}", "--dns", RESOLVER),
                    *("--data-root", str(FOLDER / "data"), "--exec-root", str(runtime / "exec")),
                    *("--pidfile", str(FOLDER / "engine.pid")),
                ],
                stdout=log,
                stderr=log,
                env={"PATH": PATH},
            )
        try:
            self._wait()
            self._connect()
            self.remove_containers()
        except BaseException:
            self.end()
            raise

    def run(
        self, *arguments: str, seconds: float = 120, folder: Path | None = None, is_checked: bool = True, **more: str
    ) -> str:
        """Run `docker` and return what it prints; `more` is added to its environment."""
        done = subprocess.run(  # noqa: S603 - the tests' own arguments
            [str(program("docker")), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            cwd=folder or FOLDER,
            env=self.environment | more,
        )
        assert done.returncode == 0 or not is_checked, f"docker {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + (done.stderr if not is_checked else "")

    def inspect(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        """What the engine knows of a container or an image."""
        return json.loads(self.run("inspect", name))[0]

    def within(self, act: Callable[[], _T]) -> _T:
        """Call a function in a thread whose new sockets are in the engine's network, and return what it returns."""
        assert self._inside is not None
        return self._inside.submit(act).result()

    def remove_containers(self) -> None:
        """Remove all containers, volumes and networks, also those that an interrupted run has left."""
        containers = self.run("ps", "--all", "--quiet").split()
        if containers:
            self.run("rm", "--force", "--volumes", *containers)
        volumes = self.run("volume", "ls", "--quiet").split()
        if volumes:
            self.run("volume", "rm", *volumes)
        self.run("network", "prune", "--force")

    def end(self) -> None:
        """End everything, in order if it can be."""
        if self._inside is not None:
            self._inside.shutdown()
        for process in (self._engine, self._network):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS_MAX)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS_MAX
        while subprocess.run(  # noqa: S603 - our own
            [str(program("docker")), "version"], capture_output=True, check=False, env=self.environment
        ).returncode:
            assert self._engine.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.1)

    def _connect(self) -> None:
        """Give the namespace its way out, and a thread of ours a way in."""
        ready, told = os.pipe()
        self._network = subprocess.Popen(  # noqa: S603 - the arguments are written here
            [str(program("slirp4netns")), "--configure", f"--ready-fd={told}", str(self._engine.pid), "tap0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(told,),
        )
        os.close(told)
        with os.fdopen(ready, "rb") as pipe:
            assert pipe.read(1) == b"1", "slirp4netns did not start"
        self._inside = ThreadPoolExecutor(1, initializer=_enter_network, initargs=(self._engine.pid,))


def _enter_network(pid: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
        if library.setns(namespace.fileno(), _NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "the engine's network cannot be entered")


@contextmanager
def running_docker() -> Iterator[DockerEngine]:
    """Run an engine for the block; the test is skipped where there can be none, but never where CI is set."""
    reason = obstacle()
    if reason is not None:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Not below build/: the path of a unix socket has at most 107 bytes.
    with (FOLDER / "lock").open("w") as lock, tempfile.TemporaryDirectory(prefix="docker-") as name:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _end_left_over()
        engine = DockerEngine(Path(name))
        atexit.register(engine.end)
        try:
            yield engine
            engine.remove_containers()
        finally:
            engine.end()
            atexit.unregister(engine.end)


def _end_left_over() -> None:
    """End the engine of a run that was killed: the one whose id we wrote down, if it is still that one."""
    try:
        pid = int((FOLDER / "engine.pid").read_text(encoding="ascii"))
        is_ours = str(FOLDER / "data").encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        if is_ours:
            os.kill(pid, signal.SIGTERM)
            while Path(f"/proc/{pid}").exists():
                time.sleep(0.1)
    except (OSError, ValueError):
        pass
    (FOLDER / "engine.pid").unlink(missing_ok=True)
