"""Equity is a recount of the ledger and the prices of then, whenever it is asked for."""

import asyncio
from collections.abc import Sequence
from random import Random

import pytest

from tests.fakes.journal import FakeJournal
from tests.model.workload import commands
from tests.support.journal_rows import EngineJournal
from tests.support.memory_read_model import MemoryReadModel
from tests.support.trading import ANN, BOB, MAHOMES, ZONE, FoldedExchange, buy, sell
from waiver_exchange.application.queries import EquityPoint, Interval, LedgerFilter, Queries
from waiver_exchange.application.queries.equity import EQUITY_POINTS_MAX
from waiver_exchange.application.queries.turns import WAITING_MAX
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.codes import HOUSE_ACCOUNT
from waiver_exchange.domain.commands import DepositCash, GrantShares
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState, TradeView

ROWS = 1_500
MINUTE = 60 * 10**9


class Desk:
    """A seeded history, the older part of it in the store alone and the newest in memory alone."""

    def __init__(self) -> None:
        self.store = MemoryReadModel()
        self.projector = Projector(ReadModelState())
        self.state = self.projector.state
        self.queries = Queries(state=self.state, store=self.store, journal=FakeJournal(), zone=ZONE)
        self.trades: list[TradeView] = []
        self.start_ns = 0

    async def fill(self, seed: int) -> None:
        for row in EngineJournal().rows(commands(seed=seed, count=ROWS)):
            self.projector.apply(row)
            self.start_ns = self.start_ns or row.time_ns
            self.trades += [trade for trade in self.state.tape if trade.sequence == row.sequence]
            if row.sequence % 50 == 0 and row.sequence < ROWS - 100:
                changes = self.projector.take_changes()
                assert changes is not None
                await self.store.store(changes)
                self.projector.forget_closed(changes)

    async def worth(self, account: int, time_ns: int) -> tuple[int, int, int, int]:
        """Equity, cash, deposits and everything invested just before a time, line by line."""
        page = await self.queries.ledger_page(account=account, filter=LedgerFilter(end_ns=time_ns), limit=10_000)
        balances: dict[int, int] = {}
        for line in reversed(page.items):
            balances[line.market] = line.balance
        cash = balances.pop(0, 0)
        equity = cash + sum(units * self.price(market, time_ns) for market, units in balances.items())
        given = [line for line in page.items if line.kind in {"deposit", "issue", "grant", "correction"}]
        deposits = sum(line.amount for line in given if not line.market)
        given = [line for line in given if line.market]
        shares = sum(line.amount * self.price(line.market, line.time_ns, line.sequence) for line in given)
        return equity, cash, deposits, deposits + shares

    def price(self, market: int, time_ns: int, sequence: int = 0) -> int:
        own = [t for t in self.trades if t.market == market]
        prices = [t.price_cents for t in own if t.time_ns < time_ns or t.sequence < sequence]
        return prices[-1] if prices else self.state.markets[market].listed_price_cents


@pytest.mark.parametrize("interval", ["1m", "15m", "1h", "4h", "1d"])
async def test_equity_is_a_recount_at_every_point(seed: int, interval: Interval) -> None:
    desk = Desk()
    await desk.fill(seed)
    random = Random(seed)
    end_ns = desk.state.time_ns + 2 * 86_400 * 10**9
    for account in random.sample(sorted(desk.state.accounts), 4):
        points = await desk.queries.equity_history(
            account=account, start_ns=desk.start_ns - 86_400 * 10**9, end_ns=end_ns, interval=interval
        )
        assert [point.time_ns for point in points] == sorted({point.time_ns for point in points})
        for point in random.sample(points, min(len(points), 15)):
            assert point[1:] == await desk.worth(account, point.time_ns)
        last = points[-1]
        summary = desk.queries.account_summary(account)
        assert summary is not None
        assert (last.equity_micros, last.cash_micros) == (summary.equity_micros, summary.cash_micros)


async def test_equity_follows_cash_and_prices_and_is_never_remembered() -> None:
    exchange = FoldedExchange()
    queries = Queries(state=exchange.state, store=MemoryReadModel(), journal=FakeJournal(), zone=ZONE)

    async def equity_of(account: int, minutes: int) -> list[int]:
        points = await queries.equity_history(
            account=account, start_ns=MINUTE, end_ns=minutes * MINUTE + 1, interval="1m"
        )
        return [point.equity_micros for point in points]

    # $1,000 and 100 shares listed at $25.00: no value is 10,000 times too large.
    assert await equity_of(ANN, 1) == [1_000_000_000 + 1_000_000 * 2_500]
    exchange.run(sell(ANN, price=2_600, quantity=10_000), time_ns=MINUTE + 1)
    exchange.run(buy(BOB, price=2_600, quantity=10_000), time_ns=MINUTE + 2)
    assert await equity_of(ANN, 2) == [3_500_000_000, 1_026_000_000 + 990_000 * 2_600]
    assert await equity_of(BOB, 2) == [1_000_000_000, 1_000_000_000]
    exchange.run(DepositCash(account=BOB, amount_micros=7, reference="more"), time_ns=2 * MINUTE + 1)
    points = await queries.equity_history(account=BOB, start_ns=0, end_ns=3 * MINUTE + 1, interval="1m")
    assert [point.deposits_micros for point in points] == [0, 1_000_000_000, 1_000_000_000, 1_000_000_007]
    assert points[-1].cash_micros == 974_000_007
    assert await equity_of(99, 3) == []


