"""Stop orders in the engine: admission, holding, triggering."""

import pytest

from tests.support.engine_desk import SECOND_NS, SHARE, EngineDesk, stop, terms
from tests.support.trading import ANN, BOB, MAHOMES, buy, sell
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    Command,
    ConfigureExchange,
    DepositCash,
    ExchangeParameters,
    ExpireOrder,
    HaltAccount,
    HaltExchange,
    HaltMarket,
    ListMarket,
    OpenAccount,
    PlaceStopOrder,
    ResumeExchange,
    ResumeMarket,
)
from waiver_exchange.domain.events import (
    BookLevelChanged,
    CashChanged,
    Event,
    HoldingChanged,
    MarketHalted,
    MarketResumed,
    OrderCancelled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderPartiallyFilled,
    OrderTriggered,
    StopOrderAccepted,
    TradeExecuted,
)
from waiver_exchange.domain.limits import ORDER_ROW_BITS, PRICE_CENTS_MAX
from waiver_exchange.domain.refusals import CancelReason, RefusalReason
from waiver_exchange.engine.state import load_state, state_bytes

WEEK_NS = 7 * 86_400 * SECOND_NS
CAROL = 4


@pytest.fixture
def desk() -> EngineDesk:
    """Ann sells, Bob buys; Carol (4) makes trades happen without either."""
    return EngineDesk(OpenAccount(), DepositCash(account=CAROL, amount_micros=1_000_000_000, reference="carol-1"))


def order_id(serial: int, row: int) -> int:
    return serial << ORDER_ROW_BITS | row


def trade_at(desk: EngineDesk, price: int, *, units: int = 10) -> list[Event]:
    """Let Ann and Carol trade at a price; the events of the taking order."""
    desk.place(sell(ANN, price=price, quantity=units))
    return desk.run(buy(CAROL, price=price, quantity=units))


