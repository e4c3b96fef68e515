"""The engine's face, and what must stop the process."""

from collections.abc import Callable

import pytest

from tests.support.engine_desk import SECOND_NS, SHARE, EngineDesk
from tests.support.trading import ANN, BOB, MAHOMES, buy, sell
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    ConfigureExchange,
    ExchangeParameters,
    HaltMarket,
    OpenAccount,
    ResumeMarket,
)
from waiver_exchange.domain.events import AccountOpened, MarketHalted, decode_events
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.invariant import InvariantError
from waiver_exchange.engine.state import state_bytes
from waiver_exchange.engine.tables import (
    ACCOUNT_WIDTH,
    CASH,
    MARKET_WIDTH,
    ORDER_ROWS_CHUNK,
    ORDER_WIDTH,
    POSITION_WIDTH,
    SHARES,
    SUPPLY,
    Tables,
)

BREAKER_HALT_NS = 60 * SECOND_NS


@pytest.fixture
def desk() -> EngineDesk:
    return EngineDesk()


def trip_breaker(desk: EngineDesk, *, halt_ns: int) -> None:
    """Trade at 25.00, then try to at 26.00, which is more than 1 % away."""
    desk.run(
        ConfigureExchange(parameters=ExchangeParameters(breaker_bps=100, breaker_halt_ns=halt_ns)),
        sell(ANN, price=2_500, quantity=SHARE),
        sell(ANN, price=2_600, quantity=SHARE),
    )
    events = desk.run(buy(BOB, price=2_600, quantity=2 * SHARE))
    until = desk.now + halt_ns if halt_ns else 0
    assert MarketHalted(MAHOMES, codes.HALT_BY_CIRCUIT_BREAKER, until) in events


def test_a_market_halted_by_the_breaker_is_due_to_resume_when_its_time_is_over(desk: EngineDesk) -> None:
    assert desk.engine.due_resumes(desk.now) == []
    trip_breaker(desk, halt_ns=BREAKER_HALT_NS)
    assert desk.execute(buy(BOB, price=2_500, quantity=1)) == RefusalReason.market_is_halted
    assert desk.engine.due_resumes(desk.now + BREAKER_HALT_NS - 1) == []
    assert desk.engine.due_resumes(desk.now + BREAKER_HALT_NS) == [MAHOMES]
    assert desk.engine.due_resumes(desk.now + BREAKER_HALT_NS) == [MAHOMES]
    desk.run(ResumeMarket(market=MAHOMES))
    assert desk.engine.due_resumes(desk.now + BREAKER_HALT_NS) == []


def test_a_halt_without_an_end_waits_for_the_operator(desk: EngineDesk) -> None:
    trip_breaker(desk, halt_ns=0)
    assert desk.engine.due_resumes(2**62) == []


def test_a_halt_by_the_operator_is_never_due_also_over_one_by_the_breaker(desk: EngineDesk) -> None:
    trip_breaker(desk, halt_ns=BREAKER_HALT_NS)
    desk.run(HaltMarket(market=MAHOMES))
    assert desk.engine.due_resumes(2**62) == []


