"""Matching: strict price, then time, at the resting order's price, with self-trade prevention and the breaker."""

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.domain.codes import (
    BOOK_LEVEL_CHANGED,
    BUY,
    CANCEL_NEWEST,
    CANCEL_OLDEST,
    HALT_BY_CIRCUIT_BREAKER,
    HOUSE_ACCOUNT,
    MARKET_HALTED,
    ORDER_CANCELLED,
    ORDER_FILLED,
    ORDER_PARTIALLY_FILLED,
    TRADE_EXECUTED,
)
from waiver_exchange.domain.limits import BPS
from waiver_exchange.domain.refusals import CancelReason
from waiver_exchange.engine.arithmetic import smaller
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.incoming import IncomingOrder
from waiver_exchange.engine.invariant import fail
from waiver_exchange.engine.ladder import key_of, level_at, next_key
from waiver_exchange.engine.orders import (
    cash_reserve,
    credit_of,
    dequeue,
    fee_reserve,
    limit_of,
    maker_bps_of,
    with_credit,
)
from waiver_exchange.engine.settlement import (
    add_cash,
    buy,
    check_account,
    check_position,
    emit_cash,
    emit_holding,
    sell,
)
from waiver_exchange.engine.tables import (
    ACCOUNT_WIDTH,
    BEST_KEY,
    BEST_LEVEL,
    BIDS,
    BOOK,
    BOOK_MARKET_SHIFT,
    BOOK_SEQUENCE,
    BOOK_WIDTH,
    BREAKER_PRICE,
    BREAKER_TIME,
    CASH_HELD,
    FEE_TERMS,
    HALT_CAUSE,
    HALTED_UNTIL,
    HEAD,
    HELD,
    ID,
    LAST_PRICE,
    LEVEL,
    MARKET_WIDTH,
    NEXT,
    NO_KEY,
    OPEN_ORDERS,
    ORDER_WIDTH,
    OWNER,
    POSITION,
    POSITION_WIDTH,
    PRICE,
    REFERENCE_PRICE,
    REMAINING,
    SHARES_ON_BID,
    SHARES_ON_OFFER,
    TOTAL,
    Tables,
    book_of,
    side_of,
)

# Read once: a member of an enumeration is a Python object.
_SELF_TRADE_PREVENTED: Final[i64] = CancelReason.self_trade_prevented.value


def emit_level(t: Tables, out: EventBuffer, book: i64, price: i64, total: i64) -> None:
    """Count a change of a level of bids or asks and write it as an event."""
    markets = t.markets
    market: i64 = book >> BOOK_MARKET_SHIFT
    sequence: i64 = markets[market * MARKET_WIDTH + BOOK_SEQUENCE] + 1
    markets[market * MARKET_WIDTH + BOOK_SEQUENCE] = sequence
    out.emit5(BOOK_LEVEL_CHANGED, market, book & 1, price, total, sequence)


def remove_order(t: Tables, out: EventBuffer, orders: vec[i64], row: i64, kind: i64, reason: i64) -> None:
    """Take out an order that rests or is held, as `ORDER_CANCELLED` with a reason or as `ORDER_EXPIRED`."""
    accounts = t.accounts
    positions = t.positions
    at: i64 = row * ORDER_WIDTH
    book: i64 = orders[at + BOOK]
    account: i64 = orders[at + OWNER]
    position: i64 = orders[at + POSITION]
    price: i64 = orders[at + PRICE]
    remaining: i64 = orders[at + REMAINING]
    if kind == ORDER_CANCELLED:
        out.emit5(kind, orders[at + ID], account, book >> BOOK_MARKET_SHIFT, remaining, reason)
    else:
        out.emit4(kind, orders[at + ID], account, book >> BOOK_MARKET_SHIFT, remaining)
    total: i64 = dequeue(t, orders, row)
    if book & HELD == 0:
        emit_level(t, out, book, price, total)
    else:
        # A held order is queued by its stop price and holds by its limit.
        price = limit_of(orders, row)
    accounts[account * ACCOUNT_WIDTH + OPEN_ORDERS] -= 1
    if side_of(book) == BUY:
        accounts[account * ACCOUNT_WIDTH + CASH_HELD] -= cash_reserve(price, remaining, orders[at + FEE_TERMS])
        positions[position * POSITION_WIDTH + SHARES_ON_BID] -= remaining
        emit_cash(out, accounts, account)
    else:
        positions[position * POSITION_WIDTH + SHARES_ON_OFFER] -= remaining
        emit_holding(out, positions, position)


def check_uncrossed(t: Tables, market: i64) -> None:
    """Raise `InvariantError` unless the best bid of a market is below its best ask."""
    at: i64 = book_of(market, BIDS) * BOOK_WIDTH
    # Where there is none, `NO_KEY` stands for an ask above every price, and for a bid below every price.
    if key_of(BUY, t.books[at + BEST_KEY]) >= t.books[at + BOOK_WIDTH + BEST_KEY]:
        fail("a book is never crossed")


