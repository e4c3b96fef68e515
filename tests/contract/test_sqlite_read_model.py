"""What only a file can suffer: damage, other versions, failing disks, a journal put back."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import Connection, Select, Table, event, select
from sqlalchemy.dialects import sqlite

from tests.support.trading import ANN, BOB, FoldedExchange, buy, sell
from waiver_exchange.adapters.sql import read_model_ledger as ledger
from waiver_exchange.adapters.sql import read_model_reads as reads
from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.adapters.sqlite.read_model import SqliteReadModel
from waiver_exchange.application.selections import (
    CandleSelection,
    FillSelection,
    LedgerSelection,
    OrderSelection,
    QuoteSelection,
    TradeSelection,
)
from waiver_exchange.domain.commands import AccountLimits, CancelOrder, ExchangeParameters
from waiver_exchange.projections import state as views
from waiver_exchange.projections.actions import ACTION_COLUMNS
from waiver_exchange.projections.changes import ReadModelError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "read-model.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteReadModel]:
    store = SqliteReadModel(path)
    yield store
    await store.close()


async def fill(path: Path) -> FoldedExchange:
    """A file with a trade and an open order in it."""
    exchange = FoldedExchange(sell(ANN, price=2_500, quantity=100), buy(BOB, price=2_500, quantity=60))
    store = SqliteReadModel(path)
    await exchange.flush(store)
    await store.close()
    return exchange


@pytest.mark.parametrize(
    ("table", "fields"),
    [
        (schema.accounts, views.ACCOUNT_COLUMNS),
        (schema.limits, ("scope", "number", *AccountLimits.__slots__)),
        (schema.holdings, views.HOLDING_COLUMNS),
        (schema.markets, (*views.MARKET_COLUMNS, *views.BOOK_COLUMNS)),
        (schema.orders, views.ORDER_COLUMNS),
        (schema.candles, views.CANDLE_COLUMNS),
        (schema.quotes, views.QuoteView._fields),
        (schema.actions, ACTION_COLUMNS),
        (schema.trades, views.TradeView._fields),
        (schema.movements, views.LedgerMovement._fields),
        (
            schema.exchange,
            ("id", "sequence", "time_ns", "is_halted", "cash_issued_micros", *ExchangeParameters.__slots__),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Table) else None,
)
def test_columns_are_the_fields_of_the_views(table: Table, fields: tuple[str, ...]) -> None:
    assert tuple(table.columns.keys()) == fields


async def test_new_file_is_nothing_to_warn_of(store: SqliteReadModel, caplog: pytest.LogCaptureFixture) -> None:
    await store.load()

    assert caplog.records == []


async def test_file_outlives_its_store(path: Path, store: SqliteReadModel) -> None:
    exchange = await fill(path)

    assert await store.checkpoint() == exchange.state.sequence
    assert (await store.load()).orders == exchange.state.orders


async def test_movements_are_kept(path: Path) -> None:
    await fill(path)

    columns = "kind, market, amount, from_account, from_balance, to_account, to_balance"
    with closing(sqlite3.connect(path)) as file:
        movements = file.execute(f"SELECT {columns} FROM movements").fetchall()  # noqa: S608 - fixed names
    assert movements == [
        ("deposit", 0, 1_000_000_000, 0, -1_000_000_000, ANN, 1_000_000_000),
        ("deposit", 0, 1_000_000_000, 0, -2_000_000_000, BOB, 1_000_000_000),
        ("issue", 1, 100_000_000, 0, -100_000_000, 1, 100_000_000),
        ("grant", 1, 1_000_000, 1, 99_000_000, ANN, 1_000_000),
        ("trade", 0, 150_000, BOB, 999_850_000, ANN, 1_000_150_000),
        ("trade", 1, 60, ANN, 999_940, BOB, 60),
    ]


async def test_failing_write_leaves_the_old_checkpoint_and_rows(path: Path, store: SqliteReadModel) -> None:
    exchange = await fill(path)
    (order,) = exchange.state.orders.values()
    exchange.run(CancelOrder(account=ANN, order_id=order.order_id))
    changes = exchange.take()
    # The last statement of the transaction fails, after all rows were written.
    parameters = (*changes.exchange[:-1], None)
    with pytest.raises(ReadModelError, match="Could not use the read model"):
        await store.store(replace(changes, exchange=parameters))  # type: ignore[arg-type]

    assert await store.checkpoint() == changes.after_sequence
    found = await store.find_order(order.order_id)
    assert found is not None
    assert found.status == "partially_filled"
    await store.store(changes)
    assert (await store.load()).orders == {}


async def test_full_disk_is_reported_and_the_same_changes_are_stored_when_there_is_room(
    path: Path, store: SqliteReadModel
) -> None:
    exchange = await fill(path)
    exchange.run(*[buy(BOB, price=2_000, quantity=1, name="x" * 128)] * 200)
    changes = exchange.take()
    await limit_pages(store, 1)  # SQLite takes this as: no more than there are

    with pytest.raises(ReadModelError, match="the disk is full"):
        await store.store(changes)
    assert await store.checkpoint() == changes.after_sequence
    await limit_pages(store, 1_000_000)
    await store.store(changes)
    assert await store.checkpoint() == changes.sequence


async def limit_pages(store: SqliteReadModel, pages: int) -> None:
    """Let the file grow to so many pages."""
    await store._run(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").close())
    await store._run(lambda connection: connection.rollback())


@pytest.mark.parametrize("damage", ["lost", "empty", "noise", "torn", "older", "newer", "orphan", "uncounted"])
async def test_unusable_file_is_replaced_by_an_empty_one(path: Path, store: SqliteReadModel, damage: str) -> None:
    exchange = await fill(path)
    break_file(path, damage)

    assert await store.load() == views.ReadModelState()
    assert await store.checkpoint() == 0
    again = FoldedExchange(sell(ANN, price=2_500, quantity=100), buy(BOB, price=2_500, quantity=60))
    await again.flush(store)
    assert (await store.load()).orders == exchange.state.orders


def break_file(path: Path, damage: str) -> None:
    content = path.read_bytes()
    if damage == "lost":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "noise":
        path.write_bytes(b"no database" * 1_000)
    elif damage == "torn":
        path.write_bytes(content[:4_096] + bytes(range(256)) * (len(content) // 256 - 16))
    else:
        statement = {
            "older": "PRAGMA user_version = 0",
            "newer": f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}",
            "orphan": "DELETE FROM markets",
            "uncounted": "DELETE FROM exchange",
        }[damage]
        with closing(sqlite3.connect(path)) as file:
            file.execute(statement)
            file.commit()


async def test_folder_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    store = SqliteReadModel(tmp_path / "missing" / "read-model.db")

    with pytest.raises(ReadModelError, match="its folder does not exist"):
        await store.load()
    await store.close()


async def test_start_and_pages_read_by_the_indexes(path: Path) -> None:
    await fill(path)
    table = schema.orders
    start = select(table).where(schema.IS_OPEN).order_by(table.c.order_id)
    assert read_plan(path, start) == ["SCAN orders USING INDEX orders_open"]

    bounds = (3, 9)
    closed = OrderSelection(account=BOB, is_open=False, side=0)
    by_account = "SEARCH orders USING INDEX orders_by_account (account=? AND order_id>? AND order_id<?)"
    assert plans_of(path, reads.order_queries(closed, bounds=bounds, markets=None)) == [by_account]
    of_markets = OrderSelection(account=BOB, markets=(1, 2), is_ascending=True)
    by_market = (
        "SEARCH orders USING INDEX orders_by_account_and_market (account=? AND market=? AND order_id>? AND order_id<?)"
    )
    assert plans_of(path, reads.order_queries(of_markets, bounds=bounds, markets=of_markets.markets)) == [
        by_market,
        by_market,
    ]


async def test_pages_of_trades_and_fills_read_by_the_indexes(path: Path) -> None:
    await fill(path)
    bounds = (3, 9)
    between = "trade_id>? AND trade_id<?)"
    for market, plan in (
        (None, "SEARCH trades USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (1, f"SEARCH trades USING INDEX trades_by_market (market=? AND {between}"),
    ):
        for is_ascending in (False, True):
            selection = TradeSelection(market=market, is_ascending=is_ascending)
            assert plans_of(path, [reads.trade_query(selection, bounds=bounds)]) == [plan]

    for market in (None, 1):
        fills = FillSelection(trades=TradeSelection(market=market), account=BOB, order_id=7)
        plans = plans_of(path, reads.order_fill_queries(fills, bounds=bounds))
        search = "SEARCH trades USING INDEX trades_by_{0}_order ({0}_order=? AND {1}"
        assert plans == [search.format(role, between) for role in ("maker", "taker")]


async def test_ledgers_and_fills_read_by_their_indexes(path: Path) -> None:
    await fill(path)
    between = "time_ns>? AND time_ns<?)"
    of_market = [
        f"SEARCH movements USING INDEX movements_{side} ({side}_account=? AND market=? AND {between}"
        for side in ("from", "to")
    ]
    rare = [
        f"SEARCH movements USING INDEX movements_{side}_rare ({side}_account=? AND kind=? AND {between}"
        for side in ("from", "to")
    ]
    everything = get_args(views.MovementKind)
    for is_ascending in (False, True):
        for kinds, markets, plans in (
            (everything, [1], of_market),
            (("trade",), [1], of_market),
            (("fee",), None, rare),
        ):
            selection = LedgerSelection(
                account=BOB, kinds=kinds, before=(3, 0), after=(1, 0), is_ascending=is_ascending
            )
            assert plans_of(path, ledger.movement_queries(selection, markets=markets, times=(3, 9))) == plans
        fills = FillSelection(trades=TradeSelection(after_trade=1, is_ascending=is_ascending), account=BOB)
        assert plans_of(path, ledger.fill_queries(fills, markets=[1], times=(3, 9))) == of_market


async def test_balances_and_prices_at_times_read_by_their_indexes(path: Path) -> None:
    await fill(path)
    with closing(sqlite3.connect(path)) as file:
        values = {"account": BOB, "market": 1, "until": 9, "times": "[9]"}
        steps = [step[-1] for step in file.execute(f"EXPLAIN QUERY PLAN {ledger.balances_statement('sqlite')}", values)]
        for side in ("from", "to"):
            search = f"SEARCH movements USING INDEX movements_{side} ({side}_account=? AND market=? AND time_ns<?)"
            assert search in steps
        steps = [step[-1] for step in file.execute(f"EXPLAIN QUERY PLAN {ledger.closes_statement('sqlite')}", values)]
        assert "SEARCH candles USING PRIMARY KEY (minutes=? AND market=? AND time_ns<?)" in steps


async def test_a_series_is_read_by_one_statement(path: Path, store: SqliteReadModel) -> None:
    exchange = await fill(path)
    until, statements = exchange.state.sequence, list[str]()
    times = range(1, 2_000)
    await store.list_balances(account=BOB, market=0, times_ns=[1], until_sequence=until)
    assert store._engine is not None

    def count(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(store._engine, "before_cursor_execute", count)
    await store.list_balances(account=BOB, market=0, times_ns=times, until_sequence=until)
    await store.list_closes(market=1, times_ns=times)
    read = [statement for statement in statements if statement != "BEGIN"]
    assert [("movements" in statement, "candles" in statement) for statement in read] == [(True, False), (False, True)]


async def test_storing_waits_for_no_read(path: Path, store: SqliteReadModel) -> None:
    exchange = await fill(path)
    is_reading, may_end = threading.Event(), threading.Event()

    def read(connection: Connection) -> int:
        with connection.begin():
            before = connection.execute(select(schema.exchange.c.sequence)).scalar_one()
            is_reading.set()
            assert may_end.wait(timeout=30)
            assert connection.execute(select(schema.exchange.c.sequence)).scalar_one() == before
        return int(before)

    reading = asyncio.create_task(store._read(read))
    assert await asyncio.to_thread(is_reading.wait, 30)
    exchange.run(buy(BOB, price=2_000, quantity=1))
    changes = exchange.take()
    await asyncio.wait_for(store.store(changes), timeout=30)
    may_end.set()
    assert await reading == changes.after_sequence
    (found,) = await store.list_orders(OrderSelection(account=BOB, is_open=True), limit=9)
    assert found.limit_price_cents == 2_000


async def test_reads_go_on_in_the_file_that_replaces_a_damaged_one(path: Path, store: SqliteReadModel) -> None:
    exchange = await fill(path)
    assert await store.list_trades(TradeSelection(), limit=9)
    with closing(sqlite3.connect(path)) as file:
        file.execute("DELETE FROM markets")
        file.commit()
    assert await store.load() == views.ReadModelState()
    assert await store.list_trades(TradeSelection(), limit=9) == []
    again = FoldedExchange(sell(ANN, price=2_500, quantity=100), buy(BOB, price=2_500, quantity=60))
    await again.flush(store)
    assert await store.list_trades(TradeSelection(), limit=9) == list(exchange.state.tape)


@pytest.mark.parametrize("is_ascending", [False, True])
async def test_candles_read_by_their_key(path: Path, *, is_ascending: bool) -> None:
    await fill(path)
    selection = CandleSelection(market=1, minutes=60, start_ns=3, end_ns=9, is_ascending=is_ascending)
    search = "SEARCH candles USING PRIMARY KEY (minutes=? AND market=? AND time_ns>? AND time_ns<?)"
    assert plans_of(path, [reads.candle_query(selection)]) == [search]


@pytest.mark.parametrize("is_ascending", [False, True])
async def test_quotes_read_by_their_key(path: Path, *, is_ascending: bool) -> None:
    await fill(path)
    selection = QuoteSelection(market=1, start_ns=3, end_ns=9, is_ascending=is_ascending)
    search = "SEARCH quotes USING PRIMARY KEY (market=? AND time_ns>? AND time_ns<?)"
    assert plans_of(path, [reads.quote_query(selection)]) == [search]


def plans_of(path: Path, queries: Iterable[Select[Any]]) -> list[str]:
    return [step for query in queries for step in read_plan(path, query)]


def read_plan(path: Path, query: Select[Any]) -> list[str]:
    text = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with closing(sqlite3.connect(path)) as file:
        return [step[-1] for step in file.execute(f"EXPLAIN QUERY PLAN {text}")]
