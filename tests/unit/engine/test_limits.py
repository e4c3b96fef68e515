"""Each limit of an account at its boundary, who inherits what, and what reduces a position is never too much."""

from dataclasses import replace

import pytest

from tests.support.engine_desk import SECOND_NS, SHARE, EngineDesk, stop, terms
from tests.support.trading import ANN, BOB, MAHOMES, buy, sell
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    AccountLimits,
    BeginDay,
    CancelOrder,
    ClassifyMarket,
    Command,
    ConfigureExchange,
    DepositCash,
    ExchangeParameters,
    GrantShares,
    ListMarket,
    OpenAccount,
    PlaceOrder,
    ReplaceOrder,
    SetLimits,
    SetMarketBand,
    SetRole,
)
from waiver_exchange.domain.events import CommandRefused, DayBegun, LimitsChanged, OrderAccepted, OrderDenied
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.state import load_state, state_bytes

R = RefusalReason
DOLLAR = 1_000_000
DAY_NS = 86_400 * SECOND_NS
KELCE = 2
LIST_KELCE = ListMarket(supply_units=50_000_000, reference_price_cents=1_000, facts="")
# One share of Mahomes at his reference price.
BID = buy(BOB, price=2_500, quantity=SHARE)
VALUE = 25 * DOLLAR
MARKET_BID = replace(BID, price_cents=0, terms=terms(codes.BUY, order_type=codes.MARKET, time_in_force=codes.IOC))
BY_NOTIONAL = replace(MARKET_BID, quantity_units=0, notional_micros=VALUE)


def limits(account: int = BOB, **values: int) -> SetLimits:
    return SetLimits(scope=codes.LIMITS_OF_ACCOUNT, number=account, limits=AccountLimits(**values))


def role_limits(role: int = codes.ROLE_TRADER, **values: int) -> SetLimits:
    return SetLimits(scope=codes.LIMITS_OF_ROLE, number=role, limits=AccountLimits(**values))


def denial(desk: EngineDesk, command: Command) -> tuple[RefusalReason, int, int] | None:
    """Why a command is refused with its two numbers, or None when it is not."""
    (event, *_) = desk.run(command)
    if isinstance(event, OrderDenied | CommandRefused):
        return RefusalReason.of(event.reason), event.required, event.available
    return None


@pytest.mark.parametrize("order", [BID, BY_NOTIONAL, stop(BOB, codes.BUY, at=2_600, limit=2_500)])
def test_order_value(order: Command) -> None:
    assert denial(EngineDesk(limits(order_value_micros_max=VALUE)), order) is None
    denied = denial(EngineDesk(limits(order_value_micros_max=VALUE - 1)), order)
    assert denied == (R.account_order_value_is_too_large, VALUE, VALUE - 1)


def test_order_value_counts_a_sell_and_the_collar_of_a_market_order_too() -> None:
    desk = EngineDesk(limits(ANN, order_value_micros_max=VALUE), limits(order_value_micros_max=VALUE))
    assert denial(desk, sell(ANN, price=2_501, quantity=SHARE)) == (
        R.account_order_value_is_too_large,
        25_010_000,
        VALUE,
    )
    assert denial(desk, MARKET_BID) == (R.account_order_value_is_too_large, 26_250_000, VALUE)


def test_position_units_count_open_buys_and_never_a_sell() -> None:
    desk = EngineDesk(limits(position_units_max=2 * SHARE), limits(ANN, position_units_max=1))
    assert denial(desk, BID) is None
    assert denial(desk, replace(BID, quantity_units=SHARE + 1)) == (
        R.account_position_would_be_too_large,
        2 * SHARE + 1,
        2 * SHARE,
    )
    assert denial(desk, BID) is None
    assert denial(desk, replace(BID, quantity_units=1)) is not None
    assert denial(desk, sell(ANN, price=2_500, quantity=SHARE)) is None  # she has 100 shares and may have none


def test_supply_share() -> None:
    desk = EngineDesk(limits(supply_share_bps_max=1))  # of 10,000 shares: one
    assert denial(desk, replace(BID, quantity_units=SHARE + 1)) == (R.supply_share_would_be_too_large, SHARE + 1, SHARE)
    assert denial(desk, BID) is None
    desk = EngineDesk(limits(ANN, supply_share_bps_max=1))
    assert denial(desk, sell(ANN, price=2_500, quantity=SHARE)) is None


