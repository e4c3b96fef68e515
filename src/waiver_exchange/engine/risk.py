"""Admission: every check before the book, in the order of `docs/trading-rules.md`, each with its own refusal."""

from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.domain.codes import (
    BUY,
    CANCEL_BOTH,
    FOK,
    GTC,
    GTD,
    HALT_BY_SETTLEMENT,
    LIMIT,
    MARKET,
    SELL,
    STOP,
    STOP_LIMIT,
)
from waiver_exchange.domain.limits import BPS, NANOSECONDS_PER_SECOND, PRICE_CENTS_MAX
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.account_limits import refuse_by_limits, take_token
from waiver_exchange.engine.arithmetic import larger, smaller
from waiver_exchange.engine.incoming import IncomingOrder, read_terms, refuse
from waiver_exchange.engine.orders import fee_reserve, has_row, reserved_bps
from waiver_exchange.engine.tables import (
    ACCOUNT_HALT,
    ACCOUNT_WIDTH,
    BAND,
    CASH,
    CASH_HELD,
    HALT_CAUSE,
    IS_LIMITED,
    MARKET_WIDTH,
    OPEN_ORDERS,
    POSITION_WIDTH,
    RATE_COUNT,
    RATE_SECOND,
    REFERENCE_PRICE,
    SHARES,
    SHARES_ON_BID,
    SHARES_ON_OFFER,
    SUPPLY,
    Tables,
    find_position,
    is_account,
    is_market,
)


def refusal_of_order(t: Tables, o: IncomingOrder) -> i64:
    """Return 0 when the order may go to the book, else the number of the refusal.

    Sets `required` and `available` of the refusal, the collar as `price` of a market order, the expiry, and `hold`.
    """
    o.required = 0
    o.available = 0
    accounts = t.accounts
    markets = t.markets
    reason: i64 = refuse_who_and_where(t, o, accounts, markets)
    if reason == 0:
        reason = _refuse_form(t, o, markets[o.market * MARKET_WIDTH + SUPPLY])
    if reason == 0:
        reason = _refuse_price(t, o, markets[o.market * MARKET_WIDTH + REFERENCE_PRICE])
    if reason == 0:
        reason = _refuse_limits(t, o, accounts, markets[o.market * MARKET_WIDTH + REFERENCE_PRICE])
    return reason


def refusal_of_stop_order(t: Tables, o: IncomingOrder) -> i64:
    """Return 0 when the order may be held, else the number of the refusal.

    Sets `required` and `available` of the refusal, the protection price as `price` of a stop, the expiry, and `hold`.
    """
    o.required = 0
    o.available = 0
    accounts = t.accounts
    markets = t.markets
    reason: i64 = refuse_who_and_where(t, o, accounts, markets)
    if reason == 0:
        reason = _refuse_form_of_stop(t, o, markets[o.market * MARKET_WIDTH + SUPPLY])
    if reason == 0:
        if o.order_type == STOP:
            o.price = collar_of(t, o.side, o.stop_price)
        else:
            reason = refuse_outside_band(t, o, o.stop_price)
    if reason == 0:
        reason = _refuse_limits(t, o, accounts, 0)
    return reason


def refuse_who_and_where(t: Tables, o: IncomingOrder, accounts: vec[i64], markets: vec[i64]) -> i64:
    """Return 0 when the account may send an order to the market now; count it against the rate limit."""
    if not is_account(t, o.account):
        return RefusalReason.account_not_found
    account: i64 = o.account * ACCOUNT_WIDTH
    if accounts[account + ACCOUNT_HALT] != 0:
        return RefusalReason.account_is_halted
    if t.is_halted != 0:
        return RefusalReason.exchange_is_halted
    if not is_market(t, o.market):
        return RefusalReason.market_not_found
    halt_cause: i64 = markets[o.market * MARKET_WIDTH + HALT_CAUSE]
    if halt_cause != 0:
        return RefusalReason.market_is_settled if halt_cause == HALT_BY_SETTLEMENT else RefusalReason.market_is_halted
    if t.orders_per_second_max != 0:
        second: i64 = o.time // NANOSECONDS_PER_SECOND
        if accounts[account + RATE_SECOND] != second:
            accounts[account + RATE_SECOND] = second
            accounts[account + RATE_COUNT] = 0
        if accounts[account + RATE_COUNT] >= t.orders_per_second_max:
            return RefusalReason.order_rate_is_too_high
        accounts[account + RATE_COUNT] += 1
    return take_token(t, o, accounts) if accounts[account + IS_LIMITED] != 0 else 0


def _refuse_form(t: Tables, o: IncomingOrder, supply: i64) -> i64:
    if not _are_terms(o, LIMIT, MARKET):
        return RefusalReason.order_terms_are_invalid
    if (o.quantity == 0) == (o.notional == 0):
        return RefusalReason.quantity_or_notional_is_required
    if o.quantity < 0:
        return RefusalReason.quantity_must_be_positive
    if o.notional < 0:
        return RefusalReason.notional_must_be_positive
    if o.quantity > supply:
        return refuse(o, RefusalReason.quantity_exceeds_supply, o.quantity, supply)
    if o.order_type == LIMIT:
        if o.notional != 0:
            return RefusalReason.notional_needs_a_market_order
        if o.price < 1:
            return RefusalReason.price_must_be_positive
        if o.price > PRICE_CENTS_MAX:
            return refuse(o, RefusalReason.price_is_too_high, o.price, PRICE_CENTS_MAX)
    elif o.price != 0:
        return RefusalReason.market_order_takes_no_price
    o.can_rest = o.order_type == LIMIT and o.time_in_force <= GTD
    if o.post_only != 0 and not o.can_rest:
        return RefusalReason.post_only_needs_a_resting_order
    return refuse_expiry(t, o)


