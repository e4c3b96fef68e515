"""The operator's commands: accounts, cash, listings, shares, halts and parameters."""

from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.domain.limits import (
    BPS,
    CASH_MICROS_MAX,
    CLASS_MAX,
    DURATION_NS_MAX,
    FEE_BPS_MAX,
    ORDER_VALUE_MICROS_MAX,
    PRICE_CENTS_MAX,
    QUANTITY_UNITS_MAX,
)
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.account_limits import note_limited
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.settlement import add_cash, add_shares, emit_cash, emit_holding, take_cost
from waiver_exchange.engine.tables import (
    ACCOUNT_HALT,
    ACCOUNT_WIDTH,
    BAND,
    BREAKER_PRICE,
    BREAKER_TIME,
    COST,
    HALT_CAUSE,
    HALTED_UNTIL,
    MARKET_WIDTH,
    PLAYING_POSITION,
    POSITION_WIDTH,
    REALIZED,
    REFERENCE_PRICE,
    SHARES,
    SHARES_ON_OFFER,
    SUPPLY,
    TEAM,
    Tables,
    add_account,
    add_market,
    find_or_add_position,
    is_account,
    is_market,
)
from waiver_exchange.engine.worth import put_in, put_in_shares


def refuse(out: EventBuffer, reason: i64, required: i64, available: i64) -> i64:
    """Write the refusal of a command that is no order, and return its number."""
    out.emit3(codes.COMMAND_REFUSED, reason, required, available)
    return reason


def is_settled(t: Tables, market: i64) -> bool:
    """Say whether a market that exists is over for ever."""
    return t.markets[market * MARKET_WIDTH + HALT_CAUSE] == codes.HALT_BY_SETTLEMENT


def open_account(t: Tables, out: EventBuffer) -> i64:
    """Open the next account."""
    account: i64 = add_account(t)
    # Its role is the first one, which may have limits.
    note_limited(t, account)
    out.emit1(codes.ACCOUNT_OPENED, account)
    return 0


def deposit_cash(t: Tables, account: i64, amount: i64, out: EventBuffer) -> i64:
    """Issue cash (micro-dollars) to an account."""
    if not is_account(t, account):
        return refuse(out, RefusalReason.account_not_found, 0, 0)
    if amount <= 0:
        return refuse(out, RefusalReason.amount_must_be_positive, 0, 0)
    if amount > CASH_MICROS_MAX - t.cash_issued:
        return refuse(out, RefusalReason.cash_issued_would_be_too_large, 0, 0)
    t.cash_issued += amount
    add_cash(t, t.accounts, account, amount)
    put_in(t, account, amount)
    out.emit2(codes.CASH_DEPOSITED, account, amount)
    emit_cash(out, t.accounts, account)
    return 0


def list_market(t: Tables, supply: i64, reference: i64, out: EventBuffer) -> i64:
    """List a market: its supply (units) goes to the house; a reference price (cents) of 0 means none yet."""
    if supply <= 0:
        return refuse(out, RefusalReason.supply_must_be_positive, 0, 0)
    if supply > QUANTITY_UNITS_MAX:
        return refuse(out, RefusalReason.supply_would_be_too_large, 0, 0)
    if reference < 0:
        return refuse(out, RefusalReason.price_must_be_positive, 0, 0)
    if reference > PRICE_CENTS_MAX:
        return refuse(out, RefusalReason.price_is_too_high, 0, 0)
    market: i64 = add_market(t)
    at: i64 = market * MARKET_WIDTH
    t.markets[at + SUPPLY] = supply
    t.markets[at + REFERENCE_PRICE] = reference
    position: i64 = find_or_add_position(t, codes.HOUSE_ACCOUNT, market)
    add_shares(t, t.positions, position, supply)
    put_in_shares(t, position, supply)
    out.emit3(codes.MARKET_LISTED, market, supply, reference)
    out.emit3(codes.SHARES_ISSUED, market, supply, supply)
    emit_holding(out, t.positions, position)
    return 0


