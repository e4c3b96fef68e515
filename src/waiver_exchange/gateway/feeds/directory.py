"""The names of channels: what each is for, and how `/asyncapi.json` describes it."""

from collections.abc import Callable
from typing import Final, NamedTuple

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.feeds.channel import Channel
from waiver_exchange.gateway.feeds.market_channels import BOOK, TRADES, BookChannel, TradesChannel
from waiver_exchange.gateway.feeds.private_channels import ACCOUNT, ORDERS, AccountChannel, OrdersChannel
from waiver_exchange.projections.state import MarketView

_QUOTED_MAX: Final = 60
_STAR: Final = "*"


class ChannelKind(NamedTuple):
    """A kind of channel; `address` is its name with its parameters in braces."""

    address: str
    summary: str
    open: Callable[[str, Exchange, str], Channel]


def _open_book(name: str, exchange: Exchange, rest: str) -> Channel:
    return BookChannel(name, exchange, exchange.market(rest))


def _open_trades(name: str, exchange: Exchange, rest: str) -> Channel:
    return TradesChannel(name, exchange, _market(exchange, rest))


MARKET_CHANNELS: Final[dict[str, ChannelKind]] = {
    BOOK: ChannelKind("book:{symbol}", "The whole book of a market, then each change of a level.", _open_book),
    TRADES: ChannelKind(
        "trades:{symbol}", "The newest trades of a market, or of all (*), then each one.", _open_trades
    ),
}
PRIVATE_CHANNELS: Final = {
    ORDERS: "The open orders of the account, then every event of an order at once.",
    ACCOUNT: "Cash, equity and positions of the account, as often as they change.",
}


def open_channel(name: str, exchange: Exchange, *, account: int | None) -> Channel:
    """Return a new channel of a name. Raises `RefusedError`: no such channel or market, or it needs an account."""
    kind, _, rest = name.partition(":")
    found = MARKET_CHANNELS.get(kind)
    if found is not None:
        return found.open(name, exchange, rest)
    if name not in PRIVATE_CHANNELS:
        raise RefusedError(RefusalReason.channel_not_found, channel=name[:_QUOTED_MAX])
    if account is None:
        raise RefusedError(RefusalReason.connection_is_not_authenticated)
    return OrdersChannel(exchange, account) if name == ORDERS else AccountChannel(exchange, account)


def _market(exchange: Exchange, symbol: str) -> MarketView | None:
    return None if symbol == _STAR else exchange.market(symbol)
