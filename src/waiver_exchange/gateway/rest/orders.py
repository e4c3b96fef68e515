"""Orders: place, look at, cancel."""

from typing import Final, get_args

from litestar import Response, delete, get, post

from waiver_exchange.application.access import TRADE
from waiver_exchange.application.cancel_order import cancel_all_orders, cancel_order
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.queries import OrdersFilter, StatusFilter
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.domain.money import parse_money, parse_price, parse_quantity
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import fields
from waiver_exchange.gateway.rest.answers import JSON, answer
from waiver_exchange.gateway.rest.authentication import caller_of
from waiver_exchange.gateway.rest.bodies import OrderBody, OrdersPageBody, order_body
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of
from waiver_exchange.gateway.rest.json_object import JsonObject, decode_object
from waiver_exchange.gateway.rest.query import (
    LIMIT_DEFAULT,
    LIMIT_MAX,
    Query,
    cursor_of,
    cursor_text,
    query_of,
    whole_number,
)
from waiver_exchange.projections.state import OrderView

_FIELDS: Final = frozenset(
    {
        "symbol",
        "side",
        "type",
        "time_in_force",
        "quantity",
        "notional",
        "limit_price",
        "post_only",
        "self_trade_prevention",
        "expires_at",
        "client_order_id",
    }
)
_FILTERS: Final[dict[str, StatusFilter]] = {name: name for name in get_args(StatusFilter)}


@post("/api/v1/orders", status_code=200)
async def place(request: AnyRequest) -> Response[bytes]:
    """Place an order; the same `client_order_id` with the same content returns the first one."""
    account = caller_of(request, scope=TRADE, kind="order").account
    exchange = exchange_of(request)
    content_type, _ = request.content_type
    if content_type != JSON:
        raise RefusedError(RefusalReason.content_type_is_unsupported)
    order_request = parse_order(decode_object(await request.body()))
    order = await place_order(exchange, account=account, request=order_request)
    return answer(_body(exchange, order))


@get("/api/v1/orders")
async def list_orders(request: AnyRequest) -> Response[bytes]:
    """Return orders, newest first, by pages; `status` is `open`, `closed` or `all` (the default)."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    query = query_of(request, "status", "limit", "cursor")
    page = await exchange.queries.orders_page(
        account=account,
        filter=OrdersFilter(status=_filter_of(query), before_order=cursor_of(query)),
        limit=whole_number(query, "limit", default=LIMIT_DEFAULT, largest=LIMIT_MAX),
    )
    items = [_body(exchange, order) for order in page.items]
    return answer(OrdersPageBody(items=items, next_cursor=cursor_text(page.next_cursor)))


@delete("/api/v1/orders", status_code=200)
async def cancel_all(request: AnyRequest) -> Response[bytes]:
    """Cancel all open orders, or those of one `symbol`; return those that were cancelled."""
    account = caller_of(request, scope=TRADE, kind="order").account
    exchange = exchange_of(request)
    query = query_of(request, "symbol")
    orders = await cancel_all_orders(exchange, account=account, symbol=query.get("symbol"))
    return answer([_body(exchange, order) for order in orders])


@get("/api/v1/orders/{order_id:str}")
async def show(request: AnyRequest) -> Response[bytes]:
    """Return one order."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    query_of(request)
    order = await exchange.queries.order(account=account, order_id=_order_id(request))
    if order is None:
        raise RefusedError(RefusalReason.order_not_found)
    return answer(_body(exchange, order))


@delete("/api/v1/orders/{order_id:str}", status_code=200)
async def cancel(request: AnyRequest) -> Response[bytes]:
    """Cancel one order and return it."""
    account = caller_of(request, scope=TRADE, kind="order").account
    exchange = exchange_of(request)
    query_of(request)
    order = await cancel_order(exchange, account=account, order_id=_order_id(request))
    return answer(_body(exchange, order))


ORDER_HANDLERS: Final = (place, list_orders, cancel_all, show, cancel)


def parse_order(given: JsonObject) -> OrderRequest:
    """Return the order that a request's fields describe. Raises `RefusedError`."""
    fields.refuse_unknown(given, known=_FIELDS)
    return OrderRequest(
        symbol=fields.required_text(given, "symbol"),
        side=fields.required_text(given, "side"),
        order_type=fields.required_text(given, "type"),
        time_in_force=fields.text(given, "time_in_force"),
        quantity_units=fields.amount(given, "quantity", parse=parse_quantity),
        notional_micros=fields.amount(given, "notional", parse=parse_money),
        limit_price_cents=fields.amount(given, "limit_price", parse=parse_price),
        expires_at_ns=fields.time_ns(given, "expires_at"),
        post_only=fields.flag(given, "post_only"),
        self_trade_prevention=fields.text(given, "self_trade_prevention") or "cancel_newest",
        client_order_id=fields.text(given, "client_order_id"),
    )


def _filter_of(query: Query) -> StatusFilter:
    status = _FILTERS.get(query.get("status", "all"))
    if status is None:
        raise RefusedError(RefusalReason.field_is_invalid, field="status", allowed=", ".join(_FILTERS))
    return status


def _order_id(request: AnyRequest) -> int:
    order_id = from_uuid(IdKind.order, request.path_params["order_id"])
    if order_id is None:
        raise RefusedError(RefusalReason.order_not_found)
    return order_id


def _body(exchange: Exchange, order: OrderView) -> OrderBody:
    return order_body(order, symbol=exchange.state.markets[order.market].symbol)
