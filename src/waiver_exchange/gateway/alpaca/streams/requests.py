"""What clients send on the streams: objects in JSON or MessagePack, whatever else comes instead."""

from typing import Any, Final

import msgspec
from websockets.datastructures import Headers

Frame = str | bytes
Request = dict[str, Any]

_MSGPACK: Final = "application/msgpack"


def is_msgpack_asked(headers: Headers) -> bool:
    """Return whether a handshake asks for MessagePack, by the content type of what it has not."""
    return any(_MSGPACK in value.lower() for value in headers.get_all("content-type"))


def key_in_headers(headers: Headers) -> tuple[str, str] | None:
    """Return the key and secret that a handshake carries, or None."""
    key, secret = (headers.get_all(name) for name in ("apca-api-key-id", "apca-api-secret-key"))
    return (key[0], secret[0]) if key and secret else None


def decode_request(frame: Frame, *, is_msgpack: bool) -> Request | None:
    """Return the object in a frame, or None for anything else.

    Bytes on a connection in MessagePack may be either codec: an object in JSON begins like no map that is a request.
    """
    try:
        request: object = (
            msgspec.msgpack.decode(frame)
            if is_msgpack and isinstance(frame, bytes) and frame[:1] != b"{"
            else msgspec.json.decode(frame)
        )
    except (msgspec.DecodeError, RecursionError, TypeError, ValueError):
        return None
    return request if isinstance(request, dict) else None
