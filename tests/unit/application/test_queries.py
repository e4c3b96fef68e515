"""The reads: exact across memory and store."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.memory_read_model import MemoryReadModel
from tests.support.trading import ANN, BOB, FACTS, MAHOMES, ZONE, FoldedExchange, buy, sell
from waiver_exchange.application.queries import OrdersFilter, Queries, StatusFilter
from waiver_exchange.application.queries.accounts import MarketShares
from waiver_exchange.application.selections import OrderSelection
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    ConfigureExchange,
    DepositCash,
    ExchangeParameters,
    GrantShares,
    HaltAccount,
    HaltExchange,
    HaltMarket,
    ListMarket,
)
from waiver_exchange.projections.state import OrderView

# New orders come behind the end of an ascending walk, which must come to one.
ASCENDING_GROWTH = 0.1


class BusyStore(MemoryReadModel):
    """A store during whose reads the exchange goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.before_read: Callable[[], Awaitable[None]] | None = None
        self.after_read: Callable[[], Awaitable[None]] | None = None

    async def list_orders(self, selection: OrderSelection, *, limit: int) -> list[OrderView]:
        if self.before_read is not None:
            await self.before_read()
        found = await super().list_orders(selection, limit=limit)
        if self.after_read is not None:
            await self.after_read()
        return found


class Desk:
    """The small exchange with its store and its reads."""

    def __init__(self) -> None:
        self.exchange = FoldedExchange()
        self.store = BusyStore()
        self.queries = Queries(state=self.exchange.state, store=self.store, journal=FakeJournal(), zone=ZONE)

    def place(self, *, price: int = 2_400) -> OrderView:
        return self.exchange.place(buy(BOB, price=price, quantity=100))

    def cancel(self, order: OrderView) -> None:
        self.exchange.run(CancelOrder(account=BOB, order_id=order.order_id))

    async def flush(self) -> None:
        changes = self.exchange.projector.take_changes()
        if changes is not None:
            await self.store.store(changes)
            self.exchange.projector.forget_closed(changes)

    async def walk(
        self, status: StatusFilter, *, limit: int, between: Callable[[], Awaitable[None]], is_ascending: bool = False
    ) -> list[OrderView]:
        """All pages of Bob's orders, one after the other."""
        wanted = OrdersFilter(status=status, is_ascending=is_ascending)
        page = await self.queries.orders_page(account=BOB, filter=wanted, limit=limit)
        seen = list(page.items)
        while page.next_cursor is not None:
            assert len(page.items) == limit
            await between()
            if is_ascending:
                wanted = replace(wanted, after_order=page.next_cursor)
            else:
                wanted = replace(wanted, before_order=page.next_cursor)
            page = await self.queries.orders_page(account=BOB, filter=wanted, limit=limit)
            seen += page.items
        return seen


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def nothing() -> None:
    """Happens between two pages."""


async def test_order_is_found_in_memory_and_in_the_store(desk: Desk) -> None:
    resting, closed = desk.place(), desk.place()
    desk.cancel(closed)
    await desk.flush()
    assert closed.order_id not in desk.exchange.state.orders

    assert await desk.queries.order(account=BOB, order_id=resting.order_id) is resting
    assert await desk.queries.order(account=BOB, order_id=closed.order_id) == closed


async def test_order_of_another_account_is_not_found(desk: Desk) -> None:
    resting, closed = desk.place(), desk.place()
    desk.cancel(closed)
    await desk.flush()

    for order in (resting, closed):
        assert await desk.queries.order(account=ANN, order_id=order.order_id) is None
    assert await desk.queries.order(account=BOB, order_id=12345) is None


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_go_through_memory_and_store_newest_first(desk: Desk, limit: int) -> None:
    orders = []
    for number in range(9):
        orders.append(desk.place())
        if number % 2:
            desk.cancel(orders[-1])
        if number == 5:
            await desk.flush()

    newest_first = orders[::-1]
    assert await desk.walk("all", limit=limit, between=nothing) == newest_first
    assert await desk.walk("open", limit=limit, between=nothing) == [order for order in newest_first if order.is_open]
    assert await desk.walk("closed", limit=limit, between=nothing) == [o for o in newest_first if not o.is_open]


