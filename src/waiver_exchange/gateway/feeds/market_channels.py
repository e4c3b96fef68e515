"""The channels of market data: books and trades."""

from typing import Final, final

import msgspec

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.gateway.feeds.channel import ALL, Channel
from waiver_exchange.gateway.feeds.newest_trades import NewestTrades
from waiver_exchange.gateway.feeds.pushes import level_data, push
from waiver_exchange.gateway.rest.bodies import book_body, trade_body
from waiver_exchange.projections.feed_buffer import LevelChange
from waiver_exchange.projections.state import MarketView, TradeView

BOOK: Final = "book"
TRADES: Final = "trades"
# More changes of one book in one frame are longer than the book itself mostly is.
DELTAS_MAX: Final = 500
_LEVELS_ALL: Final = 1 << 30
_encode: Final = msgspec.json.Encoder().encode


@final
class BookChannel(Channel):
    """`book:SYMBOL`. A push's sequence is that of the book: each delta is one change of one level."""

    def __init__(self, name: str, exchange: Exchange, market: MarketView) -> None:
        """Tell of the book of a market."""
        super().__init__(name, key=(BOOK, market.market))
        self._feed = exchange.feed
        self._market = market.market
        self._book = exchange.state.books[market.market]
        self._changes: list[LevelChange] = []
        self._kept: tuple[int, list[bytes]] | None = None
        self._sequence = self._book.sequence

    def open(self) -> None:
        """Have the book's changes collected."""
        self._feed.watch_book(self._market)

    def close(self) -> None:
        """Have them collected no more."""
        self._feed.unwatch_book(self._market)

    def put(self, change: LevelChange) -> None:
        """Put a change of this book aside."""
        self._changes.append(change)

    def take_pushes(self) -> list[bytes]:
        """Return a delta for each change, or one snapshot instead of very many."""
        changes, self._changes = self._changes, []
        if not changes:
            return []
        self._sequence = changes[-1].book_sequence
        if len(changes) > DELTAS_MAX:
            snapshot = self.snapshot()
            if snapshot is not None:
                return snapshot
        name = self.name
        return [push(name, b"delta", change.book_sequence, level_data(change)) for change in changes]

    def snapshot(self) -> list[bytes] | None:
        """Return the whole book, unless it is ahead of what was told: then the next frame does."""
        book = self._book
        if book.sequence != self._sequence:
            return None
        if self._kept is None or self._kept[0] != book.sequence:
            data = _encode(book_body(book.levels(_LEVELS_ALL)))
            self._kept = book.sequence, [push(self.name, b"snapshot", book.sequence, data)]
        return self._kept[1]


@final
class TradesChannel(Channel):
    """`trades:SYMBOL` and `trades:*`. A push's sequence counts the trades of the market, or of all markets."""

    def __init__(self, name: str, exchange: Exchange, market: MarketView | None) -> None:
        """Tell the trades of a market, or of all."""
        super().__init__(name, key=(TRADES, ALL if market is None else market.market))
        self._state = exchange.state
        self._market = market
        # Set by the hub: what the snapshots of all these channels are made of.
        self.newest = NewestTrades(exchange.state)
        self._trades: list[TradeView] = []
        self._last_trade_id = self._newest_trade_id()
        self._sequence = self._count()

    def put(self, trade: TradeView) -> None:
        """Put a trade aside, unless the snapshot had it."""
        if trade.trade_id > self._last_trade_id:
            self._last_trade_id = trade.trade_id
            self._trades.append(trade)

    def take_pushes(self) -> list[bytes]:
        """Return a push for each trade."""
        trades, self._trades = self._trades, []
        pushes = []
        for trade in trades:
            self._sequence += 1
            pushes.append(push(self.name, b"trade", self._sequence, self._data(trade)))
        return pushes

    def snapshot(self) -> list[bytes] | None:
        """Return the newest trades, newest first."""
        if self._count() != self._sequence:
            return None
        return [push(self.name, b"snapshot", self._sequence, self.newest.of(self.key[1]))]

    def _data(self, trade: TradeView) -> bytes:
        return _encode(trade_body(trade, symbol=self._state.markets[trade.market].symbol))

    def _count(self) -> int:
        return self._newest_trade_id() if self._market is None else self._market.trade_count

    def _newest_trade_id(self) -> int:
        tape = self._state.tape
        return tape[-1].trade_id if tape else 0
