from collections import Counter
from dataclasses import replace
from random import Random

from waiver_exchange.application.place_order import OrderRequest
from waiver_exchange.demo.decisions import (
    LOOKED_AT,
    RESTING_ORDERS_MAX,
    Cancel,
    Seen,
    choose_symbols,
    decide_action,
)

RICH = 25_000_000_000
SEEN = Seen(
    symbol="MAHOMES",
    best_bid_cents=9_900,
    best_ask_cents=10_100,
    reference_price_cents=10_000,
    collar_bps=500,
    available_units=400_000,
)


def actions(seen: Seen = SEEN, *, available: int = RICH, count: int = 500) -> list[OrderRequest]:
    rng = Random(1)
    decided = [decide_action(rng, markets=[seen], available_micros=available, resting=[]) for _ in range(count)]
    return [action for action in decided if isinstance(action, OrderRequest)]


def test_a_trader_uses_many_kinds_of_orders() -> None:
    kinds = Counter(
        (action.order_type, action.time_in_force, action.side, action.notional_micros is not None)
        for action in actions()
    )
    assert set(kinds) >= {
        ("limit", "day", "buy", False),
        ("limit", "day", "sell", False),
        ("limit", "ioc", "buy", False),
        ("limit", "ioc", "sell", False),
        ("market", None, "buy", False),
        ("market", None, "sell", False),
        ("market", None, "buy", True),
        ("market", None, "sell", True),
    }


def test_a_trader_never_sells_more_than_he_has() -> None:
    for action in actions(replace(SEEN, available_units=3_000)):
        if action.side == "sell":
            assert (action.quantity_units or 0) <= 3_000
            assert (action.notional_micros or 0) < 3_000 * SEEN.best_bid_cents
    assert all(action.side == "buy" for action in actions(replace(SEEN, available_units=0)))


def test_a_trader_without_cash_does_not_buy() -> None:
    assert {action.side for action in actions(available=0)} == {"sell"}


def test_a_market_order_that_the_collar_would_stop_becomes_a_limit_order() -> None:
    far = replace(SEEN, reference_price_cents=9_000)
    assert {action.order_type for action in actions(far)} == {"limit"}


def test_a_market_without_two_sides_is_left_alone() -> None:
    assert actions(replace(SEEN, best_ask_cents=0)) == []
    assert actions(replace(SEEN, best_bid_cents=0)) == []


def test_a_market_with_an_order_of_his_own_is_left_alone() -> None:
    assert actions(replace(SEEN, has_own_order=True)) == []


def test_a_trader_with_many_orders_takes_the_oldest_back() -> None:
    resting = list(range(10, 10 + RESTING_ORDERS_MAX))
    assert decide_action(Random(1), markets=[SEEN], available_micros=RICH, resting=resting) == Cancel(10)


def test_a_trader_with_some_orders_takes_one_back_now_and_then() -> None:
    rng = Random(1)
    decided = [decide_action(rng, markets=[SEEN], available_micros=RICH, resting=[7, 8]) for _ in range(200)]
    assert 10 < decided.count(Cancel(7)) < 60
    assert Cancel(8) not in decided


def test_the_same_seed_decides_the_same() -> None:
    assert actions() == actions()


def test_popular_players_are_looked_at_more_often() -> None:
    rng = Random(1)
    weights = {"A": 4, "B": 1}
    looked_at = [symbol for _ in range(500) for symbol in choose_symbols(rng, ["A", "B"], weights)]
    assert len(looked_at) == 500 * LOOKED_AT
    assert looked_at.count("A") > 3 * looked_at.count("B")
