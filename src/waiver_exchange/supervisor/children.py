"""One process of the service: started with what it is handed, heard when it is ready, and told to go."""

import fcntl
import json
import os
import signal
from dataclasses import dataclass, field
from typing import Any, Final

from waiver_exchange.supervisor.plan import HANDED, READY, SAID_BYTES_MAX

# Under this name a process says why it cannot run.
ERROR: Final = "error"
# Own descriptors lie above those that a child is given, so that handing one over never covers another.
_DESCRIPTOR_MIN: Final = 16
# What this process handles itself; a child begins with the system's own ways.
_SIGNALS: Final = (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)


@dataclass(slots=True, eq=False)
class Child:
    """A running process; `ready` is the descriptor on which it says that it is, -1 once it has or cannot any more.

    It is killed when it is not ready by `ready_until`, or has not ended by `kill_at`.
    """

    pid: int
    ready: int
    started_at: float
    ready_at: float | None = None
    ready_until: float | None = None
    kill_at: float | None = None
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def due(self) -> float | None:
        """When it is killed unless something happens."""
        return self.ready_until if self.kill_at is None and self.ready_at is None else self.kill_at

    def kill(self) -> None:
        """End it at once."""
        self.ready_until = self.kill_at = None
        self.send(signal.SIGKILL)

    def hear(self, now: float) -> None:
        """Read what it says; called when there is something to read, or nothing any more.

        What cannot be understood counts as nothing said: a child's words never end its supervisor.
        """
        line = os.read(self.ready, SAID_BYTES_MAX)
        self.close()
        said = _understood(line)
        if said is None:
            return
        self.said = said
        if ERROR not in said:
            self.ready_at = now

    def send(self, number: signal.Signals) -> None:
        """Send a signal. It is not reaped before its end was seen, so its number is nobody else's."""
        os.kill(self.pid, number)

    def close(self) -> None:
        """Listen no more."""
        descriptor, self.ready = self.ready, -1
        if descriptor >= 0:
            os.close(descriptor)


def spawn(command: list[str], *, handed: int, now: float) -> Child:
    """Start a command, in a process group of its own: Ctrl-C is for the supervisor alone. Raises `OSError`."""
    ready, said = os.pipe()
    said = keep_above(said)
    try:
        pid = os.posix_spawn(
            command[0],
            command,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, handed, HANDED), (os.POSIX_SPAWN_DUP2, said, READY)],
            setpgroup=0,
            setsigmask=(),
            setsigdef=_SIGNALS,
        )
    except BaseException:
        os.close(ready)
        raise
    finally:
        os.close(said)
    return Child(pid, keep_above(ready), now)


def _understood(line: bytes) -> dict[str, Any] | None:
    """Return the object that a line is, or None."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def keep_above(descriptor: int) -> int:
    """Return a descriptor for the same that no child is given by accident, and close the old one."""
    other = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _DESCRIPTOR_MIN)
    os.close(descriptor)
    return int(other)
