"""Pages of trades and fills go through memory and store as through one list."""

from random import Random

import pytest

from tests.fakes.journal import FakeJournal
from tests.model.workload import commands
from tests.support.journal_rows import EngineJournal
from tests.support.memory_read_model import MemoryReadModel
from tests.support.trading import ZONE
from waiver_exchange.application.queries import Fill, FillsFilter, Queries
from waiver_exchange.domain import codes
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState, TradeView

ROWS = 1_500


class Desk:
    """A seeded history, the older part of it in the store alone and the newest in memory alone."""

    def __init__(self) -> None:
        self.store = MemoryReadModel()
        self.projector = Projector(ReadModelState(tape_trades_max=20))
        self.queries = Queries(state=self.projector.state, store=self.store, journal=FakeJournal(), zone=ZONE)
        self.trades: list[TradeView] = []

    async def fill(self, seed: int) -> None:
        for row in EngineJournal().rows(commands(seed=seed, count=ROWS)):
            self.projector.apply(row)
            if self.projector.state.tape and self.projector.state.tape[-1].sequence == row.sequence:
                self.trades += [trade for trade in self.projector.state.tape if trade.sequence == row.sequence]
            if row.sequence % 50 == 0 and row.sequence < ROWS - 50:
                await self.flush()

    async def flush(self) -> None:
        changes = self.projector.take_changes()
        assert changes is not None
        await self.store.store(changes)
        self.projector.forget_closed(changes)


@pytest.fixture
async def desk(seed: int) -> Desk:
    desk = Desk()
    await desk.fill(seed)
    assert 20 < len(desk.projector.state.tape) < len(desk.trades) // 2
    return desk


@pytest.mark.parametrize("is_ascending", [False, True])
async def test_walk_of_trades_shows_each_once_in_any_range(desk: Desk, seed: int, *, is_ascending: bool) -> None:
    random = Random(seed)
    symbols = {market.symbol: market.market for market in desk.queries.markets()}
    for _ in range(40):
        symbol = random.choice((None, *symbols))
        start = random.choice((None, random.choice(desk.trades).time_ns))
        end = random.choice((None, random.choice(desk.trades).time_ns))
        limit = random.choice((1, 7, 100))
        seen: list[TradeView] = []
        cursor = None
        for _ in range(len(desk.trades) + 1):
            page = await desk.queries.trades_page(
                symbol=symbol, start_ns=start, end_ns=end, cursor=cursor, limit=limit, is_ascending=is_ascending
            )
            assert page is not None
            seen += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        expected = [
            trade
            for trade in desk.trades
            if (symbol is None or trade.market == symbols[symbol])
            and (start is None or trade.time_ns >= start)
            and (end is None or trade.time_ns < end)
        ]
        assert seen == (expected if is_ascending else expected[::-1])
    assert await desk.queries.trades_page(symbol="NOBODY", limit=1) is None


async def fills_of(desk: Desk, account: int, wanted: FillsFilter, *, limit: int) -> list[Fill]:
    page = await desk.queries.fills_page(account=account, filter=wanted, limit=limit)
    seen = list(page.items)
    while page.next_cursor is not None:
        assert len(page.items) == limit
        page = await desk.queries.fills_page(account=account, filter=wanted, cursor=page.next_cursor, limit=limit)
        seen += page.items
    return seen


@pytest.mark.parametrize("is_ascending", [False, True])
async def test_fills_are_an_accounts_side_of_its_trades(desk: Desk, *, is_ascending: bool) -> None:
    for account in {trade.maker_account for trade in desk.trades}:
        fills = await fills_of(desk, account, FillsFilter(is_ascending=is_ascending), limit=9)
        own = [trade for trade in desk.trades if account in trade[9:11]]
        assert [fill.trade for fill in fills] == (own if is_ascending else own[::-1])
        for fill in fills:
            assert fill.order.account == account
            assert fill.order.side == fill.side
            assert fill.is_maker == (fill.trade.maker_account == account)
        by_order: dict[int, int] = {}
        for fill in fills if is_ascending else reversed(fills):
            filled = by_order.get(fill.order.order_id, 0) + fill.trade.quantity_units
            by_order[fill.order.order_id] = filled
            assert fill.cumulative_units == filled
            leaves = fill.order.quantity_units - filled
            assert fill.leaves_units == (0 if fill.order.notional_micros else leaves)
        for fill in fills:
            assert fill.order.filled_quantity_units == by_order[fill.order.order_id]
        fees: dict[int, int] = {}
        for fill in fills:
            fees[fill.order.order_id] = fees.get(fill.order.order_id, 0) + fill.fee_micros
        assert fees == {fill.order.order_id: fill.order.fee_micros for fill in fills}


async def test_fills_are_filtered(desk: Desk) -> None:
    account = max((trade.maker_account for trade in desk.trades), key=[t.maker_account for t in desk.trades].count)
    everything = await fills_of(desk, account, FillsFilter(), limit=1_000)
    middle = everything[len(everything) // 2]
    symbol = next(view.symbol for view in desk.queries.markets() if view.market == middle.trade.market)

    by_symbol = await fills_of(desk, account, FillsFilter(symbol=symbol), limit=2)
    assert by_symbol == [fill for fill in everything if fill.trade.market == middle.trade.market]
    by_order = await fills_of(desk, account, FillsFilter(order_id=middle.order.order_id), limit=1)
    assert by_order == [fill for fill in everything if fill.order.order_id == middle.order.order_id]
    time_ns = middle.trade.time_ns
    later = await fills_of(desk, account, FillsFilter(after_ns=time_ns), limit=3)
    assert later == [fill for fill in everything if fill.trade.time_ns > time_ns]
    earlier = await fills_of(desk, account, FillsFilter(until_ns=time_ns), limit=3)
    assert earlier == [fill for fill in everything if fill.trade.time_ns < time_ns]
    assert await fills_of(desk, account, FillsFilter(symbol="NOBODY"), limit=3) == []
    assert {fill.side for fill in everything} == {codes.BUY, codes.SELL}
