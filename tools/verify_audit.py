"""Verify an export of a Waiver Exchange journal against published checkpoints, without trusting the exchange.

    python verify_audit.py --export rows.jsonl --public-key KEY [--checkpoint checkpoints.txt]
    python verify_audit.py --checkpoint checkpoints.txt --public-key KEY

One file that needs Python 3.11 and the package `cryptography`, nothing of the exchange; read it before you rely on it.
KEY is what the exchange publishes (`/api/v1/audit/public-key`); get it, and the checkpoints, by another way and at
another time than the export. --public-key may stand there more than once, and may name a file of keys.

What it shows:
  1. Every checkpoint was signed by a key that you gave, or by one that such a checkpoint named as the next.
  2. Every row of the export follows the row before it: each carries the SHA-256 over the previous hash, its sequence,
     its key, its command and its events, so that no row was changed, dropped, added or moved.
  3. The rows that checkpoints speak of have the hash that was signed. Rows behind the last such checkpoint are a chain,
     and nobody has vouched for its end yet: the last line says how far the proof goes.
  4. The decoded fields are what the exchange signed: the last line of the export is a signature over all before it.

What it cannot show: that rows before the export's first one are right (the hash that they end with is proven), and
that commands led to the right events (that takes the exchange's engine: `waiver audit verify`).

Exit codes: 0 everything agrees, 1 something was changed, 2 the command line or a file is wrong.
"""

import argparse
import base64
import hashlib
import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "waiver-exchange-journal/1"
ED25519 = b"\x01"
STAMP = struct.Struct("<8xqq")  # words 1 and 2 of a command: time and account
HEAD_LINES = 3
KEY_BYTES = 32


class WrongError(Exception):
    """Something is not what was signed; the message says what."""


class Key(NamedTuple):
    """A public key as it is published: name, id (first bytes of a hash) and 32 bytes."""

    name: str
    key_id: bytes
    public_key: bytes


class Checkpoint(NamedTuple):
    """What a checkpoint says that is looked at here."""

    origin: str
    sequence: int
    chain: bytes
    next_key: str


def main() -> int:
    """Verify what the command line names and say what was found."""
    parser = argparse.ArgumentParser(description="Verify an export of a Waiver Exchange journal.")
    parser.add_argument("--export", type=Path, metavar="FILE", help="what `waiver audit export` wrote")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], metavar="FILE", help="published notes")
    parser.add_argument("--public-key", action="append", required=True, metavar="KEY", help="a key or a file of keys")
    given = parser.parse_args()
    if given.export is None and not given.checkpoint:
        parser.error("give --export, --checkpoint or both")
    try:
        keys = [parse_key(line) for text in given.public_key for line in key_lines(text)]
        published = [note for path in given.checkpoint for note in split_notes(path.read_text(encoding="utf-8"))]
        checkpoints = believe(published, keys)
        for checkpoint in checkpoints:
            print(f"checkpoint  row {checkpoint.sequence}  chain {checkpoint.chain.hex()}")
        if given.export is not None:
            verify_export(given.export, checkpoints, keys)
    except (OSError, UnicodeDecodeError) as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    except WrongError as error:
        print(f"WRONG: {error}", file=sys.stderr)
        return 1
    return 0


def parse_key(text: str) -> Key:
    """Return a key of `<name>+<id>+<base64>` (https://c2sp.org/signed-note)."""
    try:
        name, key_id, encoded = text.strip().split("+", 2)  # base64 may hold more of them
        content = base64.b64decode(encoded, validate=True)
        key = Key(name, bytes.fromhex(key_id), content[1:])
    except ValueError as error:
        raise WrongError(f"{text[:80]!r} is no public key") from error
    own = hashlib.sha256(name.encode() + b"\n" + content).digest()[:4]
    if content[:1] != ED25519 or len(key.public_key) != KEY_BYTES or own != key.key_id:
        raise WrongError(f"{text[:80]!r} is no public key, or was mistyped")
    return key


def key_lines(text: str) -> list[str]:
    """Return a key, or the keys of a file."""
    path = Path(text)
    return path.read_text(encoding="utf-8").split() if "+" not in text and path.is_file() else [text]


def split_notes(content: str) -> list[str]:
    """Return the notes of a file: each is text, an empty line, signatures, and an empty line behind it."""
    blocks = content.strip("\n").split("\n\n")
    if len(blocks) % 2:
        raise WrongError("the file of checkpoints ends within one, or is none")
    return [f"{blocks[at]}\n\n{blocks[at + 1]}\n" for at in range(0, len(blocks), 2)]


def verify_note(note: str, keys: list[Key]) -> str:
    """Return the text of a note that one of the keys signed."""
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    is_signed = False
    for line in signatures.splitlines():
        name, _, encoded = line.removeprefix("— ").partition(" ")
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise WrongError("a signature is no base64") from error
        for key in keys:
            if (key.name, key.key_id) == (name, content[:4]):
                try:
                    Ed25519PublicKey.from_public_bytes(key.public_key).verify(content[4:], text.encode())
                except InvalidSignature as error:
                    raise WrongError(f"the signature of {text.splitlines()[:2]} is wrong") from error
                is_signed = True
    if not is_signed:
        raise WrongError(f"none of the keys given signed {text.splitlines()[:2]}")
    return text


