"""Quotes are the top of the book at the end of each second in which it changed, stored and restarted meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.memory_read_model import MemoryReadModel
from tests.support.trading import ANN, BOB, MAHOMES, ZONE, FoldedExchange, buy, sell
from waiver_exchange.adapters.sqlite.read_model import SqliteReadModel
from waiver_exchange.application.ports import ReadModelStore
from waiver_exchange.application.queries import Queries
from waiver_exchange.application.selections import QuoteSelection
from waiver_exchange.domain.commands import CancelOrder, OpenAccount
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import QuoteView

SECOND = 10**9
DAY = 86_400 * SECOND
START = 1_788_739_200 * SECOND
Top = tuple[int, int, int, int]


class Desk:
    """The small exchange whose book changes by chance, and the top of it at the end of every second."""

    def __init__(self, store: ReadModelStore) -> None:
        self.exchange = FoldedExchange()
        self.store = store
        self.now = START
        self.tops: dict[int, tuple[int, Top]] = {}
        self.connect()

    def connect(self) -> None:
        self.queries = Queries(state=self.exchange.state, store=self.store, journal=FakeJournal(), zone=ZONE)

    def step(self, random: Random) -> None:
        self.now += random.choice((1, SECOND // 3, SECOND, 7 * SECOND, 3_600 * SECOND))
        resting = [order for order in self.exchange.state.orders.values() if order.is_open]
        before = self.exchange.state.books[MAHOMES].sequence
        match random.randrange(5):
            case 0 | 1:
                order = buy(BOB, price=random.randint(2_390, 2_500), quantity=random.randint(1, 9))
                self.exchange.run(order, time_ns=self.now)
            case 2 | 3:
                order = sell(ANN, price=random.randint(2_480, 2_600), quantity=random.randint(1, 9))
                self.exchange.run(order, time_ns=self.now)
            case _ if resting:
                chosen = random.choice(resting)
                self.exchange.run(CancelOrder(account=chosen.account, order_id=chosen.order_id), time_ns=self.now)
            case _:
                self.exchange.run(OpenAccount(), time_ns=self.now)
        if self.exchange.state.books[MAHOMES].sequence != before:
            self.tops[self.now // SECOND] = (self.now, self.top())

    def top(self) -> Top:
        book = self.exchange.state.books[MAHOMES]
        bid, ask = max(book.bids, default=0), min(book.asks, default=0)
        return bid, book.bids.get(bid, 0), ask, book.asks.get(ask, 0)

    async def flush(self) -> None:
        changes = self.exchange.projector.take_changes()
        if changes is not None:
            await self.store.store(changes)
            self.exchange.projector.forget_closed(changes)

    async def restart(self) -> None:
        await self.flush()
        self.exchange.projector = Projector(await self.store.load())
        self.connect()

    def expected(self) -> list[QuoteView]:
        """What changed from second to second, of the last 24 hours."""
        quotes, last = [], (0, 0, 0, 0)
        for _, (time_ns, top) in sorted(self.tops.items()):
            if top != last:
                quotes.append(QuoteView(MAHOMES, time_ns, *top))
            last = top
        kept_from = self.now - self.now % (60 * SECOND) - DAY
        return [quote for quote in quotes if quote.time_ns >= kept_from]


@pytest.fixture(params=["sqlite", "memory"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    store = SqliteReadModel(tmp_path / "read-model.db") if request.param == "sqlite" else MemoryReadModel()
    yield Desk(store)
    await store.close()


async def walk(desk: Desk, *, limit: int, is_ascending: bool) -> list[QuoteView]:
    seen: list[QuoteView] = []
    cursor = None
    while True:
        page = await desk.queries.quotes_page(symbol="MAHOMES", cursor=cursor, limit=limit, is_ascending=is_ascending)
        assert page is not None
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            return seen
        assert len(page.items) == limit


async def test_quotes_are_a_recount_of_the_tops_of_every_second(desk: Desk, seed: int) -> None:
    random = Random(seed)
    for number in range(300):
        desk.step(random)
        chance = random.random()
        if chance < 0.15:
            await desk.flush()
        elif chance < 0.2:
            await desk.restart()
        if number % 30 == 29:
            expected = desk.expected()
            assert await walk(desk, limit=7, is_ascending=True) == expected
            assert await walk(desk, limit=5, is_ascending=False) == expected[::-1]
            middle = expected[len(expected) // 2].time_ns
            page = await desk.queries.quotes_page(symbol="MAHOMES", start_ns=middle, limit=1_000, is_ascending=True)
            assert page == ([quote for quote in expected if quote.time_ns >= middle], None)
            page = await desk.queries.quotes_page(symbol="MAHOMES", end_ns=middle, limit=1_000, is_ascending=True)
            assert page == ([quote for quote in expected if quote.time_ns < middle], None)
    assert await desk.queries.quotes_page(symbol="NOBODY", limit=1) is None


@pytest.mark.parametrize("rounds", range(3))
async def test_what_is_kept_depends_on_the_last_row_alone(desk: Desk, seed: int, rounds: int) -> None:
    random = Random(f"{seed}/{rounds}")
    other = Desk(MemoryReadModel())
    for _ in range(200):
        state = random.getstate()
        desk.step(random)
        random.setstate(state)
        other.step(random)
        if random.random() < 0.3:
            await desk.flush()
    await desk.flush()
    await other.flush()

    everything = QuoteSelection(market=MAHOMES, start_ns=0, end_ns=2**62, is_ascending=True)
    kept = await desk.store.list_quotes(everything, limit=10_000)
    assert kept == await other.store.list_quotes(everything, limit=10_000)
    assert kept
