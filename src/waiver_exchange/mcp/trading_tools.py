"""Tools that trade. An assistant sees them only with a key that may."""

from decimal import Decimal
from typing import Annotated, cast

import msgspec

from waiver_exchange.client import AsyncClient
from waiver_exchange.client.models.orders import NewOrder, Order, OrderChanges, OrderType, Side, TimeInForce
from waiver_exchange.mcp.tools import Items, Symbol, Time, Tool

Shares = Annotated[Decimal, msgspec.Meta(description="Shares, at most four decimals.")]
Dollars = Annotated[Decimal, msgspec.Meta(description="Dollars.")]
Price = Annotated[Decimal, msgspec.Meta(description="Dollars per share, at most two decimals.")]
Name = Annotated[
    str, msgspec.Meta(max_length=128, description="Your own name for the order; the same again places nothing new.")
]


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The order. A limit order needs limit_price; a market order takes either quantity or notional."""

    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Shares | None = None
    notional: Dollars | None = None
    limit_price: Price | None = None
    stop_price: Annotated[Price, msgspec.Meta(description="The last trade's price that triggers it.")] | None = None
    time_in_force: TimeInForce | None = None
    expires_at: Time | None = None
    post_only: Annotated[bool, msgspec.Meta(description="Rest or be rejected; never trade at once.")] = False
    client_order_id: Name | None = None


class ReplaceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What changes; what is not given stays."""

    order_id: str
    quantity: Shares | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    time_in_force: TimeInForce | None = None
    expires_at: Time | None = None


class CancelRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The order to cancel."""

    order_id: str


class CancelAllRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market, or without a symbol all."""

    symbol: Symbol | None = None


async def _place(client: AsyncClient, given: OrderRequest) -> Order:
    return await client.place_order(**cast("NewOrder", msgspec.structs.asdict(given)))


async def _replace(client: AsyncClient, given: ReplaceRequest) -> Order:
    fields = msgspec.structs.asdict(given)
    order_id = fields.pop("order_id")
    return await client.replace_order(order_id, **cast("OrderChanges", fields))


async def _cancel(client: AsyncClient, given: CancelRequest) -> Order:
    return await client.cancel_order(given.order_id)


async def _cancel_all(client: AsyncClient, given: CancelAllRequest) -> Items[Order]:
    return Items(items=await client.cancel_all(symbol=given.symbol))


TRADING_TOOLS = (
    Tool(
        name="place_order",
        title="Place an order",
        description=(
            "Buy or sell shares of a player. It trades at once as far as it can, and the answer says what is filled. "
            "Types: market, limit, stop, stop_limit. Say what you are about to do before you do it."
        ),
        takes=OrderRequest,
        gives=Order,
        run=_place,
        access="trade",
        is_destructive=True,
    ),
    Tool(
        name="replace_order",
        title="Change an open order",
        description="Change an open order's quantity, price or lifetime; the answer is the new order in its place.",
        takes=ReplaceRequest,
        gives=Order,
        run=_replace,
        access="trade",
        is_destructive=True,
    ),
    Tool(
        name="cancel_order",
        title="Cancel an order",
        description="Cancel one open order; what is filled already stays.",
        takes=CancelRequest,
        gives=Order,
        run=_cancel,
        access="trade",
        is_destructive=True,
    ),
    Tool(
        name="cancel_all_orders",
        title="Cancel all open orders",
        description="Cancel all open orders of the account, or those of one market; the answer is those it cancelled.",
        takes=CancelAllRequest,
        gives=Items[Order],
        run=_cancel_all,
        access="trade",
        is_destructive=True,
    ),
)
