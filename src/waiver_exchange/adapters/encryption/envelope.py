"""Data keys, drawn by chance and wrapped by the master key."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class WrongMasterKeyError(Exception):
    """The master key is not the one that wrapped a data key, or the wrapped key was changed."""


def draw_key() -> bytes:
    """Return a new key of 256 bits."""
    return os.urandom(KEY_BYTES)


def wrap_key(key: bytes, *, master_key: bytes, label: str) -> bytes:
    """Return a data key that only the master key opens again, and only under the same label."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(master_key).encrypt(nonce, key, _binding(label))


def unwrap_key(wrapped: bytes, *, master_key: bytes, label: str) -> bytes:
    """Return the data key. Raises `WrongMasterKeyError`."""
    try:
        return AESGCM(master_key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _binding(label))
    except (InvalidTag, ValueError) as error:
        raise WrongMasterKeyError from error


def _binding(label: str) -> bytes:
    return b"waiver exchange data key\0" + label.encode()
