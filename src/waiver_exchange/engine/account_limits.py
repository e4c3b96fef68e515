"""The limits of an account: its own, else its role's; set at run time and checked only where one is set."""

from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.domain.limits import (
    BPS,
    CASH_MICROS_MAX,
    NANOSECONDS_PER_SECOND,
    ORDER_VALUE_MICROS_MAX,
    ORDERS_PER_SECOND_MAX,
    WORTH_MICROS_MAX,
)
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.arithmetic import larger, smaller
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.incoming import IncomingOrder, refuse
from waiver_exchange.engine.tables import (
    ACCOUNT_WIDTH,
    BUCKET_FULL_AT,
    DAY_BASE,
    DAY_LOSS_LIMIT,
    DAY_TURNOVER,
    DAY_TURNOVER_LIMIT,
    IS_LIMITED,
    LIMITS_WIDTH,
    MARKET_WIDTH,
    OPEN_ORDERS,
    OPEN_ORDERS_LIMIT,
    ORDER_BURST_LIMIT,
    ORDER_RATE_LIMIT,
    ORDER_VALUE_LIMIT,
    OWN_LIMITS,
    PLAYING_POSITION,
    PLAYING_POSITION_LIMIT,
    POSITION_LIMIT,
    POSITION_WIDTH,
    ROLE,
    SHARES,
    SHARES_ON_BID,
    SUPPLY,
    SUPPLY_SHARE_LIMIT,
    TEAM,
    TEAM_LIMIT,
    Tables,
    add_limits,
    is_account,
)
from waiver_exchange.engine.worth import measure


def limit_of(t: Tables, account: i64, limit: i64) -> i64:
    """Return one limit of an account (a column of `limits`): its own, else its role's; 0 when there is none.

    The house has only its own: whoever limits a role must not stop the market maker.
    """
    at: i64 = account * ACCOUNT_WIDTH
    value: i64 = t.limits[t.accounts[at + OWN_LIMITS] * LIMITS_WIDTH + limit]
    if value < 0 and account != codes.HOUSE_ACCOUNT:
        value = t.limits[(t.accounts[at + ROLE] + 1) * LIMITS_WIDTH + limit]
    return larger(value, 0)


def set_role(t: Tables, account: i64, role: i64, out: EventBuffer) -> i64:
    """Say what an account is to the exchange; from now on it inherits the limits of that role."""
    if not is_account(t, account):
        return _refuse_command(out, RefusalReason.account_not_found)
    if not is_role(role):
        return _refuse_command(out, RefusalReason.role_is_unknown)
    t.accounts[account * ACCOUNT_WIDTH + ROLE] = role
    note_limited(t, account)
    out.emit2(codes.ROLE_CHANGED, account, role)
    return 0


def is_role(role: i64) -> bool:
    """Say whether the role exists."""
    return codes.ROLE_TRADER <= role <= codes.ROLE_SERVICE


def set_limits(t: Tables, scope: i64, number: i64, limits: list[int], out: EventBuffer) -> i64:
    """Set the ten limits of a role or an account, in the order of `AccountLimits`, or refuse them all."""
    if scope == codes.LIMITS_OF_ROLE:
        if not is_role(number):
            return _refuse_command(out, RefusalReason.role_is_unknown)
    elif scope != codes.LIMITS_OF_ACCOUNT:
        return _refuse_command(out, RefusalReason.limits_are_invalid)
    elif not is_account(t, number):
        return _refuse_command(out, RefusalReason.account_not_found)
    if not _are_in_range(limits):
        return _refuse_command(out, RefusalReason.limits_are_invalid)
    write_limits(t, scope, number, limits)
    to: i64 = out.open(codes.LIMITS_CHANGED, 2 + LIMITS_WIDTH)
    words = out.words
    words[to] = scope
    words[to + 1] = number
    to += 2
    for value in limits:
        words[to] = value
        to += 1
    return 0


def write_limits(t: Tables, scope: i64, number: i64, limits: list[int]) -> None:
    """Write limits that were checked before, and note which accounts are limited now."""
    row: i64 = number + 1
    if scope == codes.LIMITS_OF_ACCOUNT:
        row = t.accounts[number * ACCOUNT_WIDTH + OWN_LIMITS]
        if row == 0:
            row = add_limits(t)
            t.accounts[number * ACCOUNT_WIDTH + OWN_LIMITS] = row
    at: i64 = row * LIMITS_WIDTH
    for value in limits:
        t.limits[at] = value
        at += 1
    if scope == codes.LIMITS_OF_ACCOUNT:
        note_limited(t, number)
        return
    account: i64 = 1
    while account <= t.account_count:
        note_limited(t, account)
        account += 1


def note_limited(t: Tables, account: i64) -> None:
    """Note whether any limit is set for an account or its role, so that an order of any other costs one look."""
    is_limited: i64 = 0
    limit: i64 = 0
    while limit < LIMITS_WIDTH:
        if limit_of(t, account, limit) != 0:
            is_limited = 1
        limit += 1
    t.accounts[account * ACCOUNT_WIDTH + IS_LIMITED] = is_limited


def take_token(t: Tables, o: IncomingOrder, accounts: vec[i64]) -> i64:
    """Return 0 and take a token out of the account's bucket when there is one, else the number of the refusal.

    The bucket is one number: when it will be full again. A token takes a second divided by the rate to come back.
    """
    rate: i64 = limit_of(t, o.account, ORDER_RATE_LIMIT)
    if rate == 0:
        return 0
    burst: i64 = limit_of(t, o.account, ORDER_BURST_LIMIT)
    if burst == 0:
        burst = rate
    at: i64 = o.account * ACCOUNT_WIDTH + BUCKET_FULL_AT
    token: i64 = NANOSECONDS_PER_SECOND // rate
    # Never emptier than empty: after a change of the limits that may be less than what was taken before.
    full_at: i64 = smaller(larger(accounts[at], o.time), o.time + burst * token)
    wait: i64 = full_at + token - burst * token - o.time
    if wait > 0:
        accounts[at] = full_at
        return refuse(o, RefusalReason.account_order_rate_is_too_high, wait, rate)
    accounts[at] = full_at + token
    return 0


