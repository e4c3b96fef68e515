"""From the journal to a running engine: the newest snapshot and every row behind it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from waiver_exchange.application.chain import verify_chain
from waiver_exchange.application.ports import (
    GENESIS_CHAIN,
    IdentityStore,
    Journal,
    JournalBrokenError,
    JournalError,
    JournalRow,
    PlainRow,
    SnapshotStore,
)
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.engine.engine import Engine
from waiver_exchange.engine.state import StateError, load_state
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState

READ_ROWS: Final = 1_024

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class EngineAt:
    """An engine and the journal row (its sequence, time and chain) up to which it has executed.

    `snapshot_sequence` is the row of the snapshot that it started from, 0 for none.
    """

    engine: Engine
    sequence: int
    time_ns: int
    chain: bytes
    snapshot_sequence: int = 0


class JournalDisagreesError(JournalBrokenError):
    """Executing a row's command again did not give the row's events; the journal or the program was changed."""

    def __init__(self, sequence: int) -> None:
        """Name the row."""
        super().__init__(
            f"Journal row {sequence} holds other events than its command leads to: journal or engine was changed. "
            "Run `waiver verify`, and start the version that wrote the row or restore a backup."
        )
        self.sequence = sequence


class SnapshotDisagreesError(JournalBrokenError):
    """A snapshot was taken of rows that this journal does not hold: rows that were acknowledged are gone."""

    def __init__(self, sequence: int) -> None:
        """Name the row."""
        super().__init__(
            f"A snapshot was taken after row {sequence}, which this journal does not hold: it is cut short or another "
            "journal, and acknowledged rows are gone. Restore the right journal from a backup. If it was put back to "
            "an earlier state on purpose, remove the snapshots directory and read_model.db (in PostgreSQL empty "
            "exchange.snapshots and read_model.content) and start again."
        )
        self.sequence = sequence


class ReadModelAheadError(JournalBrokenError):
    """The read model has seen rows that the journal does not hold: rows that were acknowledged are gone."""

    def __init__(self, *, seen: int, held: int) -> None:
        """Name the last row of each."""
        super().__init__(
            f"The read model has seen row {seen}, the journal ends at row {held}: it is cut short or another journal, "
            "and acknowledged rows are gone. Restore the right journal from a backup. If it was put back to an earlier "
            "state on purpose, remove read_model.db (in PostgreSQL empty read_model.content) and start again."
        )


class IdentityDisagreesError(JournalBrokenError):
    """Names and keys belong to an account that the journal does not hold, or opened at another time."""

    def __init__(self, account: str) -> None:
        """Name the account."""
        super().__init__(
            f"identity.db holds the name and keys of account {account}, which this journal did not open: the journal "
            "is cut short or another one, and the keys would open other people's accounts. Restore journal.db and "
            "identity.db from the same backup. If the journal is meant, remove identity.db, start again, and make new "
            "keys with `waiver account new-key`."
        )


def check_identity(identity: IdentityStore, state: ReadModelState) -> None:
    """Raise `IdentityDisagreesError` unless every named account is the one that the journal opened."""
    for account, opened_at_ns in identity.list_accounts():
        view = state.accounts.get(account)
        if view is None or view.opened_at_ns != opened_at_ns:
            raise IdentityDisagreesError(str(to_uuid(IdKind.account, account)))


async def recover_engine(*, journal: Journal, snapshots: SnapshotStore | None) -> EngineAt:
    """Return the engine as of the last durable row. Raises `JournalError`, `JournalBrokenError`.

    Time grows with the rows behind the newest usable snapshot; without any it is the whole journal.
    """
    at = await _start_from_snapshot(journal=journal, snapshots=snapshots) if snapshots else None
    if at is None:
        at = EngineAt(engine=Engine(), sequence=0, time_ns=0, chain=GENESIS_CHAIN)
    while rows := await journal.read_plain(after=at.sequence, limit=READ_ROWS):
        replay(at, rows)
        # A running service recovers too, and must go on saying how it is.
        await asyncio.sleep(0)
    return at


def replay(at: EngineAt, rows: list[PlainRow]) -> None:
    """Execute rows that follow `at`, check their chain and that each leads to the events that it holds, and move on.

    Raises `ChainBrokenError`, `JournalDisagreesError`.
    """
    verify_chain(rows, previous=at.chain, after=at.sequence)
    at.engine.execute_batch(b"".join([command for _, _, _, _, command, _, _ in rows]))
    ends = at.engine.take_ends()
    events = at.engine.take_events()
    if events != b"".join([own for _, _, _, _, _, own, _ in rows]):
        raise JournalDisagreesError(_first_difference(rows, events=events, ends=ends))
    at.sequence, at.time_ns, _, _, _, _, at.chain = rows[-1]


def _first_difference(rows: list[PlainRow], *, events: bytes, ends: list[int]) -> int:
    start = 0
    for (sequence, _, _, _, _, own, _), end in zip(rows, ends, strict=True):
        if own != events[start:end]:
            return sequence
        start = end
    return rows[-1][0]


async def _start_from_snapshot(*, journal: Journal, snapshots: SnapshotStore) -> EngineAt | None:
    try:
        snapshot = await snapshots.load_latest()
    except OSError:
        _log.warning("the snapshots cannot be read; replaying the whole journal", exc_info=True)
        return None
    if snapshot is None:
        return None
    rows = await journal.read(after=snapshot.sequence - 1, limit=1)
    if not rows or rows[0].chain != snapshot.chain:
        raise SnapshotDisagreesError(snapshot.sequence)
    try:
        engine = load_state(snapshot.state)
    except StateError:
        _log.warning("snapshot at row %d is of another version; replaying the whole journal", snapshot.sequence)
        return None
    return EngineAt(
        engine=engine,
        sequence=snapshot.sequence,
        time_ns=snapshot.time_ns,
        chain=snapshot.chain,
        snapshot_sequence=snapshot.sequence,
    )


async def catch_up(
    projector: Projector,
    *,
    journal: Journal,
    until: int,
    on_folded: Callable[[Sequence[JournalRow]], None] = lambda _: None,
) -> None:
    """Fold the durable rows that the projections have not seen yet, up to a sequence; `on_folded` hears of them."""
    while projector.state.sequence < until:
        rows = await journal.read(
            after=projector.state.sequence, limit=min(READ_ROWS, until - projector.state.sequence)
        )
        if not rows:
            raise JournalError(f"The journal ends before row {until}, which the read model needs.")
        for row in rows:
            projector.apply(row)
        on_folded(rows)
        await asyncio.sleep(0)
