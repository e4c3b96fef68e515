"""Snapshots in PostgreSQL: whole or not there at all, and a damaged one is known by its checksum."""

import hashlib
import logging
from struct import Struct
from typing import Final

import asyncpg

from waiver_exchange.adapters.postgres.connecting import close, connect, explained
from waiver_exchange.application.ports import Snapshot, SnapshotStore

_log = logging.getLogger(__name__)

KEPT: Final = 2
# A state has tens of megabytes.
TRANSFER_SECONDS_MAX: Final = 60.0
_DAMAGED: Final = "its checksum is wrong. The start takes longer and loses nothing."
_NAME: Final = "waiver snapshots"
# Little-endian, as in the files: sequence (u64), time (i64), chain (32 bytes), length of the state (u64).
_pack_head: Final = Struct("<Qq32sQ").pack

_SEQUENCES: Final = "SELECT sequence FROM exchange.snapshots ORDER BY sequence DESC"
_LOAD: Final = "SELECT sequence, time_ns, chain, state, checksum FROM exchange.snapshots WHERE sequence = $1"
_STORE: Final = """
INSERT INTO exchange.snapshots (sequence, time_ns, chain, state, checksum) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (sequence) DO UPDATE SET time_ns = excluded.time_ns, chain = excluded.chain, state = excluded.state,
    checksum = excluded.checksum
"""
# Snapshots behind the end of the journal are of one that was set back. Others that are newer were made by an engine
# that leads by now, while this one was late: they stay, and count among those that are kept.
_FORGET: Final = """
DELETE FROM exchange.snapshots WHERE sequence > greatest($1, (SELECT max(sequence) FROM exchange.journal))
OR sequence NOT IN (
    SELECT sequence FROM exchange.snapshots WHERE sequence <= greatest($1, (SELECT max(sequence) FROM exchange.journal))
    ORDER BY sequence DESC LIMIT $2
)
"""


class PostgresSnapshotStore(SnapshotStore):
    """Snapshots in the database of the journal; one process at a time writes. Each call has a connection of its own."""

    def __init__(self, url: str) -> None:
        """Take the address of a database that is migrated."""
        self._url = url

    async def load_latest(self) -> Snapshot | None:
        """Return the newest snapshot that is whole, or None; damaged ones are skipped with a warning in the log.

        Whether it belongs to the journal at hand is the caller's to check, by its sequence and chain. Raises
        `JournalError`.
        """
        with explained(action="read the snapshots", url=self._url):
            connection = await self._connect()
            try:
                for (sequence,) in await connection.fetch(_SEQUENCES):
                    found = await connection.fetchrow(_LOAD, sequence)
                    snapshot = _snapshot_of(found) if found is not None else None
                    if snapshot is not None:
                        return snapshot
                    _log.warning("Skipped the snapshot at row %d: %s", sequence, _DAMAGED)
            finally:
                await close(connection)
        return None

    async def store(self, snapshot: Snapshot) -> None:
        """Keep a snapshot durably and drop all but it and the newest one before it, in one transaction.

        Snapshots of rows that the journal does not have go too: it has been set back behind them. Newer ones of rows
        that it has stay. Raises `JournalError`; then the
        earlier snapshots are as they were.
        """
        row = (snapshot.sequence, snapshot.time_ns, snapshot.chain, snapshot.state)
        with explained(action="write a snapshot", url=self._url):
            connection = await self._connect()
            try:
                async with connection.transaction():
                    await connection.execute(_STORE, *row, _checksum(*row))
                    await connection.execute(_FORGET, snapshot.sequence, KEPT)
            finally:
                await close(connection)

    async def _connect(self) -> asyncpg.Connection:
        # The server's time for a statement is of rows, not of a state.
        session = {"statement_timeout": str(int(TRANSFER_SECONDS_MAX * 1_000))}
        return await connect(self._url, name=_NAME, session=session, answer_seconds_max=TRANSFER_SECONDS_MAX)


def _snapshot_of(row: asyncpg.Record) -> Snapshot | None:
    sequence, time_ns, chain, state, checksum = row
    if _checksum(sequence, time_ns, chain, state) != checksum:
        return None
    return Snapshot(sequence=sequence, time_ns=time_ns, chain=chain, state=state)


def _checksum(sequence: int, time_ns: int, chain: bytes, state: bytes) -> bytes:
    digest = hashlib.sha256(_pack_head(sequence, time_ns, chain, len(state)))
    digest.update(state)
    return digest.digest()
