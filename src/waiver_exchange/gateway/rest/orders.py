"""Orders: place, look at, cancel."""

from typing import Final, get_args

from waiver_exchange.application.cancel_order import cancel_all_orders, cancel_order
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import (
    SELF_TRADE_PREVENTIONS,
    SIDES,
    TIMES_IN_FORCE,
    TYPES,
    OrderRequest,
    place_order,
)
from waiver_exchange.application.queries import OrdersFilter, OrdersPage, StatusFilter
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.replace_order import LIFETIMES, ReplaceRequest, replace_order
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import body, parameters
from waiver_exchange.gateway.rest.bodies import OrderBody, OrdersPageBody, order_body
from waiver_exchange.gateway.rest.body import Body
from waiver_exchange.gateway.rest.cursors import encode_cursor
from waiver_exchange.gateway.rest.json_object import JsonObject
from waiver_exchange.gateway.rest.parameters import DIRECTION, END, ORDER_ID_PATH, START, SYMBOL, SYMBOL_SCHEMA, invalid
from waiver_exchange.gateway.rest.refusal_groups import CANCELLING, PLACING, REPLACING
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer
from waiver_exchange.projections.state import OrderView

_R = RefusalReason
_CURSOR: Final = "order"
_FILTERS: Final[dict[str, StatusFilter]] = {name: name for name in get_args(StatusFilter)}

_SYMBOL: Final = body.required_text("symbol", SYMBOL_SCHEMA, "The market's ticker.")
_SIDE: Final = body.required_text("side", body.one_of(SIDES), "Buy or sell.")
_TYPE: Final = body.required_text("type", body.one_of(TYPES), "What kind of order it is.")
_TIME_IN_FORCE: Final = body.optional_text(
    "time_in_force", body.one_of(TIMES_IN_FORCE), "How long it may rest; gtc for what can rest, else ioc."
)
_QUANTITY: Final = body.quantity("quantity", "Shares, at most four decimals; or give a notional.")
_NOTIONAL: Final = body.money("notional", "Dollars to spend or receive, for market orders only.")
_LIMIT_PRICE: Final = body.price("limit_price", "Dollars per share, at most two decimals.")
_STOP_PRICE: Final = body.price("stop_price", "The last price that triggers a stop or stop_limit order.")
_POST_ONLY: Final = body.flag("post_only", "Rest or be rejected, never trade at once.")
_SELF_TRADE: Final = body.optional_text(
    "self_trade_prevention", body.one_of(SELF_TRADE_PREVENTIONS), "Who goes when it meets an order of its account."
)
_EXPIRES_AT: Final = body.time_ns("expires_at", "When it ends, for gtd only.")
_CLIENT_ORDER_ID: Final = body.optional_text(
    "client_order_id",
    {"type": "string", "minLength": 1, "maxLength": 128},
    "Your name of the order, printable; the same content sent again returns the first order.",
)
ORDER_BODY: Final = Body(
    "OrderRequest",
    _SYMBOL,
    _SIDE,
    _TYPE,
    _TIME_IN_FORCE,
    _QUANTITY,
    _NOTIONAL,
    _LIMIT_PRICE,
    _STOP_PRICE,
    _POST_ONLY,
    _SELF_TRADE,
    _EXPIRES_AT,
    _CLIENT_ORDER_ID,
)

_LIFETIME: Final = body.optional_text("time_in_force", body.one_of(LIFETIMES), "How long the new order may rest.")
_TOTAL: Final = body.quantity("quantity", "Shares in total: what is filled already stays with the old order.")
REPLACE_BODY: Final = Body(
    "ReplaceRequest", _TOTAL, _LIMIT_PRICE, _STOP_PRICE, _LIFETIME, _EXPIRES_AT, _CLIENT_ORDER_ID
)

_STATUS: Final = parameters.word("status", _FILTERS, default="all", description="Which of them.")
_SIDE_FILTER: Final = parameters.optional_word("side", SIDES, description="Only this side.")
_NAMED: Final = parameters.text("client_order_id", description="Only the order of this name, whatever else is asked.")
_NAMED_ONE: Final = parameters.text("client_order_id", description="Only the order of this name.")
_LIMIT: Final = parameters.limit()
_PAGE: Final = parameters.cursor(_CURSOR)


def parse_order(given: JsonObject) -> OrderRequest:
    """Return the order that a request's fields describe. Raises `RefusedError`."""
    fields = ORDER_BODY.read(given)
    return OrderRequest(
        symbol=fields[_SYMBOL],
        side=fields[_SIDE],
        order_type=fields[_TYPE],
        time_in_force=fields[_TIME_IN_FORCE],
        quantity_units=fields[_QUANTITY],
        notional_micros=fields[_NOTIONAL],
        limit_price_cents=fields[_LIMIT_PRICE],
        stop_price_cents=fields[_STOP_PRICE],
        expires_at_ns=fields[_EXPIRES_AT],
        post_only=fields[_POST_ONLY],
        self_trade_prevention=fields[_SELF_TRADE] or "cancel_newest",
        client_order_id=fields[_CLIENT_ORDER_ID],
    )


def parse_replacement(given: JsonObject) -> ReplaceRequest:
    """Return what a request wants different of an order. Raises `RefusedError`."""
    fields = REPLACE_BODY.read(given)
    return ReplaceRequest(
        quantity_units=fields[_TOTAL],
        limit_price_cents=fields[_LIMIT_PRICE],
        stop_price_cents=fields[_STOP_PRICE],
        time_in_force=fields[_LIFETIME],
        expires_at_ns=fields[_EXPIRES_AT],
        client_order_id=fields[_CLIENT_ORDER_ID],
    )


async def _place(call: Call) -> Answer:
    order = await place_order(call.exchange, account=call.account, request=parse_order(call.given))
    return _answer(call.exchange, order)


