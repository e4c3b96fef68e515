"""The methods `subscribe` and `unsubscribe`: all of the named channels, or none of them."""

from typing import TYPE_CHECKING, Final

from waiver_exchange.application.access import READ, require
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.feeds.directory import PRIVATE_CHANNELS
from waiver_exchange.gateway.rest import fields
from waiver_exchange.gateway.rest.json_object import JsonObject, NumberText

if TYPE_CHECKING:
    from waiver_exchange.gateway.websocket.session import NativeSession

_FIELDS: Final = frozenset({"channels"})


def subscribe(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """Begin the pushes of channels; each starts with a snapshot, also when it was subscribed to before."""
    del request_id
    names = _channels(params)
    account = None
    if any(name in PRIVATE_CHANNELS for name in names):
        caller = session.signed_in()
        require(caller, READ)
        account = caller.account
    session.endpoint.hub.subscribe(session, names, account=account)
    return {"channels": names}


def unsubscribe(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """End the pushes of channels; one that was not subscribed to is no mistake."""
    del request_id
    names = _channels(params)
    session.endpoint.hub.unsubscribe(session, names)
    return {"channels": names}


def _channels(params: JsonObject) -> list[str]:
    fields.refuse_unknown(params, known=_FIELDS)
    given = params.get("channels")
    if given is None:
        raise RefusedError(RefusalReason.field_is_missing, field="channels")
    if not isinstance(given, list) or not all(
        isinstance(name, str) and not isinstance(name, NumberText) for name in given
    ):
        raise RefusedError(RefusalReason.field_is_invalid, field="channels", expected="array of strings")
    return list(dict.fromkeys(given))
