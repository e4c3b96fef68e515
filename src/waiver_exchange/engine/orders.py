"""Orders that rest or are held: rows and ids, the queue of each price level, and what an order holds."""

from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.domain.codes import BUY
from waiver_exchange.domain.limits import BPS, ORDER_ROW_BITS, ORDER_ROWS_MAX
from waiver_exchange.engine.arithmetic import larger
from waiver_exchange.engine.ladder import close_level, key_of, open_level
from waiver_exchange.engine.tables import (
    BOOK,
    DETAIL,
    DETAIL_SHIFT,
    DETAIL_UNIT,
    FEE_TERMS,
    HEAD,
    HELD,
    ID,
    LEVEL,
    NEXT,
    ORDER_ROWS_CHUNK,
    ORDER_WIDTH,
    PREVIOUS,
    PRICE,
    REMAINING,
    TAIL,
    TOTAL,
    Tables,
    grown,
    side_of,
)


def fee_reserve(value: i64, bps: i64, credit: i64) -> i64:
    """Return the fee (micro-dollars) for a value, rounded up; rounding before paid the credit (1/10,000 of one)."""
    exact: i64 = value * bps
    if exact <= credit:
        return 0
    return (exact - credit + BPS - 1) // BPS


def reserved_bps(t: Tables) -> i64:
    """Return the rate in basis points for which a new buy order reserves its fee: the higher one."""
    return larger(t.maker_fee_bps, t.taker_fee_bps)


def pack_fee_terms(maker_bps: i64, reserved_bps: i64, credit: i64) -> i64:
    """Return the fee terms of an order as one word: the rates stay as they were when it was accepted."""
    return maker_bps + reserved_bps * 65536 + credit * 4294967296


def maker_bps_of(fee_terms: i64) -> i64:
    """Return the maker's rate in basis points."""
    return fee_terms & 0xFFFF


def reserved_bps_of(fee_terms: i64) -> i64:
    """Return the rate in basis points for which cash is held."""
    return (fee_terms >> 16) & 0xFFFF


def credit_of(fee_terms: i64) -> i64:
    """Return what rounding has paid ahead, in 1/10,000 micro-dollars."""
    return fee_terms >> 32


def with_credit(fee_terms: i64, credit: i64) -> i64:
    """Return fee terms with another credit."""
    return (fee_terms & 0xFFFFFFFF) + credit * 4294967296


def detail_of(terms: i64, value: i64) -> i64:
    """Return an order's terms and its quantity (of a resting order) or limit (of a held one) as one word."""
    return terms + value * DETAIL_UNIT


def terms_of(orders: vec[i64], row: i64) -> i64:
    """Return the terms of an order, as they were given."""
    return orders[row * ORDER_WIDTH + DETAIL] & (DETAIL_UNIT - 1)


def filled_of(orders: vec[i64], row: i64) -> i64:
    """Return how much of a resting order is filled."""
    at: i64 = row * ORDER_WIDTH
    return (orders[at + DETAIL] >> DETAIL_SHIFT) - orders[at + REMAINING]


def limit_of(orders: vec[i64], row: i64) -> i64:
    """Return the limit (cents) of an order; of a held stop its protection price."""
    at: i64 = row * ORDER_WIDTH
    if orders[at + BOOK] & HELD != 0:
        return orders[at + DETAIL] >> DETAIL_SHIFT
    return orders[at + PRICE]


def hold_of(orders: vec[i64], row: i64) -> i64:
    """Return what an order holds: cash (micro-dollars) of a buy, shares of a sell."""
    at: i64 = row * ORDER_WIDTH
    if side_of(orders[at + BOOK]) == BUY:
        return cash_reserve(limit_of(orders, row), orders[at + REMAINING], orders[at + FEE_TERMS])
    return orders[at + REMAINING]


def cash_reserve(price: i64, remaining: i64, fee_terms: i64) -> i64:
    """Return the cash (micro-dollars) that a buy holds."""
    value: i64 = price * remaining
    if fee_terms == 0:
        return value
    return value + fee_reserve(value, reserved_bps_of(fee_terms), credit_of(fee_terms))


def has_row(t: Tables) -> bool:
    """Say whether one more order can exist."""
    return t.free_row != 0 or t.order_rows < ORDER_ROWS_MAX


def take_row(t: Tables) -> i64:
    """Return a row for a new order: the one freed last, or a new one. The order table may grow."""
    row: i64 = t.free_row
    if row != 0:
        t.free_row = t.orders[row * ORDER_WIDTH + NEXT]
        t.free_rows -= 1
        return row
    row = t.order_rows + 1
    t.order_rows = row
    if row * ORDER_WIDTH == i64(len(t.orders)):
        t.orders = grown(t.orders, ORDER_ROWS_CHUNK * ORDER_WIDTH)
    return row


def give_row(t: Tables, orders: vec[i64], row: i64) -> None:
    """Free the row of an order that is final."""
    at: i64 = row * ORDER_WIDTH
    orders[at + ID] = 0
    orders[at + NEXT] = t.free_row
    t.free_row = row
    t.free_rows += 1


def next_order_id(t: Tables, row: i64) -> i64:
    """Return the id of a new order in a row and count it."""
    serial: i64 = t.next_serial
    t.next_serial = serial + 1
    return (serial << ORDER_ROW_BITS) + row


def row_of(order_id: i64) -> i64:
    """Return the row that an order id names."""
    return order_id & ORDER_ROWS_MAX


def enqueue(t: Tables, orders: vec[i64], row: i64) -> i64:
    """Put a filled-in row at the end of its level and count the order; return the level's new total.

    What the order holds is the caller's to count.
    """
    at: i64 = row * ORDER_WIDTH
    book: i64 = orders[at + BOOK]
    level: i64 = open_level(t, book, key_of(book & 1, orders[at + PRICE]))
    leaves = t.leaves
    last: i64 = leaves[level + TAIL]
    orders[at + NEXT] = 0
    orders[at + PREVIOUS] = last
    orders[at + LEVEL] = level
    if last == 0:
        leaves[level + HEAD] = row
    else:
        orders[last * ORDER_WIDTH + NEXT] = row
    leaves[level + TAIL] = row
    total: i64 = leaves[level + TOTAL] + orders[at + REMAINING]
    leaves[level + TOTAL] = total
    t.open_orders += 1
    return total


def dequeue(t: Tables, orders: vec[i64], row: i64) -> i64:
    """Take an order out of its level and free its row; return what remains at the level.

    What the order holds is the caller's to release.
    """
    total: i64 = unlink(t, orders, row)
    give_row(t, orders, row)
    return total


def unlink(t: Tables, orders: vec[i64], row: i64) -> i64:
    """Take an order out of its level, which keeps its row; return what remains at the level."""
    leaves = t.leaves
    at: i64 = row * ORDER_WIDTH
    level: i64 = orders[at + LEVEL]
    before: i64 = orders[at + PREVIOUS]
    after: i64 = orders[at + NEXT]
    if before == 0:
        leaves[level + HEAD] = after
    else:
        orders[before * ORDER_WIDTH + NEXT] = after
    if after == 0:
        leaves[level + TAIL] = before
    else:
        orders[after * ORDER_WIDTH + PREVIOUS] = before
    total: i64 = leaves[level + TOTAL] - orders[at + REMAINING]
    leaves[level + TOTAL] = total
    if before == 0 and after == 0:
        book: i64 = orders[at + BOOK]
        close_level(t, leaves, book, key_of(book & 1, orders[at + PRICE]), level)
    t.open_orders -= 1
    return total
