"""Snapshots in PostgreSQL: the last two, and never a damaged one."""

import logging

import psycopg
import pytest

from tests.contract.conftest import MakeDatabase
from tests.support.postgres_database import PostgresDatabase
from waiver_exchange.adapters.postgres.snapshots import PostgresSnapshotStore
from waiver_exchange.application.ports import JournalError, Snapshot


@pytest.fixture
def database(make_database: MakeDatabase) -> PostgresDatabase:
    return make_database()


@pytest.fixture
def store(database: PostgresDatabase) -> PostgresSnapshotStore:
    return PostgresSnapshotStore(database.url)


def snapshot(sequence: int, *, state: bytes = b"state of the engine") -> Snapshot:
    return Snapshot(
        sequence=sequence, time_ns=1_788_739_200_000_000_000 + sequence, chain=bytes(range(32)), state=state
    )


def change(database: PostgresDatabase, sql: str) -> list[int]:
    with psycopg.connect(database.administrator_url, autocommit=True) as connection:
        return [row[0] for row in connection.execute(sql).fetchall()]


@pytest.mark.parametrize("state", [b"", b"\x00", bytes(range(256)) * 20_000])
async def test_snapshot_comes_back_as_it_was_stored(store: PostgresSnapshotStore, state: bytes) -> None:
    assert await store.load_latest() is None
    await store.store(snapshot(7, state=state))
    assert await store.load_latest() == snapshot(7, state=state)


async def test_last_two_are_kept_and_the_same_row_twice_is_one(
    store: PostgresSnapshotStore, database: PostgresDatabase
) -> None:
    for sequence in (5, 90, 1_000, 20_000):
        await store.store(snapshot(sequence))
    await store.store(snapshot(20_000, state=b"again"))
    assert await store.load_latest() == snapshot(20_000, state=b"again")
    assert change(database, "SELECT sequence FROM exchange.snapshots ORDER BY 1") == [1_000, 20_000]


async def test_snapshots_of_later_rows_go_with_a_journal_that_was_set_back(store: PostgresSnapshotStore) -> None:
    for sequence in (1_000, 20_000, 300):
        await store.store(snapshot(sequence))
    assert await store.load_latest() == snapshot(300)


async def test_a_late_snapshot_leaves_newer_ones_of_rows_that_the_journal_has(
    store: PostgresSnapshotStore, database: PostgresDatabase
) -> None:
    row = "INSERT INTO exchange.journal VALUES (20000, 1, 0, NULL, '', '', sha256('')) RETURNING sequence"
    change(database, row)
    for sequence in (1_000, 20_000, 300):
        await store.store(snapshot(sequence))
    assert await store.load_latest() == snapshot(20_000)
    assert change(database, "SELECT sequence FROM exchange.snapshots ORDER BY 1") == [1_000, 20_000]


@pytest.mark.parametrize("damage", ["state = '\\x00'", "chain = sha256('')", "time_ns = 0", "checksum = sha256('')"])
async def test_a_damaged_one_is_skipped_with_a_warning(
    store: PostgresSnapshotStore, database: PostgresDatabase, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    await store.store(snapshot(5))
    await store.store(snapshot(9))
    assert change(database, f"UPDATE exchange.snapshots SET {damage} WHERE sequence = 9 RETURNING sequence") == [9]  # noqa: S608 - see above
    with caplog.at_level(logging.WARNING):
        assert await store.load_latest() == snapshot(5)
    assert "Skipped the snapshot at row 9: its checksum is wrong" in caplog.text


async def test_a_database_that_is_not_there_is_no_missing_snapshot(database: PostgresDatabase) -> None:
    nowhere = PostgresSnapshotStore(database.url.replace(database.name, "nowhere"))
    with pytest.raises(JournalError, match="there is no such database"):
        await nowhere.load_latest()
    with pytest.raises(JournalError, match="there is no such database"):
        await nowhere.store(snapshot(1))
