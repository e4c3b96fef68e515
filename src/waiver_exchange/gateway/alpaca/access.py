"""Who sends a request, and how often: Alpaca's two headers, HTTP Basic, or a bearer token."""

import base64
import binascii
from functools import partial
from typing import Final

from waiver_exchange.application.access import Caller, authenticate, authenticate_token, require
from waiver_exchange.application.authority import READ
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.errors import keep_allowance_per_minute
from waiver_exchange.gateway.headers import address_of
from waiver_exchange.gateway.rate_limits import Kind
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of, rate_limits_of

_CREDENTIALS_MAX: Final = 1_024
_FAILED: Final = frozenset({RefusalReason.credentials_are_wrong, RefusalReason.token_is_wrong})


def caller_of(request: AnyRequest, *, scope: str = READ, kind: Kind = "read") -> Caller:
    """Return who sends a request that needs a scope, and count it. Raises `RefusedError`."""
    limits = rate_limits_of(request)
    try:
        caller = _authenticated(request)
    except RefusedError as refused:
        if refused.reason in _FAILED:
            limits.take_failure(address_of(request.scope))
        raise
    keep_allowance_per_minute(request.scope, limits.take(caller=caller, kind=kind))
    require(caller, scope)
    return caller


def _authenticated(request: AnyRequest) -> Caller:
    exchange = exchange_of(request)
    api_key = request.headers.get("apca-api-key-id")
    api_secret = request.headers.get("apca-api-secret-key")
    if api_key and api_secret:
        return authenticate(exchange, api_key=api_key, api_secret=api_secret)
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        admit = partial(rate_limits_of(request).take_unproven, address_of(request.scope))
        return authenticate_token(exchange, token=credentials.strip(), admit=admit)
    if scheme.lower() == "basic":
        api_key, api_secret = _basic(credentials.strip())
        return authenticate(exchange, api_key=api_key, api_secret=api_secret)
    raise RefusedError(RefusalReason.credentials_are_missing)


def _basic(credentials: str) -> tuple[str, str]:
    """Return key and secret of HTTP Basic; what cannot be read belongs to nobody."""
    try:
        decoded = base64.b64decode(credentials[:_CREDENTIALS_MAX], validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    api_key, _, api_secret = decoded.partition(":")
    return api_key, api_secret
