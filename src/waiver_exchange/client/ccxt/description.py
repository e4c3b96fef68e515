"""What CCXT is told of the exchange: abilities, precision, and which of its exceptions each refusal is."""

from collections.abc import Mapping
from typing import Any, Final

from ccxt.base.decimal_to_precision import TICK_SIZE
from ccxt.base.errors import (
    AccountSuspended,
    AuthenticationError,
    BadRequest,
    BadSymbol,
    BaseError,
    DuplicateOrderId,
    ExchangeError,
    ExchangeNotAvailable,
    InsufficientFunds,
    InvalidOrder,
    MarketClosed,
    OnMaintenance,
    OrderNotFound,
    PermissionDenied,
    RateLimitExceeded,
    RequestTimeout,
)

CASH: Final = "USD"
_SUPPORTED: Final = (
    "cancelAllOrders",
    "cancelOrder",
    "createLimitOrder",
    "createMarketBuyOrderWithCost",
    "createMarketOrder",
    "createMarketOrderWithCost",
    "createMarketSellOrderWithCost",
    "createOrder",
    "createPostOnlyOrder",
    "createStopLimitOrder",
    "createStopMarketOrder",
    "createStopOrder",
    "createTriggerOrder",
    "editOrder",
    "fetchBalance",
    "fetchClosedOrders",
    "fetchMarkets",
    "fetchMyTrades",
    "fetchOHLCV",
    "fetchOpenOrders",
    "fetchOrder",
    "fetchOrderBook",
    "fetchOrders",
    "fetchPositions",
    "fetchTicker",
    "fetchTickers",
    "fetchTrades",
    "spot",
)
# By code where the status says too little; the other refusals go by their status.
_CODES: Final[Mapping[type[BaseError], tuple[str, ...]]] = {
    AccountSuspended: ("account_is_halted",),
    BadRequest: ("field_is_missing", "field_is_invalid", "field_is_unknown"),
    BadSymbol: ("market_not_found",),
    DuplicateOrderId: ("client_order_id_used_with_other_content",),
    InsufficientFunds: ("insufficient_cash", "insufficient_shares"),
    MarketClosed: ("exchange_is_halted", "market_is_halted", "market_is_settled"),
    OnMaintenance: ("exchange_is_stopping", "engine_is_unavailable"),
    OrderNotFound: ("order_not_found", "order_is_final"),
    # Nobody knows whether it was done, as after a request that timed out.
    RequestTimeout: ("outcome_is_unknown",),
}
_STATUSES: Final[Mapping[str, type[BaseError]]] = {
    "400": BadRequest,
    "401": AuthenticationError,
    "403": PermissionDenied,
    "404": BadRequest,
    "405": BadRequest,
    "409": InvalidOrder,
    "413": BadRequest,
    "415": BadRequest,
    "422": InvalidOrder,
    "429": RateLimitExceeded,
    "500": ExchangeError,
    "503": ExchangeNotAvailable,
}


def description() -> dict[str, Any]:
    """Return what `describe` adds to CCXT's defaults."""
    return {
        "id": "waiver",
        "name": "Waiver Exchange",
        "countries": ["US"],
        "version": "v1",
        "rateLimit": 10,  # milliseconds: the exchange's default of 100 orders a second
        "hostname": "127.0.0.1:8081",
        "urls": {"api": {"public": "http://{hostname}/api/v1", "private": "http://{hostname}/api/v1"}},
        "has": dict.fromkeys(_SUPPORTED, True),
        "timeframes": {interval: interval for interval in ("1m", "5m", "15m", "1h", "4h", "1d")},
        "requiredCredentials": {"apiKey": True, "secret": True},
        "precisionMode": TICK_SIZE,
        # Tickers of players are no currencies under other names.
        "commonCurrencies": {code: code for code in ("XBT", "BCC", "BCHSV")},
        "exceptions": {
            "exact": {code: exception for exception, codes in _CODES.items() for code in codes},
            "status": dict(_STATUSES),
        },
    }
