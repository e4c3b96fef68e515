"""An event loop whose time is counted, not waited for: sleeps take no time and every run goes the same way."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class _CountingSelector(selectors.SelectSelector):
    """Instead of waiting for a timeout, moves the time on by it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.now += timeout
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs what needs no input from outside."""

    def __init__(self) -> None:
        self._counting = _CountingSelector()
        super().__init__(self._counting)

    def time(self) -> float:
        """Seconds of virtual time since the loop was made."""
        return self._counting.now


def run_in_virtual_time(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end on a loop of its own."""
    loop = VirtualTimeLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
