"""Orders and fills, and what a request for an order says."""

from datetime import datetime
from decimal import Decimal
from typing import Literal, Required, TypedDict

import msgspec

from waiver_exchange.client.timestamps import Timestamp

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market", "stop", "stop_limit"]
TimeInForce = Literal["gtc", "day", "gtd", "ioc", "fok"]
SelfTradePrevention = Literal["cancel_newest", "cancel_oldest", "cancel_both"]
OrderStatus = Literal["open", "held", "partially_filled", "filled", "cancelled", "expired", "rejected", "replaced"]
OrderFilter = Literal["open", "closed", "all"]
Liquidity = Literal["maker", "taker"]
Amount = Decimal | int | str  # never float: 0.1 is not a tenth


class NewOrder(TypedDict, total=False):
    """The fields of an order to place; docs/api.md says what each allows."""

    symbol: Required[str]
    side: Required[Side]
    type: Required[OrderType]
    quantity: Amount | None
    notional: Amount | None
    limit_price: Amount | None
    stop_price: Amount | None
    time_in_force: TimeInForce | None
    expires_at: datetime | str | None
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    client_order_id: str | None


class OrderChanges(TypedDict, total=False):
    """The fields of an order that a replacement changes; what is not given stays."""

    quantity: Amount | None
    limit_price: Amount | None
    stop_price: Amount | None
    time_in_force: TimeInForce | None
    expires_at: datetime | str | None
    client_order_id: str | None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order; it has either a quantity or a notional."""

    id: str
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal | None
    notional: Decimal | None
    filled_quantity: Decimal
    average_fill_price: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    expires_at: Timestamp | None
    triggered_at: Timestamp | None
    replaces: str | None
    replaced_by: str | None
    fees: Decimal
    status: OrderStatus
    reason: str | None
    created_at: Timestamp
    updated_at: Timestamp

    @property
    def is_open(self) -> bool:
        """Whether it can still trade: it rests, or it is a stop that waits."""
        return self.status in {"open", "held", "partially_filled"}

    @property
    def remaining_quantity(self) -> Decimal | None:
        """What is not filled yet; None for an order by notional."""
        return None if self.quantity is None else self.quantity - self.filled_quantity


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """What one trade did for one order of the account; one that was busted was reversed later."""

    id: str
    order_id: str
    client_order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    liquidity: Liquidity
    time: Timestamp
    busted: bool = False
