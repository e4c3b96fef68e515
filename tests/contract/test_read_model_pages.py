"""Pages of the read model's history hold what going through all of it finds, whichever way they are asked for."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import get_args

import pytest

from tests.model.workload import commands
from tests.support.journal_rows import EngineJournal
from tests.support.memory_read_model import MemoryReadModel
from waiver_exchange.adapters.postgres.read_model import PostgresReadModel
from waiver_exchange.adapters.sqlite.read_model import SqliteReadModel
from waiver_exchange.application.ports import ReadModelStore
from waiver_exchange.application.selections import (
    CandleSelection,
    FillSelection,
    LedgerSelection,
    OrderSelection,
    TradeSelection,
)
from waiver_exchange.domain.commands import SettleMarket
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import LedgerMovement, MovementKind, OrderView, ReadModelState, TradeView

ROWS = 3_000
ROUNDS = 150
KINDS: tuple[MovementKind, ...] = get_args(MovementKind)


class History:
    """A store with a seeded history in it, and all of that history."""

    def __init__(self, store: ReadModelStore) -> None:
        self.store = store
        self.projector = Projector(ReadModelState())
        self.orders: dict[int, OrderView] = {}
        self.trades: list[TradeView] = []
        self.movements: list[LedgerMovement] = []

    async def fill(self, seed: int) -> None:
        journal = EngineJournal()
        for row in journal.rows(commands(seed=seed, count=ROWS)):
            self.projector.apply(row)
            if row.sequence % 100 == 0:
                await self._store()
        # A season ends too seldom for so few rows.
        self.projector.apply(journal.row(SettleMarket(market=2, price_cents=1), time_ns=row.time_ns))
        await self._store()

    async def _store(self) -> None:
        changes = self.projector.take_changes()
        assert changes is not None
        await self.store.store(changes)
        self.orders |= {int(order[0]): OrderView(*order) for order in changes.orders}  # type: ignore[arg-type]
        self.trades += changes.trades
        self.movements += changes.movements
        self.projector.forget_closed(changes)


@pytest.fixture(params=["sqlite", "memory", "postgres"])
async def history(request: pytest.FixtureRequest, tmp_path: Path, seed: int) -> AsyncIterator[History]:
    store: ReadModelStore
    if request.param == "sqlite":
        store = SqliteReadModel(tmp_path / "read-model.db")
    elif request.param == "memory":
        store = MemoryReadModel()
    else:
        store = PostgresReadModel(request.getfixturevalue("make_database")().url)
    history = History(store)
    await history.fill(seed)
    yield history
    await store.close()


async def test_orders_of_any_selection_are_those_that_match(history: History, seed: int) -> None:
    random = Random(seed)
    orders = [history.orders[order_id] for order_id in sorted(history.orders)]
    ids = [order.order_id for order in orders]
    times = [order.created_at_ns + step for order in orders for step in (-1, 0, 1)]
    found_any = 0
    for _ in range(ROUNDS):
        selection = OrderSelection(
            account=random.choice(orders).account,
            is_open=random.choice((None, None, True, False)),
            markets=random.choice((None, (random.choice(orders).market,), (1, 2, 3), (), (99,))),
            side=random.choice((None, None, 0, 1)),
            after_ns=random.choice((None, None, random.choice(times))),
            until_ns=random.choice((None, None, random.choice(times))),
            before_order=random.choice((None, None, random.choice(ids))),
            after_order=random.choice((None, None, random.choice(ids))),
            is_ascending=random.random() < 0.5,
        )
        expected = [order for order in orders if order.account == selection.account and matches(order, selection)]
        if not selection.is_ascending:
            expected.reverse()
        limit = random.choice((1, 3, 10_000))
        assert await history.store.list_orders(selection, limit=limit) == expected[:limit]
        found_any += bool(expected)
    assert found_any > ROUNDS // 10


def matches(order: OrderView, selection: OrderSelection) -> bool:
    """Written out anew, because the memory store and the reads share theirs."""
    is_open = order.status in {"held", "open", "partially_filled"}
    checks = [
        selection.is_open in {None, is_open},
        selection.markets is None or order.market in selection.markets,
        selection.side in {None, order.terms & 15},
        selection.after_ns is None or selection.after_ns < order.created_at_ns,
        selection.until_ns is None or order.created_at_ns < selection.until_ns,
        selection.before_order is None or order.order_id < selection.before_order,
        selection.after_order is None or selection.after_order < order.order_id,
    ]
    return all(checks)


async def test_trades_and_fills_of_any_selection_are_those_that_match(history: History, seed: int) -> None:
    random = Random(seed)
    trades = history.trades
    times = [trade.time_ns + step for trade in trades for step in (-1, 0, 1)]
    found_any = 0
    for _ in range(ROUNDS):
        like = random.choice(trades)
        selection = TradeSelection(
            market=random.choice((None, like.market, 99)),
            start_ns=random.choice((None, random.choice(times))),
            end_ns=random.choice((None, None, random.choice(times))),
            before_trade=random.choice((None, None, random.choice(trades).trade_id)),
            after_trade=random.choice((None, None, random.choice(trades).trade_id)),
            is_ascending=random.random() < 0.5,
        )
        expected = [trade for trade in trades if trade_matches(trade, selection)]
        if not selection.is_ascending:
            expected.reverse()
        limit = random.choice((1, 3, 10_000))
        assert await history.store.list_trades(selection, limit=limit) == expected[:limit]

        order_id = random.choice((None, like.maker_order, like.taker_order))
        fills = FillSelection(trades=selection, account=like.maker_account, order_id=order_id)
        own = []
        for trade in expected:
            sides = [(trade.maker_account, trade.maker_order), (trade.taker_account, trade.taker_order)]
            if any(account == like.maker_account and order_id in {None, order} for account, order in sides):
                own.append(trade)
        assert await history.store.list_fills(fills, limit=limit) == own[:limit]
        found_any += bool(own)
    assert found_any > ROUNDS // 10


def trade_matches(trade: TradeView, selection: TradeSelection) -> bool:
    checks = [
        selection.market in {None, trade.market},
        selection.start_ns is None or selection.start_ns <= trade.time_ns,
        selection.end_ns is None or trade.time_ns < selection.end_ns,
        selection.before_trade is None or trade.trade_id < selection.before_trade,
        selection.after_trade is None or selection.after_trade < trade.trade_id,
    ]
    return all(checks)


async def test_orders_are_found_by_many_ids(history: History) -> None:
    ids = sorted(history.orders)
    found = await history.store.find_orders([*ids, 1, 7])
    assert {order.order_id: order for order in found} == history.orders
    assert await history.store.find_orders([]) == []


async def test_candles_of_any_selection_are_those_that_match(history: History, seed: int) -> None:
    random = Random(seed)
    everything = [
        candle
        for market in history.projector.state.markets
        for minutes in (1, 60)
        for candle in await history.store.list_candles(
            CandleSelection(market=market, minutes=minutes, is_ascending=True), limit=10_000
        )
    ]
    assert sum(candle.volume_units for candle in everything) == 2 * sum(t.quantity_units for t in history.trades)
    for _ in range(ROUNDS):
        like, bound = random.choice(everything), random.choice(everything).time_ns
        start, end = random.choice(((None, None), (like.time_ns, None), (None, bound), (like.time_ns, bound)))
        is_ascending = random.random() < 0.5
        expected = [
            candle
            for candle in everything
            if (candle.market, candle.minutes) == (like.market, like.minutes)
            and (start is None or start <= candle.time_ns)
            and (end is None or candle.time_ns < end)
        ]
        if not is_ascending:
            expected.reverse()
        limit = random.choice((1, 2, 10_000))
        selection = CandleSelection(
            market=like.market, minutes=like.minutes, start_ns=start, end_ns=end, is_ascending=is_ascending
        )
        assert await history.store.list_candles(selection, limit=limit) == expected[:limit]


async def test_movements_of_any_selection_are_those_that_match(history: History, seed: int) -> None:
    random = Random(seed)
    movements = history.movements
    assert {movement.kind for movement in movements} == set(KINDS)
    times = [movement.time_ns + step for movement in movements for step in (-1, 0, 1)]
    for _ in range(ROUNDS):
        places = [random.choice((None, None, (m.sequence, m.line))) for m in random.choices(movements, k=2)]
        selection = LedgerSelection(
            account=random.choice(movements).to_account,
            kinds=random.choice((KINDS, (random.choice(KINDS),), ())),
            start_ns=random.choice((None, None, random.choice(times))),
            end_ns=random.choice((None, None, random.choice(times))),
            before=places[0],
            after=places[1],
            is_ascending=random.random() < 0.5,
        )
        expected = [movement for movement in movements if movement_matches(movement, selection)]
        if not selection.is_ascending:
            expected.reverse()
        limit = random.choice((1, 3, 10_000))
        assert await history.store.list_movements(selection, limit=limit) == expected[:limit]


def movement_matches(movement: LedgerMovement, selection: LedgerSelection) -> bool:
    place = (movement.sequence, movement.line)
    checks = [
        selection.account in {movement.from_account, movement.to_account},
        movement.kind in selection.kinds,
        selection.start_ns is None or selection.start_ns <= movement.time_ns,
        selection.end_ns is None or movement.time_ns < selection.end_ns,
        selection.before is None or place < selection.before,
        selection.after is None or selection.after < place,
    ]
    return all(checks)


async def test_balances_at_any_times_are_those_of_the_last_movement_before(history: History, seed: int) -> None:
    random = Random(seed)
    for _ in range(ROUNDS):
        like = random.choice(history.movements)
        account = random.choice((like.from_account, like.to_account))
        times = sorted(random.choice(history.movements).time_ns + random.randint(-1, 1) for _ in range(20))
        expected = []
        until = random.choice((ROWS, random.choice(history.movements).sequence))
        for time_ns in times:
            own = [m for m in history.movements if m.market == like.market and m.time_ns < time_ns]
            own = [m for m in own if m.sequence <= until]
            own = [m for m in own if account in {m.from_account, m.to_account}]
            last = own[-1] if own else None
            balance = 0 if last is None else last.from_balance if last.from_account == account else last.to_balance
            expected.append(balance)
        found = await history.store.list_balances(
            account=account, market=like.market, times_ns=times, until_sequence=until
        )
        assert found == expected
    assert await history.store.list_balances(account=2, market=0, times_ns=[], until_sequence=ROWS) == []


async def test_shares_moved_are_those_between_two_rows(history: History, seed: int) -> None:
    random = Random(seed)
    for _ in range(ROUNDS):
        like = random.choice(history.movements)
        account = random.choice((like.from_account, like.to_account))
        market = max(1, like.market)
        after, until = sorted(random.choice(history.movements).sequence for _ in range(2))
        start = random.choice(history.movements).time_ns
        own = [m for m in history.movements if m.market == market and m.time_ns >= start]
        own = [m for m in own if after < m.sequence <= until]
        came = [m for m in own if m.to_account == account]
        found = await history.store.sum_shares_moved(
            account=account, market=market, start_ns=start, after_sequence=after, until_sequence=until
        )
        value = sum(m.amount * m.price_cents for m in came)
        assert found == (sum(m.amount for m in came), value, sum(m.amount for m in own if m.from_account == account))


async def test_closes_at_any_minutes_are_those_of_the_last_trade_before(history: History, seed: int) -> None:
    random = Random(seed)
    minute = 60_000_000_000
    for _ in range(ROUNDS):
        market = random.choice(history.trades).market
        starts = [random.choice(history.trades).time_ns // minute * minute for _ in range(20)]
        times = sorted(start + random.choice((0, minute)) for start in starts)
        expected = [
            ([0] + [t.price_cents for t in history.trades if t.market == market and t.time_ns < time_ns])[-1]
            for time_ns in times
        ]
        assert await history.store.list_closes(market=market, times_ns=times) == expected
