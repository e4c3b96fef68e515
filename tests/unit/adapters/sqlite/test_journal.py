"""What is special to the journal on SQLite; what every journal does is in tests/contract."""

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.journal import chained_rows
from waiver_exchange.adapters.sqlite import journal as module
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.application.chain import ChainBrokenError, verify_chain
from waiver_exchange.application.ports import GENESIS_CHAIN, JournalError, JournalRow

ROWS = chained_rows(20)


@pytest.fixture(name="path")
async def make_journal(tmp_path: Path) -> Path:
    """A closed journal of twenty rows."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal.open(path)
    await journal.append(ROWS)
    await journal.close()
    return path


async def read_all(path: Path) -> list[JournalRow]:
    journal = SqliteJournal.open(path, read_only=True)
    try:
        return await journal.read(after=0, limit=1_000)
    finally:
        await journal.close()


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


async def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "journal.db")
    await journal.append(ROWS)
    names = ["journal.db", "journal.db-wal", "journal.db-shm"]
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names}
    await journal.close()
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}


async def test_every_commit_reaches_the_disk(path: Path) -> None:
    journal = SqliteJournal.open(path)
    writer = journal._writer
    assert writer is not None
    settings = [
        await writer.run(lambda name=name: writer._connection.execute(f"PRAGMA {name}").fetchone()[0])  # type: ignore[misc]
        for name in ("journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync")
    ]
    await journal.close()
    assert settings == ["wal", 2, 1, 1]


@pytest.mark.parametrize("statement", ["UPDATE journal SET account = 0 WHERE sequence = 3", "DELETE FROM journal"])
async def test_triggers_refuse_change_and_removal(path: Path, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="the journal is append-only"):
        run_sql(path, statement)
    assert await read_all(path) == ROWS


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET time_ns = time_ns + 1 WHERE sequence = 7",
        "UPDATE journal SET account = account + 1 WHERE sequence = 7",
        "UPDATE journal SET key = randomblob(16) WHERE sequence = 7",
        "UPDATE journal SET key = NULL WHERE sequence = 7",
        "UPDATE journal SET command = CAST(command || x'00' AS BLOB) WHERE sequence = 7",
        "UPDATE journal SET events = zeroblob(length(events)) WHERE sequence = 7",
        "UPDATE journal SET chain = randomblob(32) WHERE sequence = 7",
        "DELETE FROM journal WHERE sequence = 7",
        "UPDATE journal SET sequence = 1000 WHERE sequence = 7",
        "UPDATE journal SET events = (SELECT events FROM journal WHERE sequence = 8) WHERE sequence = 7",
    ],
)
async def test_alteration_behind_the_triggers_is_found_by_the_chain(path: Path, statement: str) -> None:
    run_sql(path, "DROP TRIGGER journal_refuses_update", "DROP TRIGGER journal_refuses_delete", statement)
    with pytest.raises(ChainBrokenError) as caught:
        verify_chain(await read_all(path), previous=GENESIS_CHAIN)
    assert caught.value.sequence == 7


@pytest.mark.parametrize(
    "row",
    [
        (21, "now", 1, None, b"", b"", bytes(32)),
        (21, 1, "me", None, b"", b"", bytes(32)),
        (21, 1, 1, b"short", b"", b"", bytes(32)),
        (21, 1, 1, "sixteen letters.", b"", b"", bytes(32)),
        (21, 1, 1, None, "text", b"", bytes(32)),
        (21, 1, 1, None, b"", 5, bytes(32)),
        (21, 1, 1, None, b"", b"", b"short"),
        (0, 1, 1, None, b"", b"", bytes(32)),
    ],
)
async def test_table_takes_no_other_types_and_lengths(path: Path, row: tuple[object, ...]) -> None:
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def make_text(path: Path) -> None:
    path.write_text("Dear diary, this is no database. " * 200)


def make_other_database(path: Path) -> None:
    run_sql(path, "CREATE TABLE bookmarks (address TEXT)")


def make_other_application(path: Path) -> None:
    run_sql(path, "PRAGMA application_id = 7")


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_text, "is no SQLite database or its head is damaged; restore a backup"),
        (make_other_database, "is a database of another program, not a journal; name another file"),
        (make_other_application, "is a database of another program, not a journal; name another file"),
        (Path.mkdir, "cannot be opened|There is no journal at"),
    ],
)
def test_what_is_no_journal_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], message: str, *, read_only: bool
) -> None:
    path = tmp_path / "journal.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(JournalError, match=message):
        SqliteJournal.open(path, read_only=read_only)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert [file.name for file in tmp_path.iterdir()] == ["journal.db"]


@pytest.mark.parametrize("read_only", [True, False])
async def test_journal_of_a_newer_version_is_refused(path: Path, *, read_only: bool) -> None:
    run_sql(path, "PRAGMA user_version = 2")
    with pytest.raises(JournalError, match="has format 2 and this program knows format 1; it was written by a newer"):
        SqliteJournal.open(path, read_only=read_only)


def test_missing_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="its folder does not exist; create it or name another"):
        SqliteJournal.open(tmp_path / "missing" / "journal.db")


async def test_creation_that_was_cut_short_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch()
    journal = SqliteJournal.open(path)
    await journal.append(ROWS)
    await journal.close()
    assert await read_all(path) == ROWS


def test_read_only_refuses_a_missing_journal_and_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="There is no journal at"):
        SqliteJournal.open(tmp_path / "journal.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


async def test_read_only_journal_refuses_rows(path: Path) -> None:
    journal = SqliteJournal.open(path, read_only=True)
    with pytest.raises(JournalError, match="open for reading only"):
        await journal.append(chained_rows(1, after=ROWS[-1]))
    with pytest.raises(JournalError, match="open for reading only"):
        await journal.check_writable()
    await journal.close()


async def test_check_leaves_room_for_a_large_batch_and_nothing_else(path: Path) -> None:
    journal = SqliteJournal.open(path)
    writer = journal._writer
    assert writer is not None
    for _ in range(3):  # the room is found again, not added each time
        await journal.check_writable()
    pages = await writer.run(lambda: int(writer._connection.execute("PRAGMA page_count").fetchone()[0]))
    await writer.run(lambda: writer._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())
    assert module.PROBE_BYTES < pages * 4_096 < module.PROBE_BYTES * 1.2
    more = chained_rows(256, after=ROWS[-1])
    await journal.append(more)
    await journal.close()
    assert await read_all(path) == ROWS + more


async def test_reader_beside_a_writer_sees_what_is_committed(path: Path) -> None:
    writer = SqliteJournal.open(path)
    reader = SqliteJournal.open(path, read_only=True)
    more = chained_rows(3, after=ROWS[-1])
    await writer.append(more)
    assert await reader.last() == more[-1]
    await reader.close()
    await writer.close()


async def test_path_with_characters_of_a_uri(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=memory&x#%41" / "journal.db"
    path.parent.mkdir()
    journal = SqliteJournal.open(path)
    await journal.append(ROWS)
    await journal.close()
    assert await read_all(path) == ROWS


async def test_find_uses_the_index(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {module._FINDS[4]}", [bytes(16)] * 4).fetchall()
    assert [step[3] for step in plan] == ["SEARCH journal USING INDEX journal_key (key=?)"]


async def test_cancelled_append_is_still_written(path: Path) -> None:
    journal = SqliteJournal.open(path)
    more = chained_rows(200, after=ROWS[-1])
    append = asyncio.create_task(journal.append(more))
    await asyncio.sleep(0.05)
    append.cancel()
    await journal.close()
    assert await read_all(path) == ROWS + more
