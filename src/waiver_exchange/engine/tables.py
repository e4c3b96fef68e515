"""Every table of the engine: flat vectors of 64-bit integers, rows linked by index, all indexes from 1 (0 = none).

A table is a vector of rows of equal width; a column is an offset into the row. Tables grow by appending rows, which
may move them: what makes a table grow is called before the table is bound to a local. Functions of the hot path take
the tables that they need as arguments, because every read of an attribute that holds one costs two reference counts.
"""

from typing import Final, final

from librt.vecs import append, vec
from mypy_extensions import i32, i64

# Accounts. DAY_BASE = what the account was worth when the day began and what the operator has put in since. From
# IS_LIMITED on the columns follow from the rest: whether any limit is set for it or its role, its row of `limits`, and
# the first of its positions. The last words pad the row.
ACCOUNT_WIDTH: Final = 16
CASH: Final = 0
CASH_HELD: Final = 1
ACCOUNT_HALT: Final = 2
OPEN_ORDERS: Final = 3
RATE_SECOND: Final = 4
RATE_COUNT: Final = 5
ROLE: Final = 6
DAY_TURNOVER: Final = 7
DAY_BASE: Final = 8
BUCKET_FULL_AT: Final = 9
IS_LIMITED: Final = 10
OWN_LIMITS: Final = 11
FIRST_POSITION: Final = 12
ACCOUNT_WORDS: Final = 10  # those of the canonical state

# Limits, in the order of `AccountLimits`, -1 where they inherit. Row 0 inherits everything; row role + 1 is a role's.
LIMITS_WIDTH: Final = 10
LIMITS_ROLES: Final = 4
ORDER_VALUE_LIMIT: Final = 0
POSITION_LIMIT: Final = 1
SUPPLY_SHARE_LIMIT: Final = 2
OPEN_ORDERS_LIMIT: Final = 3
ORDER_RATE_LIMIT: Final = 4
ORDER_BURST_LIMIT: Final = 5
DAY_LOSS_LIMIT: Final = 6
DAY_TURNOVER_LIMIT: Final = 7
TEAM_LIMIT: Final = 8
PLAYING_POSITION_LIMIT: Final = 9

# Markets. BAND is -1 for the exchange's. SHARES_HELD is the running sum of all quantities, compared with SUPPLY after
# every batch.
MARKET_WIDTH: Final = 12
SUPPLY: Final = 0
REFERENCE_PRICE: Final = 1
LAST_PRICE: Final = 2
HALT_CAUSE: Final = 3
HALTED_UNTIL: Final = 4
BREAKER_PRICE: Final = 5
BREAKER_TIME: Final = 6
BOOK_SEQUENCE: Final = 7
BAND: Final = 8
TEAM: Final = 9
PLAYING_POSITION: Final = 10
SHARES_HELD: Final = 11

# Positions; NEXT_POSITION is the next one of the same account.
POSITION_WIDTH: Final = 8
POSITION_ACCOUNT: Final = 0
POSITION_MARKET: Final = 1
SHARES: Final = 2
SHARES_ON_OFFER: Final = 3
SHARES_ON_BID: Final = 4
COST: Final = 5
REALIZED: Final = 6
NEXT_POSITION: Final = 7
POSITION_WORDS: Final = 7  # those of the canonical state

# Orders that rest or are held. LEVEL = where the order's price level lies in `leaves`. FEE_TERMS = maker bps | reserved
# bps << 16 | credit << 32. DETAIL = terms | value << 20: of a resting order the quantity that it had (what is filled
# follows from it, so that no trade need write it), of a held one its limit. PRICE is what it is queued by: a held
# order's stop price. A free row has ID 0 and NEXT = the row freed before it.
ORDER_WIDTH: Final = 12
NEXT: Final = 0
PREVIOUS: Final = 1
REMAINING: Final = 2
PRICE: Final = 3
OWNER: Final = 4
POSITION: Final = 5
BOOK: Final = 6
ID: Final = 7
LEVEL: Final = 8
FEE_TERMS: Final = 9
EXPIRES_AT: Final = 10
DETAIL: Final = 11
DETAIL_SHIFT: Final = 20
DETAIL_UNIT: Final = 1_048_576
# The order table grows by this many rows at once.
ORDER_ROWS_CHUNK: Final = 256

