"""What the journal in PostgreSQL does beyond the contract: it leads or is fenced, and settles what nobody answered."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.contract.conftest import MakeDatabase
from tests.fakes.journal import chained_rows, key_of
from tests.support.postgres_database import PostgresDatabase
from tests.support.tcp_proxy import Cut, TcpProxy, tcp_proxy
from waiver_exchange.adapters.postgres import leadership
from waiver_exchange.adapters.postgres.journal import PostgresJournal
from waiver_exchange.adapters.postgres.leadership import Leadership, SecondEngineError
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.ports import FencedError, JournalError
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain.commands import DepositCash
from waiver_exchange.domain.refusals import RefusalReason

WAIT_SECONDS = 20
HEARTBEAT = "waiver_exchange.adapters.postgres.journal.HEARTBEAT_SECONDS"


@pytest.fixture
def database(make_database: MakeDatabase) -> PostgresDatabase:
    return make_database()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse soon, and renew no lock while a test takes it away, unless that is what it is about."""
    monkeypatch.setattr(leadership, "TAKE_SECONDS_MAX", 0.2)
    monkeypatch.setattr(HEARTBEAT, 10 * WAIT_SECONDS)


@pytest.fixture
def proxy(database: PostgresDatabase) -> Iterator[TcpProxy]:
    with tcp_proxy(database.server.port) as made:
        yield made


@pytest.fixture
async def journal(database: PostgresDatabase, proxy: TcpProxy) -> AsyncIterator[PostgresJournal]:
    opened = await PostgresJournal.open(through(proxy, database))
    try:
        yield opened
    finally:
        await opened.close()


def through(proxy: TcpProxy, database: PostgresDatabase) -> str:
    return database.url.replace(f":{database.server.port}/", f":{proxy.port}/")


async def end_sessions(database: PostgresDatabase, purpose: str) -> None:
    async with await psycopg.AsyncConnection.connect(database.administrator_url, autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE %s",
            (f"waiver {purpose} %",),
        )


async def test_closing_while_the_lead_is_renewed_gives_it_back_for_good(database: PostgresDatabase) -> None:
    held = await Leadership.take(database.url)
    renewing = asyncio.create_task(held.renew())
    await asyncio.sleep(0)  # it has asked and waits for the answer
    await held.close()
    assert await renewing
    assert not await held.renew()
    await (await Leadership.take(database.url)).close()


async def test_closing_does_not_wait_for_a_server_that_says_nothing(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "CLOSE_SECONDS_MAX", 0.1)
    held = await Leadership.take(database.url)
    async with await psycopg.AsyncConnection.connect(database.administrator_url) as connection:
        await connection.execute("LOCK TABLE exchange.leadership")  # until the block ends
        renewing = asyncio.create_task(held.renew())
        await asyncio.sleep(0)
        await held.close()
        assert not await renewing
    await (await Leadership.take(database.url)).close()


async def test_renewing_that_is_broken_off_leaves_a_lead_that_can_be_renewed(database: PostgresDatabase) -> None:
    held = await Leadership.take(database.url)
    renewing = asyncio.create_task(held.renew())
    await asyncio.sleep(0)
    renewing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await renewing
    assert await held.renew()
    await held.close()


async def test_a_second_journal_is_refused_until_the_first_is_closed(
    journal: PostgresJournal, database: PostgresDatabase
) -> None:
    with pytest.raises(SecondEngineError, match="Another engine works on the database"):
        await PostgresJournal.open(database.url)
    reader = await PostgresJournal.open(database.url, read_only=True)
    await journal.append(chained_rows(2))
    assert await reader.last() == chained_rows(2)[-1]
    with pytest.raises(JournalError, match="open for reading only"):
        await reader.append(chained_rows(1))
    await reader.close()
    await journal.close()
    second = await PostgresJournal.open(database.url)
    await second.close()


