"""Positions: look at them, and close them with market orders."""

from http import HTTPStatus
from typing import Final

from litestar import Response, delete, get

from waiver_exchange.application.authority import TRADE
from waiver_exchange.application.cancel_order import cancel_all_orders
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.queries import Position
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.money import parse_money, parse_quantity
from waiver_exchange.gateway.alpaca import query
from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.assets import market_of
from waiver_exchange.gateway.alpaca.errors import AlpacaError, invalid, not_found
from waiver_exchange.gateway.alpaca.fields import amount_of_text
from waiver_exchange.gateway.alpaca.order_body import OrderBody
from waiver_exchange.gateway.alpaca.order_needs import need_of_order
from waiver_exchange.gateway.alpaca.order_refusals import explain
from waiver_exchange.gateway.alpaca.orders import body as order_body
from waiver_exchange.gateway.alpaca.position_body import position_body
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

# A percentage has six decimals, as money has.
_WHOLE_PERCENTAGE: Final = 100_000_000


@get("/v2/positions")
async def list_positions(request: AnyRequest) -> Response[bytes]:
    """Return the account's positions, by symbol."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    now_ns = exchange.clock.now_ns()
    positions = exchange.queries.positions(account, now_ns=now_ns)
    today = await exchange.queries.day_changes(account, now_ns=now_ns)
    return answer([position_body(position, today=today[position.market]) for position in positions])


@get("/v2/positions/{symbol_or_id:str}")
async def show_position(request: AnyRequest) -> Response[bytes]:
    """Return the account's position in one player."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    position, now_ns = _position(request, account), exchange.clock.now_ns()
    today = await exchange.queries.day_changes(account, now_ns=now_ns)
    return answer(position_body(position, today=today[position.market]))


@delete("/v2/positions/{symbol_or_id:str}", status_code=200)
async def close_position(request: AnyRequest) -> Response[bytes]:
    """Sell a position at the market: all of it, `qty` of it, or a `percentage`; return the order."""
    account = caller_of(request, scope=TRADE, kind="order").account
    given = query.query_of(request)
    position = _position(request, account)
    units = _units_to_close(given, position)
    return answer(await _sell(exchange_of(request), account=account, position=position, units=units))


@delete("/v2/positions", status_code=207)
async def close_all_positions(request: AnyRequest) -> Response[bytes]:
    """Sell all positions at the market, after cancelling all orders if wanted; say of each what came of it."""
    account = caller_of(request, scope=TRADE, kind="order").account
    exchange = exchange_of(request)
    if query.flag(query.query_of(request), "cancel_orders"):
        await cancel_all_orders(exchange, account=account)
    results = [
        await _closed(exchange, account=account, position=position) for position in exchange.queries.positions(account)
    ]
    return answer(results, status_code=207)


POSITION_HANDLERS: Final = (list_positions, show_position, close_position, close_all_positions)


async def _closed(exchange: Exchange, *, account: int, position: Position) -> dict[str, object]:
    try:
        order = await _sell(exchange, account=account, position=position, units=position.quantity_units)
    except AlpacaError as error:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return {"symbol": position.symbol, "status": int(error.status), "body": error.body()}
    return {"symbol": position.symbol, "status": 200, "body": order}


async def _sell(exchange: Exchange, *, account: int, position: Position, units: int) -> OrderBody:
    request = OrderRequest(
        symbol=position.symbol, side="sell", order_type="market", time_in_force="day", quantity_units=units
    )
    try:
        return order_body(exchange, await place_order(exchange, account=account, request=request))
    except RefusedError as refused:
        market = exchange.state.markets[position.market]
        need = need_of_order(exchange, request, market=market)
        raise explain(exchange, refused, account=account, market=market, need=need) from refused


def _position(request: AnyRequest, account: int) -> Position:
    exchange = exchange_of(request)
    try:
        market = market_of(exchange, request.path_params["symbol_or_id"]).market
    except RefusedError:
        market = 0
    held = (
        position
        for position in exchange.queries.positions(account, now_ns=exchange.clock.now_ns())
        if position.market == market
    )
    position = next(held, None)
    if position is None:
        raise not_found("position does not exist")
    return position


def _units_to_close(given: query.Query, position: Position) -> int:
    quantity, percentage = given.get("qty"), given.get("percentage")
    if quantity is not None and percentage is not None:
        raise invalid("qty and percentage are mutually exclusive")
    if quantity is not None:
        units: int = amount_of_text(quantity, "qty", parse=parse_quantity)
    elif percentage is not None:
        part = amount_of_text(percentage, "percentage", parse=parse_money)
        if not 0 < part <= _WHOLE_PERCENTAGE:
            raise invalid("percentage must be more than 0 and at most 100")
        units = position.quantity_units * part // _WHOLE_PERCENTAGE
    else:
        units = position.quantity_units
    if units <= 0:
        raise invalid("qty must be > 0")
    return units
