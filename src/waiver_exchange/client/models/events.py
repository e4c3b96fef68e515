"""What a stream tells of the account's own orders and money."""

from decimal import Decimal
from typing import Literal

import msgspec

from waiver_exchange.client.models.account import Account, Position
from waiver_exchange.client.models.markets import Trade
from waiver_exchange.client.models.orders import Order

OrderEventKind = Literal[
    "accepted", "rejected", "triggered", "partially_filled", "filled", "cancelled", "expired", "replaced"
]


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to one of the account's orders, and the order as it was right after it.

    The trade, and the shares of the market that the account has after it, come with fills only.
    """

    kind: OrderEventKind
    order: Order
    trade: Trade | None = None
    position: Decimal | None = None


class Resynced(msgspec.Struct, frozen=True, kw_only=True):
    """These orders are open now: at the start, and whenever something before may have been missed."""

    open_orders: list[Order]


class AccountUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The account and all of its positions, as they are now."""

    account: Account
    positions: list[Position]


OrderEvent = OrderUpdate | Resynced
