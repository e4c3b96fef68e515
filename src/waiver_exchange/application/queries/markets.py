"""Markets and their books, as they are now."""

from typing import NamedTuple

from waiver_exchange.application.queries.reads import Reads
from waiver_exchange.domain.commands import ExchangeParameters
from waiver_exchange.projections.state import BookLevels, BookView, MarketView


class ExchangeStatus(NamedTuple):
    """The exchange as a whole, as of a row and the time at which it was stamped."""

    sequence: int
    time_ns: int
    is_halted: bool
    markets: int
    markets_halted: int
    accounts: int


class MarketReads(Reads):
    """Reads of the exchange as a whole, its markets and their books."""

    def status(self) -> ExchangeStatus:
        """Return how the exchange as a whole is."""
        state = self._state
        return ExchangeStatus(
            sequence=state.sequence,
            time_ns=state.time_ns,
            is_halted=state.is_halted,
            markets=len(state.markets),
            markets_halted=sum(market.is_halted for market in state.markets.values()),
            accounts=len(state.accounts),
        )

    def parameters(self) -> ExchangeParameters:
        """Return the fees and limits that hold now."""
        return self._state.parameters

    def market_by_number(self, number: int) -> MarketView:
        """Return a market by its number, which must be one."""
        return self._state.markets[number]

    def previous_close_cents(self, market: int, *, now_ns: int) -> int:
        """Return what a share counted as when the day of a time began; the last price before, or the listed one."""
        midnight = self._days.start_of(now_ns)
        known = self._closes.get(market)
        if known is None or known[0] != midnight:
            candles = self._state.candles[market]
            # Nothing before midnight changes any more, so it is looked for once a day.
            close = candles.price_before(midnight) or self._state.markets[market].listed_price_cents
            known = self._closes[market] = (midnight, close)
        return known[1]

    def markets(self) -> list[MarketView]:
        """Return all markets in the order of their listing."""
        return list(self._state.markets.values())

    def market(self, symbol: str) -> MarketView | None:
        """Return a market by its symbol."""
        number = self._state.symbols.get(symbol)
        return None if number is None else self._state.markets[number]

    def book(self, symbol: str, *, depth: int) -> BookLevels | None:
        """Return the best `depth` levels of each side of a market's book, or None when there is no such symbol."""
        book = self.book_of(symbol)
        return None if book is None else book.levels(depth)

    def book_of(self, symbol: str) -> BookView | None:
        """Return a market's whole book, whose best prices cost less than its levels."""
        number = self._state.symbols.get(symbol)
        return None if number is None else self._state.books[number]
