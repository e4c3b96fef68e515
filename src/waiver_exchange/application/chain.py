"""The chain of hashes that makes an altered, dropped or swapped journal row show.

What it cannot show is rows missing at the newest end: for those, compare the last row with a chain kept elsewhere (a
snapshot, a published one).
"""

from collections.abc import Iterable
from hashlib import sha256
from struct import Struct, error
from typing import Final

from waiver_exchange.application.ports import JournalBrokenError, PlainRow

# The lengths stand before the parts, so that no byte can move from one part to its neighbour; -1 stands for no key.
_pack_lengths: Final = Struct("<QiII").pack
_read_stamp: Final = Struct("<8xqq").unpack_from  # words 1 and 2 of a command: time and account
_NO_KEY: Final = -1


class ChainBrokenError(JournalBrokenError):
    """A journal row is missing or is not what was written; `sequence` is the first one that is wrong."""

    def __init__(self, *, sequence: int, problem: str) -> None:
        """Say which row is wrong, how, and what the operator can do."""
        super().__init__(
            f"Journal row {sequence} {problem}. Do not trust this journal from that row on: restore a backup and "
            "compare."
        )
        self.sequence = sequence


def chain_hash(*, previous: bytes, sequence: int, key: bytes | None, command: bytes, events: bytes) -> bytes:
    """Return the 32-byte SHA-256 that a row carries; `previous` is the row's before it, or `GENESIS_CHAIN`.

    Hashed are previous, then little-endian: sequence (u64), length of the key (i32, -1 for none), of the command and of
    the events (u32 each), then the three. Time and account are covered as words of the command.
    """
    if key is None:
        lengths = _pack_lengths(sequence, _NO_KEY, len(command), len(events))
        return sha256(b"".join((previous, lengths, command, events))).digest()
    lengths = _pack_lengths(sequence, len(key), len(command), len(events))
    return sha256(b"".join((previous, lengths, key, command, events))).digest()


def verify_chain(rows: Iterable[PlainRow], *, previous: bytes, after: int | None = None) -> None:
    """Check that rows follow each other and the chain `previous` of the row before them (`GENESIS_CHAIN` for row 1).

    `after` is the sequence of the row before them, where it is known. Raises `ChainBrokenError` naming the first row
    that is missing or wrong.
    """
    expected = None if after is None else after + 1
    for row in rows:
        sequence, time_ns, account, key, command, events, chain = row
        if sequence != expected and expected is not None:
            raise ChainBrokenError(sequence=expected, problem=f"is missing: row {sequence} stands in its place")
        try:
            # As `chain_hash`, written out for rows without a key: recovery goes through every row behind a snapshot.
            if key is None:
                lengths = _pack_lengths(sequence, _NO_KEY, len(command), len(events))
                found = sha256(previous + lengths + command + events).digest()
            else:
                found = chain_hash(previous=previous, sequence=sequence, key=key, command=command, events=events)
            is_whole = found == chain and _read_stamp(command) == (time_ns, account)
        except (error, TypeError):  # a column of another type, a number out of range, a command too short for its stamp
            is_whole = False
        if not is_whole:
            raise ChainBrokenError(sequence=sequence, problem="was altered or does not follow the row before it")
        previous = chain
        expected = sequence + 1
