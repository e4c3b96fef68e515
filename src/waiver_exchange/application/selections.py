"""What the reads ask of the read model's store; the same conditions hold for what is still in memory."""

from dataclasses import dataclass

from waiver_exchange.projections.state import OrderView


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSelection:
    """Some orders of one account, newest first or ascending; a bound that is None does not bind, all exclude the value.

    An order's id grows with the time of its acceptance.
    """

    account: int
    is_open: bool | None = None
    markets: tuple[int, ...] | None = None
    side: int | None = None
    after_ns: int | None = None
    until_ns: int | None = None
    before_order: int | None = None
    after_order: int | None = None
    is_ascending: bool = False

    def includes(self, order: OrderView) -> bool:
        """Return whether an order of the account is one of them."""
        return (
            (self.is_open is None or order.is_open == self.is_open)
            and (self.markets is None or order.market in self.markets)
            and (self.side is None or order.side == self.side)
            and (self.after_ns is None or order.created_at_ns > self.after_ns)
            and (self.until_ns is None or order.created_at_ns < self.until_ns)
            and (self.before_order is None or order.order_id < self.before_order)
            and (self.after_order is None or order.order_id > self.after_order)
        )
