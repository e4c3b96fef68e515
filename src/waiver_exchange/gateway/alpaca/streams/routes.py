"""At which paths the streams are, and what all connections to them share."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.gateway.alpaca.data.bars import bar_at
from waiver_exchange.gateway.alpaca.streams.data_session import DataSession
from waiver_exchange.gateway.alpaca.streams.frames import FrameClock
from waiver_exchange.gateway.alpaca.streams.logins import Logins
from waiver_exchange.gateway.alpaca.streams.market_stream import MarketStream
from waiver_exchange.gateway.alpaca.streams.trade_updates import TradeUpdates
from waiver_exchange.gateway.alpaca.streams.trading_session import TradingSession
from waiver_exchange.gateway.rate_limits import RateLimits
from waiver_exchange.gateway.sockets.session import SessionFactory

# alpaca-trade-api connects to the first with a slash behind it.
TRADING_PATHS: Final = ("/stream",)
STOCK_PATHS: Final = tuple(f"/v2/{feed}" for feed in ("iex", "sip", "delayed_sip", "otc", "boats", "overnight"))
CRYPTO_PATHS: Final = ("/v1beta3/crypto/us", "/v1beta2/crypto")


def build_stream_routes(
    exchange: Exchange, *, rate_limits: RateLimits, connections_per_key_max: int
) -> Mapping[str, SessionFactory]:
    """Return what to open for a connection to each path, with and without a slash at its end."""
    logins = Logins(exchange, rate_limits=rate_limits, connections_per_key_max=connections_per_key_max)
    open_trading = partial(TradingSession, updates=TradeUpdates(exchange), logins=logins)
    stream = MarketStream(
        exchange,
        read_minute=partial(bar_at, exchange, interval="1m"),
        read_day=partial(bar_at, exchange, interval="1d"),
    )
    open_data = partial(DataSession, stream=stream, frames=FrameClock(), logins=logins)
    routes: dict[str, SessionFactory] = dict.fromkeys(TRADING_PATHS, open_trading)
    routes |= dict.fromkeys(STOCK_PATHS, partial(open_data, is_pair_allowed=False))
    routes |= dict.fromkeys(CRYPTO_PATHS, partial(open_data, is_pair_allowed=True))
    return routes | {f"{path}/": factory for path, factory in routes.items()}
