"""Working an order: it is matched as a taker, what becomes of the remainder is decided, and its owner's balances told.

Placed, triggered and replaced orders all come by here.
"""

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.domain.codes import (
    BUY,
    FOK,
    HOUSE_ACCOUNT,
    IOC,
    LIMIT,
    ORDER_CANCELLED,
    ORDER_FILLED,
    ORDER_PARTIALLY_FILLED,
)
from waiver_exchange.domain.refusals import CancelReason
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.expiry import watch_expiry
from waiver_exchange.engine.incoming import IncomingOrder
from waiver_exchange.engine.matching import can_fill_whole, check_uncrossed, crosses, emit_level, match
from waiver_exchange.engine.orders import (
    cash_reserve,
    detail_of,
    enqueue,
    give_row,
    pack_fee_terms,
    reserved_bps,
    with_credit,
)
from waiver_exchange.engine.settlement import check_account, check_position, emit_cash, emit_holding
from waiver_exchange.engine.tables import (
    ACCOUNT_WIDTH,
    BOOK,
    CASH,
    CASH_HELD,
    COST,
    DETAIL,
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
    book_of,
)

# Read once: a member of an enumeration is a Python object.
_IMMEDIATE_OR_CANCEL: Final[i64] = CancelReason.immediate_or_cancel.value
_COLLAR_REACHED: Final[i64] = CancelReason.collar_reached.value


def fix_fees(t: Tables, o: IncomingOrder) -> None:
    """Give a new order the fees of now; what it rests or is held with stays so."""
    o.fee_terms = pack_fee_terms(t.maker_fee_bps, reserved_bps(t), 0)
    o.taker_fee_bps = t.taker_fee_bps
    o.is_watched = False


def work(t: Tables, o: IncomingOrder, out: EventBuffer, more_held: i64) -> None:
    """Hold more for the order (cash of a buy, shares of a sell), match it, and let the remainder rest or go.

    What it no longer needs of its hold goes back; then the owner's balances are told as far as they have changed.
    """
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
        accounts[account + CASH_HELD] = cash_held + more_held
    else:
        positions[position + SHARES_ON_OFFER] = shares_held + more_held
    _match(t, o, out)
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


def hold_back(t: Tables, o: IncomingOrder, out: EventBuffer, more_held: i64) -> None:
    """Hold more, or less, for an order that does not go to the book now; tell the owner's balance if it changed."""
    accounts = t.accounts
    positions = t.positions
    if o.side == BUY:
        accounts[o.account * ACCOUNT_WIDTH + CASH_HELD] += more_held
        if more_held != 0:
            emit_cash(out, accounts, o.account)
    else:
        positions[o.position * POSITION_WIDTH + SHARES_ON_OFFER] += more_held
        if more_held != 0:
            emit_holding(out, positions, o.position)
    check_account(accounts, o.account)
    check_position(positions, o.position)
    check_uncrossed(t, o.market)


def count_open(t: Tables, o: IncomingOrder, orders_more: i64, units_more: i64) -> None:
    """Count open orders of the owner, and what they may buy."""
    t.accounts[o.account * ACCOUNT_WIDTH + OPEN_ORDERS] += orders_more
    if o.side == BUY:
        t.positions[o.position * POSITION_WIDTH + SHARES_ON_BID] += units_more


def _match(t: Tables, o: IncomingOrder, out: EventBuffer) -> None:
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
    remaining: i64 = o.remaining
    fee_terms: i64 = with_credit(o.fee_terms, o.fee_credit)
    book: i64 = book_of(o.market, o.side)
    orders = t.orders
    # As `write_order` does; calling it here would cost every resting order some 15 instructions more.
    at: i64 = o.row * ORDER_WIDTH
    orders[at + REMAINING] = remaining
    orders[at + PRICE] = o.price
    orders[at + OWNER] = o.account
    orders[at + POSITION] = o.position
    orders[at + BOOK] = book
    orders[at + ID] = o.order_id
    orders[at + EXPIRES_AT] = o.expires_at
    orders[at + FEE_TERMS] = fee_terms
    orders[at + DETAIL] = detail_of(o.terms, o.quantity)
    emit_level(t, out, book, o.price, enqueue(t, orders, o.row))
    if not o.is_watched:
        watch_expiry(t, o.expires_at, o.order_id)
    accounts[o.account * ACCOUNT_WIDTH + OPEN_ORDERS] += 1
    if o.side != BUY:
        return remaining
    positions[o.position * POSITION_WIDTH + SHARES_ON_BID] += remaining
    return cash_reserve(o.price, remaining, fee_terms)


def write_order(
    o: IncomingOrder,
    orders: vec[i64],
    book: i64,
    price: i64,
    remaining: i64,
    fee_terms: i64,
    detail: i64,
) -> None:
    """Write an order into its row; its place in a queue is not changed."""
    at: i64 = o.row * ORDER_WIDTH
    orders[at + REMAINING] = remaining
    orders[at + PRICE] = price
    orders[at + OWNER] = o.account
    orders[at + POSITION] = o.position
    orders[at + BOOK] = book
    orders[at + ID] = o.order_id
    orders[at + EXPIRES_AT] = o.expires_at
    orders[at + FEE_TERMS] = fee_terms
    orders[at + DETAIL] = detail
