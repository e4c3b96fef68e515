"""The reference model keeps the invariants of the exchange, and the workload reaches every answer it can give."""

from collections import Counter
from fnmatch import fnmatch
from itertools import combinations

import pytest

from tests.model.invariants import check_invariants
from tests.model.lifecycles import Lifecycles
from tests.model.reference_engine import ReferenceEngine
from tests.model.situations import REPLACED_FIELDS
from tests.model.statistics import statistics, tally
from tests.model.workload import Workload, commands
from waiver_exchange.domain.events import EVENT_TYPES
from waiver_exchange.domain.refusals import CancelReason, RefusalReason

SEEDS = range(1, 9)
COMMANDS = 10_000
COUNTED_COMMANDS = 20_000
CHECK_EVERY = 7

IDENTITY_OF_THE_ENGINE = {
    RefusalReason.account_not_found,
    RefusalReason.account_is_halted,
    RefusalReason.market_not_found,
}
NEVER_REACHED = {
    RefusalReason.order_table_is_full,  # 268 million open orders
    RefusalReason.settlement_price_is_negative,  # refused before it is a command, as is the next
    RefusalReason.reference_is_reserved,
}
OFTEN = 3
SITUATIONS = (
    "held stop: by_owner",
    "held stop: by_operator",
    "held stop: expired",
    "held stop_limit: by_owner",
    "held stop_limit: expired",
    "a trade triggers",
    "placing a stop triggers",
    "replacing a held order triggers",
    "a replacement's trade triggers",
    "resuming a market triggers",
    "resuming the exchange triggers",
    "a command triggers two",
    "a command triggers three or more",
    "the breaker halts a market while orders are triggered",
    "the breaker halts a market while more orders would be triggered",
    "triggered stop: filled",
    "triggered stop: collar_reached",
    "triggered stop: collar_reached after trades",
    "triggered stop: self_trade_prevented",
    "triggered stop: self_trade_prevented after trades",
    "triggered stop: market_was_halted",
    "triggered stop: cancels an own resting order",
    "triggered stop: the collar has changed",
    "triggered stop_limit: filled",
    "triggered stop_limit: rests",
    "triggered stop_limit: rests after trades",
    "triggered stop_limit: self_trade_prevented*",
    "triggered stop_limit: market_was_halted*",
    "triggered stop_limit: cancels an own resting order",
    "triggered *: its account is halted",
    "triggered *: pays no more than was reserved",
    "triggered *: pays less than when it was accepted",
    *(
        f"replaced {order}: {outcome}"
        for order in ("held stop", "held stop_limit", "resting limit", "resting stop_limit")
        for outcome in ("keeps its place", "loses its place", "more", "no more")
    ),
    "replaced partly filled resting limit: keeps its place",
    "replaced partly filled resting limit: trades at once",
    "replaced partly filled resting stop_limit: *",
    "replaced resting limit: rests",
    "replaced resting limit: rests after trades",
    "replaced resting limit: filled",
    "replaced resting limit: self_trade_prevented",
    "replaced resting limit: self_trade_prevented after trades",
    "replaced resting limit: market_was_halted*",
    "replaced resting stop_limit: rests after trades",
    "replaced resting stop_limit: filled",
)
STOP_REFUSALS = """
    account_not_found account_is_halted exchange_is_halted market_not_found market_is_halted order_rate_is_too_high
    order_terms_are_invalid quantity_must_be_positive quantity_exceeds_supply stop_price_is_required price_is_too_high
    price_must_be_positive market_order_takes_no_price post_only_needs_a_resting_order stop_order_needs_a_lifetime
    expiry_needs_gtd expiry_is_required expiry_is_not_in_the_future expiry_is_too_far price_is_outside_the_band
    order_value_is_too_large too_many_open_orders position_would_be_too_large insufficient_cash insufficient_shares
    account_order_rate_is_too_high account_order_value_is_too_large account_has_too_many_open_orders
    account_position_would_be_too_large supply_share_would_be_too_large day_loss_limit_is_reached
    day_turnover_would_be_too_large team_share_would_be_too_large playing_position_share_would_be_too_large
"""
REPLACE_REFUSALS = """
    account_not_found order_not_found order_is_final order_belongs_to_another_account account_is_halted
    exchange_is_halted market_is_halted order_rate_is_too_high nothing_is_replaced quantity_must_be_positive
    price_must_be_positive stop_price_is_required stop_price_needs_a_stop_order market_order_takes_no_price
    quantity_exceeds_supply quantity_is_filled_already price_is_too_high price_is_outside_the_band
    order_terms_are_invalid expiry_needs_gtd expiry_is_required expiry_is_not_in_the_future expiry_is_too_far
    order_value_is_too_large position_would_be_too_large insufficient_cash insufficient_shares post_only_would_take
    account_order_rate_is_too_high account_order_value_is_too_large account_position_would_be_too_large
    supply_share_would_be_too_large day_loss_limit_is_reached day_turnover_would_be_too_large
    team_share_would_be_too_large playing_position_share_would_be_too_large
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_money_shares_holds_and_books_are_right_all_the_time(seed: int) -> None:
    workload, engine, lifecycles = Workload(seed), ReferenceEngine(), Lifecycles()
    for number in range(COMMANDS):
        events = engine.execute(workload.next())
        workload.observe(events)
        lifecycles.follow(events)
        if number % CHECK_EVERY == 0 or number == COMMANDS - 1:
            check_invariants(engine.exchange)
            assert sorted(lifecycles.open) == sorted(engine.exchange.orders)


@pytest.fixture(scope="module")
def counts() -> Counter[str]:
    """What occurs in the workloads of all seeds together."""
    return sum((statistics(seed=seed, count=COUNTED_COMMANDS) for seed in SEEDS), Counter())


def test_workload_reaches_every_event_and_every_reason(counts: Counter[str]) -> None:
    of_risk_and_book = {reason for reason in RefusalReason if 200 <= reason < 400}
    engine_refusals = (IDENTITY_OF_THE_ENGINE | of_risk_and_book) - NEVER_REACHED
    expected = (
        [event_type.__name__ for event_type in EVENT_TYPES.values()]
        + [f"refusal:{reason.name}" for reason in engine_refusals]
        + [f"cancel:{reason.name}" for reason in CancelReason]
    )
    assert [name for name in expected if counts[name] == 0] == []


@pytest.mark.parametrize("situation", SITUATIONS)
def test_workload_reaches_every_situation_of_stops_and_replacements(situation: str, counts: Counter[str]) -> None:
    """`situation` is a pattern of the sentences of `tests.model.situations`."""
    assert sum(count for sentence, count in counts.items() if fnmatch(sentence, situation)) >= OFTEN


@pytest.mark.parametrize(("command", "reasons"), [("stop", STOP_REFUSALS), ("replace", REPLACE_REFUSALS)])
def test_workload_reaches_every_refusal_of_stops_and_replacements(
    command: str, reasons: str, counts: Counter[str]
) -> None:
    assert [reason for reason in reasons.split() if counts[f"{command} refused: {reason}"] == 0] == []


def test_workload_replaces_every_mix_of_fields(counts: Counter[str]) -> None:
    mixes = [mix for size in range(1, 6) for mix in combinations(REPLACED_FIELDS, size)]
    assert len(mixes) == 31
    assert [mix for mix in mixes if counts[f"replaced: {' + '.join(mix)}"] == 0] == []


def test_workload_mostly_trades(counts: Counter[str]) -> None:
    assert counts["OrderAccepted"] > 6_000 * len(SEEDS)
    assert counts["TradeExecuted"] > 2_000 * len(SEEDS)
    assert counts["OrderDenied"] < 9_000 * len(SEEDS)


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
