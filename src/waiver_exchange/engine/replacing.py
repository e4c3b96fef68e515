"""Replacing an open order: admission of what changes, then a new order in the old one's row, in its place if it may."""

from typing import Final

from librt.strings import read_i64_le
from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.domain.codes import (
    BUY,
    COMMAND_REFUSED,
    GTD,
    ORDER_ACCEPTED,
    ORDER_REPLACED,
    STOP,
)
from waiver_exchange.domain.limits import PRICE_CENTS_MAX
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.account_limits import refuse_by_limits
from waiver_exchange.engine.cancelling import refusal_of_id
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.expiry import watch_expiry
from waiver_exchange.engine.holding import emit_stop_terms, hold
from waiver_exchange.engine.incoming import IncomingOrder, refuse
from waiver_exchange.engine.matching import crosses, emit_level
from waiver_exchange.engine.orders import (
    detail_of,
    fee_reserve,
    filled_of,
    limit_of,
    next_order_id,
    reserved_bps,
    row_of,
    unlink,
)
from waiver_exchange.engine.placing import emit_terms
from waiver_exchange.engine.risk import collar_of, refuse_expiry, refuse_outside_band, refuse_who_and_where
from waiver_exchange.engine.tables import (
    ACCOUNT_WIDTH,
    BOOK,
    CASH,
    CASH_HELD,
    EXPIRES_AT,
    HELD,
    IS_LIMITED,
    LEVEL,
    MARKET_WIDTH,
    ORDER_WIDTH,
    OWNER,
    POSITION_WIDTH,
    PRICE,
    REFERENCE_PRICE,
    REMAINING,
    SHARES,
    SHARES_ON_BID,
    SHARES_ON_OFFER,
    SUPPLY,
    TOTAL,
    Tables,
    is_account,
)
from waiver_exchange.engine.triggering import read_open_order, trigger
from waiver_exchange.engine.working import count_open, fix_fees, hold_back, work, write_order

# One time in force more, within the terms.
_TIME_IN_FORCE_UNIT: Final = 256


def read_replacement(o: IncomingOrder, record: bytes, at: i64) -> None:
    """Read a REPLACE_ORDER record at a byte offset; 0 keeps what the order has."""
    o.time = read_i64_le(record, at + 8)
    o.account = read_i64_le(record, at + 16)
    o.replaced_id = read_i64_le(record, at + 24)
    o.quantity = read_i64_le(record, at + 32)
    o.price = read_i64_le(record, at + 40)
    o.stop_price = read_i64_le(record, at + 48)
    o.expires_at = read_i64_le(record, at + 56)
    o.wanted_time_in_force = read_i64_le(record, at + 64)


def replace(t: Tables, o: IncomingOrder, out: EventBuffer) -> i64:
    """Put a new order in the place of an open one; return 0, or the number of the refusal."""
    reason: i64 = _refusal(t, o)
    if reason != 0:
        out.emit3(COMMAND_REFUSED, reason, o.required, o.available)
        return reason
    o.order_id = next_order_id(t, o.row)
    o.has_traded = False
    fix_fees(t, o)
    out.emit5(ORDER_REPLACED, o.replaced_id, o.account, o.market, o.order_id, o.replaced_remaining)
    more_held: i64 = o.hold - o.replaced_hold
    if o.keeps_place:
        _stay(t, o, out)
        hold_back(t, o, out, more_held)
    else:
        _leave(t, o, out)
        if o.is_held:
            emit_stop_terms(o, out)
            hold(t, o)
            hold_back(t, o, out, more_held)
        else:
            emit_terms(o, out, ORDER_ACCEPTED, 8)
            work(t, o, out, more_held)
    if o.is_held or o.has_traded:
        trigger(t, o, out, o.market)
    return 0


def _stay(t: Tables, o: IncomingOrder, out: EventBuffer) -> None:
    """Write the new order over the old one, which keeps its place in the queue."""
    orders = t.orders
    at: i64 = o.row * ORDER_WIDTH
    book: i64 = orders[at + BOOK]
    price: i64 = orders[at + PRICE]
    value: i64 = o.price if o.is_held else o.quantity
    write_order(o, orders, book, price, o.quantity, o.fee_terms, detail_of(o.terms, value))
    watch_expiry(t, o.expires_at, o.order_id)
    change: i64 = o.quantity - o.replaced_remaining
    count_open(t, o, 0, change)
    leaves = t.leaves
    level: i64 = orders[at + LEVEL]
    total: i64 = leaves[level + TOTAL] + change
    leaves[level + TOTAL] = total
    if o.is_held:
        emit_stop_terms(o, out)
        return
    emit_terms(o, out, ORDER_ACCEPTED, 8)
    if change != 0:
        emit_level(t, out, book, price, total)


def _leave(t: Tables, o: IncomingOrder, out: EventBuffer) -> None:
    """Take the old order out of its queue; its row stays for the new one."""
    orders = t.orders
    at: i64 = o.row * ORDER_WIDTH
    total: i64 = unlink(t, orders, o.row)
    count_open(t, o, -1, -o.replaced_remaining)
    if not o.is_held:
        emit_level(t, out, orders[at + BOOK], orders[at + PRICE], total)