async def _list(call: Call) -> Answer:
    exchange = call.exchange
    name = call[_NAMED]
    page = await _page_of(call) if name is None else await _page_of_one(call, name)
    items = [_body(exchange, order) for order in page.items]
    following = None if page.next_cursor is None else encode_cursor(_CURSOR, page.next_cursor)
    return json_answer(OrdersPageBody(items=items, next_cursor=following))


async def _page_of(call: Call) -> OrdersPage:
    symbol, side, start, cursor = call[SYMBOL], call[_SIDE_FILTER], call[START], call[_PAGE]
    is_ascending = call[DIRECTION] == "asc"
    behind = cursor[0] if cursor else None
    orders_filter = OrdersFilter(
        status=_FILTERS[call[_STATUS]],
        symbols=None if symbol is None else (call.exchange.market(symbol).symbol,),
        side=None if side is None else SIDES[side],
        after_ns=None if start is None else start - 1,
        until_ns=call[END],
        before_order=None if is_ascending else behind,
        after_order=behind if is_ascending else None,
        is_ascending=is_ascending,
    )
    return await call.exchange.queries.orders_page(account=call.account, filter=orders_filter, limit=call[_LIMIT])


async def _page_of_one(call: Call, client_order_id: str) -> OrdersPage:
    order = await call.exchange.queries.order_by_client_order_id(account=call.account, client_order_id=client_order_id)
    return OrdersPage(items=[] if order is None else [order], next_cursor=None)


async def _cancel_all(call: Call) -> Answer:
    name = call[_NAMED_ONE]
    if name is not None:
        if call[SYMBOL] is not None:
            raise invalid("client_order_id", expected="no symbol beside it")
        return json_answer([_body(call.exchange, await _cancel_named(call, name))])
    cancelled = await cancel_all_orders(call.exchange, account=call.account, symbol=call[SYMBOL])
    return json_answer([_body(call.exchange, order) for order in cancelled.some()])


async def _cancel_named(call: Call, client_order_id: str) -> OrderView:
    order = await call.exchange.queries.order_by_client_order_id(account=call.account, client_order_id=client_order_id)
    if order is None:
        raise RefusedError(_R.order_not_found)
    return await cancel_order(call.exchange, account=call.account, order_id=order.order_id)


async def _show(call: Call) -> Answer:
    order = await call.exchange.queries.order(account=call.account, order_id=call[ORDER_ID_PATH])
    if order is None:
        raise RefusedError(_R.order_not_found)
    return _answer(call.exchange, order)


async def _cancel(call: Call) -> Answer:
    order = await cancel_order(call.exchange, account=call.account, order_id=call[ORDER_ID_PATH])
    return _answer(call.exchange, order)


async def _replace(call: Call) -> Answer:
    request = parse_replacement(call.given)
    order = await replace_order(call.exchange, account=call.account, order_id=call[ORDER_ID_PATH], request=request)
    return _answer(call.exchange, order)


def _answer(exchange: Exchange, order: OrderView) -> Answer:
    return json_answer(_body(exchange, order))


def _body(exchange: Exchange, order: OrderView) -> OrderBody:
    return order_body(order, symbol=exchange.state.markets[order.market].symbol)


ORDER_ROUTES: Final = (
    Route(
        method="POST",
        path="/api/v1/orders",
        name="placeOrder",
        summary="Place an order.",
        description="It is durable, and every read shows its effect, when the answer arrives.",
        tag="orders",
        handler=_place,
        answer=OrderBody,
        access="trade",
        kind="order",
        body=ORDER_BODY,
        refusals=PLACING,
    ),
    Route(
        method="GET",
        path="/api/v1/orders",
        name="listOrders",
        summary="List orders by pages.",
        tag="orders",
        handler=_list,
        answer=OrdersPageBody,
        parameters=(_STATUS, SYMBOL, _SIDE_FILTER, _NAMED, START, END, DIRECTION, _LIMIT, _PAGE),
        refusals=(_R.market_not_found, _R.history_is_unavailable),
    ),
    Route(
        method="DELETE",
        path="/api/v1/orders",
        name="cancelOrders",
        summary="Cancel all open orders, those of one market, or one by its name; the answer is those cancelled.",
        tag="orders",
        handler=_cancel_all,
        answer=list[OrderBody],
        access="trade",
        kind="order",
        parameters=(SYMBOL, _NAMED_ONE),
        refusals=(_R.market_not_found, _R.order_not_found, _R.order_is_final, *CANCELLING, _R.history_is_unavailable),
    ),
    Route(
        method="GET",
        path="/api/v1/orders/{order_id}",
        name="getOrder",
        summary="Show one order.",
        tag="orders",
        handler=_show,
        answer=OrderBody,
        parameters=(ORDER_ID_PATH,),
        refusals=(_R.order_not_found, _R.history_is_unavailable),
    ),
    Route(
        method="DELETE",
        path="/api/v1/orders/{order_id}",
        name="cancelOrder",
        summary="Cancel one order.",
        tag="orders",
        handler=_cancel,
        answer=OrderBody,
        access="trade",
        kind="order",
        parameters=(ORDER_ID_PATH,),
        refusals=(_R.order_not_found, _R.order_is_final, *CANCELLING),
    ),
    Route(
        method="PATCH",
        path="/api/v1/orders/{order_id}",
        name="replaceOrder",
        summary="Replace an open order; the answer is the new one.",
        description="What is not given stays as it is. Only less quantity at the same price keeps its place in line.",
        tag="orders",
        handler=_replace,
        answer=OrderBody,
        access="trade",
        kind="order",
        parameters=(ORDER_ID_PATH,),
        body=REPLACE_BODY,
        refusals=REPLACING,
    ),
)
