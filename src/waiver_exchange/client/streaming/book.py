"""An order book as it is now, kept from a snapshot and the changes behind it."""

from collections.abc import Awaitable, Callable
from decimal import Decimal

import msgspec

from waiver_exchange.client.models.markets import BookLevels, Level
from waiver_exchange.client.streaming.follower import Follower
from waiver_exchange.client.streaming.frames import Frame
from waiver_exchange.client.wire import decode


class LevelChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Levels of a book that changed; quantity zero removes one."""

    bids: list[Level] = []
    asks: list[Level] = []


class AsyncBook(Follower):
    """A market's book; while `is_current` is False a change may be missing."""

    def __init__(
        self, symbol: str, *, restart: Callable[[], None], close: Callable[[Follower], Awaitable[None]]
    ) -> None:
        """Made by a stream's `book`."""
        super().__init__(restart=restart, close=close)
        self.symbol = symbol
        self._levels: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}
        self._changes = 0
        self._seen = 0

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
            if not await self._sleep():
                return False
        self._seen = self._changes
        return True

    def on_snapshot(self, push: Frame, *, after: int | None) -> None:
        """Begin anew."""
        del after
        snapshot = decode(push.data, BookLevels)
        self._levels = {"bids": _by_price(snapshot.bids), "asks": _by_price(snapshot.asks)}
        self._note()

    def on_update(self, push: Frame) -> None:
        """Change some levels."""
        changes = decode(push.data, LevelChanges)
        _apply(self._levels["bids"], changes.bids)
        _apply(self._levels["asks"], changes.asks)
        self._note()

    def _note(self) -> None:
        self._changes += 1
        self._news.set()


def _by_price(levels: list[Level]) -> dict[Decimal, Decimal]:
    return {level.price: level.quantity for level in levels}


def _apply(levels: dict[Decimal, Decimal], changes: list[Level]) -> None:
    for change in changes:
        if change.quantity:
            levels[change.price] = change.quantity
        else:
            levels.pop(change.price, None)
