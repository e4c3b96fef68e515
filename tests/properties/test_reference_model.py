"""The reference model keeps the invariants of the exchange, and the workload reaches every answer it can give."""

from collections import Counter

import pytest

from tests.model.reference_engine import ReferenceEngine
from tests.model.rules import hold_of
from tests.model.state import Exchange, Market
from tests.model.workload import Workload, commands, statistics, tally
from waiver_exchange.domain import codes
from waiver_exchange.domain.events import EVENT_TYPES
from waiver_exchange.domain.refusals import CancelReason, RefusalReason

SEEDS = range(1, 9)
COMMANDS = 10_000
CHECK_EVERY = 7

NOT_OF_THE_ENGINE = {
    RefusalReason.symbol_already_listed,
    RefusalReason.reference_used_with_other_content,
    RefusalReason.client_order_id_used_with_other_content,
    RefusalReason.order_table_is_full,  # 268 million resting orders
}


@pytest.mark.parametrize("seed", SEEDS)
def test_money_shares_holds_and_books_are_right_all_the_time(seed: int) -> None:
    workload, engine = Workload(seed), ReferenceEngine()
    for number in range(COMMANDS):
        workload.observe(engine.execute(workload.next()))
        if number % CHECK_EVERY == 0 or number == COMMANDS - 1:
            _check_money(engine.exchange)
            _check_shares(engine.exchange)
            _check_holds(engine.exchange)
            _check_orders(engine.exchange)


def _check_money(exchange: Exchange) -> None:
    assert sum(account.cash for account in exchange.accounts.values()) == exchange.cash_issued
    for account in exchange.accounts.values():
        assert 0 <= account.held <= account.cash


def _check_shares(exchange: Exchange) -> None:
    quantities: Counter[int] = Counter()
    for position in exchange.positions.values():
        assert 0 <= position.held <= position.quantity
        assert position.cost >= 0
        assert position.cost == 0 or position.quantity > 0
        quantities[position.market] += position.quantity
    assert quantities == {market.id: market.supply for market in exchange.markets.values()}


def _check_holds(exchange: Exchange) -> None:
    cash: Counter[int] = Counter()
    shares: Counter[tuple[int, int]] = Counter()
    buys: Counter[tuple[int, int]] = Counter()
    counts: Counter[int] = Counter()
    for order in exchange.orders.values():
        counts[order.account] += 1
        if order.side == codes.BUY:
            cash[order.account] += hold_of(order)
            buys[order.account, order.market] += order.remaining
        else:
            shares[order.account, order.market] += order.remaining
    for account in exchange.accounts.values():
        assert account.held == cash[account.id]
        assert account.resting_orders == counts[account.id]
    for key, position in exchange.positions.items():
        assert position.held == shares[key]
        assert position.resting_buys == buys[key]


def _check_orders(exchange: Exchange) -> None:
    in_books = [order.id for market in exchange.markets.values() for side in market.sides for order in side.orders()]
    held = [order.id for market in exchange.markets.values() for side in market.held for order in side.orders]
    assert sorted(in_books + held) == sorted(exchange.orders)
    assert {order.id for order in exchange.orders.values() if order.is_held} == set(held)
    assert all(order.remaining > 0 for order in exchange.orders.values())
    rows = [order_id % (1 << 28) for order_id in exchange.orders] + exchange.free_rows
    assert sorted(rows) == list(range(1, exchange.rows_used + 1))
    for market in exchange.markets.values():
        _check_book(market)
        _check_held(market, is_open=not exchange.halted and not market.halt_cause)


def _check_book(market: Market) -> None:
    bids, asks = ([order.price for order in side.orders()] for side in market.sides)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert not bids or not asks or bids[0] < asks[0]


def _check_held(market: Market, *, is_open: bool) -> None:
    buys, sells = (side.orders for side in market.held)
    assert buys == sorted(buys, key=lambda order: order.stop_price)
    assert sells == sorted(sells, key=lambda order: -order.stop_price)
    if is_open and market.last:
        assert all(order.stop_price > market.last for order in buys)
        assert all(order.stop_price < market.last for order in sells)


def test_workload_reaches_every_event_and_every_reason() -> None:
    counts: Counter[str] = Counter()
    for seed in SEEDS:
        counts += statistics(seed=seed, count=COMMANDS)
    engine_refusals = [reason for reason in RefusalReason if 103 <= reason < 400 and reason not in NOT_OF_THE_ENGINE]
    expected = (
        [event_type.__name__ for event_type in EVENT_TYPES.values()]
        + [f"refusal:{reason.name}" for reason in engine_refusals]
        + [f"cancel:{reason.name}" for reason in CancelReason]
    )
    assert [name for name in expected if counts[name] == 0] == []


def test_workload_mostly_trades() -> None:
    counts = statistics(seed=7, count=20_000)
    assert counts["OrderAccepted"] > 7_000
    assert counts["TradeExecuted"] > 2_000
    assert counts["OrderDenied"] < 9_000


def test_same_seed_gives_the_same_commands_and_another_seed_others() -> None:
    first, again, other = (tuple(commands(seed=seed, count=2_000)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_tally_names_what_an_engine_answers() -> None:
    counts: Counter[str] = Counter()
    engine = ReferenceEngine()
    for command in commands(seed=3, count=500):
        tally(counts, engine.execute(command))
    assert counts["AccountOpened"] >= 5
    assert counts["CommandRefused"] + counts["OrderDenied"] + counts["OrderRejected"] == sum(
        count for name, count in counts.items() if name.startswith("refusal:")
    )
