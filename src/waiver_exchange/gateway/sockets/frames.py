"""WebSocket frames (RFC 6455, section 5.2): those we send, and the whole text messages that clients send."""

from struct import Struct
from typing import Final, NamedTuple

from websockets.speedups import apply_mask

_SHORT_MAX: Final = 125
_MEDIUM_MAX: Final = 65_535
_MEDIUM: Final = 126
_WHOLE_TEXT: Final = 0x81
_WHOLE_BINARY: Final = 0x82
_CLOSE: Final = 0x08
_OPCODE_MASK: Final = 0x0F
_MASKED: Final = 0x80
_LENGTH_MASK: Final = 0x7F
_MASK_BYTES: Final = 4
_MEDIUM_HEAD: Final = Struct("!BBH")
_LONG_HEAD: Final = Struct("!BBQ")


def text_frame(payload: bytes) -> bytes:
    """Return the frame of a text message from the server."""
    return _head(_WHOLE_TEXT, len(payload)) + payload


def binary_frame(payload: bytes) -> bytes:
    """Return the frame of a binary message from the server."""
    return _head(_WHOLE_BINARY, len(payload)) + payload


def _head(first: int, length: int) -> bytes:
    if length <= _SHORT_MAX:
        return bytes((first, length))
    if length <= _MEDIUM_MAX:
        return _MEDIUM_HEAD.pack(first, _MEDIUM, length)
    return _LONG_HEAD.pack(first, _MEDIUM + 1, length)


class Frame(NamedTuple):
    """A frame of a client: the message of a whole text one, else None and its bytes as they came."""

    text: bytes | None
    raw: bytes

    @property
    def is_close(self) -> bool:
        """Whether it says goodbye."""
        return self.raw[0] & _OPCODE_MASK == _CLOSE


class Split(NamedTuple):
    """The first frames that are complete, and what is left.

    When `is_foreign`, the rest is no frame that is taken here; when `is_more`, it begins with what may be a frame.
    """

    frames: list[Frame]
    rest: bytes
    is_foreign: bool
    is_more: bool = False


def split_frames(data: bytes, *, payload_bytes_max: int, frames_max: int) -> Split:
    """Split what a client sent, which begins with a frame; a frame that is too large or not masked is foreign."""
    frames: list[Frame] = []
    at, size = 0, len(data)
    while size - at > 1:
        if len(frames) == frames_max:
            return Split(frames, data[at:], is_foreign=False, is_more=True)
        second = data[at + 1]
        if second < _MASKED:
            return Split(frames, data[at:], is_foreign=True)
        length = second & _LENGTH_MASK
        head = at + 2
        if length >= _MEDIUM:
            width = 2 if length == _MEDIUM else 8
            if size - head < width:
                break
            length = int.from_bytes(data[head : head + width], "big")
            head += width
        if length > payload_bytes_max:
            return Split(frames, data[at:], is_foreign=True)
        start = head + _MASK_BYTES
        end = start + length
        if end > size:
            break
        if data[at] == _WHOLE_TEXT:
            frames.append(Frame(apply_mask(data[start:end], data[head:start]), data[at:end]))
        else:
            frames.append(Frame(None, data[at:end]))
        at = end
    return Split(frames, data[at:], is_foreign=False)
