"""What a market did in the last 24 hours, kept as trades come and time passes, so that asking costs little."""

from typing import NamedTuple

from waiver_exchange.application.queries.reads import Reads
from waiver_exchange.domain.limits import BPS
from waiver_exchange.projections.state import MarketView


class Ticker(NamedTuple):
    """One market now and over the last 24 hours: the current minute and the 1,439 before it. 0 where there is none.

    `open_cents` is the price 24 hours ago, or the first price of a market that did not trade by then. `time_ns` is
    that of the last trade. `change_bps` is rounded to the nearest basis point of the price 24 hours ago.
    """

    market: int
    symbol: str
    time_ns: int
    last_cents: int
    bid_cents: int
    bid_units: int
    ask_cents: int
    ask_units: int
    open_cents: int
    high_cents: int
    low_cents: int
    volume_units: int
    value_micros: int
    trades: int
    change_cents: int
    change_bps: int


class TickerReads(Reads):
    """Reads of tickers."""

    def ticker(self, symbol: str, *, now_ns: int) -> Ticker | None:
        """Return the ticker of a market as of a time, or None when there is no such symbol."""
        number = self._state.symbols.get(symbol)
        return None if number is None else self._ticker(self._state.markets[number], now_ns=now_ns)

    def tickers(self, *, now_ns: int) -> list[Ticker]:
        """Return the tickers of all markets as of a time, in the order of their listing."""
        return [self._ticker(market, now_ns=now_ns) for market in self._state.markets.values()]

    def _ticker(self, market: MarketView, *, now_ns: int) -> Ticker:
        book = self._state.books[market.market]
        candles = self._state.candles[market.market]
        candles.advance(now_ns)
        high, low = candles.range_cents()
        bid, ask, before = book.best_bid_cents, book.best_ask_cents, candles.open_cents()
        change = market.last_price_cents - before
        return Ticker(
            market=market.market,
            symbol=market.symbol,
            time_ns=market.last_trade_at_ns,
            last_cents=market.last_price_cents,
            bid_cents=bid,
            bid_units=book.bids.get(bid, 0),
            ask_cents=ask,
            ask_units=book.asks.get(ask, 0),
            open_cents=before,
            high_cents=high,
            low_cents=low,
            volume_units=candles.volume_units,
            value_micros=candles.value_micros,
            trades=candles.trades,
            change_cents=change,
            change_bps=(2 * change * BPS + before) // (2 * before) if before else 0,
        )
