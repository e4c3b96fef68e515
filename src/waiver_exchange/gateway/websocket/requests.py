"""One message of a client as a request: its id as it was sent, its method and its parameters."""

from typing import Final, NamedTuple

import msgspec

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import fields
from waiver_exchange.gateway.rest.json_object import JsonObject, NumberText, decode_object

NO_ID: Final = b"null"
# What a method returns when its answer comes by itself.
LATER: Final = object()
ID_LENGTH_MAX: Final = 128
_FIELDS: Final = frozenset({"id", "method", "params"})


class Request(NamedTuple):
    """A request; `id` is JSON, to be sent back as it came."""

    id: bytes
    method: str
    params: JsonObject


class UnreadableRequestError(Exception):
    """A message is no request; `id` is its own as far as it could be read."""

    def __init__(self, refusal: RefusedError, *, request_id: bytes = NO_ID) -> None:
        """Keep why, and whom to tell."""
        super().__init__(str(refusal))
        self.refusal = refusal
        self.id = request_id


def read_request(message: bytes) -> Request:
    """Return the request in a text message. Raises `UnreadableRequestError`."""
    try:
        given = decode_object(message)
    except RefusedError as error:
        raise UnreadableRequestError(error) from error
    request_id = NO_ID
    try:
        request_id = _id_of(given.get("id"))
        fields.refuse_unknown(given, known=_FIELDS)
        return Request(request_id, fields.required_text(given, "method"), _params_of(given.get("params")))
    except RefusedError as error:
        raise UnreadableRequestError(error, request_id=request_id) from error


def _id_of(value: object) -> bytes:
    if value is None:
        return NO_ID
    if isinstance(value, str) and len(value) <= ID_LENGTH_MAX:
        return value.encode() if isinstance(value, NumberText) else msgspec.json.encode(value)
    raise RefusedError(
        RefusalReason.field_is_invalid, field="id", expected=f"string or number of at most {ID_LENGTH_MAX} characters"
    )


def _params_of(value: object) -> JsonObject:
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise RefusedError(RefusalReason.field_is_invalid, field="params", expected="object")
