"""The operator's balancing entries: corrections between an account and the house, and trades that are reversed.

Nothing that happened is edited: what was wrong is moved back by a command of its own.
"""

from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.domain.limits import CASH_MICROS_MAX, PRICE_CENTS_MAX, QUANTITY_UNITS_MAX
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.arithmetic import smaller
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.operating import is_settled, refuse
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
    ACCOUNT_WIDTH,
    CASH,
    CASH_HELD,
    COST,
    MARKET_WIDTH,
    POSITION_WIDTH,
    REALIZED,
    REFERENCE_PRICE,
    SHARES,
    SHARES_ON_OFFER,
    Tables,
    find_or_add_position,
    find_position,
    is_account,
    is_market,
)
from waiver_exchange.engine.worth import put_in, put_in_shares


def correct_cash(t: Tables, account: i64, amount: i64, out: EventBuffer) -> i64:
    """Move cash (micro-dollars) from the house to an account, below 0 back; return 0 or the refusal's number."""
    reason: i64 = _refusal_of_correction(t, account, amount, CASH_MICROS_MAX)
    if reason != 0:
        return refuse(out, reason, 0, 0)
    if amount > available_cash(t, codes.HOUSE_ACCOUNT):
        return refuse(out, RefusalReason.house_lacks_cash, amount, available_cash(t, codes.HOUSE_ACCOUNT))
    if -amount > available_cash(t, account):
        return refuse(out, RefusalReason.insufficient_cash, -amount, available_cash(t, account))
    add_cash(t, t.accounts, codes.HOUSE_ACCOUNT, -amount)
    add_cash(t, t.accounts, account, amount)
    put_in(t, codes.HOUSE_ACCOUNT, -amount)
    put_in(t, account, amount)
    out.emit2(codes.CASH_CORRECTED, account, amount)
    emit_cash(out, t.accounts, codes.HOUSE_ACCOUNT)
    emit_cash(out, t.accounts, account)
    return 0


def correct_shares(t: Tables, account: i64, market: i64, units: i64, out: EventBuffer) -> i64:
    """Move shares (units) from the house to an account, below 0 back; return 0 or the refusal's number.

    They come at the reference price and leave with their cost; the account's realized profit stays as it is.
    """
    reason: i64 = _refusal_of_correction(t, account, units, QUANTITY_UNITS_MAX)
    if reason == 0:
        reason = refusal_of_market(t, market)
    if reason != 0:
        return refuse(out, reason, 0, 0)
    giver: i64 = codes.HOUSE_ACCOUNT if units > 0 else account
    given: i64 = units if units > 0 else -units
    available: i64 = available_shares(t, find_position(t, giver, market))
    if given > available:
        return refuse(out, RefusalReason.insufficient_shares, given, available)
    house: i64 = find_or_add_position(t, codes.HOUSE_ACCOUNT, market)
    other: i64 = find_or_add_position(t, account, market)
    if units > 0:
        # As when shares are granted.
        t.positions[house * POSITION_WIDTH + REALIZED] -= take_cost(t.positions, house, units)
        t.positions[other * POSITION_WIDTH + COST] += t.markets[market * MARKET_WIDTH + REFERENCE_PRICE] * units
    else:
        take_cost(t.positions, other, given)
    add_shares(t, t.positions, house, -units)
    add_shares(t, t.positions, other, units)
    put_in_shares(t, house, -units)
    put_in_shares(t, other, units)
    out.emit3(codes.SHARES_CORRECTED, account, market, units)
    emit_holding(out, t.positions, house)
    emit_holding(out, t.positions, other)
    return 0


def bust_trade(
    t: Tables,
    out: EventBuffer,
    trade: i64,
    market: i64,
    price: i64,
    units: i64,
    buyer: i64,
    seller: i64,
    buyer_fee: i64,
    seller_fee: i64,
) -> i64:
    """Reverse a trade whose facts are given (cents, units, micro-dollars); return 0 or the refusal's number.

    The caller sees to it that the facts are the trade's and that each trade is busted once.
    """
    reason: i64 = _refusal_of_facts(t, trade, market, price, units, buyer, seller, buyer_fee, seller_fee)
    if reason != 0:
        return refuse(out, reason, 0, 0)
    value: i64 = price * units
    fees: i64 = buyer_fee + seller_fee
    shares: i64 = available_shares(t, find_position(t, buyer, market))
    if units > shares:
        return refuse(out, RefusalReason.insufficient_shares, units, shares)
    # What the house as the seller got it pays together with the fees.
    proceeds: i64 = value - seller_fee
    house_pays: i64 = fees
    if seller == codes.HOUSE_ACCOUNT:
        house_pays += proceeds
    elif proceeds > available_cash(t, seller):
        return refuse(out, RefusalReason.insufficient_cash, proceeds, available_cash(t, seller))
    # What the house as the buyer gets back is never less than what it pays.
    if buyer != codes.HOUSE_ACCOUNT and house_pays > available_cash(t, codes.HOUSE_ACCOUNT):
        return refuse(out, RefusalReason.house_lacks_cash, house_pays, available_cash(t, codes.HOUSE_ACCOUNT))
    _move_cash_back(t, buyer, seller, value + buyer_fee, proceeds, fees)
    _give_shares_back(t, find_position(t, buyer, market), units, value + buyer_fee)
    _take_shares_back(t, find_or_add_position(t, seller, market), units, proceeds)
    to: i64 = out.open(codes.TRADE_BUSTED, 8)
    words = out.words
    words[to] = trade
    words[to + 1] = market
    words[to + 2] = price
    words[to + 3] = units
    words[to + 4] = buyer
    words[to + 5] = seller
    words[to + 6] = buyer_fee
    words[to + 7] = seller_fee
    _tell(t, out, buyer, market)
    _tell(t, out, seller, market)
    if fees != 0 and codes.HOUSE_ACCOUNT not in (buyer, seller):
        emit_cash(out, t.accounts, codes.HOUSE_ACCOUNT)
    return 0


