"""The events of a channel: a bounded queue that is read as an async iterator, or a function that is called."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Self, TypeVar

from waiver_exchange.client.errors import FellBehindError
from waiver_exchange.client.streaming.follower import Follower
from waiver_exchange.client.streaming.frames import Frame
from waiver_exchange.client.streaming.readers import Reader

E = TypeVar("E")
QUEUE_EVENTS_MAX: Final = 10_000
_log = logging.getLogger(__name__)


class AsyncSubscription(Follower, Generic[E]):
    """Events in their order; ends when it is closed, its stream ends, or its reader falls behind."""

    def __init__(
        self,
        *,
        reader: Reader[E],
        restart: Callable[[], None],
        close: Callable[[Follower], Awaitable[None]],
        callback: Callable[[E], None] | None = None,
        queue_events_max: int = QUEUE_EVENTS_MAX,
    ) -> None:
        """Made by a stream's methods."""
        super().__init__(restart=restart, close=close)
        self._reader = reader
        self._callback = callback
        self._events: deque[E] = deque()
        self._events_max = queue_events_max

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while not self._events:
            if not await self._sleep():
                raise StopAsyncIteration
        return self._events.popleft()

    async def next(self, *, timeout_seconds: float) -> E | None:
        """Return the next event, or None when there is none in time or never will be."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await anext(self, None)
        except TimeoutError:
            return None

    def on_snapshot(self, push: Frame, *, after: int | None) -> None:
        """Tell what a snapshot adds to what was told."""
        self.put(self._reader.snapshot(push, after=after))

    def on_update(self, push: Frame) -> None:
        """Tell what a push holds."""
        self.put(self._reader.update(push))

    def put(self, events: Sequence[E]) -> None:
        """Tell the reader these events."""
        for event in events:
            self._put(event)

    def _put(self, event: E) -> None:
        if self._has_ended:
            return
        if self._callback is not None:
            try:
                self._callback(event)
            except Exception:  # noqa: BLE001 - the caller's code; the stream goes on whatever it does
                _log.exception("a subscription's function failed; it is called again with the next event")
        elif len(self._events) >= self._events_max:
            self._events.clear()
            self.end(FellBehindError(f"more than {self._events_max} events waited to be read"))
        else:
            self._events.append(event)
            self._news.set()