def grant_shares(t: Tables, account: i64, market: i64, units: i64, out: EventBuffer) -> i64:
    """Move shares from the house to an account, at the reference price as the receiver's cost."""
    if not is_account(t, account):
        return refuse(out, RefusalReason.account_not_found, 0, 0)
    if account == codes.HOUSE_ACCOUNT:
        return refuse(out, RefusalReason.house_cannot_be_granted_shares, 0, 0)
    if not is_market(t, market):
        return refuse(out, RefusalReason.market_not_found, 0, 0)
    if is_settled(t, market):
        return refuse(out, RefusalReason.market_is_settled, 0, 0)
    if units <= 0:
        return refuse(out, RefusalReason.quantity_must_be_positive, 0, 0)
    house: i64 = find_or_add_position(t, codes.HOUSE_ACCOUNT, market)
    house_at: i64 = house * POSITION_WIDTH
    available: i64 = t.positions[house_at + SHARES] - t.positions[house_at + SHARES_ON_OFFER]
    if units > available:
        return refuse(out, RefusalReason.insufficient_shares, units, available)
    receiver: i64 = find_or_add_position(t, account, market)
    cost: i64 = take_cost(t.positions, house, units)
    t.positions[house_at + REALIZED] -= cost
    add_shares(t, t.positions, house, -units)
    add_shares(t, t.positions, receiver, units)
    put_in_shares(t, house, -units)
    put_in_shares(t, receiver, units)
    t.positions[receiver * POSITION_WIDTH + COST] += t.markets[market * MARKET_WIDTH + REFERENCE_PRICE] * units
    out.emit3(codes.SHARES_GRANTED, account, market, units)
    emit_holding(out, t.positions, house)
    emit_holding(out, t.positions, receiver)
    return 0


def issue_shares(t: Tables, market: i64, units: i64, out: EventBuffer) -> i64:
    """Raise a market's supply; the new shares go to the house."""
    if not is_market(t, market):
        return refuse(out, RefusalReason.market_not_found, 0, 0)
    if is_settled(t, market):
        return refuse(out, RefusalReason.market_is_settled, 0, 0)
    if units <= 0:
        return refuse(out, RefusalReason.quantity_must_be_positive, 0, 0)
    at: i64 = market * MARKET_WIDTH
    if units > QUANTITY_UNITS_MAX - t.markets[at + SUPPLY]:
        return refuse(out, RefusalReason.supply_would_be_too_large, 0, 0)
    supply: i64 = t.markets[at + SUPPLY] + units
    t.markets[at + SUPPLY] = supply
    house: i64 = find_or_add_position(t, codes.HOUSE_ACCOUNT, market)
    add_shares(t, t.positions, house, units)
    put_in_shares(t, house, units)
    out.emit3(codes.SHARES_ISSUED, market, units, supply)
    emit_holding(out, t.positions, house)
    return 0


def halt_market(t: Tables, market: i64, out: EventBuffer) -> i64:
    """Halt a market until the operator resumes it."""
    if not is_market(t, market):
        return refuse(out, RefusalReason.market_not_found, 0, 0)
    if is_settled(t, market):
        return refuse(out, RefusalReason.market_is_settled, 0, 0)
    t.markets[market * MARKET_WIDTH + HALT_CAUSE] = codes.HALT_BY_OPERATOR
    t.markets[market * MARKET_WIDTH + HALTED_UNTIL] = 0
    out.emit3(codes.MARKET_HALTED, market, codes.HALT_BY_OPERATOR, 0)
    return 0


def resume_market(t: Tables, market: i64, out: EventBuffer) -> i64:
    """Resume a market; its circuit breaker measures anew."""
    if not is_market(t, market):
        return refuse(out, RefusalReason.market_not_found, 0, 0)
    if is_settled(t, market):
        return refuse(out, RefusalReason.market_is_settled, 0, 0)
    at: i64 = market * MARKET_WIDTH
    t.markets[at + HALT_CAUSE] = 0
    t.markets[at + HALTED_UNTIL] = 0
    t.markets[at + BREAKER_PRICE] = 0
    t.markets[at + BREAKER_TIME] = 0
    out.emit1(codes.MARKET_RESUMED, market)
    return 0


def halt_exchange(t: Tables, out: EventBuffer, is_halted: i64) -> i64:
    """Halt (1) or resume (0) the whole exchange."""
    t.is_halted = is_halted
    out.emit0(codes.EXCHANGE_HALTED if is_halted != 0 else codes.EXCHANGE_RESUMED)
    return 0