def of_type(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def triggered(events: list[Event]) -> list[int]:
    return [event.order_id for event in events if isinstance(event, OrderTriggered)]


# Holding.


def test_a_stop_buy_is_held_with_cash_up_to_its_protection_price_and_is_in_no_book(desk: EngineDesk) -> None:
    events = desk.run(stop(BOB, codes.BUY, at=2_600))
    stop_terms = terms(codes.BUY, order_type=codes.STOP)
    held = 2_730 * SHARE  # 5 % above 26.00
    assert events == [
        StopOrderAccepted(order_id(1, 1), BOB, MAHOMES, stop_terms, SHARE, 0, desk.now + WEEK_NS, 2_600),
        CashChanged(BOB, 1_000_000_000, held),
    ]
    assert desk.run(CancelOrder(account=BOB, order_id=order_id(1, 1))) == [
        OrderCancelled(order_id(1, 1), BOB, MAHOMES, SHARE, CancelReason.by_owner),
        CashChanged(BOB, 1_000_000_000, 0),
    ]


def test_a_stop_limit_sell_is_held_with_its_shares(desk: EngineDesk) -> None:
    events = desk.run(stop(ANN, codes.SELL, at=2_400, limit=2_350))
    held_terms = terms(codes.SELL, order_type=codes.STOP_LIMIT)
    assert events == [
        StopOrderAccepted(order_id(1, 1), ANN, MAHOMES, held_terms, SHARE, 2_350, desk.now + WEEK_NS, 2_400),
        HoldingChanged(ANN, MAHOMES, 1_000_000, SHARE, 2_500_000_000, 0),
    ]
    assert desk.engine.tables.open_orders == 1
    assert desk.execute(sell(ANN, price=2_500, quantity=1_000_000)) == RefusalReason.insufficient_shares


def test_a_held_order_expires_without_a_word_about_a_book(desk: EngineDesk) -> None:
    desk.run(stop(BOB, codes.BUY, at=2_600, limit=2_600, time_in_force=codes.GTD, expires_at_ns=desk.now + SECOND_NS))
    assert desk.engine.due_orders(desk.now, 10) == []
    desk.now += SECOND_NS
    assert desk.engine.due_orders(desk.now, 10) == [order_id(1, 1)]
    assert desk.run(ExpireOrder(order_id=order_id(1, 1))) == [
        OrderExpired(order_id(1, 1), BOB, MAHOMES, SHARE),
        CashChanged(BOB, 1_000_000_000, 0),
    ]
    assert desk.engine.tables.open_orders == 0


def test_the_operator_cancels_a_held_order_while_everything_is_halted(desk: EngineDesk) -> None:
    desk.run(stop(ANN, codes.SELL, at=2_400), HaltExchange(), HaltMarket(market=MAHOMES))
    events = desk.run(CancelOrder(account=codes.OPERATOR, order_id=order_id(1, 1)))
    assert events[0] == OrderCancelled(order_id(1, 1), ANN, MAHOMES, SHARE, CancelReason.by_operator)


def test_without_a_trade_nothing_is_triggered(desk: EngineDesk) -> None:
    """The listed price is a reference price and no last price."""
    for order in (stop(BOB, codes.BUY, at=2_400), stop(ANN, codes.SELL, at=2_600)):
        assert triggered(desk.run(order)) == []


# Triggering.


def test_a_trade_at_the_stop_price_triggers_a_stop_that_takes_what_the_collar_allows(desk: EngineDesk) -> None:
    desk.run(stop(BOB, codes.BUY, at=2_600, quantity=3 * SHARE), sell(ANN, price=2_700, quantity=SHARE))
    offer = order_id(2, 2)
    assert triggered(trade_at(desk, 2_599)) == []
    events = trade_at(desk, 2_600)
    at = events.index(OrderTriggered(order_id(1, 1), BOB, 2_730))
    bought = 1_000_000_000 - 2_700 * SHARE
    assert isinstance(events[at + 1], TradeExecuted)
    assert events[at + 2 :] == [
        OrderFilled(offer, ANN),
        BookLevelChanged(MAHOMES, codes.SELL, 2_700, 0, 6),
        *events[at + 4 : at + 6],
        OrderPartiallyFilled(order_id(1, 1), BOB, 2 * SHARE),
        OrderCancelled(order_id(1, 1), BOB, MAHOMES, 2 * SHARE, CancelReason.collar_reached),
        CashChanged(BOB, bought, 0),
        HoldingChanged(BOB, MAHOMES, SHARE, 0, 2_700 * SHARE, 0),
    ]


def test_a_stop_limit_that_is_triggered_rests_at_its_limit(desk: EngineDesk) -> None:
    desk.run(stop(BOB, codes.BUY, at=2_600, limit=2_550))
    events = trade_at(desk, 2_600)
    assert events[-2:] == [
        OrderTriggered(order_id(1, 1), BOB, 2_550),
        BookLevelChanged(MAHOMES, codes.BUY, 2_550, SHARE, 3),
    ]
    assert desk.engine.tables.open_orders == 1
    desk.now += WEEK_NS
    assert desk.engine.due_orders(desk.now, 10) == [order_id(1, 1)]


def test_an_order_whose_stop_price_is_reached_already_is_triggered_at_once(desk: EngineDesk) -> None:
    trade_at(desk, 2_500)
    events = desk.run(stop(ANN, codes.SELL, at=2_500))
    accepted, held, trigger, cancelled, freed = events
    assert isinstance(accepted, StopOrderAccepted)
    assert isinstance(held, HoldingChanged)
    assert trigger == OrderTriggered(accepted.order_id, ANN, 2_375)
    assert cancelled == OrderCancelled(accepted.order_id, ANN, MAHOMES, SHARE, CancelReason.collar_reached)
    assert isinstance(freed, HoldingChanged)
    assert (held.held_units, freed.held_units) == (SHARE, 0)


def test_buys_go_before_sells_the_lowest_first_and_the_earliest_among_equals(desk: EngineDesk) -> None:
    ids = {}
    for name, order in {
        "buy at 26.10": stop(BOB, codes.BUY, at=2_610),
        "buy at 26.00": stop(BOB, codes.BUY, at=2_600),
        "second buy at 26.00": stop(CAROL, codes.BUY, at=2_600),
    }.items():
        (accepted, _) = desk.run(order)
        assert isinstance(accepted, StopOrderAccepted)
        ids[accepted.order_id] = name
    events = trade_at(desk, 2_620)
    assert [ids[number] for number in triggered(events)] == ["buy at 26.00", "second buy at 26.00", "buy at 26.10"]


def test_sells_go_from_the_highest_stop_price(desk: EngineDesk) -> None:
    ids = [desk.run(stop(ANN, codes.SELL, at=price))[0] for price in (2_380, 2_400, 2_390)]
    numbers = [accepted.order_id for accepted in ids if isinstance(accepted, StopOrderAccepted)]
    events = trade_at(desk, 2_380)
    assert triggered(events) == [numbers[1], numbers[2], numbers[0]]


def test_a_cascade_goes_on_until_no_stop_price_is_reached(desk: EngineDesk) -> None:
    """Each stop sells into a lower bid, which reaches the next stop."""
    prices = (2_490, 2_480, 2_470, 2_460)
    for price in prices:
        desk.run(buy(BOB, price=price - 10, quantity=SHARE))
    for price in prices:
        desk.run(stop(ANN, codes.SELL, at=price))
    events = trade_at(desk, 2_490)
    assert len(triggered(events)) == len(prices)
    assert [event.price_cents for event in events if isinstance(event, TradeExecuted)] == [
        2_490,
        2_480,
        2_470,
        2_460,
        2_450,
    ]
    assert desk.engine.tables.open_orders == 0


def test_a_trade_of_a_triggered_order_may_turn_the_price_and_trigger_the_other_side(desk: EngineDesk) -> None:
    desk.run(
        buy(CAROL, price=2_400, quantity=SHARE),
        stop(ANN, codes.SELL, at=2_450),
        stop(BOB, codes.BUY, at=2_495),
        sell(ANN, price=2_500, quantity=SHARE),
    )
    events = desk.run(buy(CAROL, price=2_500, quantity=SHARE // 2))
    assert triggered(events) == [order_id(3, 3)]


def test_the_breaker_halts_a_cascade_and_the_rest_is_triggered_after_the_resume(desk: EngineDesk) -> None:
    desk.run(
        ConfigureExchange(parameters=ExchangeParameters(breaker_bps=100, breaker_halt_ns=60 * SECOND_NS)),
        buy(BOB, price=2_460, quantity=SHARE),
        stop(ANN, codes.SELL, at=2_500),
        stop(ANN, codes.SELL, at=2_499, limit=2_499),
    )
    first, second = order_id(2, 2), order_id(3, 3)
    events = trade_at(desk, 2_500)
    halted = MarketHalted(MAHOMES, codes.HALT_BY_CIRCUIT_BREAKER, desk.now + 60 * SECOND_NS)
    assert events[events.index(OrderTriggered(first, ANN, 2_375)) :][1:3] == [
        halted,
        OrderCancelled(first, ANN, MAHOMES, SHARE, CancelReason.market_was_halted),
    ]
    assert triggered(events) == [first]
    assert triggered(desk.run(HaltExchange(), ResumeExchange())) == []
    # The last price is 25.00 still, so the second waits on.
    assert desk.run(ResumeMarket(market=MAHOMES)) == [MarketResumed(MAHOMES)]
    desk.run(CancelOrder(account=BOB, order_id=order_id(1, 1)))
    assert triggered(trade_at(desk, 2_499)) == [second]


@pytest.mark.parametrize("resume", [ResumeMarket(market=MAHOMES), ResumeExchange()])
def test_what_a_halted_cascade_left_is_triggered_by_the_resume(desk: EngineDesk, resume: Command) -> None:
    """The breaker trips on the first of two stops that the same trade has reached."""
    desk.run(
        ConfigureExchange(parameters=ExchangeParameters(breaker_bps=100)),
        buy(BOB, price=2_460, quantity=SHARE),
        stop(ANN, codes.SELL, at=2_505),
        stop(ANN, codes.SELL, at=2_500, limit=2_470),
    )
    assert triggered(trade_at(desk, 2_500)) == [order_id(2, 2)]
    if isinstance(resume, ResumeExchange):
        desk.run(HaltExchange(), ResumeMarket(market=MAHOMES))
    events = desk.run(resume)
    assert triggered(events) == [order_id(3, 3)]
    assert events[-1] == BookLevelChanged(MAHOMES, codes.SELL, 2_470, SHARE, 4)


def test_a_stop_triggered_by_a_resume_can_trip_the_breaker_again(desk: EngineDesk) -> None:
    desk.run(
        ConfigureExchange(parameters=ExchangeParameters(breaker_bps=100)),
        buy(BOB, price=2_470, quantity=10),
        buy(BOB, price=2_440, quantity=SHARE),
        stop(ANN, codes.SELL, at=2_505, quantity=20),
        stop(ANN, codes.SELL, at=2_504, quantity=20),
        stop(ANN, codes.SELL, at=2_503, quantity=20),
    )
    assert triggered(trade_at(desk, 2_500)) == [order_id(3, 3)]
    # The breaker measures anew from 24.70, which 24.40 is too far from.
    events = desk.run(ResumeMarket(market=MAHOMES))
    assert [event.price_cents for event in events if isinstance(event, TradeExecuted)] == [2_470]
    assert triggered(events) == [order_id(4, 4)]
    assert len(of_type(events, MarketHalted)) == 1
    assert triggered(desk.run(ResumeMarket(market=MAHOMES))) == [order_id(5, 5)]


def test_self_trade_prevention_goes_with_the_order(desk: EngineDesk) -> None:
    desk.run(
        stop(ANN, codes.SELL, at=2_500, self_trade=codes.CANCEL_OLDEST),
        buy(ANN, price=2_480, quantity=SHARE),
        buy(BOB, price=2_470, quantity=SHARE),
    )
    events = trade_at(desk, 2_500)
    reasons = [event.reason for event in events if isinstance(event, OrderCancelled)]
    assert reasons == [CancelReason.self_trade_prevented]
    assert [event.price_cents for event in events if isinstance(event, TradeExecuted)] == [2_500, 2_470]


def test_held_orders_of_a_halted_account_are_triggered(desk: EngineDesk) -> None:
    desk.run(stop(BOB, codes.BUY, at=2_500), HaltAccount(account=BOB))
    assert triggered(trade_at(desk, 2_500)) == [order_id(1, 1)]


def test_a_buy_stop_never_pays_more_than_it_holds_whatever_the_collar_became(desk: EngineDesk) -> None:
    desk.run(stop(BOB, codes.BUY, at=2_600), ConfigureExchange(parameters=ExchangeParameters(collar_bps=2_000)))
    assert OrderTriggered(order_id(1, 1), BOB, 2_730) in trade_at(desk, 2_700)
    desk.run(stop(ANN, codes.SELL, at=2_600), ConfigureExchange(parameters=ExchangeParameters(collar_bps=100)))
    assert OrderTriggered(order_id(4, 1), ANN, 2_574) in trade_at(desk, 2_600)


def test_a_stop_pays_no_higher_fee_than_it_was_accepted_with(desk: EngineDesk) -> None:
    desk.run(
        ConfigureExchange(parameters=ExchangeParameters(maker_fee_bps=10, taker_fee_bps=20)),
        stop(BOB, codes.BUY, at=2_600, limit=2_650, quantity=2 * SHARE),
        ConfigureExchange(parameters=ExchangeParameters(maker_fee_bps=100, taker_fee_bps=500)),
        sell(ANN, price=2_610, quantity=SHARE),
    )
    events = trade_at(desk, 2_600)
    trade = events[events.index(OrderTriggered(order_id(1, 1), BOB, 2_650)) + 1]
    assert isinstance(trade, TradeExecuted)
    assert (trade.maker_fee_micros, trade.taker_fee_micros) == (2_610 * SHARE // 100, 2_610 * SHARE * 20 // 10_000)
    # At rest it keeps its own maker rate.
    (maker,) = of_type(desk.run(sell(ANN, price=2_650, quantity=SHARE)), TradeExecuted)
    assert isinstance(maker, TradeExecuted)
    assert maker.maker_fee_micros == 2_650 * SHARE * 10 // 10_000


# The state.


def test_held_orders_survive_storing_and_loading_in_their_order(desk: EngineDesk) -> None:
    desk.run(
        stop(BOB, codes.BUY, at=2_600),
        stop(CAROL, codes.BUY, at=2_600, limit=2_650),
        stop(BOB, codes.BUY, at=2_590, limit=2_700),
        stop(ANN, codes.SELL, at=2_400),
        stop(ANN, codes.SELL, at=2_410, limit=2_300),
        buy(BOB, price=2_380, quantity=SHARE),
        sell(ANN, price=2_600, quantity=SHARE),
    )
    state = state_bytes(desk.engine)
    loaded = load_state(state)
    assert state_bytes(loaded) == state
    commands = desk.encode(buy(CAROL, price=2_600, quantity=SHARE), sell(ANN, price=2_380, quantity=SHARE // 2))
    desk.engine.discard_events()
    for engine in (desk.engine, loaded):
        engine.execute_batch(commands)
    events = desk.engine.take_events()
    assert loaded.take_events() == events
    assert state_bytes(loaded) == state_bytes(desk.engine)


# Refusals, in their order.


def configured(**changes: int) -> Command:
    return ConfigureExchange(parameters=ExchangeParameters(**changes))


REFUSED: list[tuple[list[Command], PlaceStopOrder, OrderDenied]] = [
    ([], stop(9, codes.BUY, at=2_600), OrderDenied(RefusalReason.account_not_found, 0, 0)),
    ([HaltAccount(account=BOB)], stop(BOB, codes.BUY, at=2_600), OrderDenied(RefusalReason.account_is_halted, 0, 0)),
    ([HaltMarket(market=1)], stop(BOB, codes.BUY, at=2_600), OrderDenied(RefusalReason.market_is_halted, 0, 0)),
    (
        [configured(orders_per_second_max=1), stop(BOB, codes.BUY, at=2_600)],
        stop(BOB, codes.BUY, at=2_600),
        OrderDenied(RefusalReason.order_rate_is_too_high, 0, 0),
    ),
    (
        [],
        PlaceStopOrder(account=BOB, market=1, terms=terms(codes.BUY), quantity_units=1, stop_price_cents=1),
        OrderDenied(RefusalReason.order_terms_are_invalid, 0, 0),
    ),
    ([], stop(BOB, codes.BUY, at=0, quantity=0), OrderDenied(RefusalReason.quantity_must_be_positive, 0, 0)),
    (
        [],
        stop(BOB, codes.BUY, at=0, quantity=100_000_001),
        OrderDenied(RefusalReason.quantity_exceeds_supply, 100_000_001, 100_000_000),
    ),
    ([], stop(BOB, codes.BUY, at=0, limit=-1), OrderDenied(RefusalReason.stop_price_is_required, 0, 0)),
    (
        [],
        stop(BOB, codes.BUY, at=PRICE_CENTS_MAX + 1),
        OrderDenied(RefusalReason.price_is_too_high, PRICE_CENTS_MAX + 1, PRICE_CENTS_MAX),
    ),
    ([], stop(BOB, codes.BUY, at=1, limit=-1), OrderDenied(RefusalReason.price_must_be_positive, 0, 0)),
    (
        [],
        stop(BOB, codes.BUY, at=1, limit=PRICE_CENTS_MAX + 1),
        OrderDenied(RefusalReason.price_is_too_high, PRICE_CENTS_MAX + 1, PRICE_CENTS_MAX),
    ),
    (
        [],
        stop(BOB, codes.BUY, at=1, post_only=True, time_in_force=codes.IOC),
        OrderDenied(RefusalReason.post_only_needs_a_resting_order, 0, 0),
    ),
    (
        [],
        stop(BOB, codes.BUY, at=1, time_in_force=codes.IOC),
        OrderDenied(RefusalReason.stop_order_needs_a_lifetime, 0, 0),
    ),
    (
        [],
        stop(BOB, codes.BUY, at=1, time_in_force=codes.FOK),
        OrderDenied(RefusalReason.stop_order_needs_a_lifetime, 0, 0),
    ),
    ([], stop(BOB, codes.BUY, at=1, expires_at_ns=1), OrderDenied(RefusalReason.expiry_needs_gtd, 0, 0)),
    (
        [],
        stop(BOB, codes.BUY, at=1, time_in_force=codes.GTD),
        OrderDenied(RefusalReason.expiry_is_required, 0, 0),
    ),
    (
        [],
        stop(BOB, codes.BUY, at=1, time_in_force=codes.DAY, expires_at_ns=1),
        OrderDenied(RefusalReason.expiry_is_not_in_the_future, 0, 0),
    ),
    (
        [],
        stop(BOB, codes.BUY, at=1, time_in_force=codes.GTD, expires_at_ns=2**62),
        OrderDenied(RefusalReason.expiry_is_too_far, 0, 0),
    ),
    (
        [],
        stop(BOB, codes.BUY, at=2_000, limit=2_601),
        OrderDenied(RefusalReason.price_is_outside_the_band, 2_601, 2_600),
    ),
    (
        [],
        stop(ANN, codes.SELL, at=2_000, limit=1_399),
        OrderDenied(RefusalReason.price_is_outside_the_band, 1_399, 1_400),
    ),
    (
        [configured(order_value_micros_max=2_099_999)],
        stop(BOB, codes.BUY, at=2_000, quantity=1_000),
        OrderDenied(RefusalReason.order_value_is_too_large, 2_100_000, 2_099_999),
    ),
    (
        [configured(open_orders_max=1), stop(BOB, codes.BUY, at=2_000)],
        stop(BOB, codes.BUY, at=2_000),
        OrderDenied(RefusalReason.too_many_open_orders, 1, 1),
    ),
    (
        [configured(position_units_max=15_000), stop(BOB, codes.BUY, at=2_000)],
        stop(BOB, codes.BUY, at=2_000),
        OrderDenied(RefusalReason.position_would_be_too_large, 20_000, 15_000),
    ),
    (
        [],
        stop(BOB, codes.BUY, at=2_000, quantity=100 * SHARE),
        OrderDenied(RefusalReason.insufficient_cash, 2_100_000_000, 1_000_000_000),
    ),
    (
        [stop(ANN, codes.SELL, at=2_000)],
        stop(ANN, codes.SELL, at=2_000, quantity=1_000_000),
        OrderDenied(RefusalReason.insufficient_shares, 1_000_000, 990_000),
    ),
]


@pytest.mark.parametrize(("before", "order", "denied"), REFUSED)
def test_a_refused_stop_order_says_why_and_changes_nothing(
    desk: EngineDesk, before: list[Command], order: PlaceStopOrder, denied: OrderDenied
) -> None:
    desk.run(*before)
    state = state_bytes(desk.engine)
    assert desk.run(order) == [denied]
    assert state_bytes(desk.engine) == state


def test_a_market_without_a_reference_price_takes_stop_orders(desk: EngineDesk) -> None:
    desk.run(ListMarket(supply_units=1_000, reference_price_cents=0, facts=""))
    (accepted, _) = desk.run(
        PlaceStopOrder(
            account=BOB,
            market=2,
            terms=terms(codes.BUY, order_type=codes.STOP),
            quantity_units=1,
            stop_price_cents=PRICE_CENTS_MAX,
        )
    )
    assert isinstance(accepted, StopOrderAccepted)
    state = list(memoryview(state_bytes(desk.engine)).cast("q"))
    assert state[-12:][4] == PRICE_CENTS_MAX
    assert state[-1] == PRICE_CENTS_MAX