# Book sides, by BOOK = market << 2 | one of four: bids, asks, held sells, held buys. Bids and held sells are queued
# from the highest price, asks and held buys from the lowest, so the last bit alone says which way a ladder runs.
BIDS: Final = 0
ASKS: Final = 1
HELD_SELLS: Final = 2
HELD_BUYS: Final = 3
BOOKS_PER_MARKET: Final = 4
BOOK_MARKET_SHIFT: Final = 2
HELD: Final = 2

# A book side has the root of the price ladder, the best key in it, and where the level of that key lies in `leaves`
# (while there is one). The fourth word pads the row.
BOOK_WIDTH: Final = 4
ROOT: Final = 0
BEST_KEY: Final = 1
BEST_LEVEL: Final = 2

# Price ladder, a radix tree over 20-bit keys, 32 ways a level: three inner levels of a bitmap and 32 children, then a
# leaf of a bitmap and 32 price levels (head row, tail row, total quantity). A leaf with orders stays where it is.
INNER_WIDTH: Final = 33
LEAF_WIDTH: Final = 97
LEVEL_WIDTH: Final = 3
HEAD: Final = 0
TAIL: Final = 1
TOTAL: Final = 2
KEY_MAX: Final = 1_048_575
NO_KEY: Final = 1_048_576


def grown(table: vec[i64], count: i64) -> vec[i64]:
    """Return the table with `count` more words of zero."""
    while count > 0:
        table = append(table, 0)
        count -= 1
    return table


@final
class Tables:
    """The whole state of the engine. Only the modules of this package write to it."""

    def __init__(self) -> None:
        """Make the state of an exchange that has executed nothing: the house and the default parameters."""
        self.is_halted: i64 = 0
        self.last_time: i64 = 0
        self.day_ends_at: i64 = 0
        self.cash_issued: i64 = 0
        self.cash_total: i64 = 0
        self.next_serial: i64 = 1
        self.next_trade: i64 = 1

        self.maker_fee_bps: i64 = 0
        self.taker_fee_bps: i64 = 0
        self.collar_bps: i64 = 0
        self.band_bps: i64 = 0
        self.breaker_bps: i64 = 0
        self.breaker_window: i64 = 0
        self.breaker_halt: i64 = 0
        self.order_value_max: i64 = 0
        self.position_max: i64 = 0
        self.open_orders_max: i64 = 0
        self.orders_per_second_max: i64 = 0
        self.lifetime_default: i64 = 0
        self.lifetime_max: i64 = 0

        self.accounts: vec[i64] = grown(vec[i64](), ACCOUNT_WIDTH)
        self.account_count: i64 = 0
        self.limits: vec[i64] = vec[i64]()
        self.limit_rows: i64 = 0
        self.markets: vec[i64] = grown(vec[i64](), MARKET_WIDTH)
        self.market_count: i64 = 0
        self.books: vec[i64] = grown(vec[i64](), BOOKS_PER_MARKET * BOOK_WIDTH)
        self.positions: vec[i64] = grown(vec[i64](), POSITION_WIDTH)
        self.position_count: i64 = 0
        # Open addressing: position numbers hashed by account and market; the length is a power of two.
        self.position_index: vec[i32] = _empty_index(64)

        self.orders: vec[i64] = grown(vec[i64](), ORDER_WIDTH)
        self.order_rows: i64 = 0
        self.free_row: i64 = 0
        self.free_rows: i64 = 0
        # Resting and held.
        self.open_orders: i64 = 0

        self.inner: vec[i64] = grown(vec[i64](), INNER_WIDTH)
        self.inner_free: i64 = 0
        self.leaves: vec[i64] = grown(vec[i64](), LEAF_WIDTH)
        self.leaf_free: i64 = 0

        # A binary heap of (expires at, order id); entries of orders that left early are dropped when they surface.
        self.expiries: vec[i64] = vec[i64]()
        self.expiry_count: i64 = 0

        # Where `read_ahead` leaves what it read; it means nothing.
        self.seen_ahead: i64 = 0

        while self.limit_rows <= LIMITS_ROLES:
            add_limits(self)
        add_account(self)


def add_account(t: Tables) -> i64:
    """Append an account and return its number."""
    t.accounts = grown(t.accounts, ACCOUNT_WIDTH)
    t.account_count += 1
    return t.account_count


