from hypothesis import given
from hypothesis import strategies as st

from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import pack_terms
from waiver_exchange.market_maker.changes import Placement, QuoteChanges, decide_changes
from waiver_exchange.market_maker.quoting import Quote, Quotes, QuotingRules, spread_fits
from waiver_exchange.projections.state import OrderView

RULES = QuotingRules()
HUNDRED = 1_000_000
BID = Quote(9_600, HUNDRED)
ASK = Quote(10_400, HUNDRED)
BOTH = Quotes(BID, ASK)


def resting(order_id: int, side: int, *, price: int, quantity: int = HUNDRED, filled: int = 0) -> OrderView:
    terms = pack_terms(side=side, order_type=codes.LIMIT, time_in_force=codes.DAY, post_only=True)
    order = OrderView(order_id, 2, 1, terms, "", quantity, 0, price, 0, 0, 0)
    order.filled_quantity_units = filled
    return order


def bid(order_id: int = 1, *, price: int = 9_600, quantity: int = HUNDRED, filled: int = 0) -> OrderView:
    return resting(order_id, codes.BUY, price=price, quantity=quantity, filled=filled)


def ask(order_id: int = 2, *, price: int = 10_400, quantity: int = HUNDRED, filled: int = 0) -> OrderView:
    return resting(order_id, codes.SELL, price=price, quantity=quantity, filled=filled)


NOTHING = QuoteChanges([], [])


def test_an_empty_market_gets_both_quotes() -> None:
    assert decide_changes([], BOTH, RULES) == QuoteChanges([], [Placement(codes.BUY, BID), Placement(codes.SELL, ASK)])


def test_quotes_that_are_as_wanted_stay() -> None:
    assert decide_changes([bid(), ask()], BOTH, RULES) == NOTHING


def test_a_fair_value_that_moved_by_less_than_a_per_cent_changes_nothing() -> None:
    moved = Quotes(Quote(9_695, HUNDRED), Quote(10_503, HUNDRED))
    assert decide_changes([bid(), ask()], moved, RULES) == NOTHING


def test_a_fair_value_that_moved_by_a_per_cent_replaces_both() -> None:
    moved = Quotes(Quote(9_697, HUNDRED), Quote(10_506, HUNDRED))
    changes = decide_changes([bid(), ask()], moved, RULES)
    assert changes.cancels == [1, 2]
    assert [placement.side for placement in changes.placements] == [codes.BUY, codes.SELL]


def test_a_filled_quote_alone_is_placed_again() -> None:
    assert decide_changes([ask()], BOTH, RULES) == QuoteChanges([], [Placement(codes.BUY, BID)])


def test_a_quote_is_filled_up_when_less_than_half_of_it_is_left() -> None:
    assert decide_changes([bid(filled=HUNDRED // 2), ask()], BOTH, RULES) == NOTHING
    changes = decide_changes([bid(filled=HUNDRED // 2 + 1), ask()], BOTH, RULES)
    assert changes == QuoteChanges([1], [Placement(codes.BUY, BID)])


def test_a_quote_of_more_than_is_wanted_is_made_smaller() -> None:
    smaller = Quotes(Quote(9_600, 600_000), ASK)
    assert decide_changes([bid(), ask()], smaller, RULES) == QuoteChanges(
        [1], [Placement(codes.BUY, smaller.bid or BID)]
    )


def test_of_two_quotes_on_one_side_one_stays() -> None:
    assert decide_changes([bid(1), bid(3), ask()], BOTH, RULES) == QuoteChanges([3], [])


def test_what_is_not_wanted_any_more_is_cancelled() -> None:
    assert decide_changes([bid(), ask()], Quotes(None, None), RULES) == QuoteChanges([1, 2], [])


def test_a_kept_quote_never_leaves_too_wide_a_spread() -> None:
    wide = Quotes(Quote(9_600, HUNDRED), Quote(10_750, HUNDRED))
    assert decide_changes([bid(price=9_550)], wide, RULES).cancels == [1]


prices = st.integers(min_value=9_000, max_value=11_000)
quantities = st.integers(min_value=1, max_value=HUNDRED)


@given(
    own=st.lists(
        st.builds(resting, st.just(0), st.sampled_from((0, 1)), price=prices, quantity=quantities), max_size=5
    ),
    wanted_bid=st.integers(min_value=9_500, max_value=9_700),
    wanted_ask=st.integers(min_value=10_300, max_value=10_500),
    quantity=quantities,
)
def test_what_rests_afterwards_is_at_most_one_quote_a_side_and_fits(
    own: list[OrderView], wanted_bid: int, wanted_ask: int, quantity: int
) -> None:
    for number, order in enumerate(own):
        order.order_id = number
    wanted = Quotes(Quote(wanted_bid, quantity), Quote(wanted_ask, quantity))
    changes = decide_changes(own, wanted, RULES)
    rest = [(order.side, order.limit_price_cents) for order in own if order.order_id not in changes.cancels]
    rest += [(side, quote.price_cents) for side, quote in changes.placements]
    (_, bid_cents), (_, ask_cents) = sorted(rest)
    assert [side for side, _ in sorted(rest)] == [codes.BUY, codes.SELL]
    assert spread_fits(bid_cents=bid_cents, ask_cents=ask_cents, rules=RULES)
    assert abs(bid_cents - wanted_bid) * 100 < wanted_bid
    assert abs(ask_cents - wanted_ask) * 100 < wanted_ask
