"""What a checkpoint says, as the text of a signed note (https://c2sp.org/tlog-checkpoint).

In the place of a Merkle tree's size and root stand the journal's sequence and the head of its chain of hashes, which
binds all rows before it in the same way. Extension lines are `<name> <value>`, in the order of the fields below.
"""

import base64
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from waiver_exchange.application.checkpoints.note import Note, NoteError, VerifyingKey, parse_note

ORIGIN_PREFIX: Final = "waiver-exchange/journal/"
_ORIGIN_DIGITS: Final = 32
_HASH_BYTES: Final = 32
_INTEGER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HEAD_LINES: Final = 3
_NEXT_KEY: Final = "next-key"
_NAMES: Final = ("time-ns", "state-format", "state", "cash-issued", "cash-held", "previous")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The journal as of a row: `chain` is the row's hash (32 bytes), `time_ns` its time (UNIX nanoseconds).

    `state_hash` is the SHA-256 (hex) of the engine's canonical state after the row, in the version `state_format` of
    its form; cash is in micro-dollars.
    `previous` is the hash (`hash_of`) of the checkpoint before it, empty for the first one. `next_key` names the key
    that signs from here on, when the keys change.
    """

    origin: str
    sequence: int
    chain: bytes
    time_ns: int
    state_format: int
    state_hash: str
    cash_issued_micros: int
    cash_held_micros: int
    previous: str = ""
    next_key: VerifyingKey | None = None

    @property
    def text(self) -> str:
        """The text that is signed."""
        lines = [
            self.origin,
            str(self.sequence),
            base64.b64encode(self.chain).decode(),
            f"time-ns {self.time_ns}",
            f"state-format {self.state_format}",
            f"state {self.state_hash}",
            f"cash-issued {self.cash_issued_micros}",
            f"cash-held {self.cash_held_micros}",
            f"previous {self.previous or 'none'}",
        ]
        if self.next_key is not None:
            lines.append(f"{_NEXT_KEY} {self.next_key.text}")
        return "\n".join(lines) + "\n"

    @property
    def hash(self) -> str:
        """The SHA-256 (hex) of the text, by which the next checkpoint and the journal name this one."""
        return sha256(self.text.encode()).hexdigest()


def origin_of(first_chain: bytes) -> str:
    """Return the name of a journal, which its first row's hash makes its own for ever."""
    return ORIGIN_PREFIX + first_chain.hex()[:_ORIGIN_DIGITS]


def parse_checkpoint(text: str) -> Checkpoint:
    """Return what a note's text says. Raises `NoteError` unless it is exactly in the form of a checkpoint."""
    lines = text.split("\n")
    fields = [line.partition(" ") for line in lines[_HEAD_LINES:-1]]
    names = tuple(name for name, _, _ in fields)
    if names not in {_NAMES, (*_NAMES, _NEXT_KEY)}:
        raise NoteError("this is no checkpoint of a journal")
    origin, sequence, chain = lines[:_HEAD_LINES]
    values = {name: value for name, _, value in fields}
    next_key = values.get(_NEXT_KEY)
    previous = values["previous"]
    try:
        checkpoint = Checkpoint(
            origin=origin,
            sequence=_integer(sequence),
            chain=base64.b64decode(chain, validate=True),
            time_ns=_integer(values["time-ns"]),
            state_format=_integer(values["state-format"]),
            state_hash=values["state"],
            cash_issued_micros=_integer(values["cash-issued"]),
            cash_held_micros=_integer(values["cash-held"]),
            previous="" if previous == "none" else previous,
            next_key=None if next_key is None else VerifyingKey.parse(next_key),
        )
    except ValueError as error:
        raise NoteError("this is no checkpoint of a journal") from error
    hashes = [checkpoint.state_hash, *filter(None, [checkpoint.previous])]
    # Written again it is the same text: there is one way only to say a thing.
    if len(checkpoint.chain) != _HASH_BYTES or not all(map(_HEX.fullmatch, hashes)) or checkpoint.text != text:
        raise NoteError("this is no checkpoint of a journal")
    return checkpoint


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and the note that it came in."""

    checkpoint: Checkpoint
    note: Note
    content: str


def read_signed(content: str) -> SignedCheckpoint:
    """Return a checkpoint that is read; who signed it is not looked at. Raises `NoteError`."""
    note = parse_note(content)
    return SignedCheckpoint(parse_checkpoint(note.text), note, content)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise NoteError(f"{text[:40]!r} is no number")
    return int(text)
