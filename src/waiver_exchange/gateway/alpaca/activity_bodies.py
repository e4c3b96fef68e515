"""What happened to an account, as Alpaca's clients read it: fills, and what else moved cash or shares."""

from enum import IntEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from waiver_exchange.application.queries import Fill
from waiver_exchange.domain import codes
from waiver_exchange.domain.ids import IdKind, from_uuid, to_uuid
from waiver_exchange.domain.money import format_money, format_quantity
from waiver_exchange.gateway.alpaca.order_body import price_text
from waiver_exchange.gateway.alpaca.times import local_time
from waiver_exchange.gateway.rest.bodies import format_time

_SIDES: Final = {codes.BUY: "buy", codes.SELL: "sell"}
_LINE_BITS: Final = 20
_UTC: Final = ZoneInfo("UTC")


class Rank(IntEnum):
    """In which order activities of one trade stand."""

    fill = 0
    fee = 1


class Place(NamedTuple):
    """Where an activity stands among all of an account; `trade_id` is 0 for what is no trade, `rank` then the line."""

    sequence: int
    trade_id: int
    rank: int


class Activity(NamedTuple):
    """An activity and its place."""

    place: Place
    body: dict[str, object]


class Token(NamedTuple):
    """What the id of an activity says: a trade, or the place of a posting."""

    trade_id: int
    rank: int
    sequence: int


def token_of(activity_id: str) -> Token | None:
    """Return what an id says, or None when it is none of ours."""
    _, _, name = activity_id.rpartition("::")
    for kind, rank in ((IdKind.trade, Rank.fill), (IdKind.fee, Rank.fee)):
        trade_id = from_uuid(kind, name)
        if trade_id is not None:
            return Token(trade_id, rank, 0)
    number = from_uuid(IdKind.posting, name)
    if number is None:
        return None
    sequence, line = divmod(number, 1 << _LINE_BITS)
    return Token(0, line, sequence)


def fill_activity(fill: Fill, *, symbol: str) -> Activity:
    """Return a trade seen from one of its orders."""
    trade, order = fill.trade, fill.order
    is_whole = fill.leaves_units == 0 if order.quantity_units else fill.cumulative_units == order.filled_quantity_units
    is_last = is_whole and (bool(order.quantity_units) or order.status == "filled")
    body: dict[str, object] = {
        "activity_type": "FILL",
        "id": _activity_id(trade.time_ns, IdKind.trade, trade.trade_id),
        "account_id": str(to_uuid(IdKind.account, order.account)),
        "transaction_time": format_time(trade.time_ns),
        "type": "fill" if is_last else "partial_fill",
        "price": price_text(trade.price_cents),
        "qty": format_quantity(trade.quantity_units),
        "cum_qty": format_quantity(fill.cumulative_units),
        "leaves_qty": format_quantity(fill.leaves_units),
        "side": _SIDES[fill.side],
        "symbol": symbol,
        "order_id": str(to_uuid(IdKind.order, order.order_id)),
        "order_status": "filled" if is_last else "partially_filled",
    }
    return Activity(Place(trade.sequence, trade.trade_id, Rank.fill), body)


def fee_activity(fill: Fill, *, symbol: str, zone: ZoneInfo) -> Activity:
    """Return the fee that a trade cost one of its orders."""
    trade = fill.trade
    body = cash_body(
        "FEE",
        activity_id=_activity_id(trade.time_ns, IdKind.fee, trade.trade_id),
        account=fill.order.account,
        time_ns=trade.time_ns,
        amount_micros=-fill.fee_micros,
        description=f"fee of a trade in {symbol}",
        zone=zone,
    )
    return Activity(Place(trade.sequence, trade.trade_id, Rank.fee), body | {"symbol": symbol})


def cash_body(
    kind: str,
    *,
    activity_id: str,
    account: int,
    time_ns: int,
    amount_micros: int,
    description: str,
    zone: ZoneInfo,
) -> dict[str, object]:
    """Return a movement of cash that is no trade; below zero it left the account."""
    return {
        "activity_type": kind,
        "id": activity_id,
        "account_id": str(to_uuid(IdKind.account, account)),
        "date": local_time(time_ns, zone=zone).date().isoformat(),
        "created_at": format_time(time_ns),
        "net_amount": format_money(amount_micros),
        "description": description,
        "status": "executed",
        "currency": "USD",
    }


def posting_id(*, time_ns: int, sequence: int, line: int) -> str:
    """Return the id of a posting."""
    return _activity_id(time_ns, IdKind.posting, sequence << _LINE_BITS | line)


def _activity_id(time_ns: int, kind: IdKind, number: int) -> str:
    moment = local_time(time_ns, zone=_UTC)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1_000:03d}::{to_uuid(kind, number)}"
