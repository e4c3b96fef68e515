"""Orders: place, list, look at, replace, cancel."""

import dataclasses
from typing import Final

from litestar import Response, delete, get, patch, post

from waiver_exchange.application.authority import TRADE
from waiver_exchange.application.cancel_order import cancel_all_orders, cancel_order
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import submit_order
from waiver_exchange.application.queries import OrdersFilter
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.replace_order import ReplaceRequest, submit_replacement
from waiver_exchange.domain import codes
from waiver_exchange.domain.ids import IdKind, from_uuid, to_text
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca import query
from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.assets import market_of
from waiver_exchange.gateway.alpaca.errors import AlpacaError, error_of, invalid, not_allowed, not_found
from waiver_exchange.gateway.alpaca.fields import body_of
from waiver_exchange.gateway.alpaca.order_body import ASSET_CLASS, OrderBody, order_body
from waiver_exchange.gateway.alpaca.order_needs import need_of_order, need_of_replacement
from waiver_exchange.gateway.alpaca.order_refusals import explain
from waiver_exchange.gateway.alpaca.order_requests import parse_order, parse_replacement
from waiver_exchange.gateway.alpaca.times import NS_PER_MICROSECOND
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of
from waiver_exchange.projections.state import OrderView

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 500
_QUOTED_MAX: Final = 40
_SIDES: Final = {"buy": codes.BUY, "sell": codes.SELL}
_UNKNOWN: Final = frozenset({RefusalReason.order_not_found, RefusalReason.order_belongs_to_another_account})
_UNREPLACEABLE: Final = frozenset({RefusalReason.order_is_final, RefusalReason.quantity_is_filled_already})


@post("/v2/orders", status_code=200)
async def place(request: AnyRequest) -> Response[bytes]:
    """Place an order; a `client_order_id` that was used is refused, whatever the order was."""
    account = caller_of(request, scope=TRADE, kind="order").account
    exchange = exchange_of(request)
    order_request = parse_order(exchange, await body_of(request))
    try:
        submitted = await submit_order(exchange, account=account, request=order_request)
    except RefusedError as refused:
        market = exchange.market(order_request.symbol)
        need = need_of_order(exchange, order_request, market=market)
        raise explain(exchange, refused, account=account, market=market, need=need) from refused
    if submitted.is_repetition:
        raise _not_unique()
    return answer(body(exchange, submitted.order))


@get("/v2/orders")
async def list_orders(request: AnyRequest) -> Response[bytes]:
    """Return orders by the time of their submission: the open ones, newest first, unless asked otherwise."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    given = query.query_of(request)
    limit = query.whole_number(given, "limit", default=LIMIT_DEFAULT, largest=LIMIT_MAX)
    query.flag(given, "nested")
    classes = query.words(given, "asset_class")
    if classes is not None and ASSET_CLASS not in classes:
        return answer([])
    wanted = _filter_of(exchange, given)
    orders = await _page_of(exchange, account=account, wanted=wanted, limit=limit)
    return answer([body(exchange, order) for order in orders])


@delete("/v2/orders", status_code=207)
async def cancel_all(request: AnyRequest) -> Response[bytes]:
    """Cancel all open orders; say of each what came of it."""
    account = caller_of(request, scope=TRADE, kind="order").account
    exchange = exchange_of(request)
    cancelled = await cancel_all_orders(exchange, account=account)
    results: list[dict[str, object]] = [
        {"id": done.id, "status": 200, "body": done} for done in (body(exchange, order) for order in cancelled.orders)
    ]
    results += [
        {"id": to_text(IdKind.order, order_id), "status": 500, "body": _failure(error)}
        for order_id, error in cancelled.failed
    ]
    return answer(results, status_code=207)


@get("/v2/orders/{order_id:str}")
async def show(request: AnyRequest) -> Response[bytes]:
    """Return one order."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    order = await exchange.queries.order(account=account, order_id=_order_id(request))
    if order is None:
        raise _not_found(request)
    return answer(body(exchange, order))


