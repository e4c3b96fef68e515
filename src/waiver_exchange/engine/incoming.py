"""The order being worked on: what was asked, and how far it has come.

One object serves all orders, one after another: making one for each order costs more than matching it.
"""

from typing import final

from mypy_extensions import i64

from waiver_exchange.domain.codes import (
    POST_ONLY_SHIFT,
    SELF_TRADE_SHIFT,
    TERMS_FIELD_MASK,
    TIME_IN_FORCE_SHIFT,
    TYPE_SHIFT,
)


@final
class IncomingOrder:
    """Fields are numbers of `domain.codes` and units of the engine; who reads a command sets what it says."""

    def __init__(self) -> None:
        """Make an empty order."""
        self.time: i64 = 0
        self.account: i64 = 0
        self.market: i64 = 0
        self.terms: i64 = 0
        self.quantity: i64 = 0
        self.notional: i64 = 0
        self.price: i64 = 0
        self.expires_at: i64 = 0
        self.stop_price: i64 = 0

        self.side: i64 = 0
        self.order_type: i64 = 0
        self.time_in_force: i64 = 0
        self.self_trade: i64 = 0
        self.post_only: i64 = 0
        self.can_rest = False

        # Set by admission: what a refusal reports, and what acceptance holds (cash for a buy, shares for a sell).
        self.required: i64 = 0
        self.available: i64 = 0
        self.hold: i64 = 0

        # What its account is worth, what its open orders could still trade, and its shares and open buys of the
        # market's team and playing position.
        self.worth: i64 = 0
        self.open_worth: i64 = 0
        self.team_worth: i64 = 0
        self.position_worth: i64 = 0

        self.row: i64 = 0
        self.order_id: i64 = 0
        self.position: i64 = 0
        # The rates at which it was accepted, without a credit, and the one at which it takes.
        self.fee_terms: i64 = 0
        self.taker_fee_bps: i64 = 0
        # Whether its expiry is watched already, as that of an order that was held.
        self.is_watched = False

        self.remaining: i64 = 0
        self.remaining_notional: i64 = 0
        self.shares_left: i64 = 0
        self.fee_credit: i64 = 0
        self.has_traded = False
        self.is_done = False
        self.stop_reason: i64 = 0
        self.house_fees: i64 = 0

        # Of a replacement: the time in force asked for plus 1 (0 keeps it), and the order that gives its place.
        self.wanted_time_in_force: i64 = 0
        self.replaced_id: i64 = 0
        self.replaced_remaining: i64 = 0
        self.replaced_hold: i64 = 0
        self.is_held = False
        self.keeps_place = False


def refuse(o: IncomingOrder, reason: i64, required: i64, available: i64) -> i64:
    """Note what a refusal reports and return its number."""
    o.required = required
    o.available = available
    return reason


def read_terms(o: IncomingOrder) -> None:
    """Take the terms of an order apart."""
    terms: i64 = o.terms
    o.side = terms & TERMS_FIELD_MASK
    o.order_type = (terms >> TYPE_SHIFT) & TERMS_FIELD_MASK
    o.time_in_force = (terms >> TIME_IN_FORCE_SHIFT) & TERMS_FIELD_MASK
    o.self_trade = (terms >> SELF_TRADE_SHIFT) & TERMS_FIELD_MASK
    o.post_only = terms >> POST_ONLY_SHIFT
