"""What the asking account owns."""

from typing import Final

from litestar import Response, get

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.authentication import caller_of
from waiver_exchange.gateway.rest.bodies import account_body, position_body
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of
from waiver_exchange.gateway.rest.query import query_of


@get("/api/v1/account")
async def show_account(request: AnyRequest) -> Response[bytes]:
    """Return the account's cash and equity."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    query_of(request)
    summary = exchange.queries.account_summary(account)
    if summary is None:
        raise RefusedError(RefusalReason.account_not_found)
    return answer(account_body(summary, name=exchange.identity.find_name(account)))


@get("/api/v1/positions")
async def list_positions(request: AnyRequest) -> Response[bytes]:
    """Return the account's shares, by symbol."""
    account = caller_of(request).account
    query_of(request)
    return answer([position_body(position) for position in exchange_of(request).queries.positions(account)])


ACCOUNT_HANDLERS: Final = (show_account, list_positions)