async def test_last_page_has_no_cursor_even_when_it_is_full(desk: Desk) -> None:
    orders = [desk.place(), desk.place()]

    page = await desk.queries.orders_page(account=BOB, filter=OrdersFilter(status="all"), limit=2)
    assert page == (orders[::-1], None)
    assert await desk.queries.orders_page(account=ANN, filter=OrdersFilter(status="all"), limit=2) == ([], None)


async def test_memory_wins_over_what_the_store_still_has(desk: Desk) -> None:
    order = desk.place()
    await desk.flush()
    desk.cancel(order)

    page = await desk.queries.orders_page(account=BOB, filter=OrdersFilter(status="all"), limit=5)
    assert [found.status for found in page.items] == ["cancelled"]
    page = await desk.queries.orders_page(account=BOB, filter=OrdersFilter(status="closed"), limit=5)
    assert [found.status for found in page.items] == ["cancelled"]


@pytest.mark.parametrize("moment", ["before_read", "after_read"])
async def test_page_shows_one_moment_though_an_order_closes_during_the_read(desk: Desk, moment: str) -> None:
    orders = [desk.place() for _ in range(3)]
    await desk.flush()

    async def close() -> None:
        desk.cancel(orders[1])
        await desk.flush()

    setattr(desk.store, moment, close)
    page = await desk.queries.orders_page(account=BOB, filter=OrdersFilter(status="all"), limit=5)
    assert [(order.order_id, order.status) for order in page.items] == [
        (order.order_id, "open") for order in reversed(orders)
    ]


@pytest.mark.parametrize("is_ascending", [False, True])
@pytest.mark.parametrize("status", ["all", "open", "closed"])
@pytest.mark.parametrize("round_number", range(12))
async def test_walk_misses_and_repeats_nothing_while_orders_open_close_and_are_stored(
    desk: Desk, status: StatusFilter, round_number: int, seed: int, *, is_ascending: bool
) -> None:
    random = Random(f"{seed}/{round_number}")
    for _ in range(60):
        desk.place()

    async def go_on() -> None:
        for _ in range(random.randrange(6)):
            live = list(desk.exchange.state.account_orders[BOB].values())
            match random.randrange(4) if live else 0:
                case 0 if not is_ascending or random.random() < ASCENDING_GROWTH:
                    desk.place()
                case 0 | 3:
                    await desk.flush()
                case _:
                    order = random.choice(live)
                    if order.is_open:
                        desk.cancel(order)

    for _ in range(10):
        await go_on()
    matching = {order.order_id for order in await desk.walk(status, limit=1_000, between=nothing)}
    desk.store.before_read = desk.store.after_read = go_on
    limit = random.randint(1, 9)
    seen = [order.order_id for order in await desk.walk(status, limit=limit, between=go_on, is_ascending=is_ascending)]

    assert seen == sorted(set(seen), reverse=not is_ascending)
    still_open = {order.order_id for order in desk.exchange.state.orders.values() if order.is_open}
    always_matching = matching & still_open if status == "open" else matching
    assert always_matching <= set(seen)


async def test_account_summary_counts_cash_and_shares(desk: Desk) -> None:
    desk.exchange.run(sell(ANN, price=2_500, quantity=10_000), buy(BOB, price=2_500, quantity=10_000))
    desk.place()
    desk.exchange.run(HaltAccount(account=BOB))

    summary = desk.queries.account_summary(BOB)
    assert summary == (BOB, 975_000_000, 240_000, 974_760_000, 1_000_000_000, True)
    assert desk.queries.account_summary(99) is None


async def test_positions_show_worth_and_profit_of_shares_that_are_there(desk: Desk) -> None:
    desk.exchange.run(ListMarket(supply_units=10, reference_price_cents=9, facts='{"symbol": "ALLEN"}'))
    desk.exchange.run(GrantShares(account=BOB, market=2, quantity_units=10))
    desk.exchange.run(sell(ANN, price=2_500, quantity=10_000), buy(BOB, price=2_500, quantity=10_000))
    desk.exchange.run(sell(BOB, price=2_600, quantity=4_000), buy(ANN, price=2_600, quantity=1_000))

    allen, mahomes = desk.queries.positions(BOB)
    assert (allen.symbol, allen.market_value_micros) == ("ALLEN", 90)
    assert (mahomes.symbol, mahomes.market, mahomes.quantity_units, mahomes.available_units) == (
        "MAHOMES",
        MAHOMES,
        9_000,
        6_000,
    )
    assert (mahomes.cost_micros, mahomes.average_cost_micros) == (22_500_000, 25_000_000)
    assert (mahomes.market_value_micros, mahomes.unrealized_micros) == (23_400_000, 900_000)
    assert mahomes.realized_micros == 100_000
    assert [position.market for position in desk.queries.positions(codes.HOUSE_ACCOUNT)] == [MAHOMES]
    assert desk.queries.positions(99) == []


