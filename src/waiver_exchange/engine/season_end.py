"""The end of a player's season: his market is settled, which is for ever."""

from typing import Final

from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.domain.limits import CASH_MICROS_MAX, PRICE_CENTS_MAX
from waiver_exchange.domain.refusals import CancelReason, RefusalReason
from waiver_exchange.engine.arithmetic import larger
from waiver_exchange.engine.correcting import available_cash, refusal_of_market
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.ladder import level_at
from waiver_exchange.engine.matching import remove_order
from waiver_exchange.engine.operating import refuse
from waiver_exchange.engine.settlement import (
    add_cash,
    add_shares,
    check_account,
    check_position,
    emit_cash,
    emit_holding,
    take_cost,
)
from waiver_exchange.engine.tables import (
    ASKS,
    BEST_KEY,
    BIDS,
    BOOK_WIDTH,
    BREAKER_PRICE,
    BREAKER_TIME,
    COST,
    HALT_CAUSE,
    HALTED_UNTIL,
    HEAD,
    HELD_BUYS,
    HELD_SELLS,
    MARKET_WIDTH,
    NO_KEY,
    ORDER_WIDTH,
    OWNER,
    POSITION,
    POSITION_ACCOUNT,
    POSITION_MARKET,
    POSITION_WIDTH,
    REALIZED,
    SHARES,
    SUPPLY,
    Tables,
    book_of,
    find_or_add_position,
)
from waiver_exchange.engine.worth import put_in

# Read once: a member of an enumeration is a Python object.
_MARKET_WAS_SETTLED: Final[i64] = CancelReason.market_was_settled.value


def settle_market(t: Tables, market: i64, price: i64, out: EventBuffer) -> i64:
    """Cancel a market's orders, pay its holders a price (cents) for their shares and close it for ever.

    The house pays, and what it lacks is issued to it. Returns 0 or the refusal's number.
    """
    reason: i64 = refusal_of_market(t, market)
    if reason != 0:
        return refuse(out, reason, 0, 0)
    if price < 0:
        return refuse(out, RefusalReason.price_must_be_positive, 0, 0)
    if price > PRICE_CENTS_MAX:
        return refuse(out, RefusalReason.price_is_too_high, price, PRICE_CENTS_MAX)
    house: i64 = find_or_add_position(t, codes.HOUSE_ACCOUNT, market)
    units: i64 = t.markets[market * MARKET_WIDTH + SUPPLY] - t.positions[house * POSITION_WIDTH + SHARES]
    # Even if the house had nothing of it.
    if units * price > CASH_MICROS_MAX - t.cash_issued:
        return refuse(out, RefusalReason.cash_issued_would_be_too_large, 0, 0)
    _cancel_orders(t, market, out)
    _issue_what_lacks(t, units * price, out)
    _close(t, market)
    out.emit4(codes.MARKET_SETTLED, market, price, units, units * price)
    _pay_holders(t, market, price, house, out)
    out.make_room()
    emit_cash(out, t.accounts, codes.HOUSE_ACCOUNT)
    emit_holding(out, t.positions, house)
    check_account(t.accounts, codes.HOUSE_ACCOUNT)
    return 0


def _cancel_orders(t: Tables, market: i64, out: EventBuffer) -> None:
    """Take out all open orders in the order of the canonical state."""
    _cancel_book(t, book_of(market, BIDS), out)
    _cancel_book(t, book_of(market, ASKS), out)
    _cancel_book(t, book_of(market, HELD_BUYS), out)
    _cancel_book(t, book_of(market, HELD_SELLS), out)


def _cancel_book(t: Tables, book: i64, out: EventBuffer) -> None:
    orders = t.orders
    key: i64 = t.books[book * BOOK_WIDTH + BEST_KEY]
    while key != NO_KEY:
        row: i64 = t.leaves[level_at(t, book, key) + HEAD]
        out.make_room()
        remove_order(t, out, orders, row, codes.ORDER_CANCELLED, _MARKET_WAS_SETTLED)
        # A row that was just freed still says whose it was.
        check_account(t.accounts, orders[row * ORDER_WIDTH + OWNER])
        check_position(t.positions, orders[row * ORDER_WIDTH + POSITION])
        key = t.books[book * BOOK_WIDTH + BEST_KEY]


def _issue_what_lacks(t: Tables, to_be_paid: i64, out: EventBuffer) -> None:
    """Issue to the house, for everybody to see, what it cannot pay."""
    lack: i64 = larger(0, to_be_paid - available_cash(t, codes.HOUSE_ACCOUNT))
    if lack == 0:
        return
    out.make_room()
    t.cash_issued += lack
    add_cash(t, t.accounts, codes.HOUSE_ACCOUNT, lack)
    put_in(t, codes.HOUSE_ACCOUNT, lack)
    out.emit2(codes.CASH_DEPOSITED, codes.HOUSE_ACCOUNT, lack)


def _close(t: Tables, market: i64) -> None:
    at: i64 = market * MARKET_WIDTH
    t.markets[at + HALT_CAUSE] = codes.HALT_BY_SETTLEMENT
    t.markets[at + HALTED_UNTIL] = 0
    t.markets[at + BREAKER_PRICE] = 0
    t.markets[at + BREAKER_TIME] = 0


def _pay_holders(t: Tables, market: i64, price: i64, house: i64, out: EventBuffer) -> None:
    """Move every holder's shares to the house for cash, by number of the position."""
    positions = t.positions
    position: i64 = 1
    while position <= t.position_count:
        at: i64 = position * POSITION_WIDTH
        units: i64 = positions[at + SHARES]
        if positions[at + POSITION_MARKET] == market and position != house and units > 0:
            out.make_room()
            account: i64 = positions[at + POSITION_ACCOUNT]
            cost: i64 = take_cost(positions, position, units)
            positions[at + REALIZED] += price * units - cost
            positions[house * POSITION_WIDTH + COST] += price * units
            add_shares(t, positions, position, -units)
            add_shares(t, positions, house, units)
            add_cash(t, t.accounts, codes.HOUSE_ACCOUNT, -price * units)
            add_cash(t, t.accounts, account, price * units)
            out.emit4(codes.SHARES_SETTLED, account, market, units, price)
            emit_cash(out, t.accounts, account)
            emit_holding(out, positions, position)
        position += 1
