"""The order that has just arrived, while it is matched."""

from dataclasses import dataclass
from typing import NamedTuple

from waiver_exchange.domain import codes
from waiver_exchange.domain.refusals import CancelReason


class Terms(NamedTuple):
    """The terms of an order, unpacked."""

    side: int
    is_market: bool
    time_in_force: int
    self_trade: int
    post_only: bool

    @classmethod
    def read(cls, word: int) -> "Terms | None":
        """Unpack a word; None when a field has no such value or another bit is set."""
        side = word & codes.TERMS_FIELD_MASK
        order_type = word >> codes.TYPE_SHIFT & codes.TERMS_FIELD_MASK
        time_in_force = word >> codes.TIME_IN_FORCE_SHIFT & codes.TERMS_FIELD_MASK
        self_trade = word >> codes.SELF_TRADE_SHIFT & codes.TERMS_FIELD_MASK
        post_only = word >> codes.POST_ONLY_SHIFT  # everything above, so that another bit makes it too large
        if (
            side > codes.SELL
            or order_type > codes.MARKET
            or time_in_force > codes.FOK
            or self_trade > codes.CANCEL_BOTH
            or post_only not in (0, 1)
        ):
            return None
        return cls(side, order_type == codes.MARKET, time_in_force, self_trade, post_only == 1)


@dataclass(slots=True, eq=False)
class Taker:
    """An order from its checks to its outcome. `price` is its limit or collar."""

    account: int
    market: int
    terms_word: int
    terms: Terms
    quantity: int
    notional: int
    price: int
    expires_at: int
    can_rest: bool
    maker_bps: int = 0
    reserved_bps: int = 0
    hold: int = 0
    order_id: int = 0
    credit: int = 0
    units_traded: int = 0
    value_traded: int = 0
    fees_taken: int = 0
    is_done: bool = False
    stopped_by: CancelReason | None = None

    @property
    def by_notional(self) -> bool:
        return self.notional != 0

    @property
    def opposite_side(self) -> int:
        return codes.SELL if self.terms.side == codes.BUY else codes.BUY

    @property
    def value(self) -> int:
        return self.notional or self.price * self.quantity

    @property
    def something_remains(self) -> bool:
        if self.by_notional:
            return self.notional > self.value_traded
        return self.quantity > self.units_traded

    @property
    def units_remaining(self) -> int:
        """As the events tell it: 0 for an order by notional."""
        return 0 if self.by_notional else self.quantity - self.units_traded

    def units_at(self, price: int) -> int:
        """The units that the whole order is worth at a price."""
        return self.notional // price if self.by_notional else self.quantity


def crosses(taker: Taker, price: int) -> bool:
    """Whether the taker's limit allows a trade at this price."""
    return price <= taker.price if taker.terms.side == codes.BUY else price >= taker.price