def test_open_orders_count_those_that_can_rest() -> None:
    desk = EngineDesk(limits(open_orders_max=2), BID, stop(BOB, codes.BUY, at=2_600))
    assert denial(desk, BID) == (R.account_has_too_many_open_orders, 2, 2)
    assert denial(desk, stop(BOB, codes.BUY, at=2_600)) == (R.account_has_too_many_open_orders, 2, 2)
    assert denial(desk, MARKET_BID) is None
    first = EngineDesk(limits(open_orders_max=1))
    order_id = first.place(BID)
    assert denial(first, ReplaceOrder(account=BOB, order_id=order_id, quantity_units=2)) is None


def test_rate_is_a_bucket_that_refills_with_the_time_of_the_commands() -> None:
    desk = EngineDesk(limits(orders_per_second=4, orders_burst=3))
    assert [denial(desk, BID) for _ in range(3)] == [None] * 3
    assert denial(desk, BID) == (R.account_order_rate_is_too_high, SECOND_NS // 4, 4)
    desk.now += SECOND_NS // 4 - 1
    assert denial(desk, BID) == (R.account_order_rate_is_too_high, 1, 4)
    desk.now += 1
    assert denial(desk, BID) is None
    assert denial(desk, BID) is not None
    desk.now += 3_600 * SECOND_NS  # full again, and no fuller
    assert [denial(desk, BID) is None for _ in range(4)] == [True] * 3 + [False]


def test_rate_without_a_burst_allows_a_second_of_orders_at_once() -> None:
    desk = EngineDesk(limits(orders_per_second=2))
    assert [denial(desk, BID) is None for _ in range(3)] == [True, True, False]


def test_rate_counts_what_is_denied_and_replacements_and_a_smaller_bucket_is_at_most_empty() -> None:
    desk = EngineDesk(limits(orders_per_second=1, orders_burst=100))
    order_id = desk.place(BID)
    for quantity in range(1, 99):
        assert denial(desk, ReplaceOrder(account=ANN, order_id=order_id, quantity_units=quantity)) is not None
        desk.run(replace(BID, quantity_units=0))
    desk.run(limits(orders_per_second=1, orders_burst=1))
    assert denial(desk, BID) == (R.account_order_rate_is_too_high, SECOND_NS, 1)
    desk.now += SECOND_NS
    assert denial(desk, ReplaceOrder(account=BOB, order_id=order_id, quantity_units=2)) is None


def lose_a_dollar(desk: EngineDesk) -> None:
    """Bob buys a share at $25, and the reference price falls to $24."""
    desk.run(BID, sell(ANN, price=2_500, quantity=SHARE))
    desk.run(buy(ANN, price=2_400, quantity=1), sell(codes.HOUSE_ACCOUNT, price=2_400, quantity=1))


@pytest.mark.parametrize("side", [codes.BUY, codes.SELL])
def test_day_loss_denies_everything_but_cancels(side: int) -> None:
    desk = EngineDesk(limits(day_loss_micros_max=DOLLAR + 1))
    lose_a_dollar(desk)
    order_id = desk.place(buy(BOB, price=2_300, quantity=2))
    desk.run(limits(day_loss_micros_max=DOLLAR))
    order = replace(BID, quantity_units=1, terms=terms(side))
    assert denial(desk, order) == (R.day_loss_limit_is_reached, DOLLAR, DOLLAR)
    assert denial(desk, stop(BOB, side, at=2_500, quantity=1)) == (R.day_loss_limit_is_reached, DOLLAR, DOLLAR)
    replacement = ReplaceOrder(account=BOB, order_id=order_id, quantity_units=1)
    assert denial(desk, replacement) == (R.day_loss_limit_is_reached, DOLLAR, DOLLAR)
    assert desk.execute(CancelOrder(account=BOB, order_id=order_id)) == 0


def test_day_loss_counts_from_the_beginning_of_the_day() -> None:
    desk = EngineDesk(limits(day_loss_micros_max=DOLLAR))
    lose_a_dollar(desk)
    assert denial(desk, BID) is not None
    assert desk.run(BeginDay(ends_at_ns=desk.now + DAY_NS)) == [DayBegun(desk.now + DAY_NS)]
    assert denial(desk, BID) is None


@pytest.mark.parametrize(
    "gift",
    [
        DepositCash(account=BOB, amount_micros=500 * DOLLAR, reference=""),
        GrantShares(account=BOB, market=MAHOMES, quantity_units=50 * SHARE),
    ],
)
def test_what_the_operator_puts_in_covers_no_loss(gift: Command) -> None:
    desk = EngineDesk(BeginDay(ends_at_ns=EngineDesk().now + DAY_NS), limits(day_loss_micros_max=DOLLAR))
    lose_a_dollar(desk)
    desk.run(gift)
    assert denial(desk, BID) == (R.day_loss_limit_is_reached, DOLLAR, DOLLAR)


def test_a_gain_of_the_day_is_no_loss() -> None:
    desk = EngineDesk(limits(ANN, day_loss_micros_max=1))
    desk.run(BID, sell(ANN, price=2_500, quantity=SHARE), buy(ANN, price=2_600, quantity=1))
    desk.run(sell(codes.HOUSE_ACCOUNT, price=2_600, quantity=1))
    assert denial(desk, sell(ANN, price=2_600, quantity=1)) is None


def test_day_turnover_counts_both_sides_and_this_order() -> None:
    desk = EngineDesk(limits(day_turnover_micros_max=2 * VALUE), limits(ANN, day_turnover_micros_max=2 * VALUE - 1))
    desk.run(BID, sell(ANN, price=2_500, quantity=SHARE))
    assert denial(desk, sell(ANN, price=2_500, quantity=SHARE)) == (
        R.day_turnover_would_be_too_large,
        2 * VALUE,
        2 * VALUE - 1,
    )
    assert denial(desk, BID) is None
    assert denial(desk, replace(BID, quantity_units=1)) is not None
    desk.run(BeginDay(ends_at_ns=desk.now + DAY_NS))
    assert denial(desk, sell(ANN, price=2_500, quantity=SHARE)) is None


TURNOVER = R.day_turnover_would_be_too_large
ONE_MORE = replace(BID, quantity_units=1)


@pytest.mark.parametrize("order", [BID, stop(BOB, codes.BUY, at=2_600, limit=2_500)])
def test_day_turnover_counts_what_open_buys_could_still_trade(order: Command) -> None:
    desk = EngineDesk(limits(day_turnover_micros_max=2 * VALUE), BID)
    assert denial(desk, order) is None
    assert denial(desk, ONE_MORE) == (TURNOVER, 2 * VALUE + 2_500, 2 * VALUE)


def test_day_turnover_counts_open_sells_at_the_reference_price() -> None:
    desk = EngineDesk(limits(ANN, day_turnover_micros_max=51 * DOLLAR))
    desk.run(sell(ANN, price=2_600, quantity=SHARE))
    assert denial(desk, sell(ANN, price=2_600, quantity=SHARE)) is None  # $25 on offer and $26
    assert denial(desk, sell(ANN, price=2_500, quantity=SHARE)) == (TURNOVER, 75 * DOLLAR, 51 * DOLLAR)


def test_day_turnover_counts_the_open_orders_of_all_markets_and_both_sides() -> None:
    desk = EngineDesk(LIST_KELCE, GrantShares(account=ANN, market=KELCE, quantity_units=SHARE))
    desk.run(sell(ANN, price=2_500, quantity=SHARE), replace(sell(ANN, price=1_000, quantity=SHARE), market=KELCE))
    desk.run(buy(ANN, price=2_400, quantity=SHARE), limits(ANN, day_turnover_micros_max=59 * DOLLAR))
    assert denial(desk, buy(ANN, price=2_400, quantity=1)) == (TURNOVER, 59 * DOLLAR + 2_400, 59 * DOLLAR)


def test_day_turnover_counts_the_fee_that_an_open_buy_holds() -> None:
    fees = ExchangeParameters(taker_fee_bps=100)
    desk = EngineDesk(ConfigureExchange(parameters=fees), limits(day_turnover_micros_max=2 * VALUE), BID)
    assert denial(desk, BID) == (TURNOVER, 2 * VALUE + VALUE // 100, 2 * VALUE)


def test_day_turnover_counts_an_order_once_when_it_trades_and_no_more_when_it_is_cancelled() -> None:
    desk = EngineDesk(limits(day_turnover_micros_max=2 * VALUE))
    order_id = desk.place(replace(BID, quantity_units=2 * SHARE))
    assert denial(desk, ONE_MORE) is not None
    desk.run(sell(ANN, price=2_500, quantity=SHARE))
    assert denial(desk, ONE_MORE) == (TURNOVER, 2 * VALUE + 2_500, 2 * VALUE)
    desk.run(CancelOrder(account=BOB, order_id=order_id))
    assert denial(desk, BID) is None


@pytest.mark.parametrize(("account", "side"), [(BOB, codes.BUY), (ANN, codes.SELL)])
def test_day_turnover_counts_a_replacement_once(account: int, side: int) -> None:
    desk = EngineDesk(limits(account, day_turnover_micros_max=3 * VALUE))
    order = replace(BID, account=account, terms=terms(side))
    desk.run(order)
    order_id = desk.place(order)
    larger = ReplaceOrder(account=account, order_id=order_id, quantity_units=2 * SHARE + 1)
    assert denial(desk, larger) == (TURNOVER, 3 * VALUE + 2_500, 3 * VALUE)
    assert denial(desk, replace(larger, quantity_units=2 * SHARE)) is None
    assert denial(desk, replace(order, quantity_units=1)) is not None


def test_the_limits_of_a_role_do_not_bind_the_house() -> None:
    of_house = sell(codes.HOUSE_ACCOUNT, price=2_500, quantity=SHARE)
    desk = EngineDesk(role_limits(order_value_micros_max=1, open_orders_max=1, orders_per_second=1))
    assert [denial(desk, of_house) for _ in range(3)] == [None] * 3
    assert denial(desk, BID) is not None
    desk.run(limits(codes.HOUSE_ACCOUNT, open_orders_max=3))
    assert denial(desk, of_house) == (R.account_has_too_many_open_orders, 3, 3)


CLASSES = (
    LIST_KELCE,
    ClassifyMarket(market=MAHOMES, team=16, position=1),
    ClassifyMarket(market=KELCE, team=16, position=4),
)
TEAM = R.team_share_would_be_too_large
PLAYING_POSITION = R.playing_position_share_would_be_too_large


def test_concentration_by_team_counts_all_its_markets() -> None:
    """Of Bob's $1,000 a part may be shares of Kansas City."""
    desk = EngineDesk(*CLASSES, limits(team_bps_max=350))
    assert denial(desk, BID) is None  # $25 of $35
    kelce = replace(BID, market=KELCE, price_cents=1_000)
    assert denial(desk, replace(kelce, quantity_units=SHARE + 1)) == (TEAM, 35_001_000, 35 * DOLLAR)
    assert denial(desk, kelce) is None
    assert denial(desk, replace(kelce, quantity_units=1)) is not None


def test_concentration_by_playing_position_counts_its_markets_alone() -> None:
    desk = EngineDesk(*CLASSES, limits(playing_position_bps_max=250), BID)
    assert denial(desk, replace(BID, quantity_units=1)) == (PLAYING_POSITION, VALUE + 2_500, VALUE)
    assert denial(desk, replace(BID, market=KELCE, price_cents=1_000)) is None


def test_concentration_never_keeps_anybody_from_selling() -> None:
    desk = EngineDesk(*CLASSES, limits(ANN, team_bps_max=1, playing_position_bps_max=1))
    assert denial(desk, sell(ANN, price=2_500, quantity=100 * SHARE)) is None
    assert denial(desk, buy(ANN, price=2_500, quantity=1)) is not None


def test_a_market_without_a_class_has_no_concentration() -> None:
    desk = EngineDesk(limits(team_bps_max=1, playing_position_bps_max=1))
    assert denial(desk, BID) is None


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"position_units_max": SHARE}, R.account_position_would_be_too_large),
        ({"supply_share_bps_max": 1}, R.supply_share_would_be_too_large),
        ({"team_bps_max": 250}, TEAM),
        ({"playing_position_bps_max": 250}, PLAYING_POSITION),
        ({"order_value_micros_max": VALUE}, R.account_order_value_is_too_large),
        ({"day_turnover_micros_max": VALUE}, R.day_turnover_would_be_too_large),
    ],
)
def test_a_replacement_is_measured_without_what_it_replaces(values: dict[str, int], reason: RefusalReason) -> None:
    desk = EngineDesk(*CLASSES)
    order_id = desk.place(BID)
    desk.run(limits(**values))
    larger = ReplaceOrder(account=BOB, order_id=order_id, quantity_units=SHARE + 1)
    denied = denial(desk, larger)
    assert denied is not None
    assert denied[0] is reason
    smaller = ReplaceOrder(account=BOB, order_id=order_id, quantity_units=SHARE - 1)
    (event, *_) = desk.run(smaller)
    assert not isinstance(event, CommandRefused)
    new_id = order_id + (1 << 28)
    assert denial(desk, ReplaceOrder(account=BOB, order_id=new_id, quantity_units=SHARE)) is None