def add_limits(t: Tables) -> i64:
    """Append a row of limits that inherits everything and return its number."""
    limits = t.limits
    column: i64 = 0
    while column < LIMITS_WIDTH:
        limits = append(limits, i64(-1))
        column += 1
    t.limits = limits
    t.limit_rows += 1
    return t.limit_rows - 1


def add_market(t: Tables) -> i64:
    """Append a market with its four empty book sides and return its number."""
    t.markets = grown(t.markets, MARKET_WIDTH)
    t.market_count += 1
    t.markets[t.market_count * MARKET_WIDTH + BAND] = -1
    books = grown(t.books, BOOKS_PER_MARKET * BOOK_WIDTH)
    at: i64 = t.market_count * BOOKS_PER_MARKET * BOOK_WIDTH
    while at < i64(len(books)):
        books[at + BEST_KEY] = NO_KEY
        at += BOOK_WIDTH
    t.books = books
    return t.market_count


def _slot_of(account: i64, market: i64) -> i64:
    # Fibonacci hashing of the pair; the high bits are the well mixed ones.
    return ((account * 65536 + market) * 2654435769) >> 24


def find_position(t: Tables, account: i64, market: i64) -> i64:
    """Return the number of the position of an account in a market, or 0."""
    index = t.position_index
    positions = t.positions
    mask: i64 = i64(len(index)) - 1
    slot: i64 = _slot_of(account, market) & mask
    while True:
        number: i64 = i64(index[slot])
        if number == 0:
            return 0
        at: i64 = number * POSITION_WIDTH
        if positions[at + POSITION_ACCOUNT] == account and positions[at + POSITION_MARKET] == market:
            return number
        slot = (slot + 1) & mask


def find_or_add_position(t: Tables, account: i64, market: i64) -> i64:
    """Return the number of the position of an account in a market, made if it did not exist."""
    number: i64 = find_position(t, account, market)
    if number != 0:
        return number
    positions = grown(t.positions, POSITION_WIDTH)
    t.position_count += 1
    number = t.position_count
    at: i64 = number * POSITION_WIDTH
    positions[at + POSITION_ACCOUNT] = account
    positions[at + POSITION_MARKET] = market
    owner: i64 = account * ACCOUNT_WIDTH
    positions[at + NEXT_POSITION] = t.accounts[owner + FIRST_POSITION]
    t.accounts[owner + FIRST_POSITION] = number
    t.positions = positions
    if t.position_count * 2 > i64(len(t.position_index)):
        _rebuild_position_index(t)
    else:
        _index_position(t.position_index, account, market, number)
    return number


def _empty_index(size: i64) -> vec[i32]:
    index = vec[i32](capacity=size)
    while size > 0:
        index = append(index, i32(0))
        size -= 1
    return index


def _index_position(index: vec[i32], account: i64, market: i64, number: i64) -> None:
    mask: i64 = i64(len(index)) - 1
    slot: i64 = _slot_of(account, market) & mask
    while index[slot] != 0:
        slot = (slot + 1) & mask
    index[slot] = i32(number)


def _rebuild_position_index(t: Tables) -> None:
    index = _empty_index(i64(len(t.position_index)) * 2)
    positions = t.positions
    number: i64 = 1
    while number <= t.position_count:
        at: i64 = number * POSITION_WIDTH
        _index_position(index, positions[at + POSITION_ACCOUNT], positions[at + POSITION_MARKET], number)
        number += 1
    t.position_index = index


def book_of(market: i64, place: i64) -> i64:
    """Return one of the four book sides of a market."""
    return market * BOOKS_PER_MARKET + place


def held_book_of(market: i64, side: i64) -> i64:
    """Return the book side in which a market's held orders of a side wait."""
    return market * BOOKS_PER_MARKET + HELD_BUYS - side


def side_of(book: i64) -> i64:
    """Return whether the orders of a book side buy or sell."""
    return (book ^ (book >> 1)) & 1


def is_account(t: Tables, account: i64) -> bool:
    """Say whether the account exists."""
    return 1 <= account <= t.account_count


def is_market(t: Tables, market: i64) -> bool:
    """Say whether the market exists."""
    return 1 <= market <= t.market_count
