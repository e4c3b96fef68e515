"""One reader's share of a channel: a bounded queue, read as an async iterator, or a function that is called."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Protocol, Self, TypeVar

from waiver_exchange.client.errors import ClientError, FellBehindError
from waiver_exchange.client.models.orders import Order
from waiver_exchange.client.streaming.frames import Frame

E = TypeVar("E")
QUEUE_EVENTS_MAX: Final = 10_000
_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Who a channel's pushes go to."""

    def take(self, push: Frame) -> None:
        """Take one push; called in the order in which the exchange sent them."""

    def lost(self) -> None:
        """The connection broke: until the channel starts anew something may have been missed."""

    def resynced(self, open_orders: list[Order]) -> None:
        """The connection is back, the channel began anew, and these are the account's open orders."""

    def end(self, failure: ClientError | None) -> None:
        """Nothing comes any more."""


class AsyncSubscription(Generic[E]):
    """Events in their order; ends when it is closed, its stream ends, or its reader falls behind."""

    def __init__(
        self,
        *,
        read: Callable[[Frame], Sequence[E]],
        resync: Callable[[list[Order]], E] | None = None,
        close: Callable[[Sink], Awaitable[None]],
        callback: Callable[[E], None] | None = None,
        queue_events_max: int = QUEUE_EVENTS_MAX,
    ) -> None:
        """Made by a stream's methods."""
        self._read = read
        self._resync = resync
        self._close = close
        self._callback = callback
        self._events: deque[E] = deque()
        self._events_max = queue_events_max
        self._news = asyncio.Event()
        self._has_ended = False
        self._failure: ClientError | None = None
        self.interruptions = 0  # how often something may have been missed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while not self._events:
            if self._failure is not None:
                raise self._failure
            if self._has_ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()

    async def next(self, *, timeout_seconds: float) -> E | None:
        """Return the next event, or None when there is none in time or never will be."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await anext(self, None)
        except TimeoutError:
            return None

    async def aclose(self) -> None:
        """Listen no more; may be called twice."""
        if not self._has_ended:
            self.end(None)
            await self._close(self)

    def take(self, push: Frame) -> None:
        """Keep what a push holds for the reader."""
        for event in self._read(push):
            self._put(event)

    def lost(self) -> None:
        """Count the interruption."""
        self.interruptions += 1

    def resynced(self, open_orders: list[Order]) -> None:
        """Tell a reader of orders what stands now."""
        if self._resync is not None:
            self._put(self._resync(open_orders))

    def end(self, failure: ClientError | None) -> None:
        """Wake the reader for good; what waits can still be read."""
        self._has_ended = True
        self._failure = self._failure or failure
        self._news.set()

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
