"""Whoever follows a channel: from a snapshot on, push by push, and anew when one is missing."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Self

from waiver_exchange.client.errors import ClientError
from waiver_exchange.client.streaming.frames import Frame

SNAPSHOT = "snapshot"


class Follower(ABC):
    """One reader of a channel. `is_current` is False until the first snapshot, and from a gap until the next one."""

    def __init__(self, *, restart: Callable[[], None], close: Callable[["Follower"], Awaitable[None]]) -> None:
        """Have the channel begin anew, and be left, by these."""
        self.is_current = False
        self.sequence: int | None = None
        self.interruptions = 0  # how often pushes may have been missed
        self._restart = restart
        self._close = close
        self._news = asyncio.Event()
        self._has_begun = asyncio.Event()
        self._has_ended = False
        self._failure: ClientError | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def begin(self) -> None:
        """Wait for the first snapshot: from there on nothing is missed. Raises `ClientError`."""
        await self._has_begun.wait()
        if self._failure is not None:
            raise self._failure

    async def aclose(self) -> None:
        """Follow no more; may be called twice."""
        if not self._has_ended:
            self.end(None)
            await self._close(self)

    def take(self, push: Frame) -> None:
        """Take one push, in the order in which the exchange sent them."""
        if push.type == SNAPSHOT:
            self.on_snapshot(push, after=self.sequence)
            self.is_current = True
            self._has_begun.set()
        elif not self.is_current:
            return  # it was on its way before the snapshot that was asked for
        elif self.sequence is not None and push.sequence != self.sequence + 1:
            self.lost()
            self._restart()
            return
        else:
            self.on_update(push)
        self.sequence = push.sequence

    def lost(self) -> None:
        """Pushes may have been missed: nothing counts until the next snapshot."""
        if self.is_current:
            self.is_current = False
            self.interruptions += 1

    def end(self, failure: ClientError | None) -> None:
        """Wake the reader for good; what waits can still be read."""
        self._has_ended = True
        self._failure = self._failure or failure
        self._news.set()
        self._has_begun.set()

    @abstractmethod
    def on_snapshot(self, push: Frame, *, after: int | None) -> None:
        """Begin from all there is; `after` is the sequence of the last push that was taken before."""

    @abstractmethod
    def on_update(self, push: Frame) -> None:
        """Go on by the next push."""

    async def _sleep(self) -> bool:
        """Wait for news, and return False when there will be none. Raises `ClientError`."""
        if self._failure is not None:
            raise self._failure
        if self._has_ended:
            return False
        self._news.clear()
        await self._news.wait()
        return True
