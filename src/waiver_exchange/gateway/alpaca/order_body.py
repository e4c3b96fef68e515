"""The order of Alpaca's clients: every key always there, null where nothing is set, amounts as decimal text."""

from typing import Final

import msgspec

from waiver_exchange.domain import codes
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.domain.money import average_price, format_money, format_price, format_quantity
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.projections.state import OrderView

ASSET_CLASS: Final = "us_equity"
_SIDES: Final = {codes.BUY: "buy", codes.SELL: "sell"}
_INTENTS: Final = {codes.BUY: "buy_to_open", codes.SELL: "sell_to_close"}
_TYPES: Final = {codes.LIMIT: "limit", codes.MARKET: "market", codes.STOP: "stop", codes.STOP_LIMIT: "stop_limit"}
# Clients know no gtd: such an order looks like a gtc one, and `expires_at` tells when it ends.
_TIMES_IN_FORCE: Final = {codes.GTC: "gtc", codes.DAY: "day", codes.GTD: "gtc", codes.IOC: "ioc", codes.FOK: "fok"}
# A stop that waits for its price is `new`, as at Alpaca, where `held` is a leg that waits for another order.
_STATUSES: Final = {"open": "new", "held": "new", "cancelled": "canceled"}


class OrderBody(msgspec.Struct, frozen=True, kw_only=True):
    """One order of the asking account; it has either `qty` or `notional`."""

    id: str
    client_order_id: str
    created_at: str
    updated_at: str
    submitted_at: str
    filled_at: str | None
    expired_at: str | None
    canceled_at: str | None
    failed_at: str | None
    replaced_at: str | None
    replaced_by: str | None
    replaces: str | None
    asset_id: str
    symbol: str
    asset_class: str
    notional: str | None
    qty: str | None
    filled_qty: str
    filled_avg_price: str | None
    order_class: str
    order_type: str
    type: str
    side: str
    position_intent: str
    time_in_force: str
    limit_price: str | None
    stop_price: str | None
    status: str
    extended_hours: bool
    legs: None
    trail_percent: None
    trail_price: None
    hwm: None
    expires_at: str | None


def order_body(order: OrderView, *, symbol: str) -> OrderBody:
    """Return an order as its owner sees it."""
    created_at, updated_at = format_time(order.created_at_ns), format_time(order.updated_at_ns)
    ended = {order.status: updated_at}
    order_type = _TYPES[order.order_type]
    return OrderBody(
        id=str(to_uuid(IdKind.order, order.order_id)),
        client_order_id=order.client_order_id,
        created_at=created_at,
        updated_at=updated_at,
        submitted_at=created_at,
        filled_at=ended.get("filled"),
        expired_at=ended.get("expired"),
        canceled_at=ended.get("cancelled"),
        failed_at=ended.get("rejected"),
        replaced_at=ended.get("replaced"),
        replaced_by=_order_id(order.replaced_by),
        replaces=_order_id(order.replaces),
        asset_id=str(to_uuid(IdKind.market, order.market)),
        symbol=symbol,
        asset_class=ASSET_CLASS,
        notional=_plain(format_money(order.notional_micros)) if order.notional_micros else None,
        qty=format_quantity(order.quantity_units) if order.quantity_units else None,
        filled_qty=format_quantity(order.filled_quantity_units),
        filled_avg_price=_average(order),
        order_class="",
        order_type=order_type,
        type=order_type,
        side=_SIDES[order.side],
        position_intent=_INTENTS[order.side],
        time_in_force=_TIMES_IN_FORCE[order.time_in_force],
        limit_price=price_text(order.limit_price_cents),
        stop_price=price_text(order.stop_price_cents),
        status=_STATUSES.get(order.status, order.status),
        extended_hours=False,
        legs=None,
        trail_percent=None,
        trail_price=None,
        hwm=None,
        expires_at=format_time(order.expires_at_ns) if order.expires_at_ns else None,
    )


def price_text(cents: int) -> str | None:
    """Return a price without needless zeros, such as `9.5`, or None for 0."""
    return _plain(format_price(cents)) if cents else None


def _plain(text: str) -> str:
    return text.rstrip("0").rstrip(".")


def _order_id(order_id: int) -> str | None:
    return str(to_uuid(IdKind.order, order_id)) if order_id else None


def _average(order: OrderView) -> str | None:
    filled = order.filled_quantity_units
    return _plain(average_price(value_micros=order.filled_value_micros, quantity_units=filled)) if filled else None
