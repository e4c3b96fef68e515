"""The canonical state: the same bytes from any implementation that executed the same commands.

Little-endian signed 64-bit words: format version, exchange, parameters, counts; accounts; markets; positions; limits;
the free rows from the one freed first; resting orders by market, side, price and time; held orders likewise by stop
price (`docs/trading-rules.md` lists the words). It holds nothing of how the tables lie in memory, so that a later
layout can load it. Its SHA-256 is the state hash.
"""

from hashlib import sha256
from typing import Final

from librt.strings import read_i64_le
from librt.vecs import append, vec
from mypy_extensions import i64, mypyc_attr

from waiver_exchange.domain.codes import BUY, LIMITS_OF_ACCOUNT, LIMITS_OF_ROLE, TERMS_FIELD_MASK
from waiver_exchange.engine.account_limits import write_limits
from waiver_exchange.engine.engine import Engine
from waiver_exchange.engine.expiry import watch_expiry
from waiver_exchange.engine.ladder import level_at, next_key
from waiver_exchange.engine.operating import parameters_of, set_parameters
from waiver_exchange.engine.orders import (
    credit_of,
    detail_of,
    enqueue,
    filled_of,
    give_row,
    limit_of,
    maker_bps_of,
    pack_fee_terms,
    reserved_bps_of,
    row_of,
    terms_of,
)
from waiver_exchange.engine.settlement import add_cash, add_shares
from waiver_exchange.engine.tables import (
    ACCOUNT_WIDTH,
    ACCOUNT_WORDS,
    ASKS,
    BEST_KEY,
    BIDS,
    BOOK,
    BOOK_MARKET_SHIFT,
    BOOK_WIDTH,
    CASH,
    DETAIL,
    EXPIRES_AT,
    FEE_TERMS,
    HEAD,
    HELD,
    HELD_BUYS,
    HELD_SELLS,
    ID,
    LIMITS_ROLES,
    LIMITS_WIDTH,
    MARKET_WIDTH,
    NEXT,
    NO_KEY,
    OPEN_ORDERS,
    ORDER_WIDTH,
    OWN_LIMITS,
    OWNER,
    POSITION,
    POSITION_WIDTH,
    POSITION_WORDS,
    PRICE,
    REMAINING,
    SHARES,
    SHARES_HELD,
    SHARES_ON_BID,
    Tables,
    add_account,
    add_market,
    book_of,
    find_or_add_position,
    find_position,
    grown,
    held_book_of,
    side_of,
)

STATE_VERSION: Final = 3
_PARAMETERS: Final = 13
_HEAD_WORDS: Final = 27
_ORDER_WORDS: Final = 12
_LIMITS_WORDS: Final = 12


@mypyc_attr(native_class=False)
class StateError(ValueError):
    """The bytes are no canonical state of this version."""


def state_bytes(engine: Engine) -> bytes:
    """Return the canonical state of an engine."""
    t = engine.tables
    words = vec[i64](capacity=64)
    words = append(words, STATE_VERSION)
    words = append(words, t.is_halted)
    words = append(words, t.cash_issued)
    words = append(words, t.next_serial)
    words = append(words, t.next_trade)
    words = append(words, t.last_time)
    words = append(words, t.day_ends_at)
    for parameter in parameters_of(t):
        words = append(words, parameter)
    words = append(words, t.account_count)
    words = append(words, t.market_count)
    words = append(words, t.position_count)
    words = append(words, t.order_rows)
    words = append(words, t.free_rows)
    words = append(words, t.open_orders)
    words = append(words, _count_limits(t))
    words = _append_table(words, t.accounts, ACCOUNT_WIDTH, ACCOUNT_WORDS)
    words = _append_table(words, t.markets, MARKET_WIDTH, SHARES_HELD)
    words = _append_table(words, t.positions, POSITION_WIDTH, POSITION_WORDS)
    words = _append_limits(words, t)
    words = _append_free_rows(words, t)
    words = _append_orders(words, t)
    return memoryview(words).tobytes()


