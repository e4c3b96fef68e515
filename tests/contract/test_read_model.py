"""What every store of the read model keeps to; on SQLite, on PostgreSQL and on the one without a disk."""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import fields
from pathlib import Path

import pytest

from tests.model.workload import commands
from tests.support.journal_rows import EngineJournal, FoldableRow
from tests.support.memory_read_model import MemoryReadModel
from tests.support.trading import ANN, BOB, MAHOMES, FoldedExchange, buy, sell
from waiver_exchange.adapters.postgres.read_model import PostgresReadModel
from waiver_exchange.adapters.sqlite.read_model import SqliteReadModel
from waiver_exchange.application.ports import ReadModelStore
from waiver_exchange.application.selections import OrderSelection, TradeSelection
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.commands import (
    CancelOrder,
    ConfigureExchange,
    ExchangeParameters,
    HaltAccount,
    HaltExchange,
    RecordAudit,
)
from waiver_exchange.projections.changes import ReadModelError
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState

ROWS = 3_000
BuildStore = Callable[[str], ReadModelStore]


@pytest.fixture(params=["sqlite", "memory", "postgres"])
async def build_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BuildStore]:
    stores: list[ReadModelStore] = []
    if request.param == "postgres":  # made before, or it would be gone before the stores are closed
        make_database = request.getfixturevalue("make_database")

    def build(name: str) -> ReadModelStore:
        if request.param == "sqlite":
            stores.append(SqliteReadModel(tmp_path / f"{name}.db"))
        elif request.param == "memory":
            stores.append(MemoryReadModel())
        else:
            stores.append(PostgresReadModel(make_database().url))
        return stores[-1]

    yield build
    for store in stores:
        await store.close()


@pytest.fixture
def store(build_store: BuildStore) -> ReadModelStore:
    return build_store("read-model")


@pytest.fixture(scope="module")
def rows(seed: int) -> list[FoldableRow]:
    """A journal with everything in it."""
    return list(EngineJournal().rows(commands(seed=seed, count=ROWS)))


async def fold(projector: Projector, rows: Iterable[FoldableRow], *, store: ReadModelStore, flush_every: int) -> None:
    for number, row in enumerate(rows, start=1):
        projector.apply(row)
        if number % flush_every == 0:
            await flush(projector, store)
    await flush(projector, store)


async def flush(projector: Projector, store: ReadModelStore) -> None:
    changes = projector.take_changes()
    if changes is not None:
        await store.store(changes)
        projector.forget_closed(changes)


def compared(state: ReadModelState) -> dict[str, object]:
    """A state without the empty folders that its past left."""
    for candles in state.candles.values():
        candles.advance(state.time_ns)
    values = {part.name: getattr(state, part.name) for part in fields(ReadModelState)}
    # What is counted from the start of the program on.
    for name in ("invested_at_sequence", "cash_total_micros", "shares_total_units"):
        del values[name]
    values["account_orders"] = {account: own for account, own in state.account_orders.items() if own}
    return values


async def everything(store: ReadModelStore) -> list[object]:
    """The history that the store keeps."""
    accounts = [await store.list_orders(OrderSelection(account=account), limit=10 * ROWS) for account in range(1, 50)]
    return [*accounts, await store.list_trades(TradeSelection(), limit=10 * ROWS)]


async def test_empty_store_loads_an_empty_state(store: ReadModelStore) -> None:
    assert compared(await store.load()) == compared(ReadModelState())


async def test_loaded_state_is_the_one_that_was_stored(store: ReadModelStore, rows: list[FoldableRow]) -> None:
    projector = Projector(ReadModelState())
    await fold(projector, rows, store=store, flush_every=ROWS)

    loaded = await store.load()
    assert compared(loaded) == compared(projector.state)
    assert loaded.orders
    assert loaded.tape
    assert list(loaded.orders) == sorted(loaded.orders)
    assert all(list(own) == sorted(own) for own in loaded.account_orders.values())


async def test_exchange_wide_facts_are_loaded(store: ReadModelStore) -> None:
    parameters = ExchangeParameters(taker_fee_bps=7, lifetime_ns_max=5 * 10**15)
    exchange = FoldedExchange(ConfigureExchange(parameters=parameters), HaltExchange(), HaltAccount(account=ANN))
    await exchange.flush(store)

    state = await store.load()
    assert (state.is_halted, state.accounts[ANN].is_halted, state.accounts[BOB].is_halted) == (True, True, False)
    assert (state.parameters, state.cash_issued_micros, state.sequence) == (parameters, 2_000_000_000, 9)


