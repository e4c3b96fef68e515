"""A market is settled: orders leave, holders are paid, shares go home, and nothing happens in it any more."""

import pytest

from tests.support.engine_desk import SHARE, EngineDesk, stop
from tests.support.trading import ANN, BOB, MAHOMES, buy, sell
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    Command,
    DepositCash,
    GrantShares,
    HaltExchange,
    HaltMarket,
    IssueShares,
    ResumeExchange,
    ResumeMarket,
    SettleMarket,
)
from waiver_exchange.domain.events import (
    CashChanged,
    CashDeposited,
    CommandRefused,
    ExchangeResumed,
    HoldingChanged,
    MarketSettled,
    OrderCancelled,
    OrderDenied,
    SharesSettled,
)
from waiver_exchange.domain.limits import CASH_MICROS_MAX
from waiver_exchange.domain.refusals import CancelReason, RefusalReason

R = RefusalReason
HOUSE = codes.HOUSE_ACCOUNT
SETTLE = SettleMarket(market=MAHOMES, price_cents=3_000)
PAID = 100 * SHARE * 3_000


@pytest.fixture
def desk() -> EngineDesk:
    return EngineDesk()


def test_holders_are_paid_and_what_the_house_lacks_is_issued(desk: EngineDesk) -> None:
    desk.run(DepositCash(account=HOUSE, amount_micros=1_000, reference="house"))
    assert desk.run(SETTLE) == [
        CashDeposited(HOUSE, PAID - 1_000),
        MarketSettled(MAHOMES, 3_000, 100 * SHARE, PAID),
        SharesSettled(ANN, MAHOMES, 100 * SHARE, 3_000),
        CashChanged(ANN, 1_000_000_000 + PAID, 0),
        HoldingChanged(ANN, MAHOMES, 0, 0, 0, 100 * SHARE * 500),
        CashChanged(HOUSE, 0, 0),
        HoldingChanged(HOUSE, MAHOMES, 100_000_000, 0, PAID, 0),
    ]


def test_a_house_that_can_pay_issues_nothing(desk: EngineDesk) -> None:
    desk.run(DepositCash(account=HOUSE, amount_micros=PAID, reference="house"))
    assert isinstance(desk.run(SETTLE)[0], MarketSettled)


def test_a_worthless_season_pays_nothing(desk: EngineDesk) -> None:
    events = desk.run(SettleMarket(market=MAHOMES, price_cents=0))
    assert events[:2] == [MarketSettled(MAHOMES, 0, 100 * SHARE, 0), SharesSettled(ANN, MAHOMES, 100 * SHARE, 0)]
    assert HoldingChanged(ANN, MAHOMES, 0, 0, 0, -100 * SHARE * 2_500) in events


def test_every_open_and_held_order_is_cancelled_and_its_hold_released(desk: EngineDesk) -> None:
    desk.run(sell(ANN, price=2_600, quantity=SHARE), buy(BOB, price=2_600, quantity=1))
    orders: list[Command] = [
        buy(BOB, price=2_400, quantity=SHARE),
        buy(BOB, price=2_450, quantity=SHARE),
        sell(ANN, price=2_700, quantity=SHARE),
        stop(BOB, codes.BUY, at=2_900),
        stop(ANN, codes.SELL, at=2_300),
    ]
    desk.run(*orders)
    events = desk.run(SETTLE)
    cancelled = [event for event in events if isinstance(event, OrderCancelled)]
    assert {event.reason for event in cancelled} == {CancelReason.market_was_settled}
    # Bids from the best, asks from the best, held buys, held sells.
    assert [event.order_id >> 28 for event in cancelled] == [4, 3, 1, 5, 6, 7]
    assert [event for event in events if isinstance(event, CashChanged)][-2].held_micros == 0
    assert desk.engine.due_orders(2**62, 100) == []


def test_thousands_of_orders_are_cancelled_in_one_command(desk: EngineDesk) -> None:
    count = 3_000
    desk.run(*(sell(ANN, price=2_500 + number % 50, quantity=1) for number in range(count)))
    events = desk.run(SETTLE)
    assert sum(isinstance(event, OrderCancelled) for event in events) == count
    desk.engine.check_conservation()


@pytest.mark.parametrize(
    "command",
    [
        SETTLE,
        HaltMarket(market=MAHOMES),
        ResumeMarket(market=MAHOMES),
        IssueShares(market=MAHOMES, quantity_units=1),
        GrantShares(account=ANN, market=MAHOMES, quantity_units=1),
    ],
)
def test_nothing_is_done_in_a_settled_market_any_more(desk: EngineDesk, command: Command) -> None:
    desk.run(SETTLE)
    assert desk.run(command) == [CommandRefused(R.market_is_settled, 0, 0)]


@pytest.mark.parametrize("order", [buy(BOB, price=2_500, quantity=1), stop(BOB, codes.BUY, at=2_600)])
def test_orders_are_denied_with_a_reason_of_their_own(desk: EngineDesk, order: Command) -> None:
    desk.run(SETTLE)
    assert desk.run(order) == [OrderDenied(R.market_is_settled, 0, 0)]


def test_resuming_the_exchange_leaves_it_settled(desk: EngineDesk) -> None:
    desk.run(HaltExchange(), SETTLE)
    assert desk.run(ResumeExchange()) == [ExchangeResumed()]
    assert desk.engine.due_resumes(2**62) == []
    assert desk.run(SETTLE) == [CommandRefused(R.market_is_settled, 0, 0)]


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (SettleMarket(market=2, price_cents=1), (R.market_not_found, 0, 0)),
        (SettleMarket(market=MAHOMES, price_cents=-1), (R.price_must_be_positive, 0, 0)),
        (SettleMarket(market=MAHOMES, price_cents=1_048_575), (R.price_is_too_high, 1_048_575, 1_048_574)),
    ],
)
def test_a_settlement_that_cannot_be_is_refused(
    desk: EngineDesk, command: Command, refusal: tuple[int, int, int]
) -> None:
    assert desk.run(command) == [CommandRefused(*refusal)]


def test_no_more_cash_is_issued_than_there_may_be(desk: EngineDesk) -> None:
    desk.run(DepositCash(account=BOB, amount_micros=CASH_MICROS_MAX - 2_000_000_000 - PAID + 1, reference=""))
    assert desk.run(SETTLE) == [CommandRefused(R.cash_issued_would_be_too_large, 0, 0)]
