"""Every route of the native interface: what is served is what is documented."""

from typing import Final

from waiver_exchange.gateway.rest.account import ACCOUNT_ROUTES
from waiver_exchange.gateway.rest.audit import AUDIT_ROUTES
from waiver_exchange.gateway.rest.equity import EQUITY_ROUTES
from waiver_exchange.gateway.rest.exchange_info import EXCHANGE_ROUTES
from waiver_exchange.gateway.rest.fills import FILL_ROUTES
from waiver_exchange.gateway.rest.health import HEALTH_ROUTES
from waiver_exchange.gateway.rest.keys import KEY_ROUTES
from waiver_exchange.gateway.rest.ledger import LEDGER_ROUTES
from waiver_exchange.gateway.rest.market_data import MARKET_DATA_ROUTES
from waiver_exchange.gateway.rest.markets import MARKET_ROUTES
from waiver_exchange.gateway.rest.operator.routes import OPERATOR_ROUTES
from waiver_exchange.gateway.rest.orders import ORDER_ROUTES
from waiver_exchange.gateway.rest.trades import TRADE_ROUTES
from waiver_exchange.gateway.signin.routes import SIGN_IN_ROUTES

ROUTES: Final = (
    *ORDER_ROUTES,
    *FILL_ROUTES,
    *ACCOUNT_ROUTES,
    *EQUITY_ROUTES,
    *LEDGER_ROUTES,
    *KEY_ROUTES,
    *SIGN_IN_ROUTES,
    *MARKET_ROUTES,
    *TRADE_ROUTES,
    *MARKET_DATA_ROUTES,
    *EXCHANGE_ROUTES,
    *AUDIT_ROUTES,
    *HEALTH_ROUTES,
    *OPERATOR_ROUTES,
)
