"""The order being placed: what was asked, and how far it has come.

One object serves all orders, one after another: making one for each order costs more than matching it.
"""

from typing import final

from mypy_extensions import i64  # noqa: TC002 -- written alike in every compiled module


@final
class IncomingOrder:
    """Fields are numbers of `domain.codes` and units of the engine; `read_order` sets every one of them."""

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

        self.row: i64 = 0
        self.order_id: i64 = 0
        self.position: i64 = 0
        self.remaining: i64 = 0
        self.remaining_notional: i64 = 0
        self.shares_left: i64 = 0
        self.fee_credit: i64 = 0
        self.has_traded = False
        self.is_done = False
        self.stop_reason: i64 = 0
        self.house_fees: i64 = 0
