"""Which orders are due, each once, however many others came and went."""

from dataclasses import replace
from random import Random

import pytest

from tests.support.engine_desk import SECOND_NS, SHARE, START_NS, EngineDesk, terms
from tests.support.trading import ANN, BOB, buy, sell
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CancelOrder, ExpireOrder
from waiver_exchange.domain.events import CashChanged, OrderExpired, OrderFilled
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.state import load_state, state_bytes

ALL = 1_000_000
FAR_NS = START_NS + 1_000_000 * SECOND_NS
# The heap is looked through for dead entries beyond this many.
HEAP_ENTRIES = 4_096


@pytest.fixture
def desk() -> EngineDesk:
    return EngineDesk()


def rest(desk: EngineDesk, *, seconds: int, units: int = 1) -> int:
    """The id of a bid that expires so many seconds after the start."""
    order = replace(
        buy(BOB, price=2_000, quantity=units),
        terms=terms(codes.BUY, time_in_force=codes.GTD),
        expires_at_ns=START_NS + seconds * SECOND_NS,
    )
    return desk.place(order)


def test_without_resting_orders_nothing_is_due(desk: EngineDesk) -> None:
    assert desk.engine.due_orders(FAR_NS, ALL) == []
    assert desk.engine.next_expiry() == 0


def test_due_orders_come_by_time_and_each_once(desk: EngineDesk, seed: int) -> None:
    seconds = list(range(1, 201))
    Random(seed).shuffle(seconds)
    ids = {second: rest(desk, seconds=second) for second in seconds}
    assert desk.engine.next_expiry() == START_NS + SECOND_NS
    assert desk.engine.due_orders(START_NS + 120 * SECOND_NS, ALL) == [ids[second] for second in range(1, 121)]
    assert desk.engine.due_orders(START_NS + 120 * SECOND_NS, ALL) == []
    assert desk.engine.next_expiry() == START_NS + 121 * SECOND_NS
    assert desk.engine.due_orders(FAR_NS, ALL) == [ids[second] for second in range(121, 201)]
    assert desk.engine.next_expiry() == 0


def test_the_limit_leaves_the_rest_for_the_next_call(desk: EngineDesk) -> None:
    ids = [rest(desk, seconds=second) for second in range(1, 8)]
    assert desk.engine.due_orders(FAR_NS, 0) == []
    assert desk.engine.due_orders(FAR_NS, 3) == ids[:3]
    assert desk.engine.due_orders(FAR_NS, 3) == ids[3:6]
    assert desk.engine.due_orders(FAR_NS, 3) == ids[6:]
    assert desk.engine.due_orders(FAR_NS, 3) == []


def test_orders_of_the_same_moment_are_all_due(desk: EngineDesk) -> None:
    ids = [rest(desk, seconds=60) for _ in range(50)]
    assert sorted(desk.engine.due_orders(START_NS + 60 * SECOND_NS, ALL)) == ids


def test_an_order_is_due_at_its_nanosecond_and_not_before(desk: EngineDesk) -> None:
    order_id = rest(desk, seconds=5)
    expires_at = START_NS + 5 * SECOND_NS
    assert desk.engine.due_orders(expires_at - 1, ALL) == []
    desk.now = expires_at - 1
    assert desk.execute(ExpireOrder(order_id=order_id)) == RefusalReason.order_has_not_expired
    assert desk.engine.due_orders(expires_at, ALL) == [order_id]
    desk.now = expires_at
    expired, *_, cash = desk.run(ExpireOrder(order_id=order_id))
    assert expired == OrderExpired(order_id, BOB, 1, 1)
    assert cash == CashChanged(BOB, 1_000_000_000, 0)


def test_good_till_cancelled_is_due_after_the_default_lifetime(desk: EngineDesk) -> None:
    order_id = desk.place(buy(BOB, price=2_000, quantity=1))
    week_later = START_NS + 7 * 86_400 * SECOND_NS
    assert desk.engine.next_expiry() == week_later
    assert desk.engine.due_orders(week_later - 1, ALL) == []
    assert desk.engine.due_orders(week_later, ALL) == [order_id]


def test_cancelled_filled_and_never_resting_orders_are_not_due(desk: EngineDesk) -> None:
    cancelled = rest(desk, seconds=1)
    filled = rest(desk, seconds=2, units=SHARE)
    half = rest(desk, seconds=3, units=SHARE)
    desk.run(CancelOrder(account=BOB, order_id=cancelled))
    events = desk.run(sell(ANN, price=2_000, quantity=SHARE + SHARE // 2))
    assert OrderFilled(filled, BOB) in events
    desk.run(replace(buy(BOB, price=2_000, quantity=1), terms=terms(codes.BUY, time_in_force=codes.IOC)))
    assert desk.engine.due_orders(FAR_NS, ALL) == [half]


def test_an_order_in_the_row_of_a_cancelled_one_is_due_at_its_own_time(desk: EngineDesk) -> None:
    first = rest(desk, seconds=1)
    desk.run(CancelOrder(account=BOB, order_id=first))
    second = rest(desk, seconds=100)
    assert first & 0xFFF_FFFF == second & 0xFFF_FFFF
    assert desk.engine.due_orders(START_NS + 99 * SECOND_NS, ALL) == []
    assert desk.engine.due_orders(START_NS + 100 * SECOND_NS, ALL) == [second]


def test_the_heap_drops_dead_entries_and_keeps_the_living(desk: EngineDesk, seed: int) -> None:
    random = Random(seed)
    living: list[tuple[int, int]] = []
    for number in range(3 * HEAP_ENTRIES):
        seconds = random.randrange(1, 100_000)
        order_id = rest(desk, seconds=seconds)
        if number % 100 == 0:
            living.append((seconds, order_id))
        else:
            desk.run(CancelOrder(account=BOB, order_id=order_id))
        assert desk.engine.tables.expiry_count <= HEAP_ENTRIES + 1
    due = desk.engine.due_orders(FAR_NS, ALL)
    assert sorted(due) == sorted(order_id for _, order_id in living)
    by_time = {order_id: seconds for seconds, order_id in living}
    assert [by_time[order_id] for order_id in due] == sorted(by_time.values())


def test_many_living_orders_stay_in_the_heap(desk: EngineDesk) -> None:
    count = HEAP_ENTRIES + 1_000
    ids = [rest(desk, seconds=count - number) for number in range(count)]
    assert desk.engine.tables.expiry_count == count
    assert desk.engine.due_orders(FAR_NS, ALL) == ids[::-1]


def test_a_loaded_engine_knows_what_is_due(desk: EngineDesk, seed: int) -> None:
    seconds = list(range(1, 101))
    Random(seed).shuffle(seconds)
    ids = {second: rest(desk, seconds=second) for second in seconds}
    desk.run(CancelOrder(account=BOB, order_id=ids.pop(1)))
    loaded = load_state(state_bytes(desk.engine))
    assert loaded.next_expiry() == START_NS + 2 * SECOND_NS
    assert loaded.due_orders(FAR_NS, 10) == [ids[second] for second in range(2, 12)]
    assert loaded.due_orders(FAR_NS, ALL) == [ids[second] for second in range(12, 101)]
    assert loaded.due_orders(FAR_NS, ALL) == []


def test_asking_what_is_due_changes_no_state(desk: EngineDesk) -> None:
    rest(desk, seconds=1)
    before = state_bytes(desk.engine)
    assert desk.engine.due_orders(FAR_NS, ALL)
    assert state_bytes(desk.engine) == before
