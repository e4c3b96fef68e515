"""Limits of roles and accounts: setting them, and the checks of an order; days, classes and bands with them."""

from dataclasses import astuple
from functools import cache

from tests.model.rules import find_account, find_market, hold_of, part_of, refuse
from tests.model.state import Account, Exchange, Market, Order, Position
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.commands import AccountLimits, CommandRecord
from waiver_exchange.domain.events import (
    DayBegun,
    Event,
    LimitsChanged,
    MarketBandChanged,
    MarketClassified,
    RoleChanged,
)
from waiver_exchange.domain.refusals import RefusalReason

_ROLES = (codes.ROLE_TRADER, codes.ROLE_OPERATOR, codes.ROLE_AUDITOR, codes.ROLE_SERVICE)
_HIGHEST = AccountLimits(
    order_value_micros_max=limits.ORDER_VALUE_MICROS_MAX,
    position_units_max=limits.CASH_MICROS_MAX,
    supply_share_bps_max=10_000,
    open_orders_max=limits.CASH_MICROS_MAX,
    orders_per_second=1_000_000,
    orders_burst=1_000_000,
    day_loss_micros_max=limits.CASH_MICROS_MAX,
    day_turnover_micros_max=limits.CASH_MICROS_MAX,
    team_bps_max=10_000,
    playing_position_bps_max=10_000,
)
_INHERITED = AccountLimits()
_TWO_DAYS_NS = 48 * 3_600 * limits.NANOSECONDS_PER_SECOND


def set_role(exchange: Exchange, command: CommandRecord) -> list[Event]:
    account = find_account(exchange, command.account)
    account.role = _known_role(command.words[3])
    return [RoleChanged(account.id, account.role)]


def _known_role(role: int) -> int:
    if role not in _ROLES:
        refuse(RefusalReason.role_is_unknown)
    return role


def set_limits(exchange: Exchange, command: CommandRecord) -> list[Event]:
    scope, number, *values = command.words[3:]
    if scope == codes.LIMITS_OF_ROLE:
        _known_role(number)
    elif scope == codes.LIMITS_OF_ACCOUNT:
        find_account(exchange, number)
    else:
        refuse(RefusalReason.limits_are_invalid)
    if not all(-1 <= value <= highest for value, highest in zip(values, astuple(_HIGHEST), strict=True)):
        refuse(RefusalReason.limits_are_invalid)
    names = AccountLimits.__dataclass_fields__
    exchange.limits[scope, number] = AccountLimits(**dict(zip(names, values, strict=True)))
    return [LimitsChanged(scope, number, *values)]


def begin_day(exchange: Exchange, command: CommandRecord) -> list[Event]:
    ends_at = command.words[3]
    if ends_at <= max(exchange.time, exchange.day_ends_at) or ends_at > exchange.time + _TWO_DAYS_NS:
        refuse(RefusalReason.trading_day_is_invalid)
    exchange.day_ends_at = ends_at
    for account in exchange.accounts.values():
        account.day_turnover = 0
        account.day_base = worth_of(exchange, account)
    return [DayBegun(ends_at)]


def classify_market(exchange: Exchange, command: CommandRecord) -> list[Event]:
    market_id, team, playing_position = command.words[3:]
    market = find_market(exchange, market_id)
    if not (0 <= team <= 65_535 and 0 <= playing_position <= 65_535):
        refuse(RefusalReason.classification_is_invalid)
    market.team, market.playing_position = team, playing_position
    return [MarketClassified(market.id, team, playing_position)]


def set_market_band(exchange: Exchange, command: CommandRecord) -> list[Event]:
    market_id, bps = command.words[3:]
    market = find_market(exchange, market_id)
    if bps not in range(-1, 10_000):
        refuse(RefusalReason.band_is_invalid)
    market.band = bps
    return [MarketBandChanged(market.id, bps)]


def limits_of(exchange: Exchange, account: Account) -> AccountLimits:
    """What holds for an account: what it does not say itself its role says, unless it is the house; else 0."""
    own = exchange.limits.get((codes.LIMITS_OF_ACCOUNT, account.id), _INHERITED)
    if account.id == codes.HOUSE_ACCOUNT:
        return _in_force(own, _INHERITED)
    of_role = exchange.limits.get((codes.LIMITS_OF_ROLE, account.role), _INHERITED)
    return _in_force(own, of_role)


@cache
def _in_force(own: AccountLimits, of_role: AccountLimits) -> AccountLimits:
    pairs = zip(astuple(own), astuple(of_role), strict=True)
    values = [next((value for value in pair if value != -1), 0) for pair in pairs]
    return AccountLimits(**dict(zip(AccountLimits.__dataclass_fields__, values, strict=True)))


def worth_of(exchange: Exchange, account: Account) -> int:
    """Cash and shares at the reference price."""
    shares = sum(
        position.quantity * exchange.markets[position.market].reference
        for position in exchange.positions.values()
        if position.account == account.id
    )
    return min(account.cash + shares, limits.WORTH_MICROS_MAX)


def put_in(account: Account, micros: int) -> None:
    """What the operator gives or takes is no gain and no loss of the day."""
    account.day_base = max(-limits.WORTH_MICROS_MAX, min(limits.WORTH_MICROS_MAX, account.day_base + micros))