def test_a_replacement_that_shrinks_is_let_pass_though_the_position_is_too_large_already() -> None:
    desk = EngineDesk(*CLASSES)
    order_id = desk.place(BID)
    desk.run(limits(position_units_max=1, supply_share_bps_max=1, team_bps_max=1, playing_position_bps_max=1))
    assert denial(desk, ReplaceOrder(account=BOB, order_id=order_id, quantity_units=SHARE - 1)) is None


def test_an_account_inherits_from_its_role_what_it_does_not_say() -> None:
    desk = EngineDesk(role_limits(order_value_micros_max=1, open_orders_max=1))
    assert denial(desk, BID) is not None
    desk.run(limits(order_value_micros_max=VALUE))
    assert denial(desk, BID) is None
    assert denial(desk, BID) == (R.account_has_too_many_open_orders, 1, 1)
    desk.run(limits(order_value_micros_max=0, open_orders_max=0))
    assert denial(desk, replace(BID, quantity_units=2 * SHARE)) is None


def test_another_role_and_a_new_account_have_the_limits_of_their_role() -> None:
    desk = EngineDesk(role_limits(order_value_micros_max=1), role_limits(codes.ROLE_SERVICE, open_orders_max=1))
    desk.run(SetRole(account=BOB, role=codes.ROLE_SERVICE))
    assert denial(desk, BID) is None
    assert denial(desk, BID) == (R.account_has_too_many_open_orders, 1, 1)
    desk.run(SetRole(account=BOB, role=codes.ROLE_AUDITOR))
    assert denial(desk, BID) is None
    desk.run(OpenAccount(), DepositCash(account=4, amount_micros=1_000 * DOLLAR, reference=""))
    assert denial(desk, replace(BID, account=4)) == (R.account_order_value_is_too_large, VALUE, 1)
    desk.run(role_limits())
    assert denial(desk, replace(BID, account=4)) is None