def state_hash(engine: Engine) -> str:
    """Return the SHA-256 of the canonical state, in hexadecimal."""
    return sha256(state_bytes(engine)).hexdigest()


def _append_table(words: vec[i64], table: vec[i64], width: i64, columns: i64) -> vec[i64]:
    row: i64 = width
    while row < i64(len(table)):
        column: i64 = 0
        while column < columns:
            words = append(words, table[row + column])
            column += 1
        row += width
    return words


def _append_free_rows(words: vec[i64], t: Tables) -> vec[i64]:
    first: i64 = len(words)
    words = _append_zeros(words, t.free_rows)
    at: i64 = first + t.free_rows
    row: i64 = t.free_row
    while row != 0:
        at -= 1
        words[at] = row
        row = t.orders[row * ORDER_WIDTH + NEXT]
    return words


def _append_limits(words: vec[i64], t: Tables) -> vec[i64]:
    role: i64 = 0
    while role < LIMITS_ROLES:
        words = _append_limits_of(words, t, LIMITS_OF_ROLE, role, role + 1)
        role += 1
    account: i64 = 1
    while account <= t.account_count:
        row: i64 = t.accounts[account * ACCOUNT_WIDTH + OWN_LIMITS]
        words = _append_limits_of(words, t, LIMITS_OF_ACCOUNT, account, row)
        account += 1
    return words


def _append_limits_of(words: vec[i64], t: Tables, scope: i64, number: i64, row: i64) -> vec[i64]:
    if not _is_set(t, row):
        return words
    words = append(words, scope)
    words = append(words, number)
    limit: i64 = 0
    while limit < LIMITS_WIDTH:
        words = append(words, t.limits[row * LIMITS_WIDTH + limit])
        limit += 1
    return words


def _count_limits(t: Tables) -> i64:
    """Return how many rows say anything; those that inherit everything are no part of the state."""
    count: i64 = 0
    row: i64 = 1
    while row < t.limit_rows:
        if _is_set(t, row):
            count += 1
        row += 1
    return count


def _is_set(t: Tables, row: i64) -> bool:
    limit: i64 = 0
    while limit < LIMITS_WIDTH:
        if t.limits[row * LIMITS_WIDTH + limit] >= 0:
            return True
        limit += 1
    return False


def _append_zeros(words: vec[i64], count: i64) -> vec[i64]:
    while count > 0:
        words = append(words, 0)
        count -= 1
    return words


def _append_orders(words: vec[i64], t: Tables) -> vec[i64]:
    market: i64 = 1
    while market <= t.market_count:
        words = _append_book(words, t, book_of(market, BIDS))
        words = _append_book(words, t, book_of(market, ASKS))
        market += 1
    market = 1
    while market <= t.market_count:
        words = _append_book(words, t, book_of(market, HELD_BUYS))
        words = _append_book(words, t, book_of(market, HELD_SELLS))
        market += 1
    return words


def _append_book(words: vec[i64], t: Tables, book: i64) -> vec[i64]:
    orders = t.orders
    key: i64 = t.books[book * BOOK_WIDTH + BEST_KEY]
    while key != NO_KEY:
        row: i64 = t.leaves[level_at(t, book, key) + HEAD]
        while row != 0:
            words = _append_order(words, orders, row)
            row = orders[row * ORDER_WIDTH + NEXT]
        key = next_key(t, book, key)
    return words