def believe(notes: list[str], keys: list[Key]) -> list[Checkpoint]:
    """Return what checkpoints say; a key that a believed one names as the next is believed from there on."""
    found: list[Checkpoint] = []
    for note in notes:
        lines = verify_note(note, keys).splitlines()
        extensions = dict(line.partition(" ")[::2] for line in lines[HEAD_LINES:])
        checkpoint = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2]), extensions.get("next-key", ""))
        if checkpoint.next_key:
            keys.append(parse_key(checkpoint.next_key))
        found.append(checkpoint)
    if len({checkpoint.origin for checkpoint in found}) > 1:
        raise WrongError("the checkpoints are of several journals")
    return found


def verify_export(path: Path, published: list[Checkpoint], keys: list[Key]) -> None:
    """Follow the rows of an export, compare them with the checkpoints, and say how far they are proven."""
    lines = read_lines(path)
    first_line, head = next(lines, (b"", {}))
    if head.get("format") != FORMAT:
        raise WrongError(f"{path} is no export in the form {FORMAT}")
    if any(checkpoint.origin != head["origin"] for checkpoint in published):
        raise WrongError("the checkpoints are of another journal than the export")
    wanted = {checkpoint.sequence: checkpoint.chain for checkpoint in published}
    # Only of these are the hashes kept, so that an export of any length fits.
    spoken_of = frozenset(head["checkpoint_rows"])
    chains: dict[int, bytes] = {}
    digest = hashlib.sha256(first_line)
    chain, sequence = base64.b64decode(head["previous_chain"]), head["first"] - 1
    notes: list[str] = []
    seal = ""
    for raw, content in lines:
        if seal:
            raise WrongError("something stands behind the signature of the export")
        if "signature" in content:
            seal = content["signature"]
            continue
        digest.update(raw)
        if "checkpoint" in content:
            notes.append(content["checkpoint"])
            continue
        chain, sequence = verify_row(content, previous=chain, sequence=sequence + 1), sequence + 1
        if sequence in spoken_of:
            chains[sequence] = chain
        if sequence in wanted and wanted[sequence] != chain:
            raise WrongError(f"row {sequence} is not what a published checkpoint says; it or a row before was changed")
    if sequence != head["last"]:
        raise WrongError(f"the export ends at row {sequence}, it says {head['last']}")
    own = believe(notes, keys)
    compare(own, chains)
    verify_seal(seal, head, digest.hexdigest(), keys)
    proven = max((at.sequence for at in (*published, *own) if head["first"] <= at.sequence <= sequence), default=0)
    outside = max((at.sequence for at in published if head["first"] <= at.sequence <= sequence), default=0)
    print(f"rows {head['first']} to {sequence} follow each other, and the export is what the exchange signed")
    print(f"proven by a signed checkpoint up to row {proven}, by one that you brought up to row {outside}")


def compare(checkpoints: list[Checkpoint], chains: dict[int, bytes]) -> None:
    """See that the rows are what checkpoints of the export say."""
    for checkpoint in checkpoints:
        if chains.get(checkpoint.sequence) != checkpoint.chain:
            raise WrongError(f"row {checkpoint.sequence} is not what the export's own checkpoint says")


def verify_row(row: dict[str, Any], *, previous: bytes, sequence: int) -> bytes:
    """Return the hash of a row. The hash is over: previous, sequence (u64), lengths (i32, u32, u32), and the parts."""
    if row.get("sequence") != sequence:
        raise WrongError(f"row {sequence} is missing: row {row.get('sequence')} stands in its place")
    key = None if row["key"] is None else base64.b64decode(row["key"])
    command, events = base64.b64decode(row["command"]), base64.b64decode(row["events"])
    lengths = struct.pack("<QiII", sequence, -1 if key is None else len(key), len(command), len(events))
    chain = hashlib.sha256(b"".join((previous, lengths, key or b"", command, events))).digest()
    if chain != base64.b64decode(row["chain"]) or STAMP.unpack_from(command) != (row["time_ns"], row["account"]):
        raise WrongError(f"row {sequence} was changed, or does not follow the row before it")
    return chain


def verify_seal(note: str, head: dict[str, Any], digest: str, keys: list[Key]) -> None:
    """See that the export as a whole, its decoded fields too, is what the exchange signed."""
    if not note:
        raise WrongError("the export has no signature at its end: it was cut short")
    rows = f"rows {head['first']} {head['last']}"
    if verify_note(note, keys) != f"{FORMAT}\norigin {head['origin']}\n{rows}\nsha256 {digest}\n":
        raise WrongError("the decoded fields, or another line of the export, were changed since it was signed")


def read_lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield the lines of an export, raw and read."""
    with path.open("rb") as file:
        for raw in file:
            try:
                content = json.loads(raw)
            except ValueError as error:
                raise WrongError("a line of the export is no JSON: it was cut short") from error
            if not isinstance(content, dict):
                raise WrongError("a line of the export is no object")
            yield raw, content


if __name__ == "__main__":
    sys.exit(main())