@get("/v2/orders:by_client_order_id")
async def show_by_client_order_id(request: AnyRequest) -> Response[bytes]:
    """Return the order of a `client_order_id`."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    name = query.query_of(request).get("client_order_id")
    if name is None:
        raise invalid("client_order_id is required")
    order = await exchange.queries.order_by_client_order_id(account=account, client_order_id=name)
    if order is None:
        raise not_found(f"order not found for {name[:_QUOTED_MAX]}")
    return answer(body(exchange, order))


@patch("/v2/orders/{order_id:str}")
async def replace(request: AnyRequest) -> Response[bytes]:
    """Replace an open order; return the new one."""
    account = caller_of(request, scope=TRADE, kind="order").account
    exchange = exchange_of(request)
    order_id = _order_id(request)
    replacement = parse_replacement(await body_of(request))
    try:
        submitted = await submit_replacement(exchange, account=account, order_id=order_id, request=replacement)
    except RefusedError as refused:
        raise await _explain_replacement(request, refused, replacement, account=account) from refused
    if submitted.is_repetition:
        raise _not_unique()
    return answer(body(exchange, submitted.order))


@delete("/v2/orders/{order_id:str}", status_code=204)
async def cancel(request: AnyRequest) -> None:
    """Cancel one order."""
    account = caller_of(request, scope=TRADE, kind="order").account
    try:
        await cancel_order(exchange_of(request), account=account, order_id=_order_id(request))
    except RefusedError as refused:
        if refused.reason in _UNKNOWN:
            raise _not_found(request) from refused
        raise


ORDER_HANDLERS: Final = (place, list_orders, cancel_all, show, show_by_client_order_id, replace, cancel)


def body(exchange: Exchange, order: OrderView) -> OrderBody:
    """Return an order as it is shown."""
    return order_body(order, symbol=exchange.state.markets[order.market].symbol)


def _filter_of(exchange: Exchange, given: query.Query) -> OrdersFilter:
    status = query.word(given, "status", allowed=("open", "closed", "all"), default="open")
    side = query.word(given, "side", allowed=("buy", "sell", "all"), default="all")
    after_ns = query.time_ns(given, "after", zone=exchange.zone)
    until_ns = query.time_ns(given, "until", zone=exchange.zone)
    names = query.words(given, "symbols")
    return OrdersFilter(
        status="open" if status == "open" else "closed" if status == "closed" else "all",
        symbols=None if names is None else tuple(_symbol(exchange, name) for name in names),
        side=_SIDES.get(side),
        # Both exclude the microsecond they lie in, which is as exact as the official SDK sends a time back.
        after_ns=None if after_ns is None else _micros(after_ns) + NS_PER_MICROSECOND - 1,
        until_ns=None if until_ns is None else -_micros(-until_ns),
        before_order=_bound(given, "before_order_id"),
        after_order=_bound(given, "after_order_id"),
        is_ascending=query.word(given, "direction", allowed=("asc", "desc"), default="desc") == "asc",
    )


async def _page_of(exchange: Exchange, *, account: int, wanted: OrdersFilter, limit: int) -> list[OrderView]:
    """Return a page that ends where the time changes, if it can.

    Clients go on from the time of the last order, and orders that came together have the same time: a page that ended
    between two of them would hide the others from every page. They wait for the next one, unless they fill this one.
    Who pages by ids misses none.
    """
    page = await exchange.queries.orders_page(account=account, filter=wanted, limit=limit)
    if page.next_cursor is None or wanted.before_order or wanted.after_order:
        return page.items
    behind = "after_order" if wanted.is_ascending else "before_order"
    rest = dataclasses.replace(wanted, **{behind: page.next_cursor})  # type: ignore[arg-type]
    following = (await exchange.queries.orders_page(account=account, filter=rest, limit=1)).items
    last = _micros(page.items[-1].created_at_ns)
    if not following or _micros(following[0].created_at_ns) != last:
        return page.items
    return [order for order in page.items if _micros(order.created_at_ns) != last] or page.items


def _symbol(exchange: Exchange, name: str) -> str:
    """Return the symbol of a name or asset UUID; what nobody knows stays, and no order has it."""
    try:
        return market_of(exchange, name).symbol
    except RefusedError:
        return name


def _micros(time_ns: int) -> int:
    return time_ns // NS_PER_MICROSECOND * NS_PER_MICROSECOND


def _bound(given: query.Query, name: str) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    order_id = from_uuid(IdKind.order, value)
    if order_id is None:
        raise invalid(f"invalid {name} {value[:_QUOTED_MAX]!a}: expected the id of an order")
    return order_id


def _order_id(request: AnyRequest) -> int:
    order_id = from_uuid(IdKind.order, request.path_params["order_id"])
    if order_id is None:
        raise _not_found(request)
    return order_id


def _not_found(request: AnyRequest) -> AlpacaError:
    return not_found(f"order not found for {request.path_params['order_id'][:_QUOTED_MAX]}")


def _failure(error: Exception) -> dict[str, object]:
    refused = error if isinstance(error, RefusedError) else RefusedError(RefusalReason.outcome_is_unknown)
    return error_of(refused).body()


def _not_unique() -> AlpacaError:
    return invalid("client_order_id must be unique")


async def _explain_replacement(
    request: AnyRequest, refused: RefusedError, replacement: ReplaceRequest, *, account: int
) -> AlpacaError:
    if refused.reason in _UNKNOWN:
        return _not_found(request)
    if refused.reason in _UNREPLACEABLE:
        return not_allowed("unable to replace order in current state")
    exchange = exchange_of(request)
    order = await exchange.queries.order(account=account, order_id=_order_id(request))
    if order is None:
        return _not_found(request)
    need = need_of_replacement(exchange, replacement, order=order)
    return explain(exchange, refused, account=account, market=exchange.state.markets[order.market], need=need)