def test_the_exchanges_parameters_stay_the_ceiling() -> None:
    desk = EngineDesk(
        ConfigureExchange(parameters=ExchangeParameters(order_value_micros_max=VALUE - 1)),
        limits(order_value_micros_max=10 * VALUE),
    )
    assert denial(desk, BID) == (R.order_value_is_too_large, VALUE, VALUE - 1)


@pytest.mark.parametrize(
    "values",
    [
        {"order_value_micros_max": -2},
        {"order_value_micros_max": 900_000_000_000_001},
        {"supply_share_bps_max": 10_001},
        {"orders_per_second": 1_000_001},
        {"orders_burst": 1_000_001},
        {"position_units_max": 2**62},
        {"open_orders_max": 2**62},
        {"day_loss_micros_max": 2**62},
        {"day_turnover_micros_max": 2**62},
        {"playing_position_bps_max": 10_001},
    ],
)
def test_limits_out_of_their_range_are_refused_whole(values: dict[str, int]) -> None:
    desk = EngineDesk(limits(open_orders_max=1))
    assert denial(desk, limits(**values)) == (R.limits_are_invalid, 0, 0)
    assert denial(desk, BID) is None
    assert denial(desk, BID) is not None


@pytest.mark.parametrize(
    ("scope", "number", "reason"),
    [(0, -1, R.role_is_unknown), (0, 4, R.role_is_unknown), (1, 0, R.account_not_found), (2, 1, R.limits_are_invalid)],
)
def test_limits_of_nobody_are_refused(scope: int, number: int, reason: RefusalReason) -> None:
    assert denial(EngineDesk(), SetLimits(scope=scope, number=number, limits=AccountLimits())) == (reason, 0, 0)


