"""Replacing open orders in the engine: what is kept, what is lost, and every refusal."""

import pytest

from tests.support.engine_desk import SECOND_NS, SHARE, EngineDesk, stop, terms
from tests.support.trading import ANN, BOB, MAHOMES, buy, sell
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    Command,
    ConfigureExchange,
    ExchangeParameters,
    HaltAccount,
    HaltExchange,
    HaltMarket,
    PlaceOrder,
    ReplaceOrder,
)
from waiver_exchange.domain.events import (
    BookLevelChanged,
    CashChanged,
    CommandRefused,
    HoldingChanged,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderPartiallyFilled,
    OrderReplaced,
    OrderTriggered,
    StopOrderAccepted,
    TradeExecuted,
)
from waiver_exchange.domain.limits import ORDER_ROW_BITS, PRICE_CENTS_MAX
from waiver_exchange.domain.refusals import CancelReason, RefusalReason
from waiver_exchange.engine.state import load_state, state_bytes

WEEK_NS = 7 * 86_400 * SECOND_NS
CASH = 1_000_000_000
BUY_TERMS = terms(codes.BUY)


@pytest.fixture
def desk() -> EngineDesk:
    return EngineDesk()


def order_id(serial: int, row: int) -> int:
    return serial << ORDER_ROW_BITS | row


FIRST = order_id(1, 1)


def replace(
    *,
    account: int = BOB,
    order: int = FIRST,
    quantity: int = 0,
    price: int = 0,
    stop_price: int = 0,
    expires_at_ns: int = 0,
    time_in_force: int = 0,
) -> ReplaceOrder:
    return ReplaceOrder(
        account=account,
        order_id=order,
        quantity_units=quantity,
        price_cents=price,
        stop_price_cents=stop_price,
        expires_at_ns=expires_at_ns,
        time_in_force=time_in_force,
    )


def configured(**changes: int) -> Command:
    return ConfigureExchange(parameters=ExchangeParameters(**changes))


def makers(desk: EngineDesk, order: PlaceOrder) -> list[int]:
    """The makers that an order trades with, in order."""
    return [event.maker_order for event in desk.run(order) if isinstance(event, TradeExecuted)]


# A resting order.


