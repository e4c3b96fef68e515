"""The method `auth`: a key and its secret, or a token that stands for a key."""

from typing import TYPE_CHECKING, Final

from waiver_exchange.application.access import Caller, authenticate, authenticate_token
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import fields
from waiver_exchange.gateway.rest.json_object import JsonObject

if TYPE_CHECKING:
    from waiver_exchange.gateway.websocket.session import NativeSession

_FIELDS: Final = frozenset({"api_key", "api_secret", "token"})


def sign_in(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """Let the client act for its account from now on; a connection never changes its account."""
    del request_id
    fields.refuse_unknown(params, known=_FIELDS)
    try:
        caller = _authenticated(session, params)
    except RefusedError as error:
        if error.reason in {RefusalReason.credentials_are_wrong, RefusalReason.token_is_wrong}:
            session.endpoint.rate_limits.take_failure(session.connection.opening.address)
        raise
    if session.caller is not None and session.caller.account != caller.account:
        raise RefusedError(RefusalReason.connection_is_authenticated)
    session.endpoint.sign_in(session, caller)
    return {"account": str(to_uuid(IdKind.account, caller.account)), "scopes": sorted(caller.scopes)}


def _authenticated(session: "NativeSession", params: JsonObject) -> Caller:
    exchange = session.endpoint.exchange
    token = fields.text(params, "token")
    api_key, api_secret = fields.text(params, "api_key"), fields.text(params, "api_secret")
    if token is not None and api_key is None and api_secret is None:
        return authenticate_token(exchange, token=token)
    if token is None and api_key is not None and api_secret is not None:
        return authenticate(exchange, api_key=api_key, api_secret=api_secret)
    raise RefusedError(RefusalReason.connection_is_not_authenticated)