async def test_equity_of_a_very_long_time_shows_its_newest_points() -> None:
    exchange = FoldedExchange()
    queries = Queries(state=exchange.state, store=MemoryReadModel(), journal=FakeJournal(), zone=ZONE)
    points = await queries.equity_history(account=BOB, start_ns=0, end_ns=50_000 * MINUTE, interval="1m")

    assert (len(points), points[-1].time_ns) == (EQUITY_POINTS_MAX, 49_999 * MINUTE)


async def test_granted_shares_are_invested_at_the_price_of_then() -> None:
    exchange = FoldedExchange()
    queries = Queries(state=exchange.state, store=MemoryReadModel(), journal=FakeJournal(), zone=ZONE)

    async def profit_of(account: int, minutes: int) -> int:
        (point,) = await queries.equity_history(
            account=account, start_ns=minutes * MINUTE, end_ns=minutes * MINUTE + 1, interval="1m"
        )
        return point.equity_micros - point.invested_micros

    assert await profit_of(ANN, 1) == 0  # 100 shares granted before any trade, at the listed price
    exchange.run(sell(ANN, price=2_600, quantity=10_000), buy(BOB, price=2_600, quantity=10_000), time_ns=MINUTE + 1)
    exchange.run(GrantShares(account=BOB, market=MAHOMES, quantity_units=1_000_000), time_ns=MINUTE + 1)
    assert [await profit_of(account, 2) for account in (ANN, BOB)] == [1_000_000 * 100, 0]
    exchange.run(sell(ANN, price=2_500, quantity=1), buy(BOB, price=2_500, quantity=1), time_ns=2 * MINUTE + 1)
    assert await profit_of(BOB, 3) == -1_010_000 * 100
    # What the house gave away is as much less of its own.
    house = await queries.equity_history(account=HOUSE_ACCOUNT, start_ns=0, end_ns=3 * MINUTE + 1, interval="1m")
    assert house[-1].invested_micros == 99_000_000 * 2_500 - 1_000_000 * 2_600


class BusyStore(MemoryReadModel):
    """Somebody trades, and it is stored, between a look into memory and the first answer."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange_then: FoldedExchange | None = None
        self.has_traded = False

    async def list_balances(
        self, *, account: int, market: int, times_ns: Sequence[int], until_sequence: int
    ) -> list[int]:
        exchange, self.exchange_then = self.exchange_then, None
        if exchange is not None:
            self.has_traded = True
            exchange.run(sell(ANN, price=5_000, quantity=400), buy(BOB, price=5_000, quantity=400), time_ns=2 * MINUTE)
            exchange.run(DepositCash(account=ANN, amount_micros=9, reference="then"), time_ns=2 * MINUTE)
            await exchange.flush(self)
        return await super().list_balances(
            account=account, market=market, times_ns=times_ns, until_sequence=until_sequence
        )


@pytest.mark.parametrize("is_stored", [False, True])
async def test_a_point_is_of_one_moment_though_trading_goes_on(*, is_stored: bool) -> None:
    exchange, store = FoldedExchange(), BusyStore()
    queries = Queries(state=exchange.state, store=store, journal=FakeJournal(), zone=ZONE)
    exchange.run(sell(ANN, price=2_600, quantity=100), buy(BOB, price=2_600, quantity=100), time_ns=2 * MINUTE)
    if is_stored:
        await exchange.flush(store)
    summary = queries.account_summary(ANN)
    assert summary is not None
    store.exchange_then = exchange
    points = await queries.equity_history(account=ANN, start_ns=0, end_ns=3 * MINUTE + 1, interval="1m")

    assert store.has_traded
    assert queries.account_summary(ANN) != summary
    last = points[-1]
    assert (last.equity_micros, last.cash_micros) == (summary.equity_micros, summary.cash_micros)
    assert last.deposits_micros == 1_000_000_000


class WaitingStore(MemoryReadModel):
    """Answers when it may; counts who asks at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()
        self.asking = self.asking_max = 0

    async def list_balances(
        self, *, account: int, market: int, times_ns: Sequence[int], until_sequence: int
    ) -> list[int]:
        self.asking += 1
        self.asking_max = max(self.asking, self.asking_max)
        await self.may_answer.wait()
        self.asking -= 1
        return await super().list_balances(
            account=account, market=market, times_ns=times_ns, until_sequence=until_sequence
        )


async def test_of_one_account_one_history_is_read_at_a_time_and_few_wait() -> None:
    exchange, store = FoldedExchange(), WaitingStore()
    queries = Queries(state=exchange.state, store=store, journal=FakeJournal(), zone=ZONE)

    def ask(account: int) -> "asyncio.Task[list[EquityPoint]]":
        return asyncio.create_task(
            queries.equity_history(account=account, start_ns=MINUTE, end_ns=MINUTE + 1, interval="1m")
        )

    waiting = [ask(ANN) for _ in range(WAITING_MAX)]
    refused = ask(ANN)
    with pytest.raises(RefusedError, match="exchange_is_busy"):
        await refused
    other = ask(BOB)
    waiting.pop().cancel()
    store.may_answer.set()
    assert [len(points) for points in await asyncio.gather(*waiting, other)] == [1] * WAITING_MAX
    assert store.asking_max == 2  # one of each account
    assert len(await ask(ANN)) == 1
