"""The order that has just arrived, or was just triggered, while it is matched."""

from dataclasses import dataclass
from typing import NamedTuple

from tests.model.rules import hold_of
from tests.model.state import Order
from waiver_exchange.domain import codes
from waiver_exchange.domain.refusals import CancelReason


class Terms(NamedTuple):
    """The terms of an order, unpacked."""

    side: int
    type: int
    time_in_force: int
    self_trade: int
    post_only: bool

    @property
    def is_market(self) -> bool:
        """Whether what remains of it never rests: it has no price of its own."""
        return self.type in (codes.MARKET, codes.STOP)

    @property
    def can_rest(self) -> bool:
        return not self.is_market and self.time_in_force in (codes.GTC, codes.DAY, codes.GTD)

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
            or order_type > codes.STOP_LIMIT
            or time_in_force > codes.FOK
            or self_trade > codes.CANCEL_BOTH
            or post_only not in (0, 1)
        ):
            return None
        return cls(side, order_type, time_in_force, self_trade, post_only == 1)

    @classmethod
    def of(cls, order: Order) -> "Terms":
        """The terms of an order that was accepted, which are sound."""
        terms = cls.read(order.terms)
        assert terms is not None
        return terms


@dataclass(slots=True, eq=False)
class Taker:
    """An order from its checks to its outcome. `price` is its limit, collar or protection price."""

    account: int
    market: int
    terms_word: int
    terms: Terms
    quantity: int
    notional: int
    price: int
    expires_at: int
    maker_bps: int = 0
    reserved_bps: int = 0
    taker_bps: int = 0
    hold: int = 0
    order_id: int = 0
    credit: int = 0
    units_traded: int = 0
    value_traded: int = 0
    fees_taken: int = 0
    is_done: bool = False
    stopped_by: CancelReason | None = None

    @property
    def can_rest(self) -> bool:
        return self.terms.can_rest

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


def taker_of(order: Order, *, price: int, taker_bps: int) -> Taker:
    """An accepted order that goes to the book with what it holds."""
    return Taker(
        account=order.account,
        market=order.market,
        terms_word=order.terms,
        terms=Terms.of(order),
        quantity=order.remaining,
        notional=0,
        price=price,
        expires_at=order.expires_at,
        maker_bps=order.maker_bps,
        reserved_bps=order.reserved_bps,
        taker_bps=taker_bps,
        hold=hold_of(order),
        order_id=order.id,
    )


def crosses(taker: Taker, price: int) -> bool:
    """Whether the taker's limit allows a trade at this price."""
    return price <= taker.price if taker.terms.side == codes.BUY else price >= taker.price