def crosses(t: Tables, o: IncomingOrder) -> bool:
    """Say whether the best opposite price is within the order's limit."""
    opposite: i64 = book_of(o.market, 1 - o.side)
    return t.books[opposite * BOOK_WIDTH + BEST_KEY] <= key_of(1 - o.side, o.price)


def can_fill_whole(t: Tables, o: IncomingOrder) -> bool:
    """Say whether the book would fill the order whole at once; changes nothing."""
    opposite: i64 = book_of(o.market, 1 - o.side)
    limit: i64 = key_of(1 - o.side, o.price)
    key: i64 = t.books[opposite * BOOK_WIDTH + BEST_KEY]
    left: i64 = o.quantity
    notional: i64 = o.notional
    shares: i64 = o.hold
    anchor: i64 = _breaker_anchor(t, o)
    has_traded = False
    orders = t.orders
    while key <= limit:
        row: i64 = t.leaves[level_at(t, opposite, key) + HEAD]
        while row != 0:
            at: i64 = row * ORDER_WIDTH
            row = orders[at + NEXT]
            if orders[at + OWNER] == o.account:
                if o.self_trade != CANCEL_OLDEST:
                    return False
                continue
            price: i64 = orders[at + PRICE]
            if o.notional != 0 and notional < price:
                return has_traded
            if o.notional != 0 and o.side != BUY and shares == 0:
                return False
            if anchor == 0:
                anchor = price
            if t.breaker_bps != 0 and _distance(price, anchor) * BPS > t.breaker_bps * anchor:
                return False
            if o.notional == 0:
                left -= orders[at + REMAINING]
                if left <= 0:
                    return True
                continue
            units: i64 = smaller(orders[at + REMAINING], notional // price)
            if o.side != BUY:
                units = smaller(units, shares)
                shares -= units
            notional -= units * price
            has_traded = True
            if notional == 0:
                return True
        key = next_key(t, opposite, key)
        if key == NO_KEY:
            return False
    return False


def match(t: Tables, o: IncomingOrder, out: EventBuffer) -> None:
    """Trade the order against the book until nothing remains, nothing crosses, or something stops it."""
    orders = t.orders
    books = t.books
    leaves = t.leaves
    opposite: i64 = book_of(o.market, 1 - o.side) * BOOK_WIDTH
    limit: i64 = key_of(1 - o.side, o.price)
    while o.stop_reason == 0 and not o.is_done and books[opposite + BEST_KEY] <= limit:
        out.make_room()
        row: i64 = leaves[books[opposite + BEST_LEVEL] + HEAD]
        if orders[row * ORDER_WIDTH + OWNER] == o.account:
            if o.self_trade != CANCEL_NEWEST:
                remove_order(t, out, orders, row, ORDER_CANCELLED, _SELF_TRADE_PREVENTED)
            if o.self_trade != CANCEL_OLDEST:
                o.stop_reason = _SELF_TRADE_PREVENTED
            continue
        price: i64 = orders[row * ORDER_WIDTH + PRICE]
        units: i64 = _tradable_units(o, orders[row * ORDER_WIDTH + REMAINING], price)
        if units != 0 and not _breaker_trips(t, o, out, price):
            _trade(t, o, out, orders, leaves, row, price, units)


def _tradable_units(o: IncomingOrder, resting: i64, price: i64) -> i64:
    """Return how much trades with a resting order; 0 means that the order is done or stopped, as it then says."""
    if o.notional == 0:
        return smaller(resting, o.remaining)
    if o.remaining_notional < price:
        if o.has_traded:
            o.is_done = True
        else:
            o.stop_reason = CancelReason.collar_reached
        return 0
    units: i64 = smaller(resting, o.remaining_notional // price)
    if o.side == BUY:
        return units
    if o.shares_left == 0:
        o.stop_reason = CancelReason.shares_ran_out
    return smaller(units, o.shares_left)


def _distance(a: i64, b: i64) -> i64:
    return a - b if a > b else b - a


def _breaker_anchor(t: Tables, o: IncomingOrder) -> i64:
    """Return the price (cents) from which the breaker measures, or 0 when the next trade sets it anew."""
    at: i64 = o.market * MARKET_WIDTH
    if o.time - t.markets[at + BREAKER_TIME] > t.breaker_window:
        return 0
    return t.markets[at + BREAKER_PRICE]


def _breaker_trips(t: Tables, o: IncomingOrder, out: EventBuffer, price: i64) -> bool:
    if t.breaker_bps == 0:
        return False
    markets = t.markets
    at: i64 = o.market * MARKET_WIDTH
    anchor: i64 = _breaker_anchor(t, o)
    if anchor == 0:
        markets[at + BREAKER_PRICE] = price
        markets[at + BREAKER_TIME] = o.time
        return False
    if _distance(price, anchor) * BPS <= t.breaker_bps * anchor:
        return False
    until: i64 = o.time + t.breaker_halt if t.breaker_halt != 0 else 0
    markets[at + HALT_CAUSE] = HALT_BY_CIRCUIT_BREAKER
    markets[at + HALTED_UNTIL] = until
    markets[at + BREAKER_PRICE] = 0
    markets[at + BREAKER_TIME] = 0
    out.emit3(MARKET_HALTED, o.market, HALT_BY_CIRCUIT_BREAKER, until)
    o.stop_reason = CancelReason.market_was_halted
    return True


def _trade(
    t: Tables,
    o: IncomingOrder,
    out: EventBuffer,
    orders: vec[i64],
    leaves: vec[i64],
    row: i64,
    price: i64,
    units: i64,
) -> None:
    accounts = t.accounts
    positions = t.positions
    at: i64 = row * ORDER_WIDTH
    maker: i64 = orders[at + OWNER]
    maker_id: i64 = orders[at + ID]
    maker_position: i64 = orders[at + POSITION]
    book: i64 = orders[at + BOOK]
    value: i64 = price * units

    maker_fee: i64 = _settle_maker(t, orders, accounts, positions, row, units, value)
    taker_fee: i64 = _settle_taker(t, o, accounts, positions, units, value)
    if maker_fee + taker_fee != 0:
        add_cash(t, accounts, HOUSE_ACCOUNT, maker_fee + taker_fee)
        o.house_fees += maker_fee + taker_fee
    markets = t.markets
    markets[o.market * MARKET_WIDTH + REFERENCE_PRICE] = price
    markets[o.market * MARKET_WIDTH + LAST_PRICE] = price
    level: i64 = orders[at + LEVEL]
    total: i64 = leaves[level + TOTAL] - units
    leaves[level + TOTAL] = total

    to: i64 = out.open(TRADE_EXECUTED, 11)
    words = out.words
    words[to] = t.next_trade
    words[to + 1] = o.market
    words[to + 2] = price
    words[to + 3] = units
    words[to + 4] = maker_id
    words[to + 5] = o.order_id
    words[to + 6] = maker
    words[to + 7] = o.account
    words[to + 8] = maker_fee
    words[to + 9] = taker_fee
    words[to + 10] = o.side
    t.next_trade += 1

    remaining: i64 = orders[at + REMAINING]
    if remaining == 0:
        out.emit2(ORDER_FILLED, maker_id, maker)
        dequeue(t, orders, row)
        accounts[maker * ACCOUNT_WIDTH + OPEN_ORDERS] -= 1
    else:
        out.emit3(ORDER_PARTIALLY_FILLED, maker_id, maker, remaining)
    emit_level(t, out, book, price, total)
    emit_cash(out, accounts, maker)
    emit_holding(out, positions, maker_position)
    check_account(accounts, maker)
    check_position(positions, maker_position)


def _settle_maker(
    t: Tables,
    orders: vec[i64],
    accounts: vec[i64],
    positions: vec[i64],
    row: i64,
    units: i64,
    value: i64,
) -> i64:
    """Settle the resting order's side, its hold and its remaining; return its fee."""
    at: i64 = row * ORDER_WIDTH
    fee_terms: i64 = orders[at + FEE_TERMS]
    fee: i64 = 0
    later_terms: i64 = fee_terms
    if fee_terms != 0:
        bps: i64 = maker_bps_of(fee_terms)
        fee = fee_reserve(value, bps, credit_of(fee_terms))
        later_terms = with_credit(fee_terms, credit_of(fee_terms) + fee * BPS - value * bps)
        orders[at + FEE_TERMS] = later_terms
    remaining: i64 = orders[at + REMAINING]
    orders[at + REMAINING] = remaining - units
    account: i64 = orders[at + OWNER]
    position: i64 = orders[at + POSITION]
    if orders[at + BOOK] & 1 == BUY:
        price: i64 = orders[at + PRICE]
        released: i64 = cash_reserve(price, remaining, fee_terms) - cash_reserve(price, remaining - units, later_terms)
        accounts[account * ACCOUNT_WIDTH + CASH_HELD] -= released
        positions[position * POSITION_WIDTH + SHARES_ON_BID] -= units
        buy(t, accounts, positions, account, position, units, value, fee)
    else:
        positions[position * POSITION_WIDTH + SHARES_ON_OFFER] -= units
        sell(t, accounts, positions, account, position, units, value, fee)
    return fee


def _settle_taker(t: Tables, o: IncomingOrder, accounts: vec[i64], positions: vec[i64], units: i64, value: i64) -> i64:
    """Settle the incoming order's side and what remains of it; return its fee."""
    fee: i64 = 0
    bps: i64 = o.taker_fee_bps
    if bps != 0 or o.fee_credit != 0:
        fee = fee_reserve(value, bps, o.fee_credit)
        o.fee_credit += fee * BPS - value * bps
    if o.side == BUY:
        buy(t, accounts, positions, o.account, o.position, units, value, fee)
    else:
        sell(t, accounts, positions, o.account, o.position, units, value, fee)
        o.shares_left -= units
    o.has_traded = True
    if o.notional == 0:
        o.remaining -= units
        o.is_done = o.remaining == 0
    else:
        o.remaining_notional -= value
        o.is_done = o.remaining_notional == 0
    return fee
