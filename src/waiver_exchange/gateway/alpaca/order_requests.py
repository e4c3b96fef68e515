"""Orders and replacements as Alpaca's clients send them, as requests of the use cases."""

from typing import Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import OrderRequest
from waiver_exchange.application.replace_order import ReplaceRequest
from waiver_exchange.domain.money import parse_money, parse_price, parse_quantity
from waiver_exchange.gateway.alpaca import fields
from waiver_exchange.gateway.alpaca.assets import market_of
from waiver_exchange.gateway.alpaca.errors import invalid, not_allowed
from waiver_exchange.gateway.rest.json_object import JsonObject

_SIDES: Final = ("buy", "sell")
_TYPES: Final = ("market", "limit", "stop", "stop_limit")
_TYPES_REFUSED: Final = ("trailing_stop",)
_TIMES_IN_FORCE: Final = ("day", "gtc", "ioc", "fok")
_TIMES_IN_FORCE_REFUSED: Final = ("opg", "cls")
_CLASSES: Final = ("simple",)
_CLASSES_REFUSED: Final = ("bracket", "oco", "oto", "mleg")
_INTENTS: Final = ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")
# What belongs to orders that this exchange does not take; to pass over it would place another order than was meant.
_ATTACHED: Final = ("take_profit", "stop_loss", "legs")
_TRAILING: Final = ("trail_price", "trail_percent", "trail")


def parse_order(exchange: Exchange, given: JsonObject) -> OrderRequest:
    """Return the order that a body describes. Raises `AlpacaError`, `RefusedError`."""
    _refuse_advanced(given)
    symbol = fields.text(given, "symbol")
    if symbol is None:
        raise invalid("symbol is required")
    side = fields.required_word(given, "side", allowed=_SIDES)
    order_type = fields.required_word(given, "type", allowed=_TYPES)
    time_in_force = fields.required_word(given, "time_in_force", allowed=_TIMES_IN_FORCE)
    fields.flag(given, "extended_hours")
    fields.word(given, "position_intent", allowed=_INTENTS)
    request = OrderRequest(
        symbol=market_of(exchange, symbol).symbol,
        side=side,
        order_type=order_type,
        time_in_force=time_in_force,
        quantity_units=fields.amount(given, "qty", parse=parse_quantity),
        notional_micros=fields.amount(given, "notional", parse=parse_money),
        limit_price_cents=fields.amount(given, "limit_price", parse=parse_price),
        stop_price_cents=fields.amount(given, "stop_price", parse=parse_price),
        client_order_id=fields.text(given, "client_order_id"),
    )
    _check_prices(request)
    return request


def parse_replacement(given: JsonObject) -> ReplaceRequest:
    """Return the changes that a body describes. Raises `AlpacaError`, `RefusedError`."""
    _refuse_advanced(given)
    return ReplaceRequest(
        quantity_units=fields.amount(given, "qty", parse=parse_quantity),
        limit_price_cents=fields.amount(given, "limit_price", parse=parse_price),
        stop_price_cents=fields.amount(given, "stop_price", parse=parse_price),
        time_in_force=fields.word(given, "time_in_force", allowed=_TIMES_IN_FORCE),
        client_order_id=fields.text(given, "client_order_id"),
    )


def _refuse_advanced(given: JsonObject) -> None:
    """Refuse what Alpaca has and this exchange has not."""
    for name, taken, refused in (
        ("order_class", _CLASSES, _CLASSES_REFUSED),
        ("type", _TYPES, _TYPES_REFUSED),
        ("time_in_force", _TIMES_IN_FORCE, _TIMES_IN_FORCE_REFUSED),
    ):
        if fields.word(given, name, allowed=(*taken, *refused)) in refused:
            raise not_allowed(f"{name} {given[name]} is not supported; use {', '.join(taken)}")
    for name in _ATTACHED:
        if given.get(name):
            raise not_allowed(f"{name} is not supported: only simple orders are taken")
    for name in _TRAILING:
        if given.get(name) not in (None, ""):
            raise not_allowed(f"{name} is not supported: trailing stop orders are not taken")


def _check_prices(request: OrderRequest) -> None:
    """Say which price an order of this type lacks, or has too many, in the words that clients know."""
    order_type = request.order_type
    has_limit, has_stop = request.limit_price_cents is not None, request.stop_price_cents is not None
    if order_type == "market" and (has_limit or has_stop):
        raise invalid("market orders require no stop or limit price")
    if order_type in ("limit", "stop_limit") and not has_limit:
        raise invalid(f"{order_type} orders require a limit price")
    if order_type in ("stop", "stop_limit") and not has_stop:
        raise invalid(f"{order_type} orders require a stop price")
    if order_type == "stop" and has_limit:
        raise invalid("stop orders require no limit price")
    if order_type == "limit" and has_stop:
        raise invalid("limit orders require no stop price")
