"""What only a server can suffer: two writers, an end, a silence, a lock, tables of another version."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import psycopg
import pytest
from sqlalchemy import event, inspect

from tests.contract.conftest import MakeDatabase
from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import running_postgres
from tests.support.trading import ANN, BOB, FoldedExchange, buy, sell
from waiver_exchange.adapters.postgres.read_model import PostgresReadModel, build_reading_engine
from waiver_exchange.adapters.postgres.read_model_check import KeptPostgresReadModel
from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.adapters.sqlite.read_model import SqliteReadModel
from waiver_exchange.application.selections import FillSelection, LedgerSelection, OrderSelection, TradeSelection
from waiver_exchange.domain.commands import CancelOrder
from waiver_exchange.projections.changes import ReadModelError
from waiver_exchange.projections.state import MovementKind, ReadModelState

Open = Callable[..., PostgresReadModel]


@pytest.fixture
def database(make_database: MakeDatabase) -> PostgresDatabase:
    return make_database()


@pytest.fixture
async def open_store(database: PostgresDatabase) -> AsyncIterator[Open]:
    stores: list[PostgresReadModel] = []

    def open_one(url: str = database.url, **options: Any) -> PostgresReadModel:  # noqa: ANN401 - of the store
        stores.append(PostgresReadModel(url, **options))
        return stores[-1]

    yield open_one
    for store in stores:
        await store.close()


def traded() -> FoldedExchange:
    return FoldedExchange(sell(ANN, price=2_500, quantity=100), buy(BOB, price=2_500, quantity=60))


def count(database: PostgresDatabase, table: str) -> int:
    with closing(psycopg.connect(database.administrator_url)) as connection:
        row = connection.execute(f"SELECT count(*) FROM read_model.{table}").fetchone()  # noqa: S608 - a fixed name
    assert row is not None
    return int(row[0])


def change(database: PostgresDatabase, statement: str) -> None:
    """Do something as the administrator that the service has no right to."""
    with psycopg.connect(database.administrator_url, autocommit=True) as connection:
        connection.execute(statement)


@contextmanager
def locked(database: PostgresDatabase, statement: str) -> Iterator[None]:
    with psycopg.connect(database.administrator_url) as connection:
        connection.execute(statement)
        yield
        connection.rollback()


def test_tables_of_the_migrations_are_those_of_the_schema(database: PostgresDatabase) -> None:
    engine = build_reading_engine(database.administrator_url, connections=1, seconds_max=30)
    found = inspect(engine)
    for table in schema.metadata.sorted_tables:
        columns = [
            (column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(table.name)
        ]
        dialect = engine.dialect
        assert columns == [(c.name, c.type.compile(dialect), c.nullable) for c in table.columns]
        assert found.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
        indexes = {str(index["name"]): index["column_names"] for index in found.get_indexes(table.name)}
        assert indexes == {str(index.name): list(index.columns.keys()) for index in table.indexes}
    engine.dispose()


async def test_of_two_who_store_the_same_one_writes(database: PostgresDatabase, open_store: Open) -> None:
    changes = traded().take()
    stores = [open_store() for _ in range(4)]
    await stores[0].load()
    await asyncio.gather(*(store.store(changes) for store in stores))

    assert (await stores[1].load()).sequence == changes.sequence
    assert (count(database, "movements"), count(database, "trades")) == (6, 1)


async def test_who_stores_behind_another_is_refused_and_changes_nothing(
    database: PostgresDatabase, open_store: Open
) -> None:
    exchange = traded()
    first = exchange.take()
    exchange.run(buy(BOB, price=2_000, quantity=1))
    second = exchange.take()
    leading, paused = open_store(), open_store()
    await leading.store(first)
    with locked(database, "SELECT 1 FROM read_model.exchange FOR UPDATE"):
        waiting = asyncio.create_task(leading.store(second))
        late = asyncio.create_task(paused.store(replace(second, sequence=second.sequence + 1)))
        await asyncio.wait([waiting, late], timeout=0.2)
        assert not waiting.done()
        assert not late.done()
    done = await asyncio.gather(waiting, late, return_exceptions=True)

    # Whichever came first has written, the other one found the checkpoint moved.
    assert [type(outcome) for outcome in done if outcome is not None] == [ReadModelError]
    assert count(database, "orders") == 3


async def test_a_gap_and_a_repetition_are_told_apart_by_the_checkpoint(open_store: Open) -> None:
    exchange = traded()
    first = exchange.take()
    exchange.run(buy(BOB, price=2_000, quantity=1))
    second = exchange.take()
    store = open_store()
    with pytest.raises(ReadModelError, match=f"changes after row {first.sequence} do not follow"):
        await store.store(second)
    await store.store(first)
    await store.store(second)
    with pytest.raises(ReadModelError, match="do not follow"):
        await store.store(first)
    await store.store(second)
    assert (await store.load()).sequence == second.sequence


async def test_a_failing_write_leaves_nothing(database: PostgresDatabase, open_store: Open) -> None:
    exchange, store = traded(), open_store()
    await exchange.flush(store)
    (order,) = exchange.state.orders.values()
    exchange.run(CancelOrder(account=ANN, order_id=order.order_id))
    changes = exchange.take()
    # It may still lock the row, and write everything before the checkpoint.
    change(database, "REVOKE UPDATE ON read_model.exchange FROM waiver_service")
    change(database, "GRANT UPDATE (id) ON read_model.exchange TO waiver_service")
    with pytest.raises(ReadModelError, match="run `waiver migrate`"):
        await store.store(changes)
    found = await store.find_order(order.order_id)
    assert found is not None
    assert found.status == "partially_filled"

    change(database, "GRANT UPDATE ON read_model.exchange TO waiver_service")
    await store.store(changes)
    assert (await store.load()).orders == {}


async def test_a_reader_sees_what_is_stored_and_writes_nothing(open_store: Open) -> None:
    reader, writer = open_store(is_read_only=True, readers=2), open_store()
    assert await reader.load() == ReadModelState()
    exchange = traded()
    changes = exchange.take()
    with pytest.raises(ReadModelError, match="only reads"):
        await reader.store(changes)
    await writer.store(changes)
    exchange.projector.forget_closed(changes)
    assert (await reader.load()).orders == exchange.state.orders
    assert await reader.list_trades(TradeSelection(), limit=9) == list(exchange.state.tape)
    with pytest.raises(ReadModelError, match="read-only transaction"):
        await reader._read(lambda connection: connection.exec_driver_sql("DELETE FROM orders"))


async def test_tables_of_another_version_are_filled_again(database: PostgresDatabase, open_store: Open) -> None:
    exchange = traded()
    await exchange.flush(open_store())
    change(database, "UPDATE read_model.content SET version = 1")
    with pytest.raises(ReadModelError, match="start the engine process of this version first"):
        await open_store(is_read_only=True).load()
    store = open_store()
    assert await store.load() == ReadModelState()
    assert count(database, "movements") == 0
    await traded().flush(store)
    assert (await store.load()).orders == exchange.state.orders


async def test_tables_whose_version_is_taken_away_are_filled_again(
    database: PostgresDatabase, open_store: Open
) -> None:
    await traded().flush(open_store())
    change(database, "DELETE FROM read_model.content")
    assert await open_store(is_read_only=True).load() == ReadModelState()
    assert await open_store().load() == ReadModelState()
    assert count(database, "trades") == 0


@pytest.mark.parametrize("statement", ["DELETE FROM read_model.markets", "DELETE FROM read_model.exchange"])
async def test_tables_that_lead_nowhere_are_filled_again(
    database: PostgresDatabase, open_store: Open, statement: str
) -> None:
    exchange, store = traded(), open_store()
    await exchange.flush(store)
    change(database, statement)
    with pytest.raises(ReadModelError, match="is damaged"):
        await open_store(is_read_only=True).load()
    assert await store.load() == ReadModelState()
    await traded().flush(store)
    assert (await store.load()).orders == exchange.state.orders


async def test_what_a_lock_holds_up_is_given_up_and_done_later(database: PostgresDatabase, open_store: Open) -> None:
    exchange = traded()
    store = open_store(read_seconds_max=0.3, store_seconds_max=0.3)
    await exchange.flush(store)
    exchange.run(buy(BOB, price=2_000, quantity=1))
    changes = exchange.take()
    with locked(database, "LOCK TABLE read_model.orders"):
        with pytest.raises(ReadModelError, match="took too long"):
            await store.list_orders(OrderSelection(account=BOB), limit=9)
        with pytest.raises(ReadModelError, match="took too long"):
            await store.store(changes)
    await store.store(changes)
    assert len(await store.list_orders(OrderSelection(account=BOB), limit=9)) == 2


async def test_a_database_that_does_not_exist_is_named(open_store: Open, database: PostgresDatabase) -> None:
    store = open_store(database.server.url_of("nowhere", user="waiver_service"))
    with pytest.raises(ReadModelError, match=r'check WAIVER_DATABASE_URL.*"nowhere" does not exist'):
        await store.load()


async def test_an_empty_database_says_what_to_run(open_store: Open, database: PostgresDatabase) -> None:
    with postgres_database(database.server, is_migrated=False) as empty:
        store = open_store(empty.administrator_url)
        with pytest.raises(ReadModelError, match="run `waiver migrate`"):
            await store.load()
        await store.close()


async def test_pages_read_by_the_indexes(database: PostgresDatabase, open_store: Open) -> None:
    # With a few rows the server would read all of them.
    change(database, f"ALTER DATABASE {database.name} SET enable_seqscan = off")
    change(database, f"ALTER DATABASE {database.name} SET enable_bitmapscan = off")
    store = open_store(readers=1)
    await traded().flush(store)
    asked: list[tuple[str, Any]] = []
    event.listen(store._readers._engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    everything = get_args(MovementKind)
    reads = {
        store.list_orders(OrderSelection(account=BOB, is_open=False), limit=9): {"orders_by_account"},
        store.list_orders(OrderSelection(account=BOB, markets=(1, 2)), limit=9): {"orders_by_account_and_market"},
        store.list_trades(TradeSelection(market=1, end_ns=9), limit=9): {"trades_by_market", "trades_pkey"},
        store.list_fills(FillSelection(trades=TradeSelection(), account=BOB, order_id=7), limit=9): {
            "trades_by_maker_order",
            "trades_by_taker_order",
        },
        store.list_movements(LedgerSelection(account=BOB, kinds=everything), limit=9): {
            "movements_from",
            "movements_to",
            "holdings_pkey",
        },
        store.list_movements(LedgerSelection(account=BOB, kinds=("deposit",)), limit=9): {
            "movements_from_rare",
            "movements_to_rare",
        },
        store.list_balances(account=BOB, market=1, times_ns=[9], until_sequence=9): {"movements_from", "movements_to"},
        store.list_closes(market=1, times_ns=[9]): {"candles_pkey"},
    }
    for reading, indexes in reads.items():
        asked.clear()
        await reading
        assert {name for statement, values in asked for name in plan_of(database, statement, values)} == indexes


def plan_of(database: PostgresDatabase, statement: str, values: Any) -> list[str]:  # noqa: ANN401 - of the driver
    """Return the indexes that a statement reads, and the tables of which it reads everything."""
    with psycopg.connect(database.administrator_url) as connection:
        connection.execute("SET search_path TO read_model")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {statement}".encode(), values))
    return re.findall(r"Index (?:Only )?Scan (?:Backward )?using (\w+)", plan) + re.findall(r"Seq Scan on (\w+)", plan)


@pytest.fixture
async def verified(open_store: Open, tmp_path: Path) -> Path:
    """A read model in PostgreSQL, and a file with the same."""
    changes = traded().take()
    await open_store().store(changes)
    path = tmp_path / "rebuilt.db"
    store = SqliteReadModel(path)
    await store.store(changes)
    await store.close()
    return path


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE trades SET price_cents = price_cents + 1", "trades"),
        ("UPDATE markets SET symbol = 'EVIL'", "markets"),
        ("UPDATE accounts SET is_halted = true WHERE account = 3", "accounts"),
        ("DELETE FROM movements WHERE sequence = (SELECT max(sequence) FROM movements)", "movements"),
        ("DELETE FROM orders", "orders"),
        ("INSERT INTO quotes VALUES (1, 5, 1, 1, 2, 1)", "quotes"),
        ("INSERT INTO trades SELECT trade_id + 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 FROM trades", "trades"),
    ],
)
def test_an_altered_a_missing_and_an_extra_row_are_found_and_named(
    database: PostgresDatabase, verified: Path, statement: str, table: str
) -> None:
    change(database, f"SET search_path TO read_model; {statement}")
    with closing(KeptPostgresReadModel(database.url)) as kept:
        found = kept.difference_from(verified)
    assert found is not None
    assert found.startswith(f"the read model in PostgreSQL, table {table}: it holds ")


async def test_a_verification_sees_one_moment(database: PostgresDatabase, verified: Path, open_store: Open) -> None:
    with closing(KeptPostgresReadModel(database.url)) as kept:
        exchange = traded()
        exchange.take()
        exchange.run(buy(BOB, price=2_000, quantity=1))
        await open_store().store(exchange.take())
        change(database, "UPDATE read_model.trades SET price_cents = 1")
        assert kept.difference_from(verified) is None
    with closing(KeptPostgresReadModel(database.url)) as kept:
        assert kept.sequence == exchange.state.sequence
        assert kept.difference_from(verified) is not None


async def test_what_another_version_filled_is_no_difference(database: PostgresDatabase, open_store: Open) -> None:
    await traded().flush(open_store())
    change(database, "UPDATE read_model.content SET version = 1")
    with closing(KeptPostgresReadModel(database.url)) as kept:
        assert kept.sequence == 0


def test_a_database_that_is_away_is_no_difference_but_a_failure(database: PostgresDatabase) -> None:
    with pytest.raises(ReadModelError, match="cannot be reached"):
        KeptPostgresReadModel(database.server.url_of("nowhere"))


async def test_a_server_that_ends_starts_and_falls_silent_loses_nothing() -> None:
    exchange = traded()
    with running_postgres() as server, postgres_database(server) as database:
        store = PostgresReadModel(database.url, read_seconds_max=0.5, store_seconds_max=0.5)
        try:
            await exchange.flush(store)
            server.kill()
            exchange.run(buy(BOB, price=2_000, quantity=1))
            changes = exchange.take()
            with pytest.raises(ReadModelError, match="cannot be reached"):
                await store.store(changes)
            with pytest.raises(ReadModelError, match="cannot be reached"):
                await store.list_trades(TradeSelection(), limit=9)
            server.start()
            await store.store(changes)
            assert await store.list_trades(TradeSelection(), limit=9) == list(exchange.state.tape)

            exchange.run(buy(BOB, price=2_001, quantity=1))
            changes = exchange.take()
            server.freeze()
            asked = [store.list_trades(TradeSelection(), limit=9) for _ in range(6)]
            found = await asyncio.gather(store.store(changes), *asked, return_exceptions=True)
            assert all(isinstance(one, ReadModelError) for one in found)
            server.thaw()
            await store.store(changes)
            assert (await store.load()).orders == exchange.state.orders
            assert await store.list_trades(TradeSelection(), limit=9) == list(exchange.state.tape)
            server.freeze()
            forgotten = asyncio.create_task(store.list_trades(TradeSelection(), limit=9))
            await asyncio.wait([forgotten], timeout=0.1)
            forgotten.cancel()
        finally:
            await asyncio.wait_for(store.close(), timeout=30)
            server.thaw()
