"""Who sends a request, and how often: a key and its secret in two headers, or a token that stands for a key."""

from typing import Final

from waiver_exchange.application.access import READ, Caller, authenticate, authenticate_token, require
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.headers import address_of, keep_allowance
from waiver_exchange.gateway.rate_limits import Kind
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of, rate_limits_of

_BEARER: Final = "bearer "
_FAILED: Final = frozenset({RefusalReason.credentials_are_wrong, RefusalReason.token_is_wrong})


def caller_of(request: AnyRequest, *, scope: str | None = READ, kind: Kind = "read") -> Caller:
    """Return who sends a request that needs a scope, and count it. Raises `RefusedError`."""
    limits = rate_limits_of(request)
    try:
        caller = _authenticated(request)
    except RefusedError as error:
        if error.reason in _FAILED:
            limits.take_failure(address_of(request.scope))
        raise
    keep_allowance(request.scope, limits.take(caller=caller, kind=kind))
    if scope is not None:
        require(caller, scope)
    return caller


def _authenticated(request: AnyRequest) -> Caller:
    headers = request.headers
    api_key, api_secret = headers.get("x-api-key"), headers.get("x-api-secret")
    if api_key and api_secret:
        return authenticate(exchange_of(request), api_key=api_key, api_secret=api_secret)
    authorization = headers.get("authorization", "")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authenticate_token(exchange_of(request), token=authorization[len(_BEARER) :].strip())
    raise RefusedError(RefusalReason.credentials_are_missing)
