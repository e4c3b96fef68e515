"""What every journal must do, run against each of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from tests.fakes.journal import FakeJournal, chained_rows, key_of
from tests.support.postgres_database import ROLES, PostgresDatabase
from waiver_exchange.adapters.postgres.journal import PostgresJournal
from waiver_exchange.adapters.sqlite.journal import STATEMENT_ROWS_MAX, SqliteJournal
from waiver_exchange.application.chain import verify_chain
from waiver_exchange.application.ports import GENESIS_CHAIN, Journal, JournalError, JournalRow

pytestmark = pytest.mark.asyncio


class JournalStorage(Protocol):
    """Where a journal keeps its rows: it can be opened again, and its disk can be filled and emptied."""

    async def open(self) -> Journal: ...

    async def break_writes(self, journal: Journal) -> None: ...

    async def mend_writes(self, journal: Journal) -> None: ...


class FakeStorage(JournalStorage):
    def __init__(self) -> None:
        self._rows: list[JournalRow] = []

    async def open(self) -> Journal:
        return FakeJournal(self._rows)

    async def break_writes(self, journal: Journal) -> None:
        assert isinstance(journal, FakeJournal)
        journal.is_full = True

    async def mend_writes(self, journal: Journal) -> None:
        assert isinstance(journal, FakeJournal)
        journal.is_full = False


class SqliteStorage(JournalStorage):
    def __init__(self, path: Path) -> None:
        self._path = path

    async def open(self) -> Journal:
        return SqliteJournal.open(self._path)

    async def break_writes(self, journal: Journal) -> None:
        await self._limit_pages(journal, 1)  # SQLite takes the present size instead: the next page finds the disk full

    async def mend_writes(self, journal: Journal) -> None:
        await self._limit_pages(journal, 1_000_000)

    async def _limit_pages(self, journal: Journal, pages: int) -> None:
        assert isinstance(journal, SqliteJournal)
        writer = journal._writer
        assert writer is not None
        await writer.run(lambda: writer._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())


class PostgresStorage(JournalStorage):
    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def open(self) -> Journal:
        return await PostgresJournal.open(self._database.url)

    async def break_writes(self, journal: Journal) -> None:  # noqa: ARG002 - as the protocol has it
        self._change_rights("REVOKE INSERT ON {} FROM")

    async def mend_writes(self, journal: Journal) -> None:  # noqa: ARG002 - as the protocol has it
        self._change_rights("GRANT INSERT ON {} TO")

    def _change_rights(self, statement: str) -> None:
        tables = "exchange.journal, exchange.journal_probe"
        name = self._database.name
        self._database.server.execute(f"{statement.format(tables)} {ROLES.service}", database=name)


@pytest.fixture(params=["fake", "sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JournalStorage]:
    if request.param == "fake":
        yield FakeStorage()
    elif request.param == "sqlite":
        yield SqliteStorage(tmp_path / "journal.db")
    else:
        make_database = request.getfixturevalue("make_database")
        yield PostgresStorage(make_database())


@asynccontextmanager
async def opened(storage: JournalStorage) -> AsyncIterator[Journal]:
    journal = await storage.open()
    try:
        yield journal
    finally:
        await journal.close()


async def test_new_journal_is_empty(storage: JournalStorage) -> None:
    async with opened(storage) as journal:
        assert await journal.last() is None
        assert await journal.read(after=0, limit=10) == []
        assert await journal.find([key_of(1)]) == {}


async def test_rows_come_back_as_they_were_written(storage: JournalStorage) -> None:
    keyed = chained_rows(3)
    rows = keyed + chained_rows(2, after=keyed[-1], are_keyed=False)
    async with opened(storage) as journal:
        await journal.append(rows)
        found = await journal.read(after=0, limit=10)
        assert found == rows
        assert all(isinstance(row, JournalRow) for row in found)
        assert await journal.last() == rows[-1]
        verify_chain(found, previous=GENESIS_CHAIN)


async def test_extreme_numbers_and_empty_events_come_back(storage: JournalStorage) -> None:
    row = JournalRow(1, -(2**63), 2**63 - 1, None, b"", b"", GENESIS_CHAIN)
    async with opened(storage) as journal:
        await journal.append([row])
        assert await journal.last() == row


@pytest.mark.parametrize("count", [1, 2, 3, 64, 255, 256, 257, 1_000])
async def test_batch_of_any_size_is_written_in_order(storage: JournalStorage, count: int) -> None:
    first = chained_rows(1)
    rows = chained_rows(count, after=first[0])
    async with opened(storage) as journal:
        await journal.append(first)
        await journal.append(rows)
        assert await journal.read(after=1, limit=count + 1) == rows


async def test_empty_batch_writes_nothing(storage: JournalStorage) -> None:
    async with opened(storage) as journal:
        await journal.append([])
        assert await journal.last() is None


async def test_rows_outlive_the_journal_object(storage: JournalStorage) -> None:
    rows = chained_rows(5)
    async with opened(storage) as journal:
        await journal.append(rows)
    async with opened(storage) as journal:
        assert await journal.read(after=0, limit=10) == rows
        more = chained_rows(2, after=rows[-1])
        await journal.append(more)
        assert await journal.last() == more[-1]


async def test_read_goes_on_after_a_row_and_stops_at_the_limit(storage: JournalStorage) -> None:
    rows = chained_rows(20)
    async with opened(storage) as journal:
        await journal.append(rows)
        assert await journal.read(after=7, limit=5) == rows[7:12]
        assert await journal.read(after=18, limit=5) == rows[18:]
        assert await journal.read(after=20, limit=5) == []
        assert await journal.read(after=0, limit=0) == []


async def test_find_returns_only_the_keys_that_are_there(storage: JournalStorage) -> None:
    rows = chained_rows(10)
    async with opened(storage) as journal:
        await journal.append(rows)
        found = await journal.find([key_of(3), key_of(99), key_of(7), key_of(3)])
        assert found == {key_of(3): rows[2], key_of(7): rows[6]}
        assert await journal.find([]) == {}


async def test_find_takes_more_keys_than_one_statement(storage: JournalStorage) -> None:
    count = STATEMENT_ROWS_MAX * 2 + 3
    rows = chained_rows(count)
    async with opened(storage) as journal:
        await journal.append(rows)
        found = await journal.find([key_of(number) for number in range(1, count + 50)])
        assert found == {row.key: row for row in rows}


async def test_rows_without_a_key_do_not_collide(storage: JournalStorage) -> None:
    async with opened(storage) as journal:
        await journal.append(chained_rows(50, are_keyed=False))
        assert await journal.find([bytes(16)]) == {}


@pytest.mark.parametrize("count", [1, 4, 100])
async def test_sequence_that_exists_is_refused_with_its_whole_batch(storage: JournalStorage, count: int) -> None:
    rows = chained_rows(5)
    fork = chained_rows(count, after=rows[3], are_keyed=False)
    async with opened(storage) as journal:
        await journal.append(rows)
        with pytest.raises(JournalError):
            await journal.append(list(reversed(fork)))
        assert await journal.read(after=0, limit=200) == rows


async def test_key_that_exists_is_refused_with_its_whole_batch(storage: JournalStorage) -> None:
    rows = chained_rows(5)
    more = chained_rows(7, after=rows[-1])
    more[-1] = more[-1]._replace(key=rows[0].key)
    async with opened(storage) as journal:
        await journal.append(rows)
        with pytest.raises(JournalError):
            await journal.append(more)
        assert await journal.read(after=0, limit=200) == rows
        assert await journal.find([key_of(1), key_of(6)]) == {key_of(1): rows[0]}


@pytest.mark.parametrize("count", [64, 100, 1_000])
async def test_failed_batch_leaves_nothing_and_can_be_written_later(storage: JournalStorage, count: int) -> None:
    rows = chained_rows(5)
    more = chained_rows(count, after=rows[-1])
    async with opened(storage) as journal:
        await journal.append(rows)
        await storage.break_writes(journal)
        with pytest.raises(JournalError):
            await journal.append(more)
        await storage.mend_writes(journal)
        assert await journal.last() == rows[-1]
        assert await journal.find([key_of(6)]) == {}
        await journal.append(more)
        assert await journal.read(after=5, limit=count + 1) == more


async def test_check_tells_whether_rows_can_be_written_and_leaves_none(storage: JournalStorage) -> None:
    rows = chained_rows(5)
    async with opened(storage) as journal:
        await journal.append(rows)
        await storage.break_writes(journal)
        with pytest.raises(JournalError):
            await journal.check_writable()
        assert await journal.last() == rows[-1]  # what is there can still be read
        await storage.mend_writes(journal)
        await journal.check_writable()
        await journal.check_writable()
        assert await journal.read(after=0, limit=10) == rows
        await journal.append(chained_rows(1, after=rows[-1]))


async def test_find_and_read_go_on_while_an_append_is_under_way(storage: JournalStorage) -> None:
    rows = chained_rows(300)
    async with opened(storage) as journal:
        await journal.append(rows[:100])
        append = asyncio.create_task(journal.append(rows[100:]))
        await asyncio.sleep(0)
        assert await journal.find([key_of(1)]) == {key_of(1): rows[0]}
        seen = await journal.read(after=0, limit=1_000)
        assert seen in (rows[:100], rows)  # all of the batch or nothing
        await append
        assert await journal.last() == rows[-1]


async def test_appends_are_written_in_the_order_they_were_asked_for(storage: JournalStorage) -> None:
    rows = chained_rows(100)
    async with opened(storage) as journal:
        await asyncio.gather(*(journal.append(rows[start : start + 10]) for start in range(0, 100, 10)))
        assert await journal.read(after=0, limit=1_000) == rows


async def test_close_finishes_pending_writes(storage: JournalStorage) -> None:
    rows = chained_rows(300)
    journal = await storage.open()
    append = asyncio.create_task(journal.append(rows))
    await asyncio.sleep(0)
    await journal.close()
    await append
    async with opened(storage) as again:
        assert await again.last() == rows[-1]


async def test_closed_journal_refuses_and_can_be_closed_again(storage: JournalStorage) -> None:
    journal = await storage.open()
    await journal.close()
    await journal.close()
    with pytest.raises(JournalError):
        await journal.append(chained_rows(1))
    with pytest.raises(JournalError):
        await journal.check_writable()
    with pytest.raises(JournalError):
        await journal.last()
