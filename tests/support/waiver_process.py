"""Real `waiver` processes for the acceptance tests: every wait is bounded, every process is ended by its own id."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.several_processes import settings_of

COMMAND = (sys.executable, "-m", "waiver_exchange")
COMMAND_SECONDS_MAX = 60
# Several processes on a machine that has other things to do take their time.
START_SECONDS_MAX = 180
STOP_SECONDS_MAX = 20
# Tests send as fast as they can from one address; those of the limits set their own.
UNLIMITED = {
    "WAIVER_CONFIG": os.devnull,  # and not what the machine may have
    "WAIVER_ORDERS_PER_SECOND": "0",
    "WAIVER_READS_PER_SECOND": "0",
    "WAIVER_ADDRESS_REQUESTS_PER_SECOND": "0",
    "WAIVER_FAILED_AUTHENTICATIONS_PER_MINUTE": "0",
    "WAIVER_SIGN_INS_PER_MINUTE": "0",
}


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """What `--json` printed; exactly one object on one line."""
        assert self.stdout.endswith("\n"), self
        assert self.stdout.count("\n") == 1, self
        value = json.loads(self.stdout)
        assert isinstance(value, dict), self
        return value


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment without anybody's settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("WAIVER_")}
    return own | UNLIMITED | (extra or {})


def waiver(
    *arguments: str, data_dir: Path, settings: dict[str, str] | None = None, command: Sequence[str] = COMMAND
) -> Ran:
    """Run a command to its end."""
    done = subprocess.run(  # noqa: S603 - our own program
        [*command, *arguments, "--data-dir", str(data_dir)],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        env=environment(settings_of(data_dir) | (settings or {})),
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def waiver_json(*arguments: str, data_dir: Path, settings: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - any JSON
    """Run a command that must succeed and return its object."""
    ran = waiver(*arguments, "--json", data_dir=data_dir, settings=settings)
    assert ran.code == 0, ran
    return ran.json


class Server:
    """A running `waiver serve`."""

    def __init__(self, process: subprocess.Popen[str], *, log: Path) -> None:
        self.process = process
        self.log_path = log
        self.ready: Any = json.loads(self._first_line())

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        return self.process.wait(STOP_SECONDS_MAX)

    def _first_line(self) -> str:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_SECONDS_MAX)
        line = self.process.stdout.readline() if readable else ""
        assert line, f"the server did not start: {self.log}"
        return line


@contextmanager
def serving(
    *arguments: str,
    data_dir: Path,
    settings: dict[str, str] | None = None,
    command: Sequence[str] = COMMAND,
    log_name: str = "",
) -> Iterator[Server]:
    """Serve on a free port for the block; what is still running at its end is killed."""
    log = data_dir.parent / f"{log_name or data_dir.name}.log"
    with (
        log.open("w", encoding="utf-8") as stderr,
        subprocess.Popen(  # noqa: S603 - our own program
            [*command, "serve", "--port", "0", "--json", "--data-dir", str(data_dir), *arguments],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment(settings_of(data_dir) | (settings or {})),
        ) as process,
    ):
        try:
            yield Server(process, log=log)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(STOP_SECONDS_MAX)