async def test_position_says_what_changed_since_midnight_in_the_zone(desk: Desk) -> None:
    midnight = 1_788_753_600 * 10**9  # 7 September 2026, 00:00 in New York
    desk.exchange.run(sell(ANN, price=2_500, quantity=900), time_ns=midnight - 3)

    async def shown(now_ns: int) -> tuple[int, int, int]:
        (position,) = desk.queries.positions(ANN, now_ns=now_ns)
        today = await desk.queries.day_changes(ANN, now_ns=now_ns)
        return position.price_cents, position.previous_close_cents, today[MAHOMES].change_micros

    assert await shown(midnight - 2) == (2_500, 2_500, 0)  # nothing traded: the price that it was listed with
    desk.exchange.run(buy(BOB, price=2_500, quantity=100), time_ns=midnight - 1)
    desk.exchange.run(sell(ANN, price=2_600, quantity=100), buy(BOB, price=2_600, quantity=900), time_ns=midnight + 1)
    assert await shown(midnight + 2) == (2_600, 2_500, 100 * (1_000_000 - 1_000))
    assert await shown(midnight + 86_400 * 10**9) == (2_600, 2_600, 0)
    assert desk.queries.previous_close_cents(MAHOMES, now_ns=midnight - 1) == 2_500


@pytest.mark.parametrize("is_stored", [False, True])
async def test_shares_bought_today_count_from_what_they_cost(desk: Desk, *, is_stored: bool) -> None:
    midnight = 1_788_753_600 * 10**9

    async def change() -> tuple[int, int]:
        if is_stored:
            await desk.flush()
        return (await desk.queries.day_changes(BOB, now_ns=midnight + 99))[MAHOMES]

    async def trade(side: int, *, price: int, quantity: int, at: int) -> None:
        seller, buyer = (ANN, BOB) if side == codes.BUY else (BOB, ANN)
        orders = sell(seller, price=price, quantity=quantity), buy(buyer, price=price, quantity=quantity)
        desk.exchange.run(*orders, time_ns=midnight + at)

    await trade(codes.BUY, price=2_500, quantity=1_000, at=-5)
    await trade(codes.BUY, price=2_600, quantity=200, at=1)
    assert await change() == (1_000 * 100, 1_000 * 2_500 + 200 * 2_600)
    await trade(codes.BUY, price=2_400, quantity=200, at=2)
    assert await change() == (1_000 * -100 + 400 * -100, 1_000 * 2_500 + 400 * 2_500)
    await trade(codes.SELL, price=2_500, quantity=900, at=3)  # the old ones first
    assert await change() == (0, 100 * 2_500 + 400 * 2_500)
    await trade(codes.SELL, price=2_510, quantity=300, at=4)  # then those of today
    assert await change() == (200 * 10, 200 * 2_500)
    desk.exchange.run(GrantShares(account=BOB, market=MAHOMES, quantity_units=200), time_ns=midnight + 5)
    base = round(400 * (400 * 2_500 + 200 * 2_510) / 600)  # one average of all that came today
    assert await change() == (400 * 2_510 - base, base)
    assert await desk.queries.day_changes(99, now_ns=midnight) == {}


async def test_shares_bought_at_the_price_of_now_changed_nothing_today(desk: Desk) -> None:
    midnight = 1_788_753_600 * 10**9
    desk.exchange.run(sell(ANN, price=2_500, quantity=1), buy(BOB, price=2_500, quantity=1), time_ns=midnight - 5)
    desk.exchange.run(sell(BOB, price=2_500, quantity=1), buy(ANN, price=2_500, quantity=1), time_ns=midnight - 5)
    price, quantity = 2_600, 12_106
    desk.exchange.run(sell(ANN, price=price, quantity=quantity), buy(BOB, price=price, quantity=quantity))
    today = await desk.queries.day_changes(BOB, now_ns=midnight + 99)
    assert today[MAHOMES] == (0, price * quantity)