def test_limits_are_told_as_they_were_set() -> None:
    values = (1, 2, 3, 4, 5, 6, 7, 8, 9, -1)
    command = limits(**dict(zip(AccountLimits.__slots__, values, strict=True)))
    assert EngineDesk().run(command) == [LimitsChanged(codes.LIMITS_OF_ACCOUNT, BOB, *values)]


@pytest.mark.parametrize("ends_in_ns", [0, -1, 2 * DAY_NS + 1])
def test_no_day_of_such_a_length_begins(ends_in_ns: int) -> None:
    desk = EngineDesk()
    assert denial(desk, BeginDay(ends_at_ns=desk.now + ends_in_ns)) == (R.trading_day_is_invalid, 0, 0)


def test_a_day_begins_once() -> None:
    desk = EngineDesk()
    begin = BeginDay(ends_at_ns=desk.now + DAY_NS)
    assert denial(desk, begin) is None
    assert desk.engine.day_ends_at() == desk.now + DAY_NS
    assert denial(desk, begin) == (R.trading_day_is_invalid, 0, 0)


@pytest.mark.parametrize(("band_bps", "highest"), [(100, 2_525), (9_999, 4_999), (-1, 3_250)])
def test_a_market_has_its_own_band(band_bps: int, highest: int) -> None:
    desk = EngineDesk(SetMarketBand(market=MAHOMES, band_bps=band_bps))
    assert denial(desk, replace(BID, price_cents=highest)) is None
    assert denial(desk, replace(BID, price_cents=highest + 1)) == (
        R.price_is_outside_the_band,
        highest + 1,
        highest,
    )


