"""What market data looks like, over REST and on the streams: Alpaca's short names, exact numbers.

A size is in shares, a price in dollars per share; a side of a quote that has no order is 0, never null.
"""

from decimal import Decimal
from typing import Final

import msgspec

from waiver_exchange.domain import codes
from waiver_exchange.domain.money import average_price
from waiver_exchange.gateway.alpaca.codec import Moment, Number, dollars, shares
from waiver_exchange.projections.state import BookLevels, QuoteView, TradeView

# Clients know venues by one letter of a closed list; this one is ours.
EXCHANGE_CODE: Final = "V"
TAPE: Final = "C"
TRADE_CONDITIONS: Final = ("@",)
QUOTE_CONDITIONS: Final = ("R",)
_TAKER_SIDES: Final = {codes.BUY: "B", codes.SELL: "S"}


class TradeBody(msgspec.Struct, frozen=True, kw_only=True):
    """One trade; `tks` is the side of the order that came last."""

    t: Moment
    p: Decimal
    s: Number
    i: int
    tks: str
    x: str = EXCHANGE_CODE
    c: tuple[str, ...] = TRADE_CONDITIONS
    z: str = TAPE


class QuoteBody(msgspec.Struct, frozen=True, kw_only=True):
    """The best bid and ask."""

    t: Moment
    bp: Number
    bs: Number
    ap: Number
    as_: Number = msgspec.field(name="as")
    bx: str = EXCHANGE_CODE
    ax: str = EXCHANGE_CODE
    c: tuple[str, ...] = QUOTE_CONDITIONS
    z: str = TAPE


class BarBody(msgspec.Struct, frozen=True, kw_only=True):
    """What traded in a stretch of time that began at `t`; `vw` is the average price, weighted by volume."""

    t: Moment
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - Alpaca's name
    c: Decimal
    v: Number
    n: int
    vw: Decimal


class SnapshotBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The newest of everything about a market; null where nothing traded. `symbol` only where it is asked for alone."""

    latest_trade: TradeBody | None
    latest_quote: QuoteBody | None
    minute_bar: BarBody | None
    daily_bar: BarBody | None
    prev_daily_bar: BarBody | None
    symbol: str | msgspec.UnsetType = msgspec.UNSET


class LevelBody(msgspec.Struct, frozen=True):
    """The orders of one price together; a size of 0 removes the level."""

    p: Decimal
    s: Number


class OrderBookBody(msgspec.Struct, frozen=True, kw_only=True):
    """The levels of a book, best first."""

    t: Moment
    b: list[LevelBody]
    a: list[LevelBody]


def trade_body(trade: TradeView) -> TradeBody:
    """Return a trade without those who made it."""
    return TradeBody(
        t=Moment(trade.time_ns),
        p=dollars(trade.price_cents),
        s=shares(trade.quantity_units),
        i=trade.trade_id,
        tks=_TAKER_SIDES[trade.taker_side],
    )


def quote_body(*, time_ns: int, bid_cents: int, bid_units: int, ask_cents: int, ask_units: int) -> QuoteBody:
    """Return the top of a book as of a time."""
    return QuoteBody(
        t=Moment(time_ns),
        bp=dollars(bid_cents) if bid_cents else 0,
        bs=shares(bid_units),
        ap=dollars(ask_cents) if ask_cents else 0,
        as_=shares(ask_units),
    )


def past_quote_body(quote: QuoteView) -> QuoteBody:
    """Return the top of a book as it once was."""
    return quote_body(
        time_ns=quote.time_ns,
        bid_cents=quote.bid_cents,
        bid_units=quote.bid_units,
        ask_cents=quote.ask_cents,
        ask_units=quote.ask_units,
    )


def volume_weighted(*, value_micros: int, volume_units: int) -> Decimal:
    """Return the average price of a volume, rounded half even to six decimals."""
    return Decimal(average_price(value_micros=value_micros, quantity_units=volume_units))


def order_book_body(levels: BookLevels, *, time_ns: int) -> OrderBookBody:
    """Return a book as of a time."""
    return OrderBookBody(t=Moment(time_ns), b=level_bodies(levels.bids), a=level_bodies(levels.asks))


def level_bodies(levels: list[tuple[int, int]]) -> list[LevelBody]:
    """Return (price_cents, quantity_units) pairs as they are shown."""
    return [LevelBody(dollars(price), shares(quantity)) for price, quantity in levels]
