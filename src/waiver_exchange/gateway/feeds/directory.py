"""The names of channels: what each is for, and how `/asyncapi.json` describes it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, get_args

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.queries.intervals import Interval
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.feeds.channel import Channel
from waiver_exchange.gateway.feeds.market_channels import BOOK, TRADES, BookChannel, TradesChannel
from waiver_exchange.gateway.feeds.price_channels import CANDLES, TICKER, CandlesChannel, TickerChannel
from waiver_exchange.gateway.feeds.private_channels import (
    ACCOUNT,
    ORDERS,
    AccountChannel,
    AccountUpdateBody,
    OpenOrdersBody,
    OrdersChannel,
    OrderUpdateBody,
)
from waiver_exchange.gateway.rest.bodies import BookBody, TradeBody
from waiver_exchange.gateway.rest.market_bodies import CandleBody, TickerBody
from waiver_exchange.projections.feed_buffer import OrderUpdateKind
from waiver_exchange.projections.state import MarketView

_QUOTED_MAX: Final = 60
_STAR: Final = "*"
_INTERVALS: Final[dict[str, Interval]] = {name: name for name in get_args(Interval)}


class ChannelKind(NamedTuple):
    """A kind of channel: its name with parameters in braces, and the data of its pushes by their types.

    `open` takes the name and what stands behind its first colon.
    """

    address: str
    summary: str
    pushes: Mapping[str, Any]
    open: Callable[[str, Exchange, str], Channel]


class PrivateKind(NamedTuple):
    """A channel of the account that signed in; likewise."""

    summary: str
    pushes: Mapping[str, Any]
    open: Callable[[Exchange, int], Channel]


def _open_book(name: str, exchange: Exchange, rest: str) -> Channel:
    return BookChannel(name, exchange, exchange.market(rest))


def _open_trades(name: str, exchange: Exchange, rest: str) -> Channel:
    return TradesChannel(name, exchange, _market(exchange, rest))


def _open_ticker(name: str, exchange: Exchange, rest: str) -> Channel:
    return TickerChannel(name, exchange, _market(exchange, rest))


def _open_candles(name: str, exchange: Exchange, rest: str) -> Channel:
    symbol, _, word = rest.partition(":")
    interval = _INTERVALS.get(word)
    if interval is None:
        raise RefusedError(RefusalReason.channel_not_found, channel=name[:_QUOTED_MAX], intervals=", ".join(_INTERVALS))
    return CandlesChannel(name, exchange, exchange.market(symbol), interval)


MARKET_CHANNELS: Final = {
    BOOK: ChannelKind(
        "book:{symbol}",
        "The whole book of a market, then every change of a level: a book with that level alone; quantity 0 removes "
        "it. A snapshot may come at any time and replaces everything.",
        {"snapshot": BookBody, "delta": BookBody},
        _open_book,
    ),
    TRADES: ChannelKind(
        "trades:{symbol}",
        "The newest trades of a market, or of all (`*`), newest first; then each one. The sequence counts trades.",
        {"snapshot": list[TradeBody], "trade": TradeBody},
        _open_trades,
    ),
    TICKER: ChannelKind(
        "ticker:{symbol}",
        "Best prices, last price and the last 24 hours of a market, or of all (`*`), at most ten times a second. Each "
        "push is one market; of all markets the snapshot is one push for each, of the same sequence.",
        {"snapshot": TickerBody, "update": TickerBody},
        _open_ticker,
    ),
    CANDLES: ChannelKind(
        "candles:{symbol}:{interval}",
        f"The newest candle of a market ({', '.join(_INTERVALS)}), at most four times a second; null before the first "
        "trade. When one is over its last state is pushed before the next one.",
        {"snapshot": CandleBody | None, "update": CandleBody},
        _open_candles,
    ),
}
PRIVATE_CHANNELS: Final = {
    ORDERS: PrivateKind(
        "The open orders of the account, then every event of its orders, at once and before the answer to the request "
        "that led to it. The order is as of that event.",
        {"snapshot": OpenOrdersBody, **dict.fromkeys(get_args(OrderUpdateKind), OrderUpdateBody)},
        OrdersChannel,
    ),
    ACCOUNT: PrivateKind(
        "Cash, equity and positions of the account, whole, soon after they changed.",
        {"snapshot": AccountUpdateBody, "update": AccountUpdateBody},
        AccountChannel,
    ),
}


def open_channel(name: str, exchange: Exchange, *, account: int | None) -> Channel:
    """Return a new channel of a name. Raises `RefusedError`: no such channel or market, or it needs an account."""
    kind, _, rest = name.partition(":")
    found = MARKET_CHANNELS.get(kind)
    if found is not None:
        return found.open(name, exchange, rest)
    private = PRIVATE_CHANNELS.get(name)
    if private is None:
        raise RefusedError(RefusalReason.channel_not_found, channel=name[:_QUOTED_MAX])
    if account is None:
        raise RefusedError(RefusalReason.connection_is_not_authenticated)
    return private.open(exchange, account)


def _market(exchange: Exchange, symbol: str) -> MarketView | None:
    return None if symbol == _STAR else exchange.market(symbol)
