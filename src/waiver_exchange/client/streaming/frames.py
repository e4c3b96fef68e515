"""The messages of the WebSocket: answers to requests, and pushes, one or many in a message."""

from typing import Any, Final

import msgspec

from waiver_exchange.client.errors import UnexpectedAnswerError
from waiver_exchange.client.wire import ErrorBody

_NOTHING: Final = msgspec.Raw(b"null")
_QUOTED_MAX: Final = 200


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """An answer has an id, and a result or an error; a push has a channel."""

    id: int | str | None = None
    result: msgspec.Raw = _NOTHING
    error: ErrorBody | None = None
    channel: str | None = None
    type: str = ""
    sequence: int = 0
    data: msgspec.Raw = _NOTHING


def encode_request(number: int, method: str, params: dict[str, Any]) -> str:
    """Return the message of a request."""
    return msgspec.json.encode({"id": number, "method": method, "params": params}).decode()


def decode_frames(message: str | bytes) -> list[Frame]:
    """Return what a message holds. Raises `UnexpectedAnswerError`."""
    try:
        if message[:1] in {"[", b"["}:
            return _many.decode(message)
        return [_one.decode(message)]
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswerError(f"no message of the exchange: {error}: {message[:_QUOTED_MAX]!r}") from error


_one = msgspec.json.Decoder(Frame)
_many = msgspec.json.Decoder(list[Frame])
