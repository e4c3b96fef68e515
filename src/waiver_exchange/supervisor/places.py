"""A place that is to be filled: which process is in it, which one comes after it, and when it is tried again."""

import signal
from collections.abc import Callable, Iterator
from typing import Final

from waiver_exchange.supervisor.children import Child
from waiver_exchange.supervisor.plan import LED_BY_ANOTHER, MUST_NOT_RUN

RETRY_SECONDS_MIN: Final = 0.25
RETRY_SECONDS_MAX: Final = 30.0
# Who was ready for so long and ends is started again at once, however often it happens.
STEADY_SECONDS: Final = 60.0
# A database server gives the place of an engine that is gone to another one within 10 s; longer, another one is there.
LED_SECONDS_MAX: Final = 20.0

Start = Callable[[], Child]


def retry_seconds(failures: int) -> float:
    """Return how long to wait before the next start after so many ends in a row: twice as long each time, bounded."""
    return min(RETRY_SECONDS_MAX, RETRY_SECONDS_MIN * 2.0 ** min(failures - 1, 20)) if failures > 1 else 0.0


def must_not_start_again(code: int, *, seconds_away: float) -> bool:
    """Return whether another start of an engine would be no use, of its exit code and since when none was ready."""
    return code in MUST_NOT_RUN or (code == LED_BY_ANOTHER and seconds_away > LED_SECONDS_MAX)


class Place:
    """One place of the service."""

    def __init__(self, name: str, start: Start) -> None:
        """Be empty, to be filled at once."""
        self.name = name
        self._start = start
        self.current: Child | None = None
        self.successor: Child | None = None
        self.leaving: list[Child] = []
        self.next_at: float | None = 0.0
        self.has_been_ready = False
        self.empty_since = 0.0  # when its last process that had been ready ended
        self._failures = 0

    @property
    def children(self) -> Iterator[Child]:
        """Every process that is or was in this place and runs."""
        yield from (child for child in (self.current, self.successor, *self.leaving) if child is not None)

    @property
    def is_ready(self) -> bool:
        """Whether its process has said so."""
        return self.current is not None and self.current.ready_at is not None

    def fill(self, now: float) -> None:
        """Start a process when it is time for one."""
        if self.current is None and self.next_at is not None and now >= self.next_at:
            self.current = self._start()
            self.next_at = None

    def begin_replacing(self, *, ready_until: float) -> None:
        """Start the process that is to come after the one that is there."""
        self.successor = self._start()
        self.successor.ready_until = ready_until

    def finish_replacing(self, *, drain_until: float) -> None:
        """Let the new process have the place; the old one finishes what it has."""
        old, self.current, self.successor = self.current, self.successor, None
        if old is not None:
            old.kill_at = drain_until
            old.send(signal.SIGHUP)
            self.leaving.append(old)

    def lose(self, child: Child, now: float) -> float | None:
        """Note that a process has ended; return in how many seconds the place is filled again, None if it is."""
        child.close()
        if child in self.leaving:
            self.leaving.remove(child)
            return None
        if child is self.successor:
            self.successor = None
            return None
        self.current, self.successor = self.successor, None
        if self.current is not None:
            return None
        if child.ready_at is not None:
            self.empty_since = now
        was_steady = child.ready_at is not None and now - child.ready_at >= STEADY_SECONDS
        self._failures = 1 if was_steady else self._failures + 1
        seconds = retry_seconds(self._failures)
        self.next_at = now + seconds
        return seconds
