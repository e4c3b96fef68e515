"""A real redis-server on a unix socket, which a test can stop, continue and kill; ended by its own id."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = "redis-server"
START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 10


class RedisServer:
    """Keeps nothing on disk. `url` stays the same when it is started again."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """The id of its process, which must run."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, with nothing in it, and wait until it takes connections."""
        options = {"--port": "0", "--unixsocket": str(self._socket), "--save": "", "--appendonly": "no"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the arguments are written above
                [PROGRAM, *(part for option in options.items() for part in option)],
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
            )
        end = time.monotonic() + START_SECONDS_MAX
        while not self._takes_connections():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.01)

    def kill(self) -> None:
        """End at once, as by a power cut."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(STOP_SECONDS_MAX)
        self._process = None

    def freeze(self) -> None:
        """Answer nothing any more, without closing anything."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _takes_connections(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(7) == b"+PONG\r\n"
            except OSError:
                return False


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Run a server for the block; the test is skipped where there is none, but never where CI is set."""
    if shutil.which(PROGRAM) is None:
        reason = "no redis-server here; on Debian and Ubuntu: apt-get install redis-server"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    # Not the test's own folder: the path of a unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.end()
