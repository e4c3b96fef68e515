"""Tools that look at the account that the key belongs to."""

import msgspec

from waiver_exchange.client import AsyncClient
from waiver_exchange.client.models.account import (
    Account,
    EquityInterval,
    EquityPeriod,
    EquityPoint,
    LedgerLine,
    Position,
)
from waiver_exchange.client.models.orders import Fill, Order, OrderFilter
from waiver_exchange.mcp.tools import ITEMS_DEFAULT, Items, Limit, Nothing, Symbol, Time, Tool


class OrdersRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which orders."""

    status: OrderFilter = "open"
    symbol: Symbol | None = None
    limit: Limit = ITEMS_DEFAULT


class OneOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One order."""

    order_id: str


class FillsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which fills."""

    symbol: Symbol | None = None
    order_id: str | None = None
    start: Time | None = None
    end: Time | None = None
    limit: Limit = ITEMS_DEFAULT


class LedgerRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of the statement."""

    start: Time | None = None
    end: Time | None = None
    limit: Limit = ITEMS_DEFAULT


class EquityRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which time, in which steps."""

    period: EquityPeriod = "1D"
    interval: EquityInterval | None = None


class Portfolio(msgspec.Struct, frozen=True, kw_only=True):
    """What the account owns."""

    account: Account
    positions: list[Position]


async def _portfolio(client: AsyncClient, _: Nothing) -> Portfolio:
    return Portfolio(account=await client.account(), positions=await client.positions())


async def _orders(client: AsyncClient, given: OrdersRequest) -> Items[Order]:
    orders = client.orders(status=given.status, symbol=given.symbol, limit=given.limit)
    return Items(items=await orders.all())


async def _order(client: AsyncClient, given: OneOrder) -> Order:
    return await client.order(given.order_id)


async def _fills(client: AsyncClient, given: FillsRequest) -> Items[Fill]:
    fills = client.fills(
        symbol=given.symbol, order_id=given.order_id, start=given.start, end=given.end, limit=given.limit
    )
    return Items(items=await fills.all())


async def _ledger(client: AsyncClient, given: LedgerRequest) -> Items[LedgerLine]:
    return Items(items=await client.ledger(start=given.start, end=given.end, limit=given.limit).all())


async def _equity(client: AsyncClient, given: EquityRequest) -> Items[EquityPoint]:
    return Items(items=await client.equity(period=given.period, interval=given.interval))


ACCOUNT_TOOLS = (
    Tool(
        name="get_portfolio",
        title="Own account and positions",
        description="The account's cash, available cash, equity, and its shares of each player with profit or loss.",
        takes=Nothing,
        gives=Portfolio,
        run=_portfolio,
        access="read",
    ),
    Tool(
        name="list_orders",
        title="Own orders",
        description="The account's orders, newest first: those that are open, closed, or all, of one market or of all.",
        takes=OrdersRequest,
        gives=Items[Order],
        run=_orders,
        access="read",
    ),
    Tool(
        name="get_order",
        title="One own order",
        description="One of the account's orders by its id: status, what is filled, average price, fees.",
        takes=OneOrder,
        gives=Order,
        run=_order,
        access="read",
    ),
    Tool(
        name="list_fills",
        title="Own fills",
        description="What the account's orders traded, newest first: price, quantity, fee, maker or taker.",
        takes=FillsRequest,
        gives=Items[Fill],
        run=_fills,
        access="read",
    ),
    Tool(
        name="get_ledger",
        title="Own statement",
        description="Every change of the account's cash and shares, newest first, its cause and the balance after it.",
        takes=LedgerRequest,
        gives=Items[LedgerLine],
        run=_ledger,
        access="read",
    ),
    Tool(
        name="get_equity_history",
        title="Own equity over time",
        description="What the account was worth over a day, week, month, three months, a year or since it was opened.",
        takes=EquityRequest,
        gives=Items[EquityPoint],
        run=_equity,
        access="read",
    ),
)
