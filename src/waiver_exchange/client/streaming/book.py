"""An order book as it is now, kept from a snapshot and the changes behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Self

import msgspec

from waiver_exchange.client.errors import ClientError
from waiver_exchange.client.models.markets import BookLevels, Level
from waiver_exchange.client.models.orders import Order
from waiver_exchange.client.streaming.frames import Frame
from waiver_exchange.client.streaming.subscription import Sink
from waiver_exchange.client.wire import decode


class LevelChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Levels of a book that changed; quantity zero removes one."""

    bids: list[Level] = []
    asks: list[Level] = []


class AsyncBook:
    """A market's book. `is_current` is False until the first snapshot, and from a gap until the next one."""

    def __init__(
        self,
        symbol: str,
        *,
        restart: Callable[[], None],
        close: Callable[[Sink], Awaitable[None]],
    ) -> None:
        """Made by a stream's `book`."""
        self.symbol = symbol
        self.sequence = 0
        self.is_current = False
        self.snapshots = 0
        self._levels: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}
        self._restart = restart
        self._close = close
        self._news = asyncio.Event()
        self._changes = 0
        self._seen = 0
        self._has_ended = False
        self._failure: ClientError | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def bids(self) -> list[Level]:
        """The bids, best first."""
        return [Level(price, quantity) for price, quantity in sorted(self._levels["bids"].items(), reverse=True)]

    @property
    def asks(self) -> list[Level]:
        """The asks, best first."""
        return [Level(price, quantity) for price, quantity in sorted(self._levels["asks"].items())]

    @property
    def best_bid(self) -> Level | None:
        """The highest bid."""
        bids = self._levels["bids"]
        return Level(price, bids[price]) if (price := max(bids, default=None)) is not None else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask."""
        asks = self._levels["asks"]
        return Level(price, asks[price]) if (price := min(asks, default=None)) is not None else None

    async def wait(self) -> bool:
        """Wait until it is current and has changed since the last wait; False when nothing comes any more.

        Raises `ClientError`.
        """
        while not (self.is_current and self._changes != self._seen):
            if self._failure is not None:
                raise self._failure
            if self._has_ended:
                return False
            self._news.clear()
            await self._news.wait()
        self._seen = self._changes
        return True

    async def aclose(self) -> None:
        """Follow the book no more; may be called twice."""
        if not self._has_ended:
            self.end(None)
            await self._close(self)

    def take(self, push: Frame) -> None:
        """Apply a snapshot, or the changes that follow what is here; anything else asks for a new snapshot."""
        if push.type == "snapshot":
            snapshot = decode(push.data, BookLevels)
            self._levels = {"bids": _by_price(snapshot.bids), "asks": _by_price(snapshot.asks)}
            self.is_current = True
            self.snapshots += 1
        elif not self.is_current:
            return  # what was on its way before the snapshot that was asked for
        elif push.sequence != self.sequence + 1:
            self.lost()
            self._restart()
            return
        else:
            changes = decode(push.data, LevelChanges)
            _apply(self._levels["bids"], changes.bids)
            _apply(self._levels["asks"], changes.asks)
        self.sequence = push.sequence
        self._changes += 1
        self._news.set()

    def lost(self) -> None:
        """Stop to vouch for the book until the next snapshot."""
        self.is_current = False

    def resynced(self, open_orders: list[Order]) -> None:
        """Nothing: the new subscription brings a snapshot."""

    def end(self, failure: ClientError | None) -> None:
        """Wake who waits, for good."""
        self._has_ended = True
        self._failure = self._failure or failure
        self.is_current = False
        self._news.set()


def _by_price(levels: list[Level]) -> dict[Decimal, Decimal]:
    return {level.price: level.quantity for level in levels}


def _apply(levels: dict[Decimal, Decimal], changes: list[Level]) -> None:
    for change in changes:
        if change.quantity:
            levels[change.price] = change.quantity
        else:
            levels.pop(change.price, None)
