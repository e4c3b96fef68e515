"""Whether a secret could be guessed: what people put where chance belongs."""

import base64
import binascii
import re
from itertools import pairwise
from typing import Final

KEY_BYTES: Final = 32
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
# Of 32 random bytes fewer than 20 are distinct less than once in 10**10 draws; three steps make no counting up.
_DISTINCT_BYTES_MIN: Final = 20
_DISTINCT_STEPS_MIN: Final = 8
_TEXT_LENGTH_MIN: Final = 16
_DISTINCT_LETTERS_MIN: Final = 8
_DEFAULTS: Final = re.compile(
    r"change.?me|default|example|insecure|password|passw0rd|placeholder|replace.?(me|this)|secret.?(key|here)|"
    r"to.?do|your[-_ ]|<.*>|letmein|qwerty|correct.?horse|dummy|sample|test.?(key|secret)",
    re.IGNORECASE,
)


def decode_key(text: str) -> bytes | None:
    """Return the 32 bytes that are written as 64 hexadecimal digits, base64 or base64url; None for anything else."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def encode_key(key: bytes) -> str:
    """Return a key as a secret's text."""
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def weakness_of_key(key: bytes) -> str | None:
    """Return why 32 bytes were not drawn by chance, completing "it ..."; None when they may have been."""
    if len(set(key)) < _DISTINCT_BYTES_MIN:
        return "repeats the same few bytes"
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    if len(steps) < _DISTINCT_STEPS_MIN:
        return "counts up or down"
    if all(byte in range(0x20, 0x7F) for byte in key):
        return "is written text and not 32 random bytes"
    return None


def weakness_of_text(text: str) -> str | None:
    """Return why a secret that somebody else gave is none, completing "it ..."; None when it may be one."""
    if _DEFAULTS.search(text):
        return "is a default or an example"
    if len(text) < _TEXT_LENGTH_MIN:
        return f"is shorter than {_TEXT_LENGTH_MIN} characters"
    if len(set(text)) < _DISTINCT_LETTERS_MIN:
        return "repeats the same few characters"
    return None