def test_ends_cut_the_events_of_a_batch_by_command(desk: EngineDesk) -> None:
    commands = (OpenAccount(), buy(BOB, price=2_000, quantity=1), CancelOrder(account=BOB, order_id=7))
    alone = EngineDesk()
    expected = [alone.run(command) for command in commands]
    assert desk.engine.execute_batch(desk.encode(*commands)) == len(commands)
    ends = desk.engine.take_ends()
    events = desk.engine.take_events()
    assert len(events) == ends[-1]
    cut = [events[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert [list(decode_events(own)) for own in cut] == expected


def test_taking_starts_anew(desk: EngineDesk) -> None:
    desk.execute(OpenAccount())
    assert len(desk.engine.take_ends()) == 1
    assert list(decode_events(desk.engine.take_events())) == [AccountOpened(4)]
    assert (desk.engine.take_ends(), desk.engine.take_events()) == ([], b"")
    desk.execute(OpenAccount())
    assert desk.engine.take_ends() == [len(desk.engine.take_events())]


def test_discarded_events_are_gone_and_the_state_stays(desk: EngineDesk) -> None:
    kept = EngineDesk()
    for each in (desk, kept):
        each.execute(OpenAccount())
    desk.engine.discard_events()
    assert (desk.engine.take_ends(), desk.engine.take_events()) == ([], b"")
    assert state_bytes(desk.engine) == state_bytes(kept.engine)
    assert desk.run(OpenAccount()) == [AccountOpened(5)]


def test_one_command_may_lead_to_more_events_than_the_buffer_held(desk: EngineDesk) -> None:
    makers = 3_000
    desk.run(*(sell(ANN, price=2_500, quantity=1) for _ in range(makers)))
    events = desk.run(buy(BOB, price=2_500, quantity=makers))
    assert sum(type(event).__name__ == "TradeExecuted" for event in events) == makers
    assert desk.engine.tables.open_orders == 0


def test_an_empty_batch_does_nothing(desk: EngineDesk) -> None:
    before = state_bytes(desk.engine)
    assert desk.engine.execute_batch(b"") == 0
    assert state_bytes(desk.engine) == before


@pytest.mark.parametrize("cut", [1, 8, 16, 24, 63])
def test_a_record_that_is_cut_short_raises(desk: EngineDesk, cut: int) -> None:
    record = desk.encode(buy(BOB, price=2_000, quantity=1))
    with pytest.raises(IndexError):
        desk.engine.execute_batch(record[:-cut])


@pytest.mark.parametrize("kind", [0, 99, 255])
def test_an_unknown_command_stops_the_process(desk: EngineDesk, kind: int) -> None:
    record = bytes([kind]) + desk.encode(buy(BOB, price=2_000, quantity=1))[1:]
    with pytest.raises(InvariantError, match="known kind"):
        desk.engine.execute(record)


def issue_a_cent(tables: Tables) -> None:
    tables.cash_issued += 1


def lose_a_cent(tables: Tables) -> None:
    tables.cash_total -= 1


def raise_supply(tables: Tables) -> None:
    tables.markets[MAHOMES * MARKET_WIDTH + SUPPLY] += 1


@pytest.mark.parametrize("tamper", [issue_a_cent, lose_a_cent])
def test_cash_out_of_nothing_stops_the_next_command(desk: EngineDesk, tamper: Callable[[Tables], None]) -> None:
    tamper(desk.engine.tables)
    with pytest.raises(InvariantError, match="cash held equals cash issued"):
        desk.execute(OpenAccount())


@pytest.mark.parametrize("tamper", [issue_a_cent, lose_a_cent, raise_supply])
def test_what_appeared_from_nowhere_stops_the_next_batch(desk: EngineDesk, tamper: Callable[[Tables], None]) -> None:
    tamper(desk.engine.tables)
    with pytest.raises(InvariantError, match="equal"):
        desk.engine.check_conservation()
    with pytest.raises(InvariantError, match="equal"):
        desk.engine.execute_batch(desk.encode(OpenAccount()))


def test_a_settlement_that_would_take_cash_that_is_not_there_stops(desk: EngineDesk) -> None:
    desk.place(buy(BOB, price=2_500, quantity=SHARE))
    desk.engine.tables.accounts[BOB * ACCOUNT_WIDTH + CASH] = 1
    with pytest.raises(InvariantError, match="cash is never negative"):
        desk.execute(sell(ANN, price=2_500, quantity=SHARE))


def test_a_settlement_that_would_deliver_shares_that_are_not_there_stops(desk: EngineDesk) -> None:
    desk.place(sell(ANN, price=2_500, quantity=SHARE))
    ann = 2  # the second position: the house has the first
    desk.engine.tables.positions[ann * POSITION_WIDTH + SHARES] = 1
    with pytest.raises(InvariantError, match="holding is never negative"):
        desk.execute(buy(BOB, price=2_500, quantity=SHARE))


def test_the_row_of_a_cancelled_order_is_used_again(desk: EngineDesk) -> None:
    rows = {order_id & 0xFFF_FFFF for order_id in (cycle(desk) for _ in range(10 * ORDER_ROWS_CHUNK))}
    tables = desk.engine.tables
    assert rows == {1}
    assert (tables.order_rows, tables.free_rows, tables.open_orders) == (1, 1, 0)
    assert len(tables.orders) <= (ORDER_ROWS_CHUNK + 1) * ORDER_WIDTH


def cycle(desk: EngineDesk) -> int:
    order_id = desk.place(buy(BOB, price=2_000, quantity=1))
    desk.run(CancelOrder(account=BOB, order_id=order_id))
    return order_id


def test_the_row_freed_last_is_used_first_and_ids_never_repeat(desk: EngineDesk) -> None:
    ids = [desk.place(buy(BOB, price=2_000, quantity=1)) for _ in range(2 * ORDER_ROWS_CHUNK)]
    freed = [ids[300], ids[5], ids[411]]
    for order_id in freed:
        desk.run(CancelOrder(account=BOB, order_id=order_id))
    again = [desk.place(buy(BOB, price=2_000, quantity=1)) for _ in range(4)]
    rows = [order_id & 0xFFF_FFFF for order_id in again]
    assert rows == [*(order_id & 0xFFF_FFFF for order_id in reversed(freed)), 2 * ORDER_ROWS_CHUNK + 1]
    assert not set(again) & set(ids)
    for order_id in freed:
        assert desk.execute(CancelOrder(account=BOB, order_id=order_id)) == RefusalReason.order_is_final
