"""What accounts are worth: cash and shares at the reference price, now and when the trading day began."""

from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.domain.limits import QUANTITY_UNITS_MAX, TRADING_DAY_NS_MAX, WORTH_MICROS_MAX
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.arithmetic import larger, smaller
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.incoming import IncomingOrder
from waiver_exchange.engine.tables import (
    ACCOUNT_WIDTH,
    CASH,
    CASH_HELD,
    DAY_BASE,
    DAY_TURNOVER,
    FIRST_POSITION,
    MARKET_WIDTH,
    NEXT_POSITION,
    PLAYING_POSITION,
    POSITION_ACCOUNT,
    POSITION_MARKET,
    POSITION_WIDTH,
    REFERENCE_PRICE,
    SHARES,
    SHARES_ON_BID,
    SHARES_ON_OFFER,
    TEAM,
    Tables,
)


def measure(t: Tables, o: IncomingOrder, replaced: i64) -> None:
    """Set what an order's account is worth, could still trade with its open orders, and has of the market's classes.

    Of the market's team and of its playing position it has its shares and its open buys in all their markets.
    `replaced` are units of an open order that is left out, because the order takes its place. A walk over all the
    account's positions: only for an order whose account has a limit that asks for it.
    """
    accounts = t.accounts
    positions = t.positions
    markets = t.markets
    team: i64 = markets[o.market * MARKET_WIDTH + TEAM]
    playing: i64 = markets[o.market * MARKET_WIDTH + PLAYING_POSITION]
    worth: i64 = accounts[o.account * ACCOUNT_WIDTH + CASH]
    open_worth: i64 = accounts[o.account * ACCOUNT_WIDTH + CASH_HELD]
    if replaced != 0 and o.side == codes.BUY:
        open_worth -= o.replaced_hold
    of_team: i64 = 0
    of_playing: i64 = 0
    position: i64 = accounts[o.account * ACCOUNT_WIDTH + FIRST_POSITION]
    while position != 0:
        at: i64 = position * POSITION_WIDTH
        market: i64 = positions[at + POSITION_MARKET] * MARKET_WIDTH
        price: i64 = markets[market + REFERENCE_PRICE]
        worth = smaller(worth + positions[at + SHARES] * price, WORTH_MICROS_MAX)
        units: i64 = positions[at + SHARES] + positions[at + SHARES_ON_BID]
        offered: i64 = positions[at + SHARES_ON_OFFER]
        if position == o.position and o.side == codes.BUY:
            units -= replaced
        elif position == o.position:
            offered -= replaced
        open_worth = smaller(open_worth + offered * price, WORTH_MICROS_MAX)
        if markets[market + TEAM] == team:
            of_team = smaller(of_team + _value(units, price), WORTH_MICROS_MAX)
        if markets[market + PLAYING_POSITION] == playing:
            of_playing = smaller(of_playing + _value(units, price), WORTH_MICROS_MAX)
        position = positions[at + NEXT_POSITION]
    o.worth = worth
    o.open_worth = open_worth
    o.team_worth = of_team
    o.position_worth = of_playing


def _value(units: i64, price: i64) -> i64:
    """Return what units are worth; open buys far below the reference price can be of more units than ever were."""
    if units > QUANTITY_UNITS_MAX and price != 0 and units > WORTH_MICROS_MAX // price:
        return WORTH_MICROS_MAX
    return units * price


def put_in(t: Tables, account: i64, micros: i64) -> None:
    """Count what the operator put into an account, or took out (less than 0), as no gain and no loss of the day."""
    at: i64 = account * ACCOUNT_WIDTH + DAY_BASE
    t.accounts[at] = smaller(larger(t.accounts[at] + micros, -WORTH_MICROS_MAX), WORTH_MICROS_MAX)


def put_in_shares(t: Tables, position: i64, units: i64) -> None:
    """Count shares that the operator put into a position, or took out, at the reference price."""
    at: i64 = position * POSITION_WIDTH
    price: i64 = t.markets[t.positions[at + POSITION_MARKET] * MARKET_WIDTH + REFERENCE_PRICE]
    put_in(t, t.positions[at + POSITION_ACCOUNT], units * price)


def begin_day(t: Tables, ends_at: i64, out: EventBuffer) -> i64:
    """Begin a trading day: losses and turnover of every account count from here."""
    if ends_at <= t.last_time or ends_at <= t.day_ends_at or ends_at - t.last_time > TRADING_DAY_NS_MAX:
        reason: i64 = RefusalReason.trading_day_is_invalid
        out.emit3(codes.COMMAND_REFUSED, reason, 0, 0)
        return reason
    t.day_ends_at = ends_at
    accounts = t.accounts
    account: i64 = 1
    while account <= t.account_count:
        accounts[account * ACCOUNT_WIDTH + DAY_TURNOVER] = 0
        accounts[account * ACCOUNT_WIDTH + DAY_BASE] = accounts[account * ACCOUNT_WIDTH + CASH]
        account += 1
    position: i64 = 1
    while position <= t.position_count:
        put_in_shares(t, position, t.positions[position * POSITION_WIDTH + SHARES])
        position += 1
    out.emit1(codes.DAY_BEGUN, ends_at)
    return 0
