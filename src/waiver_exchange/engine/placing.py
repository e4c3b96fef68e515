"""Placing an order: admission, the hold, and the way into the book."""

from librt.strings import read_i64_le
from mypy_extensions import i64

from waiver_exchange.domain.codes import ORDER_ACCEPTED, ORDER_DENIED, ORDER_REJECTED
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.incoming import IncomingOrder
from waiver_exchange.engine.matching import crosses
from waiver_exchange.engine.orders import give_row, next_order_id, take_row
from waiver_exchange.engine.risk import refusal_of_order
from waiver_exchange.engine.tables import Tables, find_or_add_position
from waiver_exchange.engine.triggering import trigger
from waiver_exchange.engine.working import fix_fees, work


def read_order(o: IncomingOrder, record: bytes, at: i64) -> None:
    """Read a PLACE_ORDER record at a byte offset."""
    o.time = read_i64_le(record, at + 8)
    o.account = read_i64_le(record, at + 16)
    o.market = read_i64_le(record, at + 24)
    o.terms = read_i64_le(record, at + 32)
    o.quantity = read_i64_le(record, at + 40)
    o.notional = read_i64_le(record, at + 48)
    o.price = read_i64_le(record, at + 56)
    o.expires_at = read_i64_le(record, at + 64)


def place(t: Tables, o: IncomingOrder, out: EventBuffer) -> i64:
    """Run one order through the exchange; return 0, or the number of the refusal."""
    reason: i64 = refusal_of_order(t, o)
    if reason != 0:
        out.emit3(ORDER_DENIED, reason, o.required, o.available)
        return reason
    o.row = take_row(t)
    o.order_id = next_order_id(t, o.row)
    if o.post_only != 0 and crosses(t, o):
        to: i64 = emit_terms(o, out, ORDER_REJECTED, 9)
        reason = RefusalReason.post_only_would_take
        out.words[to + 8] = reason
        give_row(t, t.orders, o.row)
        return reason
    emit_terms(o, out, ORDER_ACCEPTED, 8)
    if o.position == 0:
        o.position = find_or_add_position(t, o.account, o.market)
    fix_fees(t, o)
    work(t, o, out, o.hold)
    if o.has_traded:
        trigger(t, o, out, o.market)
    return 0


def emit_terms(o: IncomingOrder, out: EventBuffer, kind: i64, fields: i64) -> i64:
    """Start an event that tells the terms of an order in its first eight fields; return where its first field is."""
    to: i64 = out.open(kind, fields)
    words = out.words
    words[to] = o.order_id
    words[to + 1] = o.account
    words[to + 2] = o.market
    words[to + 3] = o.terms
    words[to + 4] = o.quantity
    words[to + 5] = o.notional
    words[to + 6] = o.price
    words[to + 7] = o.expires_at
    return to
