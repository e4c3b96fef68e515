"""Make a checkpoint: replay the journal to its end, compare it with every checkpoint before, sign what came out."""

import logging
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from waiver_exchange.application.chain import verify_chain
from waiver_exchange.application.checkpoints.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    origin_of,
    read_signed,
)
from waiver_exchange.application.checkpoints.note import NoteError, Signer, VerifyingKey
from waiver_exchange.application.checkpoints.store import CheckpointStore
from waiver_exchange.application.engine_state import decode_state
from waiver_exchange.application.ports import GENESIS_CHAIN, Journal, JournalBrokenError, SnapshotStore
from waiver_exchange.application.recovery import READ_ROWS, EngineAt, recover_engine
from waiver_exchange.application.verify import conservation_difference
from waiver_exchange.engine.invariant import InvariantError
from waiver_exchange.engine.state import STATE_VERSION, state_bytes

_log = logging.getLogger(__name__)
_NOTHING: Final = 0


class CheckpointDisagreesError(JournalBrokenError):
    """A checkpoint that was signed says other things than the journal: one of the two was changed since."""

    def __init__(self, sequence: int, problem: str) -> None:
        """Name the checkpoint's row and what is wrong."""
        super().__init__(
            f"The checkpoint of row {sequence} {problem}. No further checkpoint is signed. Run `waiver audit verify` "
            "with a published copy of the checkpoints, and see docs/runbooks/AuditVerificationFailed.md."
        )
        self.sequence = sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The journal as of a row, replayed: cash in micro-dollars, hashes as in `Checkpoint`."""

    sequence: int
    time_ns: int
    chain: bytes
    state_hash: str
    cash_issued_micros: int
    cash_held_micros: int


async def make_checkpoint(
    *,
    journal: Journal,
    snapshots: SnapshotStore | None,
    store: CheckpointStore,
    seed: bytes,
    next_public_key: bytes | None = None,
) -> SignedCheckpoint | None:
    """Sign and keep a checkpoint of the journal's last row; None when the journal is empty.

    The rows since the newest snapshot are executed again and those since the last checkpoint hashed again, so that
    nothing unverified is signed. With a `next_public_key` (32 bytes) it names the key that signs from here on. Raises
    `JournalError`, `JournalBrokenError`, `InvariantError`, `NoteError` and `OSError`.
    """
    first = await journal.read(after=0, limit=1)
    if not first:
        return None
    signer = Signer(name=origin_of(first[0].chain), seed=seed)
    last = _last_of(store, own=signer.key)
    _check_in_force(store, signer.key, last=last)
    at = await recover_engine(journal=journal, snapshots=snapshots)
    await _check_against_last(journal, at, last=None if last is None else last.checkpoint)
    checkpoint = _state(
        describe(at),
        origin=signer.key.name,
        previous="" if last is None else last.checkpoint.hash,
        next_key=None if next_public_key is None else VerifyingKey(signer.key.name, next_public_key),
    )
    content = signer.sign(checkpoint.text)
    _keep_key(store, signer.key, last=None if last is None else last.checkpoint)
    store.append(content)
    return read_signed(content)


def describe(at: EngineAt) -> Verified:
    """Return what an engine leads to at its row. Raises `InvariantError` when cash, shares or holds do not add up."""
    state = state_bytes(at.engine)
    held = decode_state(state)
    difference = conservation_difference(held)
    if difference is not None:
        raise InvariantError(difference)
    return Verified(
        sequence=at.sequence,
        time_ns=at.time_ns,
        chain=at.chain,
        state_hash=sha256(state).hexdigest(),
        cash_issued_micros=held.cash_issued_micros,
        cash_held_micros=sum(account.cash_micros for account in held.accounts.values()),
    )


def _state(found: Verified, *, origin: str, previous: str, next_key: VerifyingKey | None) -> Checkpoint:
    return Checkpoint(
        origin=origin,
        sequence=found.sequence,
        chain=found.chain,
        time_ns=found.time_ns,
        state_format=STATE_VERSION,
        state_hash=found.state_hash,
        cash_issued_micros=found.cash_issued_micros,
        cash_held_micros=found.cash_held_micros,
        previous=previous,
        next_key=next_key,
    )


def _last_of(store: CheckpointStore, *, own: VerifyingKey) -> SignedCheckpoint | None:
    """Return the last checkpoint kept, if its signature is right. Raises `CheckpointDisagreesError`."""
    count = store.count()
    if count == _NOTHING:
        return None
    (content,) = store.read(start=count - 1, limit=1)
    keys = tuple(VerifyingKey.parse(text) for text in store.public_keys())
    try:
        last = read_signed(content)
        last.note.signed_by((*keys, own))
    except NoteError as error:
        raise CheckpointDisagreesError(_NOTHING, f"that was kept last is not to be believed: {error}") from error
    if last.checkpoint.origin != own.name:
        raise CheckpointDisagreesError(last.checkpoint.sequence, "is of another journal")
    return last


def _check_in_force(store: CheckpointStore, key: VerifyingKey, *, last: SignedCheckpoint | None) -> None:
    """See that no key signs once its successor was named: who verifies would not believe it. Raises `NoteError`.

    A key that is new here may sign, named or not: the one before it may be lost.
    """
    known = store.public_keys()
    if last is None or key.text not in known:
        return
    in_force = known[-1] if last.checkpoint.next_key is None else last.checkpoint.next_key.text
    if key.text != in_force:
        raise NoteError(
            "the audit signing key was replaced: the last checkpoint, or one before it, names its successor, which is "
            "to be put in its place (see docs/audit.md about changing the key)"
        )


async def _check_against_last(journal: Journal, at: EngineAt, *, last: Checkpoint | None) -> None:
    """See that the rows from the last checkpoint to the snapshot, which nobody executed now, are a chain.

    Raises `JournalBrokenError`.
    """
    sequence, chain = (_NOTHING, GENESIS_CHAIN) if last is None else (last.sequence, last.chain)
    if last is not None:
        rows = await journal.read(after=sequence - 1, limit=1)
        if not rows or rows[0].sequence != sequence:
            raise CheckpointDisagreesError(sequence, f"was signed, and the journal ends at row {at.sequence}")
        if rows[0].chain != chain:
            raise CheckpointDisagreesError(sequence, "was signed of another row than the journal holds there")
    while sequence < at.snapshot_sequence:
        limit = min(READ_ROWS, at.snapshot_sequence - sequence)
        rows = await journal.read(after=sequence, limit=limit)
        verify_chain(rows, previous=chain, after=sequence)
        if not rows:
            raise CheckpointDisagreesError(sequence, "is followed by no row, and a snapshot was taken of later ones")
        sequence, chain = rows[-1].sequence, rows[-1].chain


def _keep_key(store: CheckpointStore, key: VerifyingKey, *, last: Checkpoint | None) -> None:
    known = store.public_keys()
    if key.text in known:
        return
    if known and (last is None or last.next_key != key):
        _log.warning(
            "checkpoints are signed by a key from now on that the one before did not name: those who verify must be "
            "told of %s (see docs/audit.md about changing the key)",
            key.text,
        )
    store.add_key(key.text)
