"""Who sends a request: an API key and its secret, in two headers."""

from waiver_exchange.application import accounts
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of


def account_of(request: AnyRequest) -> int:
    """Return the account that a request acts for. Raises `RefusedError`."""
    api_key = request.headers.get("x-api-key")
    api_secret = request.headers.get("x-api-secret")
    if not api_key or not api_secret:
        raise RefusedError(RefusalReason.credentials_are_missing)
    return accounts.authenticate(exchange_of(request), api_key=api_key, api_secret=api_secret)
