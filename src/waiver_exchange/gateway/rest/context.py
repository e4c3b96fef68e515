"""What the framework's handlers share."""

from typing import Any

from litestar import Request

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.gateway.rate_limits import RateLimits
from waiver_exchange.gateway.rest.allowed_methods import AllowedMethods

AnyRequest = Request[Any, Any, Any]


def state_of(exchange: Exchange, *, allowed_methods: AllowedMethods, rate_limits: RateLimits) -> dict[str, object]:
    """Return what the application keeps for its handlers."""
    return {
        "exchange": exchange,
        "allowed_methods": allowed_methods,
        "rate_limits": rate_limits,
    }


def exchange_of(request: AnyRequest) -> Exchange:
    """Return the exchange that a request is for."""
    exchange: Exchange = request.app.state.exchange
    return exchange


def allowed_methods_of(request: AnyRequest) -> AllowedMethods:
    """Return the methods that the routes take."""
    methods: AllowedMethods = request.app.state.allowed_methods
    return methods


def rate_limits_of(request: AnyRequest) -> RateLimits:
    """Return the counts that all faces of the exchange share."""
    limits: RateLimits = request.app.state.rate_limits
    return limits
