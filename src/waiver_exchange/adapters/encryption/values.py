"""Values sealed at their place, and an index that finds a value without showing it.

A sealed value is: a byte 1 for this form, 4 bytes with the number of the data key, 12 bytes nonce, ciphertext and tag.
"""

import hmac
import os
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from waiver_exchange.adapters.encryption.envelope import NONCE_BYTES

_FORM: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_HEAD_BYTES: Final = 1 + _KEY_ID_BYTES
_NONCE_END: Final = _HEAD_BYTES + NONCE_BYTES


class Place(NamedTuple):
    """Where a value is kept; it opens nowhere else."""

    table: str
    column: str
    row: str


class SealedValueError(Exception):
    """A sealed value does not open: it was changed, is of another place, or its data key is gone."""

    def __init__(self, place: Place) -> None:
        """Name the place, but not the row's key, which may say something."""
        super().__init__(f"the {place.column} of a row of {place.table} was changed or belongs elsewhere")


class ValueCipher:
    """Seals with the newest data key and opens with any that is known; made anew when the keys change."""

    def __init__(self, data_keys: dict[int, bytes], *, index_key: bytes) -> None:
        """Take the data keys by number, at least one, and the key of the index."""
        self._ciphers = {number: AESGCM(key) for number, key in data_keys.items()}
        self._index_key = index_key
        self.current = max(data_keys)

    @property
    def is_changing(self) -> bool:
        """Whether there are older data keys, with which something may still be sealed."""
        return len(self._ciphers) > 1

    @property
    def head(self) -> bytes:
        """How every value begins that is sealed with the newest data key."""
        return _FORM + self.current.to_bytes(_KEY_ID_BYTES, "big")

    def seal(self, value: bytes, place: Place) -> bytes:
        """Return a value that only opens at its place."""
        nonce = os.urandom(NONCE_BYTES)
        return self.head + nonce + self._ciphers[self.current].encrypt(nonce, value, _binding(place))

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Return the value. Raises `SealedValueError`."""
        if not isinstance(sealed, bytes):  # SQLite keeps any type in any column
            raise SealedValueError(place)
        cipher = self._ciphers.get(int.from_bytes(sealed[1:_HEAD_BYTES], "big"))
        if cipher is None or sealed[:1] != _FORM:
            raise SealedValueError(place)
        try:
            return cipher.decrypt(sealed[_HEAD_BYTES:_NONCE_END], sealed[_NONCE_END:], _binding(place))
        except (InvalidTag, ValueError) as error:
            raise SealedValueError(place) from error

    def index_of(self, *parts: str) -> bytes:
        """Return 32 bytes that are the same for the same parts and say nothing to who lacks the key."""
        message = b"".join(len(part).to_bytes(4, "big") + part for part in (text.encode() for text in parts))
        return hmac.digest(self._index_key, message, "sha256")


def _binding(place: Place) -> bytes:
    return "\0".join(place).encode()
