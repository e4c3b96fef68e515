"""What clients send on the streams: objects in JSON or MessagePack, whatever else comes instead."""

from typing import Any

import msgspec

Frame = str | bytes
Request = dict[str, Any]


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
