"""What a stream tells of the account's own orders and money."""

from decimal import Decimal
from typing import Literal

import msgspec

from waiver_exchange.client.models.account import Account
from waiver_exchange.client.models.orders import Fill, Order
from waiver_exchange.client.timestamps import Timestamp

OrderEventKind = Literal[
    "accepted", "rejected", "triggered", "partially_filled", "filled", "cancelled", "expired", "replaced"
]


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to one of the account's orders, and the order as it was right after it."""

    event: OrderEventKind
    order: Order
    fill: Fill | None = None
    position: Decimal | None = None
    time: Timestamp | None = None


class Resynced(msgspec.Struct, frozen=True, kw_only=True):
    """The connection broke and is back: what happened meanwhile was not told, and these orders are open now."""

    open_orders: list[Order]


OrderEvent = OrderUpdate | Resynced
AccountEvent = Account
