"""Market data for those who are connected: what the exchange's feed tells, as messages to everybody who wants them.

Nothing is listened to while nobody is connected. A reader is only ever given bytes to send later; it cannot hold up the
exchange or another reader.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.gateway.alpaca.streams.messages import (
    Message,
    book_change_message,
    book_message,
    quote_message,
    status_message,
    trade_message,
)
from waiver_exchange.gateway.alpaca.streams.minutes import Minutes, ReadBar
from waiver_exchange.gateway.alpaca.streams.readers import Reader, Readers
from waiver_exchange.gateway.alpaca.streams.subscriptions import ALL, Place
from waiver_exchange.gateway.alpaca.symbols import own_symbol
from waiver_exchange.projections.feed_buffer import FeedBatch

if TYPE_CHECKING:
    from waiver_exchange.application.feed import Subscription

# A first book holds this much of each side at most, which is all of any book that was not made to be long.
BOOK_LEVELS_MAX: Final = 10_000


@final
class MarketStream:
    """The market data stream of an exchange, whatever path its readers came by."""

    def __init__(self, exchange: Exchange, *, read_minute: ReadBar, read_day: ReadBar) -> None:
        """Begin without readers."""
        self._exchange = exchange
        self._readers = Readers()
        self._connected: set[Reader] = set()
        self._listening: Subscription | None = None
        self._watched_books: set[int] = set()
        self._books: dict[int, tuple[int, Message]] = {}
        self._halted: set[int] = set()
        self._minutes = Minutes(exchange, self._readers, read_minute=read_minute, read_day=read_day)

    @property
    def readers(self) -> int:
        """How many are connected."""
        return len(self._connected)

    def join(self, reader: Reader) -> None:
        """Take a reader in, which wants nothing yet."""
        self._connected.add(reader)
        if self._listening is None:
            self._halted = self._halted_now()
            self._listening = self._exchange.feed.subscribe(self._take)
            self._minutes.start()

    def leave(self, reader: Reader, places: Iterable[Place]) -> None:
        """Let a reader go, with everything that it is subscribed to."""
        self.unsubscribe(reader, places)
        self._connected.discard(reader)
        if not self._connected and self._listening is not None:
            self._listening.close()
            self._listening = None
            self._minutes.stop()
            self._books.clear()

    def subscribe(self, reader: Reader, places: Sequence[Place]) -> None:
        """Give a reader what it asks for from now on; books begin with the whole of each."""
        self._readers.add(reader, places)
        books = [place for place in places if place.channel == "orderbooks"]
        if books:
            self._watch_books()
        for place in books:
            for symbol, name in self._names_of(reader, place):
                reader.put(self._book(symbol).encoded(name, is_msgpack=reader.is_msgpack))

    def unsubscribe(self, reader: Reader, places: Iterable[Place]) -> None:
        """Give a reader no more of what it asked for."""
        self._readers.remove(reader, places)
        self._watch_books()

    def _names_of(self, reader: Reader, place: Place) -> Iterator[tuple[str, str]]:
        """Yield the symbols that one place of a reader stands for, and what the reader calls them."""
        symbols = self._exchange.state.symbols
        symbol = own_symbol(place.name, is_pair_allowed=True)
        if symbol in symbols:
            yield symbol, place.name
        if place.name == ALL:
            yield from ((each, each) for each in symbols if not self._readers.has_named(reader, place.channel, each))

    def _watch_books(self) -> list[int]:
        """Have exactly the books collected that somebody reads, and return those that were not before."""
        state, feed = self._exchange.state, self._exchange.feed
        wanted = self._readers.symbols("orderbooks")
        markets = state.markets if ALL in wanted else {state.symbols[each] for each in wanted if each in state.symbols}
        added = [market for market in markets if market not in self._watched_books]
        for market in added:
            feed.watch_book(market)
        for market in self._watched_books.difference(markets):
            feed.unwatch_book(market)
        self._watched_books = set(markets)
        return added

    def _book(self, symbol: str) -> Message:
        """Return a whole book, made anew only when it has changed: asking for it again and again costs little."""
        state = self._exchange.state
        market = state.markets[state.symbols[symbol]]
        book = state.books[market.market]
        sequence, message = self._books.get(market.market, (-1, None))
        if message is None or sequence != book.sequence:
            levels = book.levels(BOOK_LEVELS_MAX)
            message = book_message(levels, time_ns=book.changed_at_ns or market.listed_at_ns)
            self._books[market.market] = book.sequence, message
        return message

    def _take(self, batch: FeedBatch) -> None:
        """Tell what happened: trades before the quotes that they led to."""
        markets = self._exchange.state.markets
        for trade in batch.trades:
            self._readers.tell("trades", markets[trade.market].symbol, partial(trade_message, trade))
            self._minutes.note(trade)
        for top in batch.tops:
            self._readers.tell("quotes", markets[top.market].symbol, partial(quote_message, top))
        self._tell_books(batch)
        if batch.markets or batch.is_exchange_changed:
            self._tell_statuses(batch)
            self._tell_new_books()

    def _tell_books(self, batch: FeedBatch) -> None:
        changes: dict[int, dict[tuple[int, int], int]] = {}
        for market, side, price_cents, quantity_units, _ in batch.levels:
            changes.setdefault(market, {})[side, price_cents] = quantity_units
        for market, levels in changes.items():
            symbol = self._exchange.state.markets[market].symbol
            self._readers.tell("orderbooks", symbol, partial(book_change_message, levels, time_ns=batch.time_ns))

    def _tell_new_books(self) -> None:
        """Begin the books of markets that were asked for before they were listed."""
        for market in self._watch_books():
            symbol = self._exchange.state.markets[market].symbol
            self._readers.tell("orderbooks", symbol, partial(self._book, symbol))

    def _tell_statuses(self, batch: FeedBatch) -> None:
        state = self._exchange.state
        halted = self._halted_now()
        for number in halted.symmetric_difference(self._halted):
            market = state.markets[number]
            make = partial(status_message, market, is_exchange_halted=state.is_halted, time_ns=batch.time_ns)
            self._readers.tell("statuses", market.symbol, make)
        self._halted = halted

    def _halted_now(self) -> set[int]:
        state = self._exchange.state
        return {number for number, market in state.markets.items() if state.is_halted or market.is_halted}
