"""Rows of the journal for auditors, as JSON Lines with the proof that they are what was signed.

The first line says what follows, then comes a line for each row, then the checkpoints that cover them, and last a note
signed over all lines before, so that the decoded fields are vouched for too. docs/audit.md describes the form;
`tools/verify_audit.py` reads it without this program.
"""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from waiver_exchange.application.checkpoints.checkpoint import origin_of, read_signed
from waiver_exchange.application.checkpoints.note import Signer
from waiver_exchange.application.checkpoints.store import CheckpointStore
from waiver_exchange.application.journal_names import name_command, name_events
from waiver_exchange.application.ports import GENESIS_CHAIN, Journal, JournalError, PlainRow

FORMAT: Final = "waiver-exchange-journal/1"
_ROWS: Final = 256
_NOTES: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRange:
    """The rows to export, `first` to `last` with both."""

    first: int
    last: int


async def export_rows(
    *, journal: Journal, checkpoints: CheckpointStore, seed: bytes, rows: ExportRange
) -> AsyncIterator[bytes]:
    """Yield the lines of an export by pieces, in bounded memory. Raises `JournalError`, `NoteError`, `OSError`."""
    found = await journal.read(after=0, limit=1)
    if not found:
        raise JournalError("The journal is empty; there is nothing to export.")
    signer = Signer(name=origin_of(found[0].chain), seed=seed)
    digest = sha256()
    async for piece in _lines(journal, checkpoints, signer, rows):
        digest.update(piece)
        yield piece
    yield _line({"signature": signer.sign(_seal(signer.key.name, rows, digest.hexdigest()))})


def _seal(origin: str, rows: ExportRange, digest: str) -> str:
    """Return the text that is signed over an export; it never is a checkpoint's, whose first line is the origin."""
    return f"{FORMAT}\norigin {origin}\nrows {rows.first} {rows.last}\nsha256 {digest}\n"


async def _lines(
    journal: Journal, checkpoints: CheckpointStore, signer: Signer, rows: ExportRange
) -> AsyncIterator[bytes]:
    before = await journal.read(after=rows.first - 2, limit=1) if rows.first > 1 else []
    previous = before[0].chain if before else GENESIS_CHAIN
    yield _line(
        {
            "format": FORMAT,
            "origin": signer.key.name,
            "first": rows.first,
            "last": rows.last,
            "previous_chain": _base64(previous),
            "checkpoint_rows": [read_signed(note).checkpoint.sequence for note in _notes(checkpoints, rows)],
            "public_keys": checkpoints.public_keys() or [signer.key.text],
        }
    )
    after = rows.first - 1
    while after < rows.last:
        found = await journal.read_plain(after=after, limit=min(_ROWS, rows.last - after))
        if not found:
            raise JournalError(f"The journal ends at row {after}, before row {rows.last}.")
        yield b"".join(map(_row_line, found))
        after = found[-1][0]
    for note in _notes(checkpoints, rows):
        yield _line({"checkpoint": note})


def _notes(checkpoints: CheckpointStore, rows: ExportRange) -> Iterator[str]:
    """Yield the checkpoints of the rows."""
    for start in range(0, checkpoints.count(), _NOTES):
        for note in checkpoints.read(start=start, limit=_NOTES):
            sequence = read_signed(note).checkpoint.sequence
            if sequence > rows.last:
                return
            if sequence >= rows.first:
                yield note


def _row_line(row: PlainRow) -> bytes:
    sequence, time_ns, account, key, command, events, chain = row
    return _line(
        {
            "sequence": sequence,
            "time_ns": time_ns,
            "account": account,
            "key": None if key is None else _base64(key),
            "command": _base64(command),
            "events": _base64(events),
            "chain": _base64(chain),
            "decoded": {**name_command(command), "events": name_events(events)},
        }
    )


def _line(content: dict[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