def _are_terms(o: IncomingOrder, first_type: i64, last_type: i64) -> bool:
    """Read the terms; say whether each is a number that means something, and the type one of those."""
    read_terms(o)
    return (
        o.side <= SELL
        and first_type <= o.order_type <= last_type
        and o.time_in_force <= FOK
        and o.self_trade <= CANCEL_BOTH
        and 0 <= o.post_only <= 1
    )


def _refuse_form_of_stop(t: Tables, o: IncomingOrder, supply: i64) -> i64:
    if not _are_terms(o, STOP, STOP_LIMIT):
        return RefusalReason.order_terms_are_invalid
    if o.quantity < 1:
        return RefusalReason.quantity_must_be_positive
    if o.quantity > supply:
        return refuse(o, RefusalReason.quantity_exceeds_supply, o.quantity, supply)
    if o.stop_price < 1:
        return RefusalReason.stop_price_is_required
    if o.stop_price > PRICE_CENTS_MAX:
        return refuse(o, RefusalReason.price_is_too_high, o.stop_price, PRICE_CENTS_MAX)
    if o.order_type == STOP_LIMIT:
        if o.price < 1:
            return RefusalReason.price_must_be_positive
        if o.price > PRICE_CENTS_MAX:
            return refuse(o, RefusalReason.price_is_too_high, o.price, PRICE_CENTS_MAX)
    elif o.price != 0:
        return RefusalReason.market_order_takes_no_price
    if o.post_only != 0:
        return RefusalReason.post_only_needs_a_resting_order
    if o.time_in_force > GTD:
        return RefusalReason.stop_order_needs_a_lifetime
    o.can_rest = True
    return refuse_expiry(t, o)


def refuse_expiry(t: Tables, o: IncomingOrder) -> i64:
    """Return 0 when the expiry goes with the time in force; sets that of a gtc order."""
    if not o.can_rest or o.time_in_force == GTC:
        if o.expires_at != 0:
            return RefusalReason.expiry_needs_gtd
        if o.can_rest:
            o.expires_at = o.time + t.lifetime_default
        return 0
    if o.expires_at == 0:
        return RefusalReason.expiry_is_required
    if o.expires_at <= o.time:
        return RefusalReason.expiry_is_not_in_the_future
    if o.expires_at > o.time + t.lifetime_max:
        return RefusalReason.expiry_is_too_far
    return 0


def _refuse_price(t: Tables, o: IncomingOrder, reference: i64) -> i64:
    if o.order_type != MARKET:
        return refuse_outside_band(t, o, reference)
    if reference == 0:
        return RefusalReason.reference_price_is_missing
    o.price = collar_of(t, o.side, reference)
    return 0


def collar_of(t: Tables, side: i64, price: i64) -> i64:
    """Return the worst price (cents) at which an order without a limit trades, measured from a price."""
    collar: i64 = price * t.collar_bps // BPS
    if side == BUY:
        return smaller(price + collar, PRICE_CENTS_MAX)
    return larger(1, price - collar)


def refuse_outside_band(t: Tables, o: IncomingOrder, middle: i64) -> i64:
    """Return 0 when the limit lies within the band around a price (cents; 0 = there is none)."""
    bps: i64 = t.markets[o.market * MARKET_WIDTH + BAND]
    if bps < 0:
        bps = t.band_bps
    if bps == 0 or middle == 0:
        return 0
    band: i64 = middle * bps // BPS
    lowest: i64 = larger(1, middle - band)
    if o.price < lowest:
        return refuse(o, RefusalReason.price_is_outside_the_band, o.price, lowest)
    if o.price > middle + band:
        return refuse(o, RefusalReason.price_is_outside_the_band, o.price, middle + band)
    return 0


def _refuse_limits(t: Tables, o: IncomingOrder, accounts: vec[i64], reference: i64) -> i64:
    value: i64 = o.notional if o.notional != 0 else o.price * o.quantity
    if value > t.order_value_max:
        return refuse(o, RefusalReason.order_value_is_too_large, value, t.order_value_max)
    units: i64 = o.quantity
    if o.notional != 0:
        units = o.notional // reference
        if units == 0:
            return RefusalReason.notional_is_too_small
    account: i64 = o.account * ACCOUNT_WIDTH
    if o.can_rest and accounts[account + OPEN_ORDERS] >= t.open_orders_max:
        return refuse(o, RefusalReason.too_many_open_orders, accounts[account + OPEN_ORDERS], t.open_orders_max)
    o.position = find_position(t, o.account, o.market)
    positions = t.positions
    position: i64 = o.position * POSITION_WIDTH
    if o.side == BUY and t.position_max != 0:
        sum_of_all: i64 = positions[position + SHARES] + positions[position + SHARES_ON_BID] + units
        if sum_of_all > t.position_max:
            return refuse(o, RefusalReason.position_would_be_too_large, sum_of_all, t.position_max)
    if accounts[account + IS_LIMITED] != 0:
        reason: i64 = refuse_by_limits(t, o, value, units, 0)
        if reason != 0:
            return reason
    if o.side == BUY:
        o.hold = value + fee_reserve(value, reserved_bps(t), 0)
        cash: i64 = accounts[account + CASH] - accounts[account + CASH_HELD]
        if o.hold > cash:
            return refuse(o, RefusalReason.insufficient_cash, o.hold, cash)
    else:
        shares: i64 = positions[position + SHARES] - positions[position + SHARES_ON_OFFER]
        if units > shares:
            return refuse(o, RefusalReason.insufficient_shares, units, shares)
        o.hold = units
        if o.notional != 0:
            o.hold = smaller(shares, o.notional // o.price)
    if not has_row(t):
        return RefusalReason.order_table_is_full
    return 0
