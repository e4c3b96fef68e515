"""The tickers of all markets, and as JSON; everybody may ask for them, so only what changed is made again."""

from typing import NamedTuple

import msgspec

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.queries.tickers import Ticker
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.gateway.rest.market_bodies import ticker_body
from waiver_exchange.projections.state import MarketView

_MINUTE_NS = 60 * NANOSECONDS_PER_SECOND


class _Known(NamedTuple):
    """A ticker and all that it is made of: the book, the trades, and the minute that the last 24 hours end in."""

    book_sequence: int
    trade_count: int
    minute: int
    ticker: Ticker
    encoded: bytes


class EncodedTickers:
    """The tickers of an exchange; what is returned is as of its state's sequence and of now."""

    def __init__(self, exchange: Exchange) -> None:
        """Start with nothing made."""
        self._exchange = exchange
        self._made_of = (-1, -1)
        self._whole = b"[]"
        self._known: dict[int, _Known] = {}

    def whole(self) -> bytes:
        """Return the array of all tickers in the order of the markets' listing."""
        state = self._exchange.state
        now_ns = self._exchange.clock.now_ns()
        made_of = (state.sequence, now_ns // _MINUTE_NS)
        if made_of != self._made_of:
            self._whole = (
                b"[" + b",".join([self._of(market, now_ns).encoded for market in state.markets.values()]) + b"]"
            )
            self._made_of = made_of
        return self._whole

    def by_market(self) -> dict[int, Ticker]:
        """Return the ticker of each market by its number."""
        now_ns = self._exchange.clock.now_ns()
        return {number: self._of(market, now_ns).ticker for number, market in self._exchange.state.markets.items()}

    def _of(self, market: MarketView, now_ns: int) -> _Known:
        book_sequence = self._exchange.state.books[market.market].sequence
        minute = now_ns // _MINUTE_NS
        known = self._known.get(market.market)
        if known is not None and known[:3] == (book_sequence, market.trade_count, minute):
            return known
        ticker = self._exchange.queries.ticker(market.symbol, now_ns=now_ns)
        assert ticker is not None  # noqa: S101 - a listed market has one
        encoded = msgspec.json.encode(ticker_body(ticker))
        known = self._known[market.market] = _Known(book_sequence, market.trade_count, minute, ticker, encoded)
        return known