async def test_status_and_parameters_are_those_of_the_last_row(desk: Desk) -> None:
    assert desk.queries.status() == (6, 6_000, False, 1, 0, 3)
    desk.exchange.run(HaltMarket(market=MAHOMES), HaltExchange())
    assert desk.queries.status() == (8, 8_000, True, 1, 1, 3)
    desk.exchange.run(ConfigureExchange(parameters=ExchangeParameters(taker_fee_bps=7)))
    assert desk.queries.parameters().taker_fee_bps == 7
    assert desk.queries.market_by_number(MAHOMES).symbol == "MAHOMES"


async def test_markets_and_books_go_by_symbol(desk: Desk) -> None:
    desk.exchange.run(buy(BOB, price=2_400, quantity=100), buy(BOB, price=2_401, quantity=5))

    assert [market.symbol for market in desk.queries.markets()] == ["MAHOMES"]
    market = desk.queries.market("MAHOMES")
    assert market is not None
    assert market.name == "Patrick Mahomes"
    assert desk.queries.market("NOBODY") is None
    assert desk.queries.book("MAHOMES", depth=1) == ([(2_401, 5)], [], 2)
    assert desk.queries.book("NOBODY", depth=1) is None
    book = desk.queries.book_of("MAHOMES")
    assert book is not None
    assert book.best_bid_cents == 2_401


async def test_trades_go_on_in_the_store_behind_the_tape(desk: Desk) -> None:
    desk.exchange.state.tape_trades_max = 3
    desk.exchange.run(sell(ANN, price=2_500, quantity=1_000), *[buy(BOB, price=2_500, quantity=10)] * 6)
    desk.exchange.run(ListMarket(supply_units=10, reference_price_cents=9, facts=FACTS.replace("MAHOMES", "KELCE")))
    await desk.flush()
    desk.exchange.run(*[buy(BOB, price=2_500, quantity=10)] * 2)
    assert len(desk.exchange.state.tape) == 5

    async def listed(symbol: str | None, limit: int) -> list[int] | None:
        trades = await desk.queries.trades(symbol=symbol, limit=limit)
        return None if trades is None else [trade.trade_id for trade in trades]

    assert await listed(None, 3) == [8, 7, 6]
    assert await listed(None, 7) == [8, 7, 6, 5, 4, 3, 2]
    assert await listed("MAHOMES", 100) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert await listed("KELCE", 100) == []
    assert await listed("NOBODY", 100) is None


async def test_totals_agree_and_a_difference_is_seen(desk: Desk) -> None:
    desk.exchange.run(sell(ANN, price=2_500, quantity=1_000), buy(BOB, price=2_500, quantity=10))

    totals = desk.queries.conservation()
    assert totals.is_conserved
    assert (totals.cash_issued_micros, totals.cash_total_micros) == (2_000_000_000, 2_000_000_000)
    assert totals.markets == [
        MarketShares(
            market=MAHOMES,
            symbol="MAHOMES",
            issued_units=100_000_000,
            held_units=100_000_000,
            house_units=99_000_000,
        )
    ]

    state = desk.exchange.state
    state.accounts[ANN].cash_micros += 1
    state.count_totals()
    assert not desk.queries.conservation().is_conserved
    state.accounts[ANN].cash_micros -= 1
    state.holdings[ANN][MAHOMES].quantity_units -= 1
    state.count_totals()
    assert not desk.queries.conservation().is_conserved


async def test_totals_follow_every_row_without_a_count(desk: Desk) -> None:
    state = desk.exchange.state
    desk.exchange.run(DepositCash(account=ANN, amount_micros=5, reference="five"))
    desk.exchange.run(ListMarket(supply_units=10, reference_price_cents=9, facts='{"symbol": "ALLEN"}'))
    desk.exchange.run(sell(ANN, price=2_500, quantity=1_000), buy(BOB, price=2_500, quantity=10))
    totals = desk.queries.conservation()
    assert (totals.sequence, totals.cash_total_micros, totals.is_conserved) == (state.sequence, 2_000_000_005, True)
    assert [market.held_units for market in totals.markets] == [100_000_000, 10]
