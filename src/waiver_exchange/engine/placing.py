"""Placing an order: admission, the hold, matching, and what becomes of the remainder."""

from typing import Final

from librt.strings import read_i64_le
from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.domain.codes import (
    BUY,
    FOK,
    HOUSE_ACCOUNT,
    IOC,
    LIMIT,
    ORDER_ACCEPTED,
    ORDER_CANCELLED,
    ORDER_DENIED,
    ORDER_FILLED,
    ORDER_PARTIALLY_FILLED,
    ORDER_REJECTED,
)
from waiver_exchange.domain.refusals import CancelReason, RefusalReason
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.expiry import watch_expiry
from waiver_exchange.engine.incoming import IncomingOrder
from waiver_exchange.engine.matching import can_fill_whole, check_uncrossed, crosses, emit_level, match
from waiver_exchange.engine.orders import (
    cash_reserve,
    enqueue,
    give_row,
    next_order_id,
    pack_fee_terms,
    reserved_bps,
    take_row,
)
from waiver_exchange.engine.risk import refusal_of_order
from waiver_exchange.engine.settlement import check_account, check_position, emit_cash, emit_holding
from waiver_exchange.engine.tables import (
    ACCOUNT_WIDTH,
    BOOK,
    CASH,
    CASH_HELD,
    COST,
    EXPIRES_AT,
    FEE_TERMS,
    ID,
    OPEN_ORDERS,
    ORDER_WIDTH,
    OWNER,
    POSITION,
    POSITION_WIDTH,
    PRICE,
    REMAINING,
    SHARES,
    SHARES_ON_BID,
    SHARES_ON_OFFER,
    Tables,
    find_or_add_position,
)

# Read once: a member of an enumeration is a Python object.
_IMMEDIATE_OR_CANCEL: Final[i64] = CancelReason.immediate_or_cancel.value
_COLLAR_REACHED: Final[i64] = CancelReason.collar_reached.value


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
        to: i64 = _emit_terms(o, out, ORDER_REJECTED, 9)
        reason = RefusalReason.post_only_would_take
        out.words[to + 8] = reason
        give_row(t, t.orders, o.row)
        return reason
    _emit_terms(o, out, ORDER_ACCEPTED, 8)
    _accept(t, o, out)
    return 0


def _emit_terms(o: IncomingOrder, out: EventBuffer, kind: i64, fields: i64) -> i64:
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


def _accept(t: Tables, o: IncomingOrder, out: EventBuffer) -> None:
    if o.position == 0:
        o.position = find_or_add_position(t, o.account, o.market)
    accounts = t.accounts
    positions = t.positions
    account: i64 = o.account * ACCOUNT_WIDTH
    position: i64 = o.position * POSITION_WIDTH
    cash: i64 = accounts[account + CASH]
    cash_held: i64 = accounts[account + CASH_HELD]
    shares: i64 = positions[position + SHARES]
    shares_held: i64 = positions[position + SHARES_ON_OFFER]
    cost: i64 = positions[position + COST]

    if o.side == BUY:
        accounts[account + CASH_HELD] = cash_held + o.hold
    else:
        positions[position + SHARES_ON_OFFER] = shares_held + o.hold
    o.remaining = o.quantity
    o.remaining_notional = o.notional
    o.shares_left = o.hold
    o.fee_credit = 0
    o.has_traded = False
    o.is_done = False
    o.stop_reason = 0
    o.house_fees = 0
    if o.time_in_force == FOK and not can_fill_whole(t, o):
        o.stop_reason = CancelReason.fill_or_kill
    elif crosses(t, o):
        match(t, o, out)
    # What the order no longer needs of its hold goes back.
    released: i64 = o.hold - _finish(t, o, out, accounts, positions)
    if o.side == BUY:
        accounts[account + CASH_HELD] -= released
    else:
        positions[position + SHARES_ON_OFFER] -= released

    if accounts[account + CASH] != cash or accounts[account + CASH_HELD] != cash_held:
        emit_cash(out, accounts, o.account)
    if (
        positions[position + SHARES] != shares
        or positions[position + SHARES_ON_OFFER] != shares_held
        or positions[position + COST] != cost
    ):
        emit_holding(out, positions, o.position)
    check_account(accounts, o.account)
    check_position(positions, o.position)
    check_uncrossed(t, o.market)
    if o.house_fees != 0 and o.account != HOUSE_ACCOUNT:
        emit_cash(out, accounts, HOUSE_ACCOUNT)


def _finish(t: Tables, o: IncomingOrder, out: EventBuffer, accounts: vec[i64], positions: vec[i64]) -> i64:
    """Say what became of the order; return what it goes on holding (cash of a buy, shares of a sell)."""
    if o.is_done:
        out.emit2(ORDER_FILLED, o.order_id, o.account)
        give_row(t, t.orders, o.row)
        return 0
    # `remaining` of an order by notional is its quantity: 0.
    if o.has_traded:
        out.emit3(ORDER_PARTIALLY_FILLED, o.order_id, o.account, o.remaining)
    if o.can_rest and o.stop_reason == 0:
        return _rest(t, o, out, accounts, positions)
    reason: i64 = o.stop_reason
    if reason == 0:
        reason = _IMMEDIATE_OR_CANCEL if o.order_type == LIMIT and o.time_in_force == IOC else _COLLAR_REACHED
    out.emit5(ORDER_CANCELLED, o.order_id, o.account, o.market, o.remaining, reason)
    give_row(t, t.orders, o.row)
    return 0


def _rest(t: Tables, o: IncomingOrder, out: EventBuffer, accounts: vec[i64], positions: vec[i64]) -> i64:
    """Put the remainder into the book; return what it holds."""
    orders = t.orders
    at: i64 = o.row * ORDER_WIDTH
    remaining: i64 = o.remaining
    fee_terms: i64 = pack_fee_terms(t.maker_fee_bps, reserved_bps(t), o.fee_credit)
    book: i64 = o.market * 2 + o.side
    orders[at + REMAINING] = remaining
    orders[at + PRICE] = o.price
    orders[at + OWNER] = o.account
    orders[at + POSITION] = o.position
    orders[at + BOOK] = book
    orders[at + ID] = o.order_id
    orders[at + EXPIRES_AT] = o.expires_at
    orders[at + FEE_TERMS] = fee_terms
    emit_level(t, out, book, o.price, enqueue(t, orders, o.row))
    watch_expiry(t, o.expires_at, o.order_id)
    accounts[o.account * ACCOUNT_WIDTH + OPEN_ORDERS] += 1
    if o.side != BUY:
        return remaining
    positions[o.position * POSITION_WIDTH + SHARES_ON_BID] += remaining
    return cash_reserve(o.price, remaining, fee_terms)
