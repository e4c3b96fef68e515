"""Where the next page begins, as text without a meaning to those who send it back."""

import base64
import re
from typing import Final

_LENGTH_MAX: Final = 200
_PARTS: Final = re.compile(r"([a-z]+)((?:\.[0-9]{1,19})+)", re.ASCII)


def encode_cursor(kind: str, *parts: int) -> str:
    """Return the cursor of a kind of list at a place."""
    return base64.urlsafe_b64encode(".".join((kind, *map(str, parts))).encode()).rstrip(b"=").decode()


def decode_cursor(kind: str, text: str) -> tuple[int, ...] | None:
    """Return the place of a cursor, or None when it is none of this kind of list."""
    if len(text) > _LENGTH_MAX or not text.isascii():
        return None
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        return None
    found = _PARTS.fullmatch(decoded)
    if found is None or found[1] != kind:
        return None
    parts = tuple(int(part) for part in found[2][1:].split("."))
    # One place has one cursor: leading zeros and letters that the decoder skips make none.
    return parts if encode_cursor(kind, *parts) == text else None
