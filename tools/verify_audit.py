"""Verify an export of a Waiver Exchange journal against published checkpoints, without trusting the exchange.

    python verify_audit.py --export rows.jsonl --public-key KEY [--checkpoint checkpoints.txt]
    python verify_audit.py --checkpoint checkpoints.txt --public-key KEY

One file that needs Python 3.11 and the package `cryptography`, nothing of the exchange; read it before you rely on it.
KEY is what the exchange publishes (`/api/v1/audit/public-key`); get it, and the checkpoints, by another way and at
another time than the export. --public-key may stand there more than once, and may name a file of keys.

What it shows:
  1. Every checkpoint was signed by a key that you gave, or by one that such a checkpoint named as the next; behind that
     one the key before is not believed. In each file they follow each other, none is missing between two of them, and
     no two of them, wherever they come from, name different hashes for a row.
  2. Every row of the export follows the row before it: each carries the SHA-256 over the previous hash, its sequence,
     its key, its command and its events, so that no row was changed, dropped, added or moved.
  3. The rows that checkpoints speak of have the hash that was signed. Rows behind the last such checkpoint are a chain,
     and nobody has vouched for its end yet: the last line says how far the proof goes.
  4. The decoded fields are what the exchange signed: the last line of the export is a signature over all before it.

What it cannot show: that rows before the export's first one are right (the hash that they end with is proven), and
that commands led to the right events (that takes the exchange's engine: `waiver audit verify`).

Exit codes: 0 everything agrees and is proven, 1 something was changed, 2 the command line, or a file that is not in its
form, 3 the rows of the export follow each other, and no checkpoint speaks of any of them, so that nothing is proven.
"""

import argparse
import base64
import hashlib
import json
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "waiver-exchange-journal/1"
ED25519 = b"\x01"
STAMP = struct.Struct("<8xqq")  # words 1 and 2 of a command: time and account
HEAD_LINES = 3
KEY_BYTES = 32
CHAIN_BYTES = 32


class WrongError(Exception):
    """Something is not what was signed; the message says what."""


class UnprovenError(Exception):
    """Nothing is wrong with the rows, and nobody has vouched for them: the message says which."""


class FormError(Exception):
    """A file or key is not in the form that it should have; the message says which."""


# What reading a field that is missing, or of another kind, ends with.
MALFORMED = (FormError, LookupError, TypeError, ValueError, AttributeError, OverflowError, struct.error)


class Key(NamedTuple):
    """A public key as it is published: name, id (first bytes of a hash) and 32 bytes."""

    name: str
    key_id: bytes
    public_key: bytes


class Checkpoint(NamedTuple):
    """What a checkpoint says that is looked at here, the SHA-256 (hex) of its text, and which keys signed it."""

    origin: str
    sequence: int
    chain: bytes
    previous: str
    next_key: Key | None
    text_hash: str
    signers: frozenset[Key]


