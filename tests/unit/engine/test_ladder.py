"""The price ladder where its levels of 32 ways meet, on both sides."""

from itertools import pairwise

import pytest

from tests.support.engine_desk import EngineDesk, terms
from tests.support.trading import ANN, BOB
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    ConfigureExchange,
    DepositCash,
    ExchangeParameters,
    GrantShares,
    ListMarket,
    PlaceOrder,
)
from waiver_exchange.domain.events import BookLevelChanged, Event, TradeExecuted
from waiver_exchange.domain.limits import PRICE_CENTS_MAX
from waiver_exchange.engine.state import load_state, state_bytes
from waiver_exchange.engine.tables import BEST_KEY, BOOK_WIDTH, KEY_MAX, NO_KEY

# One leaf holds 32 prices, one lower node 1,024, one upper node 32,768; 1,048,574 is the highest of all.
PRICES = (1, 31, 32, 33, 1_023, 1_024, 32_767, 32_768, PRICE_CENTS_MAX)
MARKET = 2
ORDERS_OF_PLACING = [PRICES, PRICES[::-1], *(PRICES[start:] + PRICES[:start] for start in range(1, len(PRICES)))]
SIDES = pytest.mark.parametrize("side", [codes.BUY, codes.SELL], ids=["bids", "asks"])
MAKER = {codes.BUY: BOB, codes.SELL: ANN}


@pytest.fixture
def desk() -> EngineDesk:
    """An exchange without band and breaker, and a market without a reference price."""
    return EngineDesk(
        ConfigureExchange(parameters=ExchangeParameters(band_bps=0, breaker_bps=0)),
        ListMarket(supply_units=1_000_000, reference_price_cents=0, facts=""),
        GrantShares(account=ANN, market=MARKET, quantity_units=100_000),
        DepositCash(account=BOB, amount_micros=1_000_000_000_000, reference="more"),
    )


def limit(account: int, side: int, *, price: int, units: int = 1, time_in_force: int = codes.GTC) -> PlaceOrder:
    return PlaceOrder(
        account=account,
        market=MARKET,
        terms=terms(side, time_in_force=time_in_force),
        quantity_units=units,
        price_cents=price,
    )


def best_price(desk: EngineDesk, side: int) -> int | None:
    key = desk.engine.tables.books[(MARKET * 4 + side) * BOOK_WIDTH + BEST_KEY]
    if key == NO_KEY:
        return None
    return KEY_MAX - key if side == codes.BUY else key


def best_of(prices: set[int], side: int) -> int | None:
    return (max if side == codes.BUY else min)(prices, default=None)


def from_best(side: int) -> list[int]:
    return sorted(PRICES, reverse=side == codes.BUY)


@SIDES
@pytest.mark.parametrize("placed", ORDERS_OF_PLACING)
@pytest.mark.parametrize("removed", [PRICES, PRICES[::-1], PRICES[1::2] + PRICES[::2]])
def test_the_next_best_price_is_found_whichever_goes(
    desk: EngineDesk, side: int, placed: tuple[int, ...], removed: tuple[int, ...]
) -> None:
    resting: set[int] = set()
    ids = {}
    for price in placed:
        ids[price] = desk.place(limit(MAKER[side], side, price=price))
        resting.add(price)
        assert best_price(desk, side) == best_of(resting, side)
    for price in removed:
        desk.run(CancelOrder(account=codes.OPERATOR, order_id=ids[price]))
        resting.remove(price)
        assert best_price(desk, side) == best_of(resting, side)
    assert best_price(desk, side) is None


@SIDES
def test_a_sweep_trades_at_every_price_from_the_best_on(desk: EngineDesk, side: int) -> None:
    for price in PRICES:
        desk.place(limit(MAKER[side], side, price=price))
    last = from_best(side)[-1]
    taker = limit(MAKER[1 - side], 1 - side, price=last, units=len(PRICES), time_in_force=codes.FOK)
    trades = [event for event in desk.run(taker) if isinstance(event, TradeExecuted)]
    assert [trade.price_cents for trade in trades] == from_best(side)
    assert best_price(desk, side) is None


@SIDES
def test_a_taker_stops_at_its_limit_between_any_two_prices(desk: EngineDesk, side: int) -> None:
    for nearer, farther in pairwise(from_best(side)):
        ids = [desk.place(limit(MAKER[side], side, price=price)) for price in (farther, nearer)]
        taker = limit(MAKER[1 - side], 1 - side, price=nearer, units=2, time_in_force=codes.IOC)
        trades = [event for event in desk.run(taker) if isinstance(event, TradeExecuted)]
        assert [trade.price_cents for trade in trades] == [nearer]
        assert best_price(desk, side) == farther
        desk.run(CancelOrder(account=codes.OPERATOR, order_id=ids[0]))


@SIDES
def test_a_level_that_empties_and_fills_again_has_its_own_total(desk: EngineDesk, side: int) -> None:
    for _ in range(3):
        for price in PRICES:
            first = desk.run(limit(MAKER[side], side, price=price, units=3))
            second = desk.run(limit(MAKER[side], side, price=price, units=4))
            assert [total_of(first), total_of(second)] == [3, 7]
        for price in from_best(side):
            swept = limit(MAKER[1 - side], 1 - side, price=price, units=7, time_in_force=codes.FOK)
            assert total_of(desk.run(swept)) == 0


def total_of(events: list[Event]) -> int:
    return [event.quantity_units for event in events if isinstance(event, BookLevelChanged)][-1]


@SIDES
def test_all_levels_are_walked_when_the_state_is_stored(desk: EngineDesk, side: int) -> None:
    for price in PRICES:
        desk.place(limit(MAKER[side], side, price=price))
    state = state_bytes(desk.engine)
    words = memoryview(state).cast("q")[-12 * len(PRICES) :]
    assert list(words[4::12]) == from_best(side)
    assert state_bytes(load_state(state)) == state


@SIDES
def test_emptied_nodes_go_back_to_the_pool(desk: EngineDesk, side: int) -> None:
    sizes = set()
    for _ in range(50):
        ids = [desk.place(limit(MAKER[side], side, price=price)) for price in PRICES]
        for order_id in ids:
            desk.run(CancelOrder(account=codes.OPERATOR, order_id=order_id))
        sizes.add((len(desk.engine.tables.inner), len(desk.engine.tables.leaves)))
    assert len(sizes) == 1