def test_a_smaller_quantity_at_the_same_price_keeps_its_place(desk: EngineDesk) -> None:
    desk.run(buy(BOB, price=2_400, quantity=SHARE), buy(BOB, price=2_400, quantity=SHARE))
    expires_at = desk.now + WEEK_NS
    desk.now += SECOND_NS
    new = order_id(3, 1)
    assert desk.run(replace(quantity=SHARE // 2, price=2_400)) == [
        OrderReplaced(FIRST, BOB, MAHOMES, new, SHARE),
        OrderAccepted(new, BOB, MAHOMES, BUY_TERMS, SHARE // 2, 0, 2_400, expires_at),
        BookLevelChanged(MAHOMES, codes.BUY, 2_400, SHARE + SHARE // 2, 3),
        CashChanged(BOB, CASH, 2_400 * (SHARE + SHARE // 2)),
    ]
    assert makers(desk, sell(ANN, price=2_400, quantity=SHARE)) == [new, order_id(2, 2)]


def test_a_larger_quantity_goes_behind_the_others(desk: EngineDesk) -> None:
    desk.run(buy(BOB, price=2_400, quantity=SHARE), buy(BOB, price=2_400, quantity=SHARE))
    new = order_id(3, 1)
    assert desk.run(replace(quantity=2 * SHARE)) == [
        OrderReplaced(FIRST, BOB, MAHOMES, new, SHARE),
        BookLevelChanged(MAHOMES, codes.BUY, 2_400, SHARE, 3),
        OrderAccepted(new, BOB, MAHOMES, BUY_TERMS, 2 * SHARE, 0, 2_400, desk.now + WEEK_NS),
        BookLevelChanged(MAHOMES, codes.BUY, 2_400, 3 * SHARE, 4),
        CashChanged(BOB, CASH, 2_400 * 3 * SHARE),
    ]
    assert makers(desk, sell(ANN, price=2_400, quantity=2 * SHARE)) == [order_id(2, 2), new]


def test_another_price_trades_like_a_new_order(desk: EngineDesk) -> None:
    desk.run(buy(BOB, price=2_400, quantity=SHARE), sell(ANN, price=2_500, quantity=SHARE // 2))
    new, offer = order_id(3, 1), order_id(2, 2)
    half = SHARE // 2
    paid = 2_500 * half
    events = desk.run(replace(price=2_550))
    assert [event for event in events if not isinstance(event, HoldingChanged | TradeExecuted)] == [
        OrderReplaced(FIRST, BOB, MAHOMES, new, SHARE),
        BookLevelChanged(MAHOMES, codes.BUY, 2_400, 0, 3),
        OrderAccepted(new, BOB, MAHOMES, BUY_TERMS, SHARE, 0, 2_550, desk.now + WEEK_NS),
        OrderFilled(offer, ANN),
        BookLevelChanged(MAHOMES, codes.SELL, 2_500, 0, 4),
        CashChanged(ANN, CASH + paid, 0),
        OrderPartiallyFilled(new, BOB, half),
        BookLevelChanged(MAHOMES, codes.BUY, 2_550, half, 5),
        CashChanged(BOB, CASH - paid, 2_550 * half),
    ]


def test_a_replaced_order_that_fills_gives_its_row_back_once(desk: EngineDesk) -> None:
    desk.run(buy(BOB, price=2_400, quantity=SHARE), sell(ANN, price=2_500, quantity=SHARE), replace(price=2_500))
    assert desk.engine.tables.open_orders == 0
    assert desk.engine.tables.free_rows == desk.engine.tables.order_rows == 2


def test_the_quantity_counts_what_is_filled(desk: EngineDesk) -> None:
    desk.run(buy(BOB, price=2_400, quantity=SHARE), sell(ANN, price=2_400, quantity=4_000))
    replaced, accepted, level, _ = desk.run(replace(quantity=9_000))
    assert replaced == OrderReplaced(FIRST, BOB, MAHOMES, order_id(3, 1), 6_000)
    assert isinstance(accepted, OrderAccepted)
    assert accepted.quantity_units == 5_000
    assert level == BookLevelChanged(MAHOMES, codes.BUY, 2_400, 5_000, 3)
    # The new order counts from nothing.
    desk.run(sell(ANN, price=2_400, quantity=1_000))
    assert desk.run(replace(order=order_id(3, 1), quantity=1_000)) == [
        CommandRefused(RefusalReason.quantity_is_filled_already, 1_000, 1_000)
    ]


def test_another_lifetime_alone_changes_no_level(desk: EngineDesk) -> None:
    desk.run(buy(BOB, price=2_400, quantity=SHARE))
    expires_at = desk.now + 5 * SECOND_NS
    new = order_id(2, 1)
    assert desk.run(replace(time_in_force=codes.GTD + 1, expires_at_ns=expires_at)) == [
        OrderReplaced(FIRST, BOB, MAHOMES, new, SHARE),
        OrderAccepted(new, BOB, MAHOMES, terms(codes.BUY, time_in_force=codes.GTD), SHARE, 0, 2_400, expires_at),
    ]
    assert desk.engine.due_orders(expires_at, 10) == [new]
    (_, accepted) = desk.run(replace(order=new, expires_at_ns=expires_at + 1))
    assert isinstance(accepted, OrderAccepted)
    assert accepted.expires_at_ns == expires_at + 1
    desk.now += SECOND_NS
    (_, accepted) = desk.run(replace(order=accepted.order_id, time_in_force=codes.GTC + 1))
    assert isinstance(accepted, OrderAccepted)
    assert (accepted.terms, accepted.expires_at_ns) == (BUY_TERMS, desk.now + WEEK_NS)


def test_the_old_id_is_final_and_its_expiry_is_forgotten(desk: EngineDesk) -> None:
    desk.run(buy(BOB, price=2_400, quantity=SHARE), replace(price=2_410))
    assert desk.execute(CancelOrder(account=BOB, order_id=FIRST)) == RefusalReason.order_is_final
    assert desk.execute(replace(price=2_420)) == RefusalReason.order_is_final
    assert desk.engine.due_orders(desk.now + WEEK_NS, 10) == [order_id(2, 1)]


def test_the_new_order_pays_the_fees_of_now(desk: EngineDesk) -> None:
    desk.run(buy(BOB, price=2_400, quantity=SHARE), configured(maker_fee_bps=100, taker_fee_bps=50))
    events = desk.run(replace(time_in_force=codes.GTC + 1))
    assert events[-1] == CashChanged(BOB, CASH, 2_400 * SHARE * 101 // 100)
    (trade,) = [event for event in desk.run(sell(ANN, price=2_400, quantity=SHARE)) if isinstance(event, TradeExecuted)]
    assert trade.maker_fee_micros == 2_400 * SHARE // 100


def test_a_sell_holds_more_and_fewer_shares(desk: EngineDesk) -> None:
    desk.run(sell(ANN, price=2_500, quantity=SHARE))
    held = [
        event.held_units
        for quantity, order in ((3 * SHARE, 1), (2 * SHARE, 2), (100 * SHARE, 3))
        for event in desk.run(replace(account=ANN, order=order_id(order, 1), quantity=quantity))
        if isinstance(event, HoldingChanged)
    ]
    assert held == [3 * SHARE, 2 * SHARE, 100 * SHARE]


def test_self_trade_prevention_stays_with_the_order(desk: EngineDesk) -> None:
    desk.run(
        PlaceOrder(
            account=ANN,
            market=MAHOMES,
            terms=terms(codes.BUY, self_trade=codes.CANCEL_BOTH),
            quantity_units=SHARE,
            price_cents=2_400,
        ),
        sell(ANN, price=2_500, quantity=SHARE),
    )
    events = desk.run(replace(account=ANN, price=2_500))
    assert [event.order_id for event in events if isinstance(event, OrderCancelled)] == [order_id(2, 2), order_id(3, 1)]


# A held order.


def test_a_held_order_keeps_its_place_when_only_its_limit_changes(desk: EngineDesk) -> None:
    desk.run(*(stop(BOB, codes.BUY, at=2_600, limit=2_600, quantity=SHARE) for _ in range(2)))
    new = order_id(3, 1)
    held_terms = terms(codes.BUY, order_type=codes.STOP_LIMIT)
    assert desk.run(replace(price=2_650)) == [
        OrderReplaced(FIRST, BOB, MAHOMES, new, SHARE),
        StopOrderAccepted(new, BOB, MAHOMES, held_terms, SHARE, 2_650, desk.now + WEEK_NS, 2_600),
        CashChanged(BOB, CASH, 5_250 * SHARE),
    ]
    desk.run(sell(ANN, price=2_600, quantity=10))
    events = desk.run(buy(BOB, price=2_600, quantity=10))
    assert [event.order_id for event in events if isinstance(event, OrderTriggered)] == [new, order_id(2, 2)]


def test_another_stop_price_moves_a_held_order_and_counts_its_protection_anew(desk: EngineDesk) -> None:
    desk.run(stop(BOB, codes.BUY, at=2_600, quantity=SHARE), configured(collar_bps=1_000))
    new = order_id(2, 1)
    held_terms = terms(codes.BUY, order_type=codes.STOP)
    assert desk.run(replace(stop_price=2_700)) == [
        OrderReplaced(FIRST, BOB, MAHOMES, new, SHARE),
        StopOrderAccepted(new, BOB, MAHOMES, held_terms, SHARE, 0, desk.now + WEEK_NS, 2_700),
        CashChanged(BOB, CASH, 2_970 * SHARE),
    ]


def test_a_stop_price_that_is_reached_triggers_the_new_order_at_once(desk: EngineDesk) -> None:
    desk.run(buy(BOB, price=2_500, quantity=10), sell(ANN, price=2_500, quantity=10))
    desk.run(stop(ANN, codes.SELL, at=2_400, quantity=SHARE))
    old, new = order_id(3, 2), order_id(4, 2)
    events = desk.run(replace(account=ANN, order=old, stop_price=2_500))
    assert events[0] == OrderReplaced(old, ANN, MAHOMES, new, SHARE)
    assert events[2:4] == [
        OrderTriggered(new, ANN, 2_375),
        OrderCancelled(new, ANN, MAHOMES, SHARE, CancelReason.collar_reached),
    ]


def test_a_triggered_stop_limit_is_replaced_like_a_resting_order(desk: EngineDesk) -> None:
    desk.run(stop(BOB, codes.BUY, at=2_400, limit=2_400, quantity=SHARE))
    desk.run(sell(ANN, price=2_500, quantity=10))
    desk.run(buy(BOB, price=2_500, quantity=10))
    assert desk.execute(replace(stop_price=2_450)) == RefusalReason.stop_price_needs_a_stop_order
    events = desk.run(replace(price=2_450, quantity=2 * SHARE))
    accepted = events[2]
    assert isinstance(accepted, OrderAccepted)
    assert accepted.terms == terms(codes.BUY, order_type=codes.STOP_LIMIT)
    assert events[3] == BookLevelChanged(MAHOMES, codes.BUY, 2_450, 2 * SHARE, 5)


def test_replacements_survive_storing_and_loading(desk: EngineDesk) -> None:
    desk.run(
        buy(BOB, price=2_400, quantity=SHARE),
        sell(ANN, price=2_400, quantity=4_000),
        replace(quantity=8_000),
        stop(BOB, codes.BUY, at=2_600),
        replace(order=order_id(4, 2), stop_price=2_650),
    )
    state = state_bytes(desk.engine)
    assert state_bytes(load_state(state)) == state


# Refusals, in their order.

REFUSED: list[tuple[list[Command], ReplaceOrder, tuple[int, int, int]]] = [
    ([], replace(account=9), (RefusalReason.account_not_found, 0, 0)),
    ([], replace(account=codes.OPERATOR), (RefusalReason.account_not_found, 0, 0)),
    ([], replace(order=order_id(9, 1)), (RefusalReason.order_not_found, 0, 0)),
    ([CancelOrder(account=BOB, order_id=FIRST)], replace(), (RefusalReason.order_is_final, 0, 0)),
    ([HaltAccount(account=ANN)], replace(account=ANN), (RefusalReason.order_belongs_to_another_account, 0, 0)),
    ([HaltAccount(account=BOB), HaltExchange()], replace(), (RefusalReason.account_is_halted, 0, 0)),
    ([HaltExchange(), HaltMarket(market=MAHOMES)], replace(), (RefusalReason.exchange_is_halted, 0, 0)),
    ([HaltMarket(market=MAHOMES)], replace(), (RefusalReason.market_is_halted, 0, 0)),
    (
        [configured(orders_per_second_max=1), replace(price=2_401)],
        replace(order=order_id(3, 1)),
        (RefusalReason.order_rate_is_too_high, 0, 0),
    ),
    ([], replace(), (RefusalReason.nothing_is_replaced, 0, 0)),
    ([], replace(quantity=-1, price=-1), (RefusalReason.quantity_must_be_positive, 0, 0)),
    ([], replace(price=-1, stop_price=-1), (RefusalReason.price_must_be_positive, 0, 0)),
    ([], replace(stop_price=-1), (RefusalReason.stop_price_is_required, 0, 0)),
    ([], replace(stop_price=1), (RefusalReason.stop_price_needs_a_stop_order, 0, 0)),
    (
        [stop(BOB, codes.BUY, at=2_600)],
        replace(order=order_id(3, 3), price=1),
        (RefusalReason.market_order_takes_no_price, 0, 0),
    ),
    (
        [],
        replace(quantity=100_000_001, price=PRICE_CENTS_MAX + 1),
        (RefusalReason.quantity_exceeds_supply, 100_000_001, 100_000_000),
    ),
    ([sell(ANN, price=2_400, quantity=7)], replace(quantity=7), (RefusalReason.quantity_is_filled_already, 7, 7)),
    (
        [],
        replace(price=PRICE_CENTS_MAX + 1),
        (RefusalReason.price_is_too_high, PRICE_CENTS_MAX + 1, PRICE_CENTS_MAX),
    ),
    (
        [stop(BOB, codes.BUY, at=2_600)],
        replace(order=order_id(3, 3), stop_price=PRICE_CENTS_MAX + 1),
        (RefusalReason.price_is_too_high, PRICE_CENTS_MAX + 1, PRICE_CENTS_MAX),
    ),
    ([], replace(price=1_749), (RefusalReason.price_is_outside_the_band, 1_749, 1_750)),
    ([], replace(price=3_251), (RefusalReason.price_is_outside_the_band, 3_251, 3_250)),
    (
        [stop(BOB, codes.BUY, at=2_600, limit=2_600)],
        replace(order=order_id(3, 3), stop_price=1_999),
        (RefusalReason.price_is_outside_the_band, 2_600, 2_598),
    ),
    ([], replace(time_in_force=codes.IOC + 1), (RefusalReason.order_terms_are_invalid, 0, 0)),
    ([], replace(time_in_force=-1), (RefusalReason.order_terms_are_invalid, 0, 0)),
    ([], replace(expires_at_ns=1), (RefusalReason.expiry_needs_gtd, 0, 0)),
    ([], replace(time_in_force=codes.GTD + 1), (RefusalReason.expiry_is_required, 0, 0)),
    (
        [],
        replace(time_in_force=codes.DAY + 1, expires_at_ns=1),
        (RefusalReason.expiry_is_not_in_the_future, 0, 0),
    ),
    ([], replace(time_in_force=codes.GTD + 1, expires_at_ns=2**62), (RefusalReason.expiry_is_too_far, 0, 0)),
    (
        [configured(order_value_micros_max=24_000_000)],
        replace(quantity=SHARE + 1),
        (RefusalReason.order_value_is_too_large, 24_002_400, 24_000_000),
    ),
    (
        [configured(position_units_max=SHARE)],
        replace(quantity=SHARE + 1),
        (RefusalReason.position_would_be_too_large, SHARE + 1, SHARE),
    ),
    (
        [],
        replace(quantity=50 * SHARE),
        (RefusalReason.insufficient_cash, 2_400 * 50 * SHARE, CASH),
    ),
    (
        [],
        replace(account=ANN, order=order_id(2, 2), quantity=101 * SHARE),
        (RefusalReason.insufficient_shares, 101 * SHARE, 100 * SHARE),
    ),
    (
        [
            PlaceOrder(
                account=BOB,
                market=MAHOMES,
                terms=terms(codes.BUY, post_only=True),
                quantity_units=SHARE,
                price_cents=2_300,
            )
        ],
        replace(order=order_id(3, 3), price=2_700),
        (RefusalReason.post_only_would_take, 0, 0),
    ),
]


@pytest.mark.parametrize(("before", "command", "refused"), REFUSED)
def test_a_refused_replacement_says_why_and_changes_nothing(
    before: list[Command], command: ReplaceOrder, refused: tuple[int, int, int]
) -> None:
    """Bob's bid is order 1, Ann's offer order 2."""
    desk = EngineDesk(buy(BOB, price=2_400, quantity=SHARE), sell(ANN, price=2_700, quantity=SHARE), *before)
    state = state_bytes(desk.engine)
    assert desk.run(command) == [CommandRefused(*refused)]
    assert state_bytes(desk.engine) == state


def test_a_position_limit_that_was_passed_before_forbids_no_smaller_order(desk: EngineDesk) -> None:
    desk.run(buy(BOB, price=2_400, quantity=SHARE), configured(position_units_max=10))
    assert desk.execute(replace(quantity=SHARE - 1)) == 0