async def test_who_lost_the_lock_to_nobody_takes_it_again_and_writes_on(
    journal: PostgresJournal, database: PostgresDatabase
) -> None:
    rows = chained_rows(2)
    await end_sessions(database, "leadership")
    await journal.append(rows[:1])
    assert journal.leadership is not None
    assert await journal.leadership.renew()
    await journal.append(rows[1:])
    with pytest.raises(SecondEngineError):
        await PostgresJournal.open(database.url)
    assert await journal.last() == rows[-1]


async def test_who_lost_the_lock_to_another_writes_nothing_more(
    journal: PostgresJournal, database: PostgresDatabase
) -> None:
    rows = chained_rows(3)
    await journal.append(rows[:1])
    await end_sessions(database, "leadership")
    second = await PostgresJournal.open(database.url)
    try:
        for forbidden in (journal.append(rows[1:2]), journal.check_writable(), journal.append(rows[1:])):
            with pytest.raises(FencedError, match="Another engine took over"):
                await forbidden
        assert journal.leadership is not None
        with pytest.raises(FencedError):
            await journal.leadership.renew()
        assert await second.last() == rows[0]
        await second.append(rows[1:])
    finally:
        await second.close()


async def test_an_engine_that_says_nothing_loses_the_lock_in_bounded_time(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "SILENCE_SECONDS_MAX", 0.5)
    monkeypatch.setattr(leadership, "TAKE_SECONDS_MAX", WAIT_SECONDS)
    silent = await PostgresJournal.open(database.url)
    second = await PostgresJournal.open(database.url)
    with pytest.raises(FencedError):
        await silent.append(chained_rows(1))
    await silent.close()
    await second.close()


async def test_an_engine_that_takes_long_to_start_keeps_the_lock_before_anybody_watches(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "SILENCE_SECONDS_MAX", 2.0)
    monkeypatch.setattr(leadership, "TAKE_SECONDS_MAX", 4.0)
    monkeypatch.setattr(HEARTBEAT, 0.1)
    starting = await PostgresJournal.open(database.url)
    try:
        with pytest.raises(SecondEngineError):
            await PostgresJournal.open(database.url)
        await starting.append(chained_rows(1))
    finally:
        await starting.close()


async def test_an_engine_waits_for_the_place_of_a_process_of_this_host_that_is_gone(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "SILENCE_SECONDS_MAX", 2.0)
    lingering = await Leadership.take(database.url)
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await gone.wait()
    there = lingering.holder.replace(f"process {os.getpid()},", f"process {gone.pid},")
    async with await psycopg.AsyncConnection.connect(database.administrator_url, autocommit=True) as connection:
        await connection.execute("UPDATE exchange.leadership SET holder = %s", (there,))
    monkeypatch.setattr(leadership, "SILENCE_SECONDS_MAX", WAIT_SECONDS)
    await (await Leadership.take(database.url)).close()
    await lingering.close()


async def test_a_closed_journal_gives_the_lock_back_and_renews_it_no_more(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HEARTBEAT, 0.0)
    for _ in range(3):
        await (await PostgresJournal.open(database.url)).close()


def fail(error: JournalError) -> None:
    pytest.fail(str(error))


async def test_a_watch_ends_when_another_took_over_although_nothing_is_written(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HEARTBEAT, 0.05)
    opened = await PostgresJournal.open(database.url)
    async with await psycopg.AsyncConnection.connect(database.administrator_url, autocommit=True) as connection:
        await connection.execute("UPDATE exchange.leadership SET epoch = epoch + 1, holder = 'another'")
    with pytest.raises(FencedError):
        await asyncio.wait_for(opened.watch(fail), WAIT_SECONDS)
    await opened.close()


@pytest.mark.parametrize("cut", Cut)
async def test_a_commit_whose_answer_is_lost_is_read_back(journal: PostgresJournal, proxy: TcpProxy, cut: Cut) -> None:
    rows = chained_rows(40)
    await journal.append(rows[:10])
    proxy.cut_at(rows[20].chain, cut)
    with pytest.raises(JournalError):
        await journal.append(rows[10:])
    proxy.wait_for_cut()
    there = await journal.read(after=0, limit=100)
    if cut is Cut.before_it_arrives:
        assert there == rows[:10]
    elif cut is Cut.before_the_answer:
        assert there == rows
    if there == rows[:10]:
        await journal.append(rows[10:])  # what the read back said stays so
    assert await journal.read(after=0, limit=100) == rows


