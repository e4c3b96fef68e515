"""From the quotes that rest to those that are wanted: a pure decision which to cancel and which to place."""

from collections.abc import Sequence
from typing import NamedTuple

from waiver_exchange.domain import codes
from waiver_exchange.domain.limits import BPS
from waiver_exchange.market_maker.quoting import Quote, Quotes, QuotingRules, spread_fits
from waiver_exchange.projections.state import OrderView


class Placement(NamedTuple):
    """A quote to place; `side` is `codes.BUY` or `codes.SELL`."""

    side: int
    quote: Quote


class QuoteChanges(NamedTuple):
    """What to do in one market: first the cancels, by order id, then the placements."""

    cancels: list[int]
    placements: list[Placement]

    @property
    def commands(self) -> int:
        """How many commands this takes."""
        return len(self.cancels) + len(self.placements)


def decide_changes(own: Sequence[OrderView], wanted: Quotes, rules: QuotingRules) -> QuoteChanges:
    """Return what turns the open orders `own` of one market into the wanted quotes; small differences stay.

    A resting quote stays while its price is within `requote_bps` of the wanted one, and at least half of the wanted
    quantity is left of it, and no more than the wanted quantity. Of several on one side at most one stays.
    """
    kept_bid = _find_kept(own, codes.BUY, wanted.bid, rules)
    kept_ask = _find_kept(own, codes.SELL, wanted.ask, rules)
    bid_cents = kept_bid.limit_price_cents if kept_bid else wanted.bid.price_cents if wanted.bid else 0
    ask_cents = kept_ask.limit_price_cents if kept_ask else wanted.ask.price_cents if wanted.ask else 0
    if bid_cents and ask_cents and not spread_fits(bid_cents=bid_cents, ask_cents=ask_cents, rules=rules):
        kept_bid = kept_ask = None
    kept = {order.order_id for order in (kept_bid, kept_ask) if order is not None}
    placements = [
        Placement(side, quote)
        for side, quote, stays in ((codes.BUY, wanted.bid, kept_bid), (codes.SELL, wanted.ask, kept_ask))
        if quote is not None and stays is None
    ]
    return QuoteChanges([order.order_id for order in own if order.order_id not in kept], placements)


def _find_kept(own: Sequence[OrderView], side: int, wanted: Quote | None, rules: QuotingRules) -> OrderView | None:
    if wanted is None:
        return None
    return next((order for order in own if order.side == side and _is_near(order, wanted, rules)), None)


def _is_near(order: OrderView, wanted: Quote, rules: QuotingRules) -> bool:
    moved = abs(order.limit_price_cents - wanted.price_cents)
    is_price_near = moved * BPS < rules.requote_bps * wanted.price_cents
    return is_price_near and wanted.quantity_units <= 2 * order.remaining_units <= 2 * wanted.quantity_units