class Trust:
    """The keys that are believed, and what believed checkpoints have said so far, whichever file they came in."""

    def __init__(self, keys: list[Key]) -> None:
        """Believe these keys."""
        self.keys = keys
        self.successors: dict[Key, Key] = {}
        # Behind this row a key that has a successor has signed nothing.
        self.last_rows: dict[Key, int] = {}
        self.checkpoints: list[Checkpoint] = []
        self.chains: dict[int, bytes] = {}

    def believe(self, notes: list[str]) -> list[Checkpoint]:
        """Return what the checkpoints of one file say. Raises `WrongError`, `FormError`."""
        found: list[Checkpoint] = []
        replaced: set[Key] = set()
        for note in notes:
            checkpoint = parse_checkpoint(*verify_note(note, self.keys))
            if checkpoint.signers <= replaced:
                raise WrongError(f"the key that signed the checkpoint of row {checkpoint.sequence} was replaced before")
            check_follows(found[-1] if found else None, checkpoint)
            replaced |= self._succeed(checkpoint)
            found.append(checkpoint)
        self.checkpoints += found
        self._check_agreement(found)
        return found

    def _succeed(self, checkpoint: Checkpoint) -> set[Key]:
        """Believe the key that a checkpoint names as the next, and return those in whose place it comes."""
        successor = checkpoint.next_key
        if successor is None:
            return set()
        before = {key for key in checkpoint.signers if key.name == checkpoint.origin and key != successor}
        for key in before:
            if self.successors.setdefault(key, successor) != successor:
                raise WrongError(f"one key names two successors, the second at row {checkpoint.sequence}")
            self.last_rows[key] = min(checkpoint.sequence, self.last_rows.get(key, checkpoint.sequence))
        if successor not in self.keys:
            self.keys.append(successor)
        return before

    def _check_agreement(self, found: list[Checkpoint]) -> None:
        """See that checkpoints of all files are of one journal and agree. Raises `WrongError`."""
        if len({checkpoint.origin for checkpoint in self.checkpoints}) > 1:
            raise WrongError("the checkpoints are of several journals")
        for checkpoint in found:
            if self.chains.setdefault(checkpoint.sequence, checkpoint.chain) != checkpoint.chain:
                raise WrongError(f"two checkpoints name different hashes for row {checkpoint.sequence}")
        for checkpoint in self.checkpoints:
            if not any(self.may_sign(key, checkpoint.sequence) for key in checkpoint.signers):
                raise WrongError(f"the key that signed the checkpoint of row {checkpoint.sequence} was replaced before")

    def may_sign(self, key: Key, sequence: int) -> bool:
        """Return whether no successor was named before a row."""
        return sequence <= self.last_rows.get(key, sequence)


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
        trust = Trust(keys)
        for path in given.checkpoint:
            trust.believe(split_notes(path.read_text(encoding="utf-8")))
        for checkpoint in trust.checkpoints:
            print(f"checkpoint  row {checkpoint.sequence}  chain {checkpoint.chain.hex()}")
        if given.export is not None:
            verify_export(given.export, trust)
    except MALFORMED as error:
        print(f"not in the form that it should have: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    except WrongError as error:
        print(f"WRONG: {error}", file=sys.stderr)
        return 1
    except UnprovenError as error:
        print(
            f"NOT PROVEN: {error}; export more rows, up to a checkpoint, or bring one with --checkpoint",
            file=sys.stderr,
        )
        return 3
    return 0


def parse_key(text: str) -> Key:
    """Return a key of `<name>+<id>+<base64>` (https://c2sp.org/signed-note)."""
    try:
        name, key_id, encoded = text.strip().split("+", 2)  # base64 may hold more of them
        content = base64.b64decode(encoded, validate=True)
        key = Key(name, bytes.fromhex(key_id), content[1:])
    except ValueError as error:
        raise FormError(f"{text[:80]!r} is no public key") from error
    own = hashlib.sha256(name.encode() + b"\n" + content).digest()[:4]
    if content[:1] != ED25519 or len(key.public_key) != KEY_BYTES or own != key.key_id:
        raise FormError(f"{text[:80]!r} is no public key, or was mistyped")
    return key


def key_lines(text: str) -> list[str]:
    """Return a key, or the keys of a file."""
    path = Path(text)
    return path.read_text(encoding="utf-8").split() if "+" not in text and path.is_file() else [text]


def split_notes(content: str) -> list[str]:
    """Return the notes of a file: each is text, an empty line, signatures, and an empty line behind it."""
    blocks = content.strip("\n").split("\n\n")
    if len(blocks) % 2:
        raise FormError("the file of checkpoints ends within one, or is none")
    return [f"{blocks[at]}\n\n{blocks[at + 1]}\n" for at in range(0, len(blocks), 2)]


def verify_note(note: str, keys: list[Key]) -> tuple[str, frozenset[Key]]:
    """Return the text of a note, and which of the keys signed it: one at least."""
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    signers: set[Key] = set()
    for line in signatures.splitlines():
        name, _, encoded = line.removeprefix("— ").partition(" ")
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise FormError("a signature is no base64") from error
        for key in keys:
            if (key.name, key.key_id) == (name, content[:4]):
                try:
                    Ed25519PublicKey.from_public_bytes(key.public_key).verify(content[4:], text.encode())
                except InvalidSignature as error:
                    raise WrongError(f"the signature of {text.splitlines()[:2]} is wrong") from error
                signers.add(key)
    if not signers:
        raise WrongError(f"none of the keys given signed {text.splitlines()[:2]}")
    return text, frozenset(signers)


def parse_checkpoint(text: str, signers: frozenset[Key]) -> Checkpoint:
    """Return what the text of a checkpoint says. Raises `FormError` when it is none."""
    lines = text.splitlines()
    extensions = dict(line.partition(" ")[::2] for line in lines[HEAD_LINES:])
    try:
        next_key = parse_key(extensions["next-key"]) if "next-key" in extensions else None
        chain = base64.b64decode(lines[2], validate=True)
        text_hash = hashlib.sha256(text.encode()).hexdigest()
        checkpoint = Checkpoint(lines[0], int(lines[1]), chain, extensions["previous"], next_key, text_hash, signers)
    except (LookupError, ValueError) as error:
        raise FormError(f"{lines[:2]} is no checkpoint") from error
    if len(checkpoint.chain) != CHAIN_BYTES:
        raise FormError(f"{lines[:2]} is no checkpoint")
    return checkpoint


def check_follows(before: Checkpoint | None, checkpoint: Checkpoint) -> None:
    """See that a checkpoint is the next one of its file; the first may be any."""
    if before is None:
        return
    if checkpoint.sequence < before.sequence:
        raise WrongError(f"the checkpoint of row {checkpoint.sequence} stands behind that of row {before.sequence}")
    if checkpoint.sequence == before.sequence and checkpoint.chain != before.chain:
        raise WrongError(f"two checkpoints name different hashes for row {checkpoint.sequence}")
    if checkpoint.previous != before.text_hash:
        raise WrongError(
            f"a checkpoint is missing, or was exchanged, between those of rows {before.sequence} and "
            f"{checkpoint.sequence}"
        )


def verify_export(path: Path, trust: Trust) -> None:
    """Follow the rows of an export, compare them with the checkpoints, and say how far they are proven."""
    lines = read_lines(path)
    first_line, head = next(lines, (b"", {}))
    if head.get("format") != FORMAT:
        raise FormError(f"{path} is no export in the form {FORMAT}")
    published = list(trust.checkpoints)
    if any(checkpoint.origin != head["origin"] for checkpoint in published):
        raise WrongError("the checkpoints are of another journal than the export")
    wanted = dict(trust.chains)  # of which no two checkpoints say different things
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
        try:
            chain = verify_row(content, previous=chain, sequence=sequence + 1)
        except MALFORMED as error:
            raise FormError(f"what stands in the place of row {sequence + 1} is no row ({error!r})") from error
        sequence += 1
        if sequence in spoken_of:
            chains[sequence] = chain
        if sequence in wanted and wanted[sequence] != chain:
            raise WrongError(f"row {sequence} is not what a published checkpoint says; it or a row before was changed")
    if sequence != head["last"]:
        raise WrongError(f"the export ends at row {sequence}, it says {head['last']}")
    own = trust.believe(notes)
    compare(own, chains)
    verify_seal(seal, head, digest.hexdigest(), trust)
    print(f"rows {head['first']} to {sequence} follow each other, and the export is what the exchange signed")
    proven = reach((*published, *own), first=head["first"], last=sequence)
    if not proven:
        raise UnprovenError(f"no signed checkpoint speaks of a row from {head['first']} to {sequence}")
    outside = reach(published, first=head["first"], last=sequence)
    brought = f"up to row {outside}" if outside else "none of them"
    print(f"proven by a signed checkpoint up to row {proven}, by one that you brought {brought}")


def reach(checkpoints: Iterable[Checkpoint], *, first: int, last: int) -> int:
    """Return the last of these rows that a checkpoint speaks of, 0 when none does."""
    return max((at.sequence for at in checkpoints if first <= at.sequence <= last), default=0)


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


def verify_seal(note: str, head: dict[str, Any], digest: str, trust: Trust) -> None:
    """See that the export as a whole, its decoded fields too, is what the exchange signed."""
    if not note:
        raise WrongError("the export has no signature at its end: it was cut short")
    rows = f"rows {head['first']} {head['last']}"
    text, signers = verify_note(note, trust.keys)
    if text != f"{FORMAT}\norigin {head['origin']}\n{rows}\nsha256 {digest}\n":
        raise WrongError("the decoded fields, or another line of the export, were changed since it was signed")
    if not any(trust.may_sign(key, head["last"]) for key in signers):
        raise WrongError("the key that signed the export was replaced before its last row")


def read_lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield the lines of an export, raw and read."""
    with path.open("rb") as file:
        for raw in file:
            try:
                content = json.loads(raw)
            except (ValueError, RecursionError) as error:
                raise FormError("a line of the export is no JSON: it was cut short") from error
            if not isinstance(content, dict):
                raise FormError("a line of the export is no object")
            yield raw, content


if __name__ == "__main__":
    sys.exit(main())
