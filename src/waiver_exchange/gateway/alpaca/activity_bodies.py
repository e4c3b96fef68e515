"""What happened to an account, as Alpaca's clients read it: fills, and what else moved cash or shares."""

from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from waiver_exchange.application.queries import Fill, LedgerLine
from waiver_exchange.domain import codes
from waiver_exchange.domain.ids import IdKind, from_uuid, to_uuid
from waiver_exchange.domain.money import format_money, format_quantity
from waiver_exchange.gateway.alpaca.order_body import price_text
from waiver_exchange.gateway.alpaca.times import local_time
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.projections.state import MovementKind

_SIDES: Final = {codes.BUY: "buy", codes.SELL: "sell"}
_LINE_BITS: Final = 20
# The types of cash and of shares; what does not exist is the other one.
_TYPES_OF_KINDS: Final[dict[MovementKind, tuple[str, str]]] = {
    "deposit": ("CSD", "CSD"),
    "fee": ("FEE", "FEE"),
    "grant": ("JNLS", "JNLS"),
    "issue": ("JNLS", "JNLS"),
    "correction": ("JNLC", "JNLS"),
    "bust": ("JNLC", "JNLS"),
    "bust_fee": ("FEE", "FEE"),
    "settlement": ("REORG", "REORG"),
}
POSTED_KINDS: Final = tuple(_TYPES_OF_KINDS)
_DESCRIPTIONS: Final = {
    "deposit": "cash deposit",
    "fee": "fee of a trade",
    "grant": "shares granted by the exchange",
    "issue": "shares issued",
    "correction": "correction",
    "bust": "reversal of a busted trade",
    "bust_fee": "fee of a busted trade given back",
    "settlement": "settlement at the end of the season",
}
_UTC: Final = ZoneInfo("UTC")


class Place(NamedTuple):
    """Where an activity stands among all of an account: of one row the fills come first, then the ledger's lines.

    `number` is the trade's id, or the line.
    """

    sequence: int
    is_posting: bool
    number: int


class Activity(NamedTuple):
    """An activity, its place and its time."""

    place: Place
    time_ns: int
    body: dict[str, object]


def name_of(activity_id: str) -> str:
    """Return the part of an id that names the activity; before it stands its time, for people."""
    return activity_id.rpartition("::")[2].lower()


def trade_of(activity_id: str) -> int | None:
    """Return the trade that the id of a fill names, or None for every other text."""
    return from_uuid(IdKind.trade, name_of(activity_id))


def posting_of(activity_id: str) -> tuple[int, int] | None:
    """Return sequence and line that the id of any other activity names, or None for every other text."""
    number = from_uuid(IdKind.posting, name_of(activity_id))
    return None if number is None else divmod(number, 1 << _LINE_BITS)


def types_of(kind: MovementKind) -> frozenset[str]:
    """Return Alpaca's types of a kind of movement."""
    return frozenset(_TYPES_OF_KINDS[kind])


def type_of(line: LedgerLine) -> str:
    """Return Alpaca's type of a line that is no trade."""
    return _TYPES_OF_KINDS[line.kind][line.market != 0]


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
    return Activity(Place(trade.sequence, is_posting=False, number=trade.trade_id), trade.time_ns, body)


def posting_activity(line: LedgerLine, *, symbol: str | None, zone: ZoneInfo) -> Activity:
    """Return a movement of cash, or (with a symbol) of shares, that is no trade; below zero it left the account."""
    body: dict[str, object] = {
        "activity_type": type_of(line),
        "id": _activity_id(line.time_ns, IdKind.posting, line.sequence << _LINE_BITS | line.line),
        "account_id": str(to_uuid(IdKind.account, line.account)),
        "date": local_time(line.time_ns, zone=zone).date().isoformat(),
        "created_at": format_time(line.time_ns),
        "net_amount": format_money(0 if symbol else line.amount),
        "description": line.reference or _DESCRIPTIONS[line.kind],
        "status": "executed",
        "currency": "USD",
    }
    if symbol is not None:
        body |= {"symbol": symbol, "qty": format_quantity(line.amount)}
    return Activity(Place(line.sequence, is_posting=True, number=line.line), line.time_ns, body)


def _activity_id(time_ns: int, kind: IdKind, number: int) -> str:
    moment = local_time(time_ns, zone=_UTC)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1_000:03d}::{to_uuid(kind, number)}"