async def test_an_insert_that_waits_on_the_server_cannot_write_after_it_was_read_back(
    journal: PostgresJournal, database: PostgresDatabase, proxy: TcpProxy
) -> None:
    rows = chained_rows(20)
    await journal.append(rows[:10])
    async with await psycopg.AsyncConnection.connect(database.administrator_url) as holding:
        await holding.execute("LOCK TABLE exchange.journal IN SHARE ROW EXCLUSIVE MODE")
        proxy.cut_at(rows[10].chain, Cut.when_it_arrived)
        with pytest.raises(JournalError):
            await journal.append(rows[10:])
        proxy.wait_for_cut()
        assert await journal.last() == rows[9]
    assert await journal.last() == rows[9]
    await journal.append(rows[10:])
    assert await journal.last() == rows[-1]


async def test_a_read_back_waits_for_an_insert_under_way(
    journal: PostgresJournal, database: PostgresDatabase, proxy: TcpProxy
) -> None:
    rows = chained_rows(2)
    assert journal.leadership is not None
    # An insert of this engine that is about to commit, on a connection which nobody can end.
    async with await psycopg.AsyncConnection.connect(database.administrator_url) as inserting:
        await inserting.execute("SELECT 1 FROM exchange.leadership FOR SHARE")
        await inserting.execute("INSERT INTO exchange.journal VALUES (%s, %s, %s, %s, %s, %s, %s)", (*rows[0],))
        proxy.cut_at(rows[1].chain, Cut.before_it_arrives)
        with pytest.raises(JournalError):
            await journal.append(rows[1:])
        reading = asyncio.create_task(journal.last())
        await asyncio.wait([reading], timeout=0.3)
        assert not reading.done()
        await inserting.commit()
        assert await reading == rows[0]


async def test_keys_are_found_by_their_index(journal: PostgresJournal, database: PostgresDatabase) -> None:
    await journal.append(chained_rows(2_000))
    assert await journal.find_damage() is None
    async with await psycopg.AsyncConnection.connect(database.administrator_url) as connection:
        await connection.execute("ANALYZE exchange.journal")
        plan = await (
            await connection.execute(
                "EXPLAIN SELECT sequence FROM exchange.journal WHERE key = ANY(%s::bytea[])", ([key_of(1), key_of(2)],)
            )
        ).fetchall()
    assert "journal_key" in str(plan)


@pytest.mark.parametrize("cut", [Cut.before_it_arrives, Cut.before_the_answer])
async def test_who_waits_for_a_lost_answer_is_told_the_truth(
    database: PostgresDatabase, proxy: TcpProxy, tmp_path: Path, cut: Cut
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=through(proxy, database))
    async with running_exchange(settings) as exchange:
        created = await create_account(exchange, name="somebody")
        reference = "a deposit whose answer is lost"
        deposit = DepositCash(account=created.account, amount_micros=1_000_000, reference=reference)
        proxy.cut_at(reference.encode(), cut)
        if cut is Cut.before_the_answer:
            first = await exchange.sequencer.submit(deposit)
            assert not first.is_repetition
        else:
            with pytest.raises(RefusedError) as refused:
                await exchange.sequencer.submit(deposit)
            assert refused.value.reason is RefusalReason.journal_is_unavailable
        proxy.wait_for_cut()
        async with asyncio.timeout(WAIT_SECONDS):
            while exchange.sequencer.failure is not None:  # noqa: ASYNC110 - it comes back by itself
                await asyncio.sleep(0.01)
        again = await exchange.sequencer.submit(deposit)
        assert again.is_repetition is (cut is Cut.before_the_answer)
        assert exchange.state.accounts[created.account].cash_micros == 1_000_000