def halt_account(t: Tables, account: i64, out: EventBuffer, is_halted: i64) -> i64:
    """Halt (1) or resume (0) an account."""
    if not is_account(t, account):
        return refuse(out, RefusalReason.account_not_found, 0, 0)
    t.accounts[account * ACCOUNT_WIDTH + ACCOUNT_HALT] = is_halted
    out.emit1(codes.ACCOUNT_HALTED if is_halted != 0 else codes.ACCOUNT_RESUMED, account)
    return 0


def set_market_band(t: Tables, market: i64, bps: i64, out: EventBuffer) -> i64:
    """Give a market a price band of its own (basis points; 0 = off), or the exchange's again (-1)."""
    if not is_market(t, market):
        return refuse(out, RefusalReason.market_not_found, 0, 0)
    if bps < -1 or bps >= BPS:
        return refuse(out, RefusalReason.band_is_invalid, 0, 0)
    t.markets[market * MARKET_WIDTH + BAND] = bps
    out.emit2(codes.MARKET_BAND_CHANGED, market, bps)
    return 0


def classify_market(t: Tables, market: i64, team: i64, position: i64, out: EventBuffer) -> i64:
    """Say which team and playing position a market's player counts to; 0 is none."""
    if not is_market(t, market):
        return refuse(out, RefusalReason.market_not_found, 0, 0)
    if not 0 <= team <= CLASS_MAX or not 0 <= position <= CLASS_MAX:
        return refuse(out, RefusalReason.classification_is_invalid, 0, 0)
    t.markets[market * MARKET_WIDTH + TEAM] = team
    t.markets[market * MARKET_WIDTH + PLAYING_POSITION] = position
    out.emit3(codes.MARKET_CLASSIFIED, market, team, position)
    return 0


def configure(t: Tables, parameters: list[int], out: EventBuffer) -> i64:
    """Set the thirteen parameters in the order of `ExchangeParameters`, or refuse them all."""
    if not _are_in_range(parameters):
        return refuse(out, RefusalReason.parameters_are_invalid, 0, 0)
    set_parameters(t, parameters)
    to: i64 = out.open(codes.EXCHANGE_CONFIGURED, 13)
    words = out.words
    for value in parameters:
        words[to] = value
        to += 1
    return 0


def set_parameters(t: Tables, parameters: list[int]) -> None:
    """Write parameters that were checked before."""
    t.maker_fee_bps = parameters[0]
    t.taker_fee_bps = parameters[1]
    t.collar_bps = parameters[2]
    t.band_bps = parameters[3]
    t.breaker_bps = parameters[4]
    t.breaker_window = parameters[5]
    t.breaker_halt = parameters[6]
    t.order_value_max = parameters[7]
    t.position_max = parameters[8]
    t.open_orders_max = parameters[9]
    t.orders_per_second_max = parameters[10]
    t.lifetime_default = parameters[11]
    t.lifetime_max = parameters[12]


def parameters_of(t: Tables) -> list[int]:
    """Return the thirteen parameters in the order of `ExchangeParameters`."""
    return [
        int(t.maker_fee_bps),
        int(t.taker_fee_bps),
        int(t.collar_bps),
        int(t.band_bps),
        int(t.breaker_bps),
        int(t.breaker_window),
        int(t.breaker_halt),
        int(t.order_value_max),
        int(t.position_max),
        int(t.open_orders_max),
        int(t.orders_per_second_max),
        int(t.lifetime_default),
        int(t.lifetime_max),
    ]


def _are_in_range(p: list[int]) -> bool:
    return (
        0 <= p[0] <= FEE_BPS_MAX
        and 0 <= p[1] <= FEE_BPS_MAX
        and 1 <= p[2] < BPS
        and 0 <= p[3] < BPS
        and 0 <= p[4] <= 10 * BPS
        and 0 <= p[5] <= DURATION_NS_MAX
        and 0 <= p[6] <= DURATION_NS_MAX
        and 1 <= p[7] <= ORDER_VALUE_MICROS_MAX
        and p[8] >= 0
        and p[9] >= 1
        and p[10] >= 0
        and 1 <= p[11] <= p[12] <= DURATION_NS_MAX
    )