def test_a_band_can_be_off_in_one_market() -> None:
    desk = EngineDesk(SetMarketBand(market=MAHOMES, band_bps=0), LIST_KELCE)
    assert denial(desk, replace(BID, price_cents=9_000)) is None
    assert denial(desk, replace(BID, market=KELCE, price_cents=9_000)) is not None


def test_everything_of_limits_survives_a_snapshot() -> None:
    desk = EngineDesk(
        *CLASSES,
        SetRole(account=ANN, role=codes.ROLE_SERVICE),
        role_limits(codes.ROLE_SERVICE, day_turnover_micros_max=3 * VALUE, orders_per_second=1, orders_burst=4),
        limits(team_bps_max=500, open_orders_max=2),
        limits(codes.HOUSE_ACCOUNT, open_orders_max=7),
        limits(codes.HOUSE_ACCOUNT),
        SetMarketBand(market=MAHOMES, band_bps=77),
        BeginDay(ends_at_ns=EngineDesk().now + DAY_NS),
        BID,
        sell(ANN, price=2_500, quantity=SHARE),
    )
    loaded = load_state(state_bytes(desk.engine))
    assert state_bytes(loaded) == state_bytes(desk.engine)
    orders: list[PlaceOrder] = [BID, BID, BID, *(sell(ANN, price=2_500, quantity=SHARE) for _ in range(4))]
    commands = desk.encode(*orders)
    desk.engine.discard_events()
    for engine in (desk.engine, loaded):
        engine.execute_batch(commands)
    answers = loaded.take_events()
    assert answers == desk.engine.take_events()
    assert state_bytes(loaded) == state_bytes(desk.engine)


def test_limits_that_inherit_everything_are_no_part_of_the_state() -> None:
    desk, other = EngineDesk(), EngineDesk(limits(open_orders_max=7), limits())
    assert state_bytes(desk.engine) == state_bytes(other.engine)


def test_an_order_within_all_limits_is_accepted() -> None:
    desk = EngineDesk(
        *CLASSES,
        limits(
            order_value_micros_max=VALUE,
            position_units_max=SHARE,
            supply_share_bps_max=1,
            open_orders_max=1,
            orders_per_second=1,
            orders_burst=1,
            day_loss_micros_max=1,
            day_turnover_micros_max=VALUE,
            team_bps_max=250,
            playing_position_bps_max=250,
        ),
    )
    assert isinstance(desk.run(BID)[0], OrderAccepted)
