"""What everybody may see: markets, books, trades, candles and tickers."""

from decimal import Decimal
from typing import Literal

import msgspec

from waiver_exchange.client.models.orders import Side
from waiver_exchange.client.timestamps import Timestamp

CandleInterval = Literal["1m", "5m", "15m", "1h", "4h", "1d"]
Direction = Literal["asc", "desc"]
MarketStatus = Literal["open", "halted", "settled"]
MarketSort = Literal["symbol", "name", "price", "change", "volume"]


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """A player's market; volume is in shares, since the listing.

    One that is settled is over, and its shares were paid with the settled price.
    """

    symbol: str
    name: str
    team: str
    position: str
    bye_week: int | None
    projected_points: Decimal | None
    supply: Decimal
    reference_price: Decimal | None
    last_price: Decimal | None
    best_bid: Decimal | None
    best_bid_quantity: Decimal | None
    best_ask: Decimal | None
    best_ask_quantity: Decimal | None
    volume: Decimal
    trades: int
    status: MarketStatus
    settled_price: Decimal | None


class Level(msgspec.Struct, frozen=True, array_like=True):
    """A price and how much is bid or offered there."""

    price: Decimal
    quantity: Decimal


class BookLevels(msgspec.Struct, frozen=True, kw_only=True):
    """The best levels of a book, best first; the sequence counts the changes of this book."""

    bids: list[Level]
    asks: list[Level]
    sequence: int


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One trade as everybody may see it; the side is that of the order that came last.

    One that was busted was reversed later; the prices and volumes made of trades still count it.
    """

    id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    time: Timestamp
    busted: bool = False


class Candle(msgspec.Struct, frozen=True, kw_only=True):
    """What traded in the interval that begins at `time`; without trades all prices are the close before it."""

    time: Timestamp
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int
    vwap: Decimal | None


class Ticker(msgspec.Struct, frozen=True, kw_only=True):
    """A market now and over the last 24 hours; `time` is that of its last trade."""

    symbol: str
    last: Decimal | None
    bid: Decimal | None
    bid_quantity: Decimal | None
    ask: Decimal | None
    ask_quantity: Decimal | None
    change_24h: Decimal | None
    change_24h_percent: Decimal | None
    high_24h: Decimal | None
    low_24h: Decimal | None
    volume_24h: Decimal
    trades_24h: int
    time: Timestamp | None
