"""Triggering: held orders whose stop price the last trade has reached go to the book, one after another."""

from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.domain.codes import BUY, ORDER_TRIGGERED, STOP, STOP_LIMIT
from waiver_exchange.engine.arithmetic import smaller
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.incoming import IncomingOrder, read_terms
from waiver_exchange.engine.ladder import key_of
from waiver_exchange.engine.orders import hold_of, limit_of, reserved_bps_of, terms_of, unlink
from waiver_exchange.engine.risk import collar_of
from waiver_exchange.engine.tables import (
    BEST_KEY,
    BEST_LEVEL,
    BOOK,
    BOOK_MARKET_SHIFT,
    BOOK_WIDTH,
    EXPIRES_AT,
    FEE_TERMS,
    HALT_CAUSE,
    HEAD,
    HELD_BUYS,
    HELD_SELLS,
    ID,
    LAST_PRICE,
    MARKET_WIDTH,
    ORDER_WIDTH,
    OWNER,
    POSITION,
    REFERENCE_PRICE,
    REMAINING,
    Tables,
    book_of,
    side_of,
)
from waiver_exchange.engine.working import count_open, work


def trigger(t: Tables, o: IncomingOrder, out: EventBuffer, market: i64) -> None:
    """Send every held order of a market whose stop price is reached to the book; `o` is overwritten."""
    book: i64 = _reached_book(t, market)
    while book != 0:
        _trigger_first(t, o, out, book)
        book = _reached_book(t, market)


def trigger_everywhere(t: Tables, o: IncomingOrder, out: EventBuffer) -> None:
    """Do so in every market."""
    market: i64 = 1
    while market <= t.market_count:
        trigger(t, o, out, market)
        market += 1


def _reached_book(t: Tables, market: i64) -> i64:
    """Return the book side of the held order to trigger next, or 0."""
    markets = t.markets
    books = t.books
    at: i64 = market * MARKET_WIDTH
    last: i64 = markets[at + LAST_PRICE]
    if last == 0 or markets[at + HALT_CAUSE] != 0 or t.is_halted != 0:
        return 0
    # Where no order is held, `NO_KEY` lies behind every price.
    buys: i64 = book_of(market, HELD_BUYS)
    if books[buys * BOOK_WIDTH + BEST_KEY] <= key_of(HELD_BUYS & 1, last):
        return buys
    sells: i64 = book_of(market, HELD_SELLS)
    if books[sells * BOOK_WIDTH + BEST_KEY] <= key_of(HELD_SELLS & 1, last):
        return sells
    return 0


def _trigger_first(t: Tables, o: IncomingOrder, out: EventBuffer, book: i64) -> None:
    out.make_room()
    orders = t.orders
    row: i64 = t.leaves[t.books[book * BOOK_WIDTH + BEST_LEVEL] + HEAD]
    read_open_order(o, orders, row)
    _read_work(t, o, orders, row)
    unlink(t, orders, row)
    count_open(t, o, -1, -o.quantity)
    out.emit3(ORDER_TRIGGERED, o.order_id, o.account, o.price)
    work(t, o, out, 0)


def read_open_order(o: IncomingOrder, orders: vec[i64], row: i64) -> None:
    """Take over an order that rests or is held: whose it is, its terms, and what it holds."""
    at: i64 = row * ORDER_WIDTH
    o.row = row
    o.order_id = orders[at + ID]
    o.account = orders[at + OWNER]
    o.market = orders[at + BOOK] >> BOOK_MARKET_SHIFT
    o.position = orders[at + POSITION]
    o.terms = terms_of(orders, row)
    read_terms(o)
    o.side = side_of(orders[at + BOOK])
    o.hold = hold_of(orders, row)


def _read_work(t: Tables, o: IncomingOrder, orders: vec[i64], row: i64) -> None:
    """Take over what a held order wants of the book."""
    at: i64 = row * ORDER_WIDTH
    o.time = t.last_time
    o.quantity = orders[at + REMAINING]
    o.notional = 0
    o.expires_at = orders[at + EXPIRES_AT]
    o.is_watched = True
    o.fee_terms = orders[at + FEE_TERMS]
    o.taker_fee_bps = smaller(t.taker_fee_bps, reserved_bps_of(o.fee_terms))
    o.can_rest = o.order_type == STOP_LIMIT
    o.price = limit_of(orders, row)
    if o.order_type == STOP:
        reference: i64 = t.markets[o.market * MARKET_WIDTH + REFERENCE_PRICE]
        collar: i64 = collar_of(t, o.side, reference)
        # A buy pays no more than it holds cash for, whatever the collar became.
        o.price = smaller(o.price, collar) if o.side == BUY else collar
