"""Signed notes: text with Ed25519 signatures behind it (https://c2sp.org/signed-note).

A note is its text, an empty line, and lines `— <key name> <base64 of key id and signature>`. A key is published as
`<key name>+<key id in hex>+<base64 of the type byte and the public key>`, as Go's `sumdb/note` writes it.
"""

import base64
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEED_BYTES: Final = 32
_ED25519: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_DASH: Final = "— "


class NoteError(ValueError):
    """The text is no signed note, its key is none, or no known key signed it; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key and the name that it signs as."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before each of its signatures."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:_KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as it is published."""
        encoded = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> "VerifyingKey":
        """Return the key of a published text. Raises `NoteError`."""
        name, separator, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            decoded = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise NoteError("this is no public key of checkpoints") from error
        if not name or not separator or decoded[:1] != _ED25519 or len(decoded) != 1 + SEED_BYTES:
            raise NoteError("this is no public key of checkpoints")
        key = cls(name, decoded[1:])
        if key.key_id.hex() != key_id:
            raise NoteError("this public key was mistyped: its id is not that of its name and bytes")
        return key

    def accepts(self, signature: bytes, text: str) -> bool:
        """Return whether the key made a signature of a text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A private key and the name that it signs as."""

    def __init__(self, *, name: str, seed: bytes) -> None:
        """Take the 32 bytes of an Ed25519 seed. Raises `NoteError`."""
        if len(seed) != SEED_BYTES:
            raise NoteError(f"the audit signing key has {len(seed)} bytes, not {SEED_BYTES}")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = VerifyingKey(name, self._private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return the note of a text, which ends with a line end."""
        signature = self.key.key_id + self._private.sign(text.encode())
        return f"{text}\n{_DASH}{self.key.name} {base64.b64encode(signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was read; nothing in it counts before `signed_by` has found a known key."""

    text: str
    signatures: tuple[tuple[str, bytes], ...]

    def signed_by(self, keys: "tuple[VerifyingKey, ...]") -> VerifyingKey:
        """Return the first known key that signed. Raises `NoteError`: none did, or one did it wrongly."""
        known = {(key.name, key.key_id): key for key in keys}
        found: VerifyingKey | None = None
        for name, content in self.signatures:
            key = known.get((name, content[:_KEY_ID_BYTES]))
            if key is None:
                continue
            if not key.accepts(content[_KEY_ID_BYTES:], self.text):
                raise NoteError("its signature is wrong: the text was changed, or it was signed by another key")
            found = found or key
        if found is None:
            raise NoteError("no known key signed it")
        return found


def parse_note(content: str) -> Note:
    """Return a note that is read. Raises `NoteError`."""
    text, separator, behind = content.rpartition("\n\n")
    if not separator or not behind.endswith("\n"):
        raise NoteError("this is no signed note")
    return Note(text + "\n", tuple(_parse_signature(line) for line in behind[:-1].split("\n")))


def _parse_signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        content = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise NoteError("a line of signature is none") from error
    if not line.startswith(_DASH) or not name or len(content) <= _KEY_ID_BYTES:
        raise NoteError("a line of signature is none")
    return name, content
