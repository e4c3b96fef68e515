"""Moving cash and shares: every leg is written here, and the running totals with it."""

from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.domain.codes import CASH_CHANGED, HOLDING_CHANGED
from waiver_exchange.domain.limits import WORTH_MICROS_MAX
from waiver_exchange.engine.arithmetic import smaller
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.invariant import fail
from waiver_exchange.engine.tables import (
    ACCOUNT_WIDTH,
    CASH,
    CASH_HELD,
    COST,
    DAY_TURNOVER,
    MARKET_WIDTH,
    POSITION_ACCOUNT,
    POSITION_MARKET,
    POSITION_WIDTH,
    REALIZED,
    SHARES,
    SHARES_HELD,
    SHARES_ON_OFFER,
    SUPPLY,
    Tables,
)


def add_cash(t: Tables, accounts: vec[i64], account: i64, micros: i64) -> None:
    """Change an account's cash by micro-dollars and the exchange's total with it."""
    at: i64 = account * ACCOUNT_WIDTH + CASH
    cash: i64 = accounts[at] + micros
    if cash < 0:
        fail("an account's cash is never negative")
    accounts[at] = cash
    t.cash_total += micros


def add_shares(t: Tables, positions: vec[i64], position: i64, units: i64) -> None:
    """Change a position's shares and its market's total with it."""
    at: i64 = position * POSITION_WIDTH
    shares: i64 = positions[at + SHARES] + units
    if shares < 0:
        fail("a holding is never negative")
    positions[at + SHARES] = shares
    t.markets[positions[at + POSITION_MARKET] * MARKET_WIDTH + SHARES_HELD] += units


def count_turnover(accounts: vec[i64], account: i64, value: i64) -> None:
    """Add the value of a trade (micro-dollars) to what an account has traded today."""
    at: i64 = account * ACCOUNT_WIDTH + DAY_TURNOVER
    accounts[at] = smaller(accounts[at] + value, WORTH_MICROS_MAX)


def take_cost(positions: vec[i64], position: i64, units: i64) -> i64:
    """Take the cost (micro-dollars) of a part of a position out of it, before the shares themselves; return it."""
    at: i64 = position * POSITION_WIDTH
    shares: i64 = positions[at + SHARES]
    cost: i64 = positions[at + COST]
    if shares <= 0:
        fail("cost is taken out of a holding that has shares")
    per_unit: i64 = cost // shares
    part: i64 = per_unit * units + (cost - per_unit * shares) * units // shares
    positions[at + COST] = cost - part
    return part


def buy(
    t: Tables,
    accounts: vec[i64],
    positions: vec[i64],
    account: i64,
    position: i64,
    units: i64,
    value: i64,
    fee: i64,
) -> None:
    """Settle the buyer's side of a trade: pay value and fee, receive shares."""
    add_cash(t, accounts, account, -(value + fee))
    count_turnover(accounts, account, value)
    add_shares(t, positions, position, units)
    positions[position * POSITION_WIDTH + COST] += value + fee


def sell(
    t: Tables,
    accounts: vec[i64],
    positions: vec[i64],
    account: i64,
    position: i64,
    units: i64,
    value: i64,
    fee: i64,
) -> None:
    """Settle the seller's side of a trade: deliver shares, receive the value less the fee."""
    cost: i64 = take_cost(positions, position, units)
    add_shares(t, positions, position, -units)
    add_cash(t, accounts, account, value - fee)
    count_turnover(accounts, account, value)
    positions[position * POSITION_WIDTH + REALIZED] += value - fee - cost


def emit_cash(out: EventBuffer, accounts: vec[i64], account: i64) -> None:
    """Write an account's cash as an event."""
    at: i64 = account * ACCOUNT_WIDTH
    out.emit3(CASH_CHANGED, account, accounts[at + CASH], accounts[at + CASH_HELD])


def emit_holding(out: EventBuffer, positions: vec[i64], position: i64) -> None:
    """Write a position as an event."""
    at: i64 = position * POSITION_WIDTH
    to: i64 = out.open(HOLDING_CHANGED, 6)
    words = out.words
    words[to] = positions[at + POSITION_ACCOUNT]
    words[to + 1] = positions[at + POSITION_MARKET]
    words[to + 2] = positions[at + SHARES]
    words[to + 3] = positions[at + SHARES_ON_OFFER]
    words[to + 4] = positions[at + COST]
    words[to + 5] = positions[at + REALIZED]


def check_account(accounts: vec[i64], account: i64) -> None:
    """Raise `InvariantError` unless what an account holds back is a part of its cash."""
    held: i64 = accounts[account * ACCOUNT_WIDTH + CASH_HELD]
    if held < 0 or held > accounts[account * ACCOUNT_WIDTH + CASH]:
        fail("held cash is a part of the cash")


def check_position(positions: vec[i64], position: i64) -> None:
    """Raise `InvariantError` unless what is on offer is a part of the holding."""
    held: i64 = positions[position * POSITION_WIDTH + SHARES_ON_OFFER]
    if held < 0 or held > positions[position * POSITION_WIDTH + SHARES]:
        fail("held shares are a part of the holding")


def check_market(t: Tables, market: i64) -> None:
    """Raise `InvariantError` unless the shares held in a market are its supply."""
    at: i64 = market * MARKET_WIDTH
    if t.markets[at + SHARES_HELD] != t.markets[at + SUPPLY]:
        fail("shares held in a market equal its supply")


def check_cash(t: Tables) -> None:
    """Raise `InvariantError` unless the cash held is the cash issued."""
    if t.cash_total != t.cash_issued:
        fail("cash held equals cash issued")
