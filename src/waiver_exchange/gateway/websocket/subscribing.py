"""The methods `subscribe` and `unsubscribe`: all of the named channels, or none of them."""

from typing import TYPE_CHECKING, Final

import msgspec

from waiver_exchange.application.access import require
from waiver_exchange.application.authority import READ
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.feeds.directory import PRIVATE_CHANNELS
from waiver_exchange.gateway.rest.body import Body, Field
from waiver_exchange.gateway.rest.json_object import JsonObject, NumberText

if TYPE_CHECKING:
    from waiver_exchange.gateway.websocket.session import NativeSession


def _read_names(given: JsonObject, field: str) -> list[str]:
    """Return an array of texts, each of them once. Raises `RefusedError`."""
    names = given.get(field)
    if names is None:
        raise RefusedError(RefusalReason.field_is_missing, field=field)
    if not isinstance(names, list) or not all(
        isinstance(name, str) and not isinstance(name, NumberText) for name in names
    ):
        raise RefusedError(RefusalReason.field_is_invalid, field=field, expected="array of strings")
    return list(dict.fromkeys(names))


_CHANNELS: Final = Field(
    name="channels",
    schema={"type": "array", "items": {"type": "string"}, "examples": [["book:MAHOMES", "trades:*", "orders"]]},
    description="The names of channels.",
    is_required=True,
    read=_read_names,
)
CHANNELS_PARAMS: Final = Body("ChannelsParams", _CHANNELS)


class ChannelsBody(msgspec.Struct, frozen=True, kw_only=True):
    """The channels that were named."""

    channels: list[str]


def subscribe(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """Begin the pushes of channels; each starts with a snapshot, also when it was subscribed to before."""
    del request_id
    names = CHANNELS_PARAMS.read(params)[_CHANNELS]
    account = None
    if any(name in PRIVATE_CHANNELS for name in names):
        caller = session.signed_in()
        require(caller, READ)
        account = caller.account
    session.count_channels(len(names))
    session.endpoint.hub.subscribe(session, names, account=account)
    return ChannelsBody(channels=names)


def unsubscribe(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """End the pushes of channels; one that was not subscribed to is no mistake."""
    del request_id
    names = CHANNELS_PARAMS.read(params)[_CHANNELS]
    session.endpoint.hub.unsubscribe(session, names)
    return ChannelsBody(channels=names)
