"""The method `auth`: a key and its secret, or a token that stands for a key."""

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from waiver_exchange.application.access import Caller, authenticate, authenticate_token
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.body import Body, optional_text
from waiver_exchange.gateway.rest.formats import Id
from waiver_exchange.gateway.rest.json_object import JsonObject

if TYPE_CHECKING:
    from waiver_exchange.gateway.websocket.session import NativeSession

_TEXT: Final = {"type": "string"}
_API_KEY: Final = optional_text("api_key", _TEXT, "The key; goes with its secret.")
_API_SECRET: Final = optional_text("api_secret", _TEXT, "The secret of the key.")
_TOKEN: Final = optional_text("token", _TEXT, "Instead of both: a token of `POST /api/v1/tokens`.")
AUTH_PARAMS: Final = Body("AuthParams", _API_KEY, _API_SECRET, _TOKEN)


class SignedInBody(msgspec.Struct, frozen=True, kw_only=True):
    """The account that the connection acts for, and what its key allows."""

    account: Id
    scopes: list[str]


def sign_in(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """Let the client act for its account from now on; a connection never changes its account."""
    del request_id
    try:
        caller = _authenticated(session, params)
    except RefusedError as error:
        if error.reason in {RefusalReason.credentials_are_wrong, RefusalReason.token_is_wrong}:
            session.endpoint.rate_limits.take_failure(session.connection.opening.address)
        raise
    if session.caller is not None and session.caller.account != caller.account:
        raise RefusedError(RefusalReason.connection_is_authenticated)
    session.endpoint.sign_in(session, caller)
    return SignedInBody(account=to_text(IdKind.account, caller.account), scopes=sorted(caller.scopes))


def _authenticated(session: "NativeSession", params: JsonObject) -> Caller:
    exchange = session.endpoint.exchange
    given = AUTH_PARAMS.read(params)
    token, api_key, api_secret = given[_TOKEN], given[_API_KEY], given[_API_SECRET]
    if token is not None and api_key is None and api_secret is None:
        admit = partial(session.endpoint.rate_limits.take_unproven, session.connection.opening.address)
        return authenticate_token(exchange, token=token, admit=admit)
    if token is None and api_key is not None and api_secret is not None:
        return authenticate(exchange, api_key=api_key, api_secret=api_secret)
    raise RefusedError(RefusalReason.connection_is_not_authenticated)