def available_cash(t: Tables, account: i64) -> i64:
    """Return the cash (micro-dollars) that no open order holds."""
    return t.accounts[account * ACCOUNT_WIDTH + CASH] - t.accounts[account * ACCOUNT_WIDTH + CASH_HELD]


def available_shares(t: Tables, position: i64) -> i64:
    """Return the shares (units) of a position that no open order holds; 0 is no position."""
    return t.positions[position * POSITION_WIDTH + SHARES] - t.positions[position * POSITION_WIDTH + SHARES_ON_OFFER]


def refusal_of_market(t: Tables, market: i64) -> i64:
    """Return 0 when the market exists and is not settled, else the refusal's number."""
    if not is_market(t, market):
        return RefusalReason.market_not_found
    return RefusalReason.market_is_settled if is_settled(t, market) else 0


def _refusal_of_correction(t: Tables, account: i64, amount: i64, largest: i64) -> i64:
    if not is_account(t, account):
        return RefusalReason.account_not_found
    if account == codes.HOUSE_ACCOUNT:
        return RefusalReason.house_needs_no_correction
    if amount == 0:
        return RefusalReason.correction_moves_nothing
    return RefusalReason.correction_is_too_large if amount > largest or amount < -largest else 0


def _refusal_of_facts(
    t: Tables, trade: i64, market: i64, price: i64, units: i64, buyer: i64, seller: i64, buyer_fee: i64, seller_fee: i64
) -> i64:
    if trade < 1 or trade >= t.next_trade:
        return RefusalReason.trade_not_found
    reason: i64 = refusal_of_market(t, market)
    if reason != 0:
        return reason
    if not is_account(t, buyer) or not is_account(t, seller):
        return RefusalReason.account_not_found
    if price < 1 or price > PRICE_CENTS_MAX or units < 1 or units > QUANTITY_UNITS_MAX or buyer == seller:
        return RefusalReason.trade_facts_are_invalid
    value: i64 = price * units
    if buyer_fee < 0 or buyer_fee > value or seller_fee < 0 or seller_fee > value:
        return RefusalReason.trade_facts_are_invalid
    return 0


def _move_cash_back(t: Tables, buyer: i64, seller: i64, paid: i64, proceeds: i64, fees: i64) -> None:
    # The buyer first: what the house gets back as the buyer may pay the fees.
    add_cash(t, t.accounts, buyer, paid)
    add_cash(t, t.accounts, seller, -proceeds)
    add_cash(t, t.accounts, codes.HOUSE_ACCOUNT, -fees)
    check_account(t.accounts, buyer)
    check_account(t.accounts, seller)
    check_account(t.accounts, codes.HOUSE_ACCOUNT)


def _give_shares_back(t: Tables, position: i64, units: i64, paid: i64) -> None:
    """Take shares from the buyer with what the trade had added to their cost; what is not there any more is profit."""
    at: i64 = position * POSITION_WIDTH
    cost: i64 = t.positions[at + COST]
    taken: i64 = cost if units == t.positions[at + SHARES] else smaller(paid, cost)
    t.positions[at + COST] = cost - taken
    t.positions[at + REALIZED] += paid - taken
    add_shares(t, t.positions, position, -units)
    check_position(t.positions, position)


def _take_shares_back(t: Tables, position: i64, units: i64, proceeds: i64) -> None:
    """Give the seller its shares at the average cost of those that it still has, at the proceeds when it has none.

    What they were sold for beyond that cost was profit, and is none any more.
    """
    at: i64 = position * POSITION_WIDTH
    shares: i64 = t.positions[at + SHARES]
    cost: i64 = proceeds
    if shares > 0:
        # Bounded, so that the product is, whatever earlier busts left of the cost.
        per_unit: i64 = t.positions[at + COST] // shares
        rest: i64 = t.positions[at + COST] - per_unit * shares
        cost = smaller(per_unit, PRICE_CENTS_MAX) * units + rest * units // shares
    t.positions[at + COST] += cost
    t.positions[at + REALIZED] -= proceeds - cost
    add_shares(t, t.positions, position, units)


def _tell(t: Tables, out: EventBuffer, account: i64, market: i64) -> None:
    emit_cash(out, t.accounts, account)
    emit_holding(out, t.positions, find_position(t, account, market))