@pytest.mark.parametrize("flush_every", [1, 97, ROWS])
async def test_restarts_lead_to_the_same_state_and_history_as_none(
    build_store: BuildStore, rows: list[FoldableRow], flush_every: int
) -> None:
    straight, straight_store = Projector(ReadModelState()), build_store("straight")
    if flush_every == 1 and isinstance(straight_store, PostgresReadModel):
        rows = rows[: ROWS // 10]  # each is a transaction in another process
    await fold(straight, rows, store=straight_store, flush_every=flush_every)

    restarted = build_store("restarted")
    for end in (1, len(rows) // 3, len(rows) // 2, len(rows)):
        projector = Projector(await restarted.load())
        await fold(projector, rows[projector.state.sequence : end], store=restarted, flush_every=flush_every)
        for row in rows[end : end + 50]:  # folded, never stored, lost by the restart
            projector.apply(row)

    assert compared(await restarted.load()) == compared(straight.state)
    assert await everything(restarted) == await everything(straight_store)


async def test_storing_the_same_changes_again_does_no_harm(store: ReadModelStore) -> None:
    exchange = FoldedExchange(sell(ANN, price=2_500, quantity=100), buy(BOB, price=2_500, quantity=60))
    changes = await exchange.flush(store)
    before = compared(await store.load()), await everything(store)
    await store.store(changes)

    assert (compared(await store.load()), await everything(store)) == before


async def test_changes_with_a_gap_before_them_are_refused(store: ReadModelStore) -> None:
    exchange = FoldedExchange()
    exchange.take()
    exchange.run(sell(ANN, price=2_500, quantity=100))

    with pytest.raises(ReadModelError):
        await store.store(exchange.take())
    assert (await store.load()).sequence == 0


async def test_order_is_found_as_of_the_checkpoint(store: ReadModelStore) -> None:
    exchange = FoldedExchange()
    order = exchange.place(buy(BOB, price=2_400, quantity=100, name="mine"))
    await exchange.flush(store)
    exchange.run(CancelOrder(account=BOB, order_id=order.order_id))

    found = await store.find_order(order.order_id)
    assert found is not None
    assert (found.status, found.client_order_id, found.limit_price_cents) == ("open", "mine", 2_400)
    await exchange.flush(store)
    assert await store.find_order(order.order_id) == order
    assert await store.find_order(order.order_id + 1) is None


async def test_orders_are_listed_by_account_state_and_cursor(store: ReadModelStore) -> None:
    exchange = FoldedExchange()
    orders = [exchange.place(buy(BOB, price=2_400, quantity=100)) for _ in range(6)]
    exchange.place(sell(ANN, price=2_600, quantity=100))
    exchange.run(*[CancelOrder(account=BOB, order_id=order.order_id) for order in orders[::2]])
    await exchange.flush(store)

    async def listed(*, is_open: bool | None, before: int | None = None, limit: int = 9) -> list[int]:
        selection = OrderSelection(account=BOB, is_open=is_open, before_order=before)
        found = await store.list_orders(selection, limit=limit)
        return [orders.index(order) for order in found]

    assert await listed(is_open=None) == [5, 4, 3, 2, 1, 0]
    assert await listed(is_open=True) == [5, 3, 1]
    assert await listed(is_open=False) == [4, 2, 0]
    assert await listed(is_open=False, before=orders[4].order_id) == [2, 0]
    assert await listed(is_open=None, before=orders[4].order_id, limit=2) == [3, 2]


async def test_trades_are_listed_by_market_and_cursor(store: ReadModelStore) -> None:
    exchange = FoldedExchange(sell(ANN, price=2_500, quantity=100))
    exchange.run(*[buy(BOB, price=2_500, quantity=10)] * 4)
    await exchange.flush(store)

    async def listed(*, market: int | None, before: int | None = None, limit: int = 9) -> list[int]:
        selection = TradeSelection(market=market, before_trade=before)
        return [trade.trade_id for trade in await store.list_trades(selection, limit=limit)]

    assert await listed(market=None) == [4, 3, 2, 1]
    assert await listed(market=MAHOMES, before=4, limit=2) == [3, 2]
    assert await listed(market=2) == []
    assert list(reversed(await store.list_trades(TradeSelection(), limit=9))) == list(exchange.state.tape)


def asked(action_id: str, *, four_eyes: int = 0) -> RecordAudit:
    facts = {"action": "issue_shares", "action_id": action_id, "four_eyes": four_eyes, "reason": "sold out"}
    return RecordAudit(event=AuditEvent.action_requested, actor=BOB, facts=json.dumps(facts))


async def test_actions_of_operators_are_kept_and_the_open_ones_loaded(store: ReadModelStore) -> None:
    done = RecordAudit(event=AuditEvent.action_done, facts=json.dumps({"action_id": "a", "outcome": "done"}))
    exchange = FoldedExchange(asked("a"), asked("b", four_eyes=1), asked("c"), done)
    await exchange.flush(store)
    loaded = await store.load()
    assert {action_id: view.status for action_id, view in loaded.actions.items()} == {"b": "proposed", "c": "requested"}
    found = await store.find_action("a")
    assert found is not None
    assert (found.status, found.actor, found.reason) == ("done", BOB, "sold out")
    assert await store.find_action("d") is None
    newest = await store.list_actions(before_sequence=None, limit=2)
    assert [view.action_id for view in newest] == ["c", "b"]
    assert [view.action_id for view in await store.list_actions(before_sequence=newest[-1].sequence, limit=2)] == ["a"]