def _append_order(words: vec[i64], orders: vec[i64], row: i64) -> vec[i64]:
    at: i64 = row * ORDER_WIDTH
    fee_terms: i64 = orders[at + FEE_TERMS]
    is_held: bool = orders[at + BOOK] & HELD != 0
    words = append(words, orders[at + BOOK] >> BOOK_MARKET_SHIFT)
    words = append(words, terms_of(orders, row))
    words = append(words, orders[at + ID])
    words = append(words, orders[at + OWNER])
    words = append(words, limit_of(orders, row))
    words = append(words, orders[at + REMAINING])
    words = append(words, 0 if is_held else filled_of(orders, row))
    words = append(words, orders[at + EXPIRES_AT])
    words = append(words, maker_bps_of(fee_terms))
    words = append(words, reserved_bps_of(fee_terms))
    words = append(words, credit_of(fee_terms))
    return append(words, orders[at + PRICE] if is_held else 0)


def has_known_version(state: bytes) -> bool:
    """Say whether `load_state` reads bytes of this version; those of an older one only cost the time of a replay."""
    return len(state) >= _HEAD_WORDS * 8 and read_i64_le(state, 0) == STATE_VERSION


def load_state(state: bytes) -> Engine:
    """Return an engine in a canonical state. Raises `StateError` when the bytes are cut short or of another version."""
    if not has_known_version(state):
        msg = "these bytes are no engine state of a version that this program knows"
        raise StateError(msg)
    engine = Engine()
    t = engine.tables
    t.is_halted = read_i64_le(state, 8)
    t.cash_issued = read_i64_le(state, 16)
    t.next_serial = read_i64_le(state, 24)
    t.next_trade = read_i64_le(state, 32)
    t.last_time = read_i64_le(state, 40)
    t.day_ends_at = read_i64_le(state, 48)
    set_parameters(t, _read_words(state, 56, _PARAMETERS))
    counts: i64 = (7 + _PARAMETERS) * 8
    accounts: i64 = read_i64_le(state, counts)
    markets: i64 = read_i64_le(state, counts + 8)
    positions: i64 = read_i64_le(state, counts + 16)
    rows: i64 = read_i64_le(state, counts + 24)
    free: i64 = read_i64_le(state, counts + 32)
    open_orders: i64 = read_i64_le(state, counts + 40)
    limits: i64 = read_i64_le(state, counts + 48)
    words: i64 = _HEAD_WORDS + accounts * ACCOUNT_WORDS + markets * SHARES_HELD + positions * POSITION_WORDS + free
    if i64(len(state)) != (words + limits * _LIMITS_WORDS + open_orders * _ORDER_WORDS) * 8:
        msg = "the engine state does not have the length that it says"
        raise StateError(msg)
    at: i64 = _load_accounts(t, state, _HEAD_WORDS * 8, accounts)
    at = _load_markets(t, state, at, markets)
    at = _load_positions(t, state, at, positions)
    at = _load_limits(t, state, at, limits)
    at = _load_free_rows(t, state, at, rows, free)
    _load_orders(t, state, at, open_orders)
    engine.check_conservation()
    return engine


def _read_words(state: bytes, at: i64, count: i64) -> list[int]:
    words: list[int] = []
    while count > 0:
        words.append(int(read_i64_le(state, at)))
        at += 8
        count -= 1
    return words


def _load_accounts(t: Tables, state: bytes, at: i64, count: i64) -> i64:
    number: i64 = 1
    while number <= count:
        if number > t.account_count:
            add_account(t)
        column: i64 = 0
        while column < ACCOUNT_WORDS:
            t.accounts[number * ACCOUNT_WIDTH + column] = read_i64_le(state, at)
            column += 1
            at += 8
        # Resting orders are counted again, and cash is added to the total, as if by the engine itself.
        t.accounts[number * ACCOUNT_WIDTH + OPEN_ORDERS] = 0
        cash: i64 = t.accounts[number * ACCOUNT_WIDTH + CASH]
        t.accounts[number * ACCOUNT_WIDTH + CASH] = 0
        add_cash(t, t.accounts, number, cash)
        number += 1
    return at


