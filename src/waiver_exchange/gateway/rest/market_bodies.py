"""The bodies of tickers and candles, over REST and WebSocket alike."""

import msgspec

from waiver_exchange.application.queries.candles import Candle
from waiver_exchange.application.queries.tickers import Ticker
from waiver_exchange.domain.money import average_price, format_price, format_quantity
from waiver_exchange.gateway.rest.bodies import format_time, price_or_none, time_or_none
from waiver_exchange.gateway.rest.formats import AveragePrice, Percent, Price, Quantity, SignedPrice, Symbol, Time


class TickerBody(msgspec.Struct, frozen=True, kw_only=True):
    """A market now and over the last 24 hours; `time` is that of the last trade, the change is since 24 hours ago."""

    symbol: Symbol
    last: Price | None
    bid: Price | None
    bid_quantity: Quantity | None
    ask: Price | None
    ask_quantity: Quantity | None
    change_24h: SignedPrice | None
    change_24h_percent: Percent | None
    high_24h: Price | None
    low_24h: Price | None
    volume_24h: Quantity
    trades_24h: int
    time: Time | None


class CandleBody(msgspec.Struct, frozen=True, kw_only=True):
    """What traded in the interval that begins at `time`; without trades all prices are the close before it."""

    time: Time
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity
    trades: int
    vwap: AveragePrice | None


def ticker_body(ticker: Ticker) -> TickerBody:
    """Return a ticker as everybody sees it."""
    has_change = ticker.open_cents != 0
    return TickerBody(
        symbol=ticker.symbol,
        last=price_or_none(ticker.last_cents),
        bid=price_or_none(ticker.bid_cents),
        bid_quantity=format_quantity(ticker.bid_units) if ticker.bid_cents else None,
        ask=price_or_none(ticker.ask_cents),
        ask_quantity=format_quantity(ticker.ask_units) if ticker.ask_cents else None,
        change_24h=format_price(ticker.change_cents) if has_change else None,
        # A basis point is a hundredth of a percent, as a cent is of a dollar.
        change_24h_percent=format_price(ticker.change_bps) if has_change else None,
        high_24h=price_or_none(ticker.high_cents),
        low_24h=price_or_none(ticker.low_cents),
        volume_24h=format_quantity(ticker.volume_units),
        trades_24h=ticker.trades,
        time=time_or_none(ticker.time_ns),
    )


def candle_body(candle: Candle) -> CandleBody:
    """Return a candle as everybody sees it."""
    volume = candle.volume_units
    return CandleBody(
        time=format_time(candle.time_ns),
        open=format_price(candle.open_cents),
        high=format_price(candle.high_cents),
        low=format_price(candle.low_cents),
        close=format_price(candle.close_cents),
        volume=format_quantity(volume),
        trades=candle.trades,
        vwap=average_price(value_micros=candle.value_micros, quantity_units=volume) if volume else None,
    )
