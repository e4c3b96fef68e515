"""All routes of the Alpaca-compatible face."""

from typing import Final

from waiver_exchange.gateway.alpaca.account import ACCOUNT_HANDLERS
from waiver_exchange.gateway.alpaca.activities import ACTIVITY_HANDLERS
from waiver_exchange.gateway.alpaca.assets import ASSET_HANDLERS
from waiver_exchange.gateway.alpaca.clock import CLOCK_HANDLERS
from waiver_exchange.gateway.alpaca.data.crypto import CRYPTO_HANDLERS
from waiver_exchange.gateway.alpaca.data.screener import SCREENER_HANDLERS
from waiver_exchange.gateway.alpaca.data.stocks import STOCK_HANDLERS
from waiver_exchange.gateway.alpaca.orders import ORDER_HANDLERS
from waiver_exchange.gateway.alpaca.portfolio_history import HISTORY_HANDLERS
from waiver_exchange.gateway.alpaca.positions import POSITION_HANDLERS
from waiver_exchange.gateway.alpaca.watchlists import WATCHLIST_HANDLERS

ALPACA_HANDLERS: Final = (
    *ACCOUNT_HANDLERS,
    *ACTIVITY_HANDLERS,
    *ASSET_HANDLERS,
    *CLOCK_HANDLERS,
    *HISTORY_HANDLERS,
    *ORDER_HANDLERS,
    *POSITION_HANDLERS,
    *WATCHLIST_HANDLERS,
    *STOCK_HANDLERS,
    *CRYPTO_HANDLERS,
    *SCREENER_HANDLERS,
)
