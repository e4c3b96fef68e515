"""Stop orders: admitted and held, in no book, until the last trade reaches their stop price."""

from librt.strings import read_i64_le
from mypy_extensions import i64

from waiver_exchange.domain.codes import ORDER_DENIED, STOP, STOP_ORDER_ACCEPTED
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.expiry import watch_expiry
from waiver_exchange.engine.incoming import IncomingOrder
from waiver_exchange.engine.orders import detail_of, enqueue, next_order_id, take_row
from waiver_exchange.engine.risk import refusal_of_stop_order
from waiver_exchange.engine.tables import Tables, find_or_add_position, held_book_of
from waiver_exchange.engine.triggering import trigger
from waiver_exchange.engine.working import count_open, fix_fees, hold_back, write_order


def read_stop_order(o: IncomingOrder, record: bytes, at: i64) -> None:
    """Read a PLACE_STOP_ORDER record at a byte offset."""
    o.time = read_i64_le(record, at + 8)
    o.account = read_i64_le(record, at + 16)
    o.market = read_i64_le(record, at + 24)
    o.terms = read_i64_le(record, at + 32)
    o.quantity = read_i64_le(record, at + 40)
    o.notional = 0
    o.price = read_i64_le(record, at + 48)
    o.expires_at = read_i64_le(record, at + 56)
    o.stop_price = read_i64_le(record, at + 64)


def place_stop(t: Tables, o: IncomingOrder, out: EventBuffer) -> i64:
    """Run one stop order through the exchange; return 0, or the number of the refusal."""
    reason: i64 = refusal_of_stop_order(t, o)
    if reason != 0:
        out.emit3(ORDER_DENIED, reason, o.required, o.available)
        return reason
    o.row = take_row(t)
    o.order_id = next_order_id(t, o.row)
    emit_stop_terms(o, out)
    if o.position == 0:
        o.position = find_or_add_position(t, o.account, o.market)
    fix_fees(t, o)
    hold(t, o)
    hold_back(t, o, out, o.hold)
    trigger(t, o, out, o.market)
    return 0


def emit_stop_terms(o: IncomingOrder, out: EventBuffer) -> None:
    """Write the terms of a held order as an event."""
    to: i64 = out.open(STOP_ORDER_ACCEPTED, 8)
    words = out.words
    words[to] = o.order_id
    words[to + 1] = o.account
    words[to + 2] = o.market
    words[to + 3] = o.terms
    words[to + 4] = o.quantity
    words[to + 5] = 0 if o.order_type == STOP else o.price
    words[to + 6] = o.expires_at
    words[to + 7] = o.stop_price


def hold(t: Tables, o: IncomingOrder) -> None:
    """Queue an order behind the held orders of its stop price, and count it."""
    orders = t.orders
    book: i64 = held_book_of(o.market, o.side)
    write_order(o, orders, book, o.stop_price, o.quantity, o.fee_terms, detail_of(o.terms, o.price))
    enqueue(t, orders, o.row)
    watch_expiry(t, o.expires_at, o.order_id)
    count_open(t, o, 1, o.quantity)
