"""When what was put aside for a connection is sent: joined into one frame, a few milliseconds after the first of it."""

import asyncio
from typing import Protocol, final

from waiver_exchange.gateway.feeds.channel import FRAME_SECONDS


class Flushable(Protocol):
    """Something that has put messages aside."""

    def flush(self) -> None:
        """Send what was put aside. Never waits, never raises."""


@final
class FrameClock:
    """One timer for all connections, which runs only while something waits."""

    def __init__(self) -> None:
        """Begin with nothing waiting."""
        self._waiting: list[Flushable] = []

    def await_flush(self, waiting: Flushable) -> None:
        """Have something flushed soon, once."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(FRAME_SECONDS, self._flush)
        self._waiting.append(waiting)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.flush()
