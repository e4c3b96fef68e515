from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waiver_exchange.domain.limits import BPS, PRICE_CENTS_MAX
from waiver_exchange.market_maker.quoting import (
    Quote,
    Quotes,
    QuotingRules,
    Situation,
    decide_quotes,
    inventory_skew_bps,
    spread_fits,
)

RULES = QuotingRules()
SHARE = 10_000
DOLLAR = 1_000_000
CALM = Situation(
    fair_value_cents=10_000,
    reference_price_cents=10_000,
    band_bps=3_000,
    position_units=RULES.inventory_target_units,
    sellable_units=RULES.inventory_target_units,
    spendable_micros=1_000_000 * DOLLAR,
    budget_micros=RULES.value_micros_per_day,
)

prices = st.integers(min_value=0, max_value=PRICE_CENTS_MAX)
situations = st.builds(
    Situation,
    fair_value_cents=prices,
    reference_price_cents=prices,
    band_bps=st.integers(min_value=0, max_value=9_999),
    position_units=st.integers(min_value=0, max_value=3_000_000_000),
    sellable_units=st.integers(min_value=0, max_value=3_000_000_000),
    spendable_micros=st.integers(min_value=0, max_value=10**15),
    budget_micros=st.integers(min_value=-(10**9), max_value=RULES.value_micros_per_day),
)


@st.composite
def crowded_situations(draw: st.DrawFn) -> Situation:
    """Others quote close to the fair value, and the last trade was not far away."""
    fair = draw(st.integers(min_value=1, max_value=20_000))
    near = st.integers(min_value=-fair // 5, max_value=fair // 5)
    bid = max(0, fair + draw(near))
    ask = draw(st.sampled_from((0, bid + 1, bid + fair // 20 + 1)))
    return replace(
        draw(situations),
        fair_value_cents=fair,
        reference_price_cents=max(0, fair + draw(near)),
        other_bid_cents=bid,
        other_ask_cents=ask,
    )


def test_defaults_are_the_predecessors_constants() -> None:
    assert (RULES.half_spread_bps, RULES.requote_bps, RULES.spread_bps_max) == (400, 100, 1_200)
    assert RULES.quantity_units_max == 100 * SHARE
    assert RULES.value_micros_per_day == 100_000 * DOLLAR


def test_quotes_lie_four_per_cent_around_the_fair_value() -> None:
    assert decide_quotes(CALM, RULES) == Quotes(Quote(9_600, 100 * SHARE), Quote(10_400, 100 * SHARE))


@given(st.one_of(situations, crowded_situations()))
def test_quotes_keep_every_limit(situation: Situation) -> None:
    bid, ask = decide_quotes(situation, RULES)
    if bid and ask:
        assert spread_fits(bid_cents=bid.price_cents, ask_cents=ask.price_cents, rules=RULES)
    reference = situation.reference_price_cents
    width = reference * situation.band_bps // BPS
    for quote in filter(None, (bid, ask)):
        assert SHARE <= quote.quantity_units <= 100 * SHARE
        assert 1 <= quote.price_cents <= PRICE_CENTS_MAX
        if reference and situation.band_bps:
            assert max(1, reference - width) <= quote.price_cents <= reference + width
        assert 2 * quote.price_cents * quote.quantity_units <= situation.budget_micros
    if bid:
        assert bid.price_cents * bid.quantity_units <= situation.spendable_micros
        assert not situation.other_ask_cents or bid.price_cents < situation.other_ask_cents
        assert bid.price_cents < situation.fair_value_cents
    if ask:
        assert ask.quantity_units <= situation.sellable_units
        assert ask.price_cents > situation.other_bid_cents
        assert ask.price_cents > situation.fair_value_cents


@given(position=st.integers(min_value=0, max_value=3_000_000_000))
def test_the_skew_is_bounded_and_leans_against_the_inventory(position: int) -> None:
    skew = inventory_skew_bps(position_units=position, rules=RULES)
    assert abs(skew) <= RULES.skew_bps_max
    assert skew >= inventory_skew_bps(position_units=position + SHARE, rules=RULES)


@pytest.mark.parametrize(
    ("shares", "bid", "ask"), [(0, 9_700, 10_500), (6_000, 9_500, 10_300), (10_000, 9_500, 10_300)]
)
def test_a_full_inventory_moves_the_quotes_down_and_an_empty_one_up(shares: int, bid: int, ask: int) -> None:
    quotes = decide_quotes(replace(CALM, position_units=shares * SHARE), RULES)
    assert quotes.bid is not None
    assert quotes.ask is not None
    assert (quotes.bid.price_cents, quotes.ask.price_cents) == (bid, ask)


def test_no_inventory_target_means_no_skew() -> None:
    assert inventory_skew_bps(position_units=5, rules=replace(RULES, inventory_target_units=0)) == 0


def test_a_fair_value_above_the_band_is_bid_for_at_its_end_and_not_offered() -> None:
    quotes = decide_quotes(replace(CALM, fair_value_cents=15_000), RULES)
    assert quotes == Quotes(Quote(13_000, 100 * SHARE), None)


def test_a_fair_value_below_the_band_is_offered_at_its_end_and_not_bid_for() -> None:
    quotes = decide_quotes(replace(CALM, fair_value_cents=5_000), RULES)
    assert quotes == Quotes(None, Quote(7_000, 100 * SHARE))


def test_a_bid_of_somebody_else_at_the_ask_moves_the_ask_above_it() -> None:
    quotes = decide_quotes(replace(CALM, other_bid_cents=10_500), RULES)
    assert quotes.ask is not None
    assert quotes.ask.price_cents == 10_501


def test_an_ask_of_somebody_else_at_the_bid_moves_the_bid_below_it() -> None:
    quotes = decide_quotes(replace(CALM, other_ask_cents=9_500), RULES)
    assert quotes.bid is not None
    assert quotes.bid.price_cents == 9_499


def test_a_side_that_would_have_to_move_too_far_is_left_to_others() -> None:
    assert decide_quotes(replace(CALM, other_bid_cents=11_500), RULES) == Quotes(Quote(9_600, 100 * SHARE), None)
    assert decide_quotes(replace(CALM, other_ask_cents=8_500), RULES) == Quotes(None, Quote(10_400, 100 * SHARE))


def test_the_days_value_is_shared_by_both_sides_and_ends() -> None:
    quotes = decide_quotes(replace(CALM, budget_micros=2_000 * DOLLAR), RULES)
    assert quotes.bid is not None
    assert quotes.ask is not None
    assert quotes.bid.quantity_units == 10 * SHARE + 4_166
    assert quotes.ask.quantity_units == 9 * SHARE + 6_153
    assert decide_quotes(replace(CALM, budget_micros=100 * DOLLAR), RULES) == Quotes(None, None)


def test_without_shares_only_the_bid_is_quoted_and_without_cash_only_the_ask() -> None:
    assert decide_quotes(replace(CALM, sellable_units=0), RULES).ask is None
    assert decide_quotes(replace(CALM, sellable_units=0), RULES).bid is not None
    assert decide_quotes(replace(CALM, spendable_micros=0), RULES).bid is None
    assert decide_quotes(replace(CALM, spendable_micros=0), RULES).ask is not None


@pytest.mark.parametrize("fair_value", [-5, 0, 1, 12, 20])
def test_a_price_too_small_for_the_spread_is_not_quoted(fair_value: int) -> None:
    assert decide_quotes(replace(CALM, fair_value_cents=fair_value, reference_price_cents=0), RULES) == Quotes(
        None, None
    )