def count_turnover(account: Account, value: int) -> None:
    account.day_turnover = min(limits.WORTH_MICROS_MAX, account.day_turnover + value)


def take_token(exchange: Exchange, account: Account) -> None:
    """Rule 2a."""
    if not exchange.limits:
        return
    own = limits_of(exchange, account)
    if not own.orders_per_second:
        return
    token = limits.NANOSECONDS_PER_SECOND // own.orders_per_second
    whole = token * (own.orders_burst or own.orders_per_second)
    full_at = min(max(account.bucket_full_at, exchange.time), exchange.time + whole)
    account.bucket_full_at = full_at
    wait = full_at + token - whole - exchange.time
    if wait > 0:
        refuse(RefusalReason.account_order_rate_is_too_high, wait, own.orders_per_second)
    account.bucket_full_at += token


def check_limits(
    exchange: Exchange,
    account: Account,
    market: Market,
    *,
    value: int,
    opens: bool,
    buys: int,
    replaced: Order | None = None,
) -> None:
    """Rules 13a to 13h.

    `opens` is whether one more order may come to rest; `buys` is by how many units the order raises what the account
    may come to own, 0 or less when that does not count; `replaced` is the open order whose place it takes.
    """
    if not exchange.limits:
        return
    own = limits_of(exchange, account)
    if own.order_value_micros_max and value > own.order_value_micros_max:
        refuse(RefusalReason.account_order_value_is_too_large, value, own.order_value_micros_max)
    if own.open_orders_max and opens and account.resting_orders >= own.open_orders_max:
        refuse(RefusalReason.account_has_too_many_open_orders, account.resting_orders, own.open_orders_max)
    if buys > 0:
        position = exchange.look_at_position(account=account.id, market=market.id)
        _check_position(own, market, position.quantity + position.resting_buys + buys)
    _check_day(exchange, own, account, value=value, replaced=replaced)
    if buys > 0:
        _check_concentration(
            exchange, own, account, market, value=value, replaced=replaced.remaining if replaced else 0
        )


def _check_position(own: AccountLimits, market: Market, possible: int) -> None:
    if own.position_units_max and possible > own.position_units_max:
        refuse(RefusalReason.account_position_would_be_too_large, possible, own.position_units_max)
    most = part_of(market.supply, bps=own.supply_share_bps_max)
    if own.supply_share_bps_max and possible > most:
        refuse(RefusalReason.supply_share_would_be_too_large, possible, most)


def _check_day(exchange: Exchange, own: AccountLimits, account: Account, *, value: int, replaced: Order | None) -> None:
    if own.day_loss_micros_max:
        loss = account.day_base - worth_of(exchange, account)
        if loss >= own.day_loss_micros_max:
            refuse(RefusalReason.day_loss_limit_is_reached, loss, own.day_loss_micros_max)
    if own.day_turnover_micros_max:
        so_far = account.day_turnover + _still_to_trade(exchange, account, besides=replaced)
        turnover = min(so_far, limits.WORTH_MICROS_MAX) + value
        if turnover > own.day_turnover_micros_max:
            refuse(RefusalReason.day_turnover_would_be_too_large, turnover, own.day_turnover_micros_max)


def _still_to_trade(exchange: Exchange, account: Account, *, besides: Order | None) -> int:
    """What the open orders could still trade, but for one: the buys what they hold, the sells at reference prices."""
    buys = account.held
    sells = sum(
        position.held * exchange.markets[position.market].reference for position in _positions_of(exchange, account)
    )
    if besides is not None and besides.side == codes.BUY:
        buys -= hold_of(besides)
    elif besides is not None:
        sells -= besides.remaining * exchange.markets[besides.market].reference
    return buys + sells


def _check_concentration(
    exchange: Exchange, own: AccountLimits, account: Account, market: Market, *, value: int, replaced: int
) -> None:
    worth = worth_of(exchange, account)

    def check(name: str, bps: int, reason: RefusalReason) -> None:
        kind = getattr(market, name)
        if bps and kind:
            alike = [
                position for position in _positions_of(exchange, account) if _kind(exchange, position, name) == kind
            ]
            engaged = sum(_engaged(exchange, position) for position in alike) - replaced * market.reference
            needed = min(engaged, limits.WORTH_MICROS_MAX) + value
            if needed > part_of(worth, bps=bps):
                refuse(reason, needed, part_of(worth, bps=bps))

    check("team", own.team_bps_max, RefusalReason.team_share_would_be_too_large)
    check("playing_position", own.playing_position_bps_max, RefusalReason.playing_position_share_would_be_too_large)


def _positions_of(exchange: Exchange, account: Account) -> list[Position]:
    return [position for position in exchange.positions.values() if position.account == account.id]


def _kind(exchange: Exchange, position: Position, name: str) -> int:
    kind = getattr(exchange.markets[position.market], name)
    assert isinstance(kind, int)
    return kind


def _engaged(exchange: Exchange, position: Position) -> int:
    """What an account owns and may still buy in a market, at the reference price."""
    return (position.quantity + position.resting_buys) * exchange.markets[position.market].reference