def refuse_by_limits(t: Tables, o: IncomingOrder, value: i64, more: i64, replaced: i64) -> i64:
    """Return 0 when the limits of its account let an order pass, else the number of the refusal.

    `value` is the order's (micro-dollars), `more` the units by which it raises what the account may come to buy,
    `replaced` the units of the open order that gives its place (0 for a new order).
    """
    limit: i64 = limit_of(t, o.account, ORDER_VALUE_LIMIT)
    if limit != 0 and value > limit:
        return refuse(o, RefusalReason.account_order_value_is_too_large, value, limit)
    limit = limit_of(t, o.account, OPEN_ORDERS_LIMIT)
    open_orders: i64 = t.accounts[o.account * ACCOUNT_WIDTH + OPEN_ORDERS]
    if limit != 0 and replaced == 0 and o.can_rest and open_orders >= limit:
        return refuse(o, RefusalReason.account_has_too_many_open_orders, open_orders, limit)
    is_larger: bool = o.side == codes.BUY and more > 0
    reason: i64 = 0
    if is_larger:
        reason = _refuse_position(t, o, more)
    if reason == 0:
        reason = _refuse_day(t, o, value, replaced)
    if reason == 0 and is_larger:
        reason = _refuse_concentration(t, o, value, replaced)
    return reason


def _refuse_position(t: Tables, o: IncomingOrder, more: i64) -> i64:
    at: i64 = o.position * POSITION_WIDTH
    units: i64 = t.positions[at + SHARES] + t.positions[at + SHARES_ON_BID] + more
    limit: i64 = limit_of(t, o.account, POSITION_LIMIT)
    if limit != 0 and units > limit:
        return refuse(o, RefusalReason.account_position_would_be_too_large, units, limit)
    bps: i64 = limit_of(t, o.account, SUPPLY_SHARE_LIMIT)
    if bps == 0:
        return 0
    limit = t.markets[o.market * MARKET_WIDTH + SUPPLY] * bps // BPS
    return refuse(o, RefusalReason.supply_share_would_be_too_large, units, limit) if units > limit else 0


def _refuse_day(t: Tables, o: IncomingOrder, value: i64, replaced: i64) -> i64:
    at: i64 = o.account * ACCOUNT_WIDTH
    loss_limit: i64 = limit_of(t, o.account, DAY_LOSS_LIMIT)
    turnover_limit: i64 = limit_of(t, o.account, DAY_TURNOVER_LIMIT)
    if loss_limit == 0 and turnover_limit == 0:
        return 0
    measure(t, o, replaced)
    loss: i64 = t.accounts[at + DAY_BASE] - o.worth
    if loss_limit != 0 and loss >= loss_limit:
        return refuse(o, RefusalReason.day_loss_limit_is_reached, loss, loss_limit)
    if turnover_limit == 0:
        return 0
    # Each is at most WORTH_MICROS_MAX, two of them within 63 bits and three not.
    turnover: i64 = smaller(t.accounts[at + DAY_TURNOVER] + o.open_worth, WORTH_MICROS_MAX) + value
    if turnover > turnover_limit:
        return refuse(o, RefusalReason.day_turnover_would_be_too_large, turnover, turnover_limit)
    return 0


def _refuse_concentration(t: Tables, o: IncomingOrder, value: i64, replaced: i64) -> i64:
    team_bps: i64 = limit_of(t, o.account, TEAM_LIMIT)
    position_bps: i64 = limit_of(t, o.account, PLAYING_POSITION_LIMIT)
    market: i64 = o.market * MARKET_WIDTH
    if t.markets[market + TEAM] == 0:
        team_bps = 0
    if t.markets[market + PLAYING_POSITION] == 0:
        position_bps = 0
    if team_bps == 0 and position_bps == 0:
        return 0
    measure(t, o, replaced)
    limit: i64 = _part_of(o.worth, team_bps)
    if team_bps != 0 and o.team_worth + value > limit:
        return refuse(o, RefusalReason.team_share_would_be_too_large, o.team_worth + value, limit)
    limit = _part_of(o.worth, position_bps)
    if position_bps != 0 and o.position_worth + value > limit:
        return refuse(o, RefusalReason.playing_position_share_would_be_too_large, o.position_worth + value, limit)
    return 0


def _part_of(micros: i64, bps: i64) -> i64:
    """Return basis points of an amount, rounded down, without leaving 63 bits on the way."""
    whole: i64 = micros // BPS
    return whole * bps + (micros - whole * BPS) * bps // BPS


def _are_in_range(p: list[int]) -> bool:
    return (
        -1 <= p[0] <= ORDER_VALUE_MICROS_MAX
        and -1 <= p[1] <= CASH_MICROS_MAX
        and -1 <= p[2] <= BPS
        and -1 <= p[3] <= CASH_MICROS_MAX
        and -1 <= p[4] <= ORDERS_PER_SECOND_MAX
        and -1 <= p[5] <= ORDERS_PER_SECOND_MAX
        and -1 <= p[6] <= CASH_MICROS_MAX
        and -1 <= p[7] <= CASH_MICROS_MAX
        and -1 <= p[8] <= BPS
        and -1 <= p[9] <= BPS
    )


def _refuse_command(out: EventBuffer, reason: i64) -> i64:
    out.emit3(codes.COMMAND_REFUSED, reason, 0, 0)
    return reason
