"""A real PostgreSQL on loopback and a unix socket, which a test can stop, continue and kill; ended by its own id.

One server serves all the tests of a process; every test has a database of its own, copied from a template.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import sql

from tests.support.ports import free_port

START_SECONDS_MAX: Final = 60
STOP_SECONDS_MAX: Final = 30
ADMINISTRATOR: Final = "postgres"
# Debian keeps the server's programs out of the path, in a folder for each version.
_FOLDERS: Final = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
# Mounts what its own processes alone see, and goes on as the user that may run a server.
_SMALL_DISK: Final = (
    f'mount -t tmpfs -o size="$0",mode=0700,uid=$(id -u {ADMINISTRATOR}),gid=$(id -g {ADMINISTRATOR}) none "$1/small" '
    f'&& cd / && shift && exec setpriv --reuid {ADMINISTRATOR} --regid {ADMINISTRATOR} --clear-groups "$@"'
)
# Durable as in production; small and quiet as in a test.
_OPTIONS: Final = {
    "shared_buffers": "32MB",
    "max_connections": "60",
    "fsync": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "logging_collector": "off",
}


def find_program(name: str) -> str | None:
    """Return where a program of PostgreSQL lies, or None."""
    for folder in _FOLDERS:
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


class PostgresServer:
    """A cluster in a folder; `url` and `port` stay the same when it is started again."""

    def __init__(self, folder: Path, *, small_disk: str = "", **options: str) -> None:
        """Make the cluster; `options` are settings of the server.

        `small_disk` is the size (`40m`) of a file system of its own at the folder `small`, which needs root.
        """
        self.folder = folder
        self._small_disk = small_disk
        (folder / "small").mkdir()
        self.port = free_port()
        self._data = folder / "data"
        self._log = folder / "postgres.log"
        self._options = _OPTIONS | options
        self._process: subprocess.Popen[bytes] | None = None
        self._names = count(1)
        self._run("initdb", "-D", str(self._data), "-U", ADMINISTRATOR, "-A", "trust", "-E", "UTF8", "--no-sync")

    def url_of(self, database: str, *, user: str = ADMINISTRATOR) -> str:
        """Return the address of a database for a user; everybody is trusted."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start and wait until it takes connections."""
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        command = [
            find_program("postgres"), "-D", str(self._data), "-p", str(self.port), "-k", str(self.folder), *options
        ]  # fmt: skip
        how = _as_nobody_special()
        if self._small_disk:
            command = ["unshare", "--mount", "sh", "-c", _SMALL_DISK, self._small_disk, str(self.folder), *command]
            how = {}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **how)  # type: ignore[call-overload]  # noqa: S603 - see above
        self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-t", "0", until=START_SECONDS_MAX)

    @property
    def small_disk(self) -> Path:
        """The small disk as it is reached from here: nobody but the server sees it where it is mounted."""
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/root{self.folder}/small")

    def kill(self) -> None:
        """End at once and without a checkpoint, as by a power cut of the machine it runs on."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """End in order; connections are broken off."""
        self._end(signal.SIGINT)

    def end(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None:
            self.kill()

    def freeze(self) -> None:
        """Answer nothing any more, without closing anything."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._signal_all(signal.SIGCONT)

    def create_database(self, *, template: str = "template0", owner: str = ADMINISTRATOR) -> str:
        """Make a database and return its name."""
        name = f"test_{next(self._names)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
        self.execute(statement.format(*map(sql.Identifier, (name, template, owner))))
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever uses it."""
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def execute(self, statement: sql.Composed | str, *, database: str = ADMINISTRATOR) -> None:
        """Run a statement as the administrator, outside of a transaction."""
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            connection.execute(statement)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(STOP_SECONDS_MAX)
        self._process = None

    def pids(self) -> list[int]:
        """Return the ids of the server and of the processes of its connections, which are its children."""
        assert self._process is not None
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()
        return [own, *map(int, children)]

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:  # a connection that has just ended
                continue

    def _run(self, name: str, *arguments: str, until: int = 0) -> None:
        """Run a program of PostgreSQL; with `until`, again and again for so many seconds."""
        command = [str(find_program(name)), *arguments]
        end = time.monotonic() + until
        while True:
            done = subprocess.run(command, capture_output=True, check=False, **_as_nobody_special())  # type: ignore[call-overload]  # noqa: S603 - our own
            if done.returncode == 0:
                return
            has_ended = self._process is not None and self._process.poll() is not None
            if has_ended or time.monotonic() >= end:
                log = self._log.read_text(encoding="utf-8") if self._log.exists() else ""
                pytest.fail(f"{name} failed: {done.stdout!r} {done.stderr!r} {log}")
            time.sleep(0.05)


def _as_nobody_special() -> dict[str, object]:
    """Return how a process is started that refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    return {"user": ADMINISTRATOR, "group": ADMINISTRATOR, "extra_groups": [], "cwd": "/"}


@contextmanager
def running_postgres(*, small_disk: str = "", **options: str) -> Iterator[PostgresServer]:
    """Run a server for the block; the test is skipped where there is none, but never where CI is set."""
    if find_program("initdb") is None:
        reason = "no PostgreSQL server here; on Debian and Ubuntu: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    # Not the test's own folder: the path of a unix socket has at most 107 bytes, and others must be able to enter.
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, ADMINISTRATOR, ADMINISTRATOR)
        server = PostgresServer(folder, small_disk=small_disk, **options)
        atexit.register(server.end)
        try:
            server.start()
            yield server
        finally:
            server.end()
            atexit.unregister(server.end)