def _refusal(t: Tables, o: IncomingOrder) -> i64:
    """Return 0 when the order may be replaced, else the number of the refusal; fills in what is kept."""
    o.required = 0
    o.available = 0
    if not is_account(t, o.account):
        return RefusalReason.account_not_found
    orders = t.orders
    reason: i64 = refusal_of_id(t, orders, o.replaced_id)
    if reason != 0:
        return reason
    row: i64 = row_of(o.replaced_id)
    if orders[row * ORDER_WIDTH + OWNER] != o.account:
        return RefusalReason.order_belongs_to_another_account
    _take_over(o, orders, row)
    reason = refuse_who_and_where(t, o, t.accounts, t.markets)
    if reason == 0:
        reason = _refuse_form(o, orders, t.markets[o.market * MARKET_WIDTH + SUPPLY])
    if reason == 0:
        reason = _refuse_prices(t, o, orders)
    if reason == 0:
        reason = _refuse_lifetime(t, o, orders)
    if reason == 0:
        reason = _refuse_limits(t, o, t.accounts, t.positions)
    if reason == 0 and o.post_only != 0 and not o.keeps_place and crosses(t, o):
        reason = RefusalReason.post_only_would_take
    return reason


def _take_over(o: IncomingOrder, orders: vec[i64], row: i64) -> None:
    at: i64 = row * ORDER_WIDTH
    read_open_order(o, orders, row)
    o.notional = 0
    o.can_rest = True
    o.is_held = orders[at + BOOK] & HELD != 0
    o.replaced_remaining = orders[at + REMAINING]
    o.replaced_hold = o.hold


def _refuse_form(o: IncomingOrder, orders: vec[i64], supply: i64) -> i64:
    if o.quantity == 0 and o.price == 0 and o.stop_price == 0 and o.expires_at == 0 and o.wanted_time_in_force == 0:
        return RefusalReason.nothing_is_replaced
    if o.quantity < 0:
        return RefusalReason.quantity_must_be_positive
    if o.price < 0:
        return RefusalReason.price_must_be_positive
    if o.stop_price < 0:
        return RefusalReason.stop_price_is_required
    if o.stop_price != 0 and not o.is_held:
        return RefusalReason.stop_price_needs_a_stop_order
    if o.price != 0 and _is_held_stop(o):
        return RefusalReason.market_order_takes_no_price
    if o.quantity == 0:
        o.quantity = o.replaced_remaining
        return 0
    if o.quantity > supply:
        return refuse(o, RefusalReason.quantity_exceeds_supply, o.quantity, supply)
    filled: i64 = 0 if o.is_held else filled_of(orders, o.row)
    if o.quantity <= filled:
        return refuse(o, RefusalReason.quantity_is_filled_already, o.quantity, filled)
    o.quantity -= filled
    return 0


def _is_held_stop(o: IncomingOrder) -> bool:
    return o.is_held and o.order_type == STOP


def _refuse_prices(t: Tables, o: IncomingOrder, orders: vec[i64]) -> i64:
    if o.price > PRICE_CENTS_MAX:
        return refuse(o, RefusalReason.price_is_too_high, o.price, PRICE_CENTS_MAX)
    if o.stop_price > PRICE_CENTS_MAX:
        return refuse(o, RefusalReason.price_is_too_high, o.stop_price, PRICE_CENTS_MAX)
    queued_by: i64 = orders[o.row * ORDER_WIDTH + PRICE]
    is_given: bool = o.price != 0 or o.stop_price != 0
    if o.is_held and o.stop_price == 0:
        o.stop_price = queued_by
    if o.price == 0:
        o.price = limit_of(orders, o.row)
    if _is_held_stop(o):
        o.price = collar_of(t, o.side, o.stop_price)
    now_by: i64 = o.stop_price if o.is_held else o.price
    o.keeps_place = now_by == queued_by and o.quantity <= o.replaced_remaining
    if not is_given or _is_held_stop(o):
        return 0
    return refuse_outside_band(
        t, o, o.stop_price if o.is_held else t.markets[o.market * MARKET_WIDTH + REFERENCE_PRICE]
    )


def _refuse_lifetime(t: Tables, o: IncomingOrder, orders: vec[i64]) -> i64:
    wanted: i64 = o.wanted_time_in_force
    if wanted < 0 or wanted > GTD + 1:
        return RefusalReason.order_terms_are_invalid
    if wanted == 0 and o.expires_at == 0:
        o.expires_at = orders[o.row * ORDER_WIDTH + EXPIRES_AT]
        return 0
    if wanted != 0:
        o.terms += (wanted - 1 - o.time_in_force) * _TIME_IN_FORCE_UNIT
        o.time_in_force = wanted - 1
    return refuse_expiry(t, o)


def _refuse_limits(t: Tables, o: IncomingOrder, accounts: vec[i64], positions: vec[i64]) -> i64:
    value: i64 = o.price * o.quantity
    if value > t.order_value_max:
        return refuse(o, RefusalReason.order_value_is_too_large, value, t.order_value_max)
    account: i64 = o.account * ACCOUNT_WIDTH
    position: i64 = o.position * POSITION_WIDTH
    more: i64 = o.quantity - o.replaced_remaining
    if o.side == BUY and t.position_max != 0 and more > 0:
        sum_of_all: i64 = positions[position + SHARES] + positions[position + SHARES_ON_BID] + more
        if sum_of_all > t.position_max:
            return refuse(o, RefusalReason.position_would_be_too_large, sum_of_all, t.position_max)
    if accounts[account + IS_LIMITED] != 0:
        reason: i64 = refuse_by_limits(t, o, value, more, o.replaced_remaining)
        if reason != 0:
            return reason
    if o.side == BUY:
        o.hold = value + fee_reserve(value, reserved_bps(t), 0)
        cash: i64 = accounts[account + CASH] - accounts[account + CASH_HELD] + o.replaced_hold
        return refuse(o, RefusalReason.insufficient_cash, o.hold, cash) if o.hold > cash else 0
    o.hold = o.quantity
    shares: i64 = positions[position + SHARES] - positions[position + SHARES_ON_OFFER] + o.replaced_hold
    return refuse(o, RefusalReason.insufficient_shares, o.hold, shares) if o.hold > shares else 0