def _load_markets(t: Tables, state: bytes, at: i64, count: i64) -> i64:
    number: i64 = 1
    while number <= count:
        add_market(t)
        column: i64 = 0
        while column < SHARES_HELD:
            t.markets[number * MARKET_WIDTH + column] = read_i64_le(state, at)
            column += 1
            at += 8
        number += 1
    return at


def _load_positions(t: Tables, state: bytes, at: i64, count: i64) -> i64:
    number: i64 = 1
    while number <= count:
        position: i64 = find_or_add_position(t, read_i64_le(state, at), read_i64_le(state, at + 8))
        column: i64 = 2
        while column < POSITION_WORDS:
            t.positions[position * POSITION_WIDTH + column] = read_i64_le(state, at + column * 8)
            column += 1
        shares: i64 = t.positions[position * POSITION_WIDTH + SHARES]
        t.positions[position * POSITION_WIDTH + SHARES] = 0
        add_shares(t, t.positions, position, shares)
        t.positions[position * POSITION_WIDTH + SHARES_ON_BID] = 0
        at += POSITION_WORDS * 8
        number += 1
    return at


def _load_limits(t: Tables, state: bytes, at: i64, count: i64) -> i64:
    while count > 0:
        limits = _read_words(state, at + 16, LIMITS_WIDTH)
        write_limits(t, read_i64_le(state, at), read_i64_le(state, at + 8), limits)
        at += _LIMITS_WORDS * 8
        count -= 1
    return at


def _load_free_rows(t: Tables, state: bytes, at: i64, rows: i64, free: i64) -> i64:
    t.order_rows = rows
    t.orders = grown(t.orders, rows * ORDER_WIDTH)
    while free > 0:
        give_row(t, t.orders, read_i64_le(state, at))
        at += 8
        free -= 1
    return at


def _load_orders(t: Tables, state: bytes, at: i64, count: i64) -> None:
    orders = t.orders
    while count > 0:
        row: i64 = _load_order(t, orders, state, at)
        order: i64 = row * ORDER_WIDTH
        enqueue(t, orders, row)
        t.accounts[orders[order + OWNER] * ACCOUNT_WIDTH + OPEN_ORDERS] += 1
        if side_of(orders[order + BOOK]) == BUY:
            t.positions[orders[order + POSITION] * POSITION_WIDTH + SHARES_ON_BID] += orders[order + REMAINING]
        watch_expiry(t, orders[order + EXPIRES_AT], orders[order + ID])
        at += _ORDER_WORDS * 8
        count -= 1


def _load_order(t: Tables, orders: vec[i64], state: bytes, at: i64) -> i64:
    """Write an order of the state into its row, in no queue yet; return the row."""
    market: i64 = read_i64_le(state, at)
    terms: i64 = read_i64_le(state, at + 8)
    order_id: i64 = read_i64_le(state, at + 16)
    account: i64 = read_i64_le(state, at + 24)
    limit: i64 = read_i64_le(state, at + 32)
    remaining: i64 = read_i64_le(state, at + 40)
    filled: i64 = read_i64_le(state, at + 48)
    stop_price: i64 = read_i64_le(state, at + 88)
    side: i64 = terms & TERMS_FIELD_MASK
    row: i64 = row_of(order_id)
    to: i64 = row * ORDER_WIDTH
    is_held: bool = stop_price != 0
    orders[to + BOOK] = held_book_of(market, side) if is_held else book_of(market, side)
    orders[to + ID] = order_id
    orders[to + OWNER] = account
    orders[to + PRICE] = stop_price if is_held else limit
    orders[to + REMAINING] = remaining
    orders[to + DETAIL] = detail_of(terms, limit if is_held else remaining + filled)
    orders[to + EXPIRES_AT] = read_i64_le(state, at + 56)
    orders[to + POSITION] = find_position(t, account, market)
    orders[to + FEE_TERMS] = pack_fee_terms(
        read_i64_le(state, at + 64), read_i64_le(state, at + 72), read_i64_le(state, at + 80)
    )
    return row
