"""Place an order: the checks of risk in their order, then the book."""

from tests.model import checks
from tests.model.limiting import check_limits
from tests.model.matching import match
from tests.model.outcome import balances_of, report_changes, settle_outcome, take_hold
from tests.model.rules import fee_terms_of, refuse, reserve_of
from tests.model.state import Account, Exchange, Market
from tests.model.taking import Taker, Terms, crosses
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CommandRecord
from waiver_exchange.domain.events import Event, OrderAccepted, OrderRejected
from waiver_exchange.domain.refusals import RefusalReason


def place_order(exchange: Exchange, command: CommandRecord) -> list[Event]:
    """Rules 1 to 21. Raises `RefusedError` when the order is denied."""
    account, market = checks.check_who_and_where(exchange, account_id=command.account, market_id=command.words[3])
    checks.count_order(exchange, account)
    taker = _read_order(market, command)
    _check_size(taker, market)
    _check_price_and_terms(taker)
    taker.expires_at = checks.check_expiry(
        exchange,
        time_in_force=taker.terms.time_in_force,
        can_rest=taker.can_rest,
        expires_at=taker.expires_at,
    )
    if taker.terms.is_market:
        if market.reference == 0:
            refuse(RefusalReason.reference_price_is_missing)
        taker.price = checks.collared(exchange, market.reference, side=taker.terms.side)  # rule 8
    else:
        checks.check_band(exchange, market, around=market.reference, price=taker.price)
    checks.check_value(exchange, taker.value)
    if taker.by_notional and taker.notional // market.reference == 0:  # rule 11
        refuse(RefusalReason.notional_is_too_small)
    if taker.can_rest:
        checks.check_open_orders(exchange, account)
    taker.maker_bps, taker.reserved_bps = fee_terms_of(exchange)
    taker.taker_bps = exchange.parameters.taker_fee_bps
    taker.hold = _find_hold(exchange, taker, account, market)
    checks.check_row_is_free(exchange)
    return _enter_book(exchange, taker, market)


def _read_order(market: Market, command: CommandRecord) -> Taker:
    """Rule 3; the rest of the words as they are."""
    terms_word, quantity, notional, price, expires_at = command.words[4:]
    terms = Terms.read(terms_word)
    if terms is None or terms.type not in (codes.LIMIT, codes.MARKET):
        refuse(RefusalReason.order_terms_are_invalid)
    return Taker(
        account=command.account,
        market=market.id,
        terms_word=terms_word,
        terms=terms,
        quantity=quantity,
        notional=notional,
        price=price,
        expires_at=expires_at,
    )


def _check_size(taker: Taker, market: Market) -> None:
    """Rule 4."""
    if (taker.quantity == 0) == (taker.notional == 0):
        refuse(RefusalReason.quantity_or_notional_is_required)
    if taker.quantity < 0:
        refuse(RefusalReason.quantity_must_be_positive)
    if taker.notional < 0:
        refuse(RefusalReason.notional_must_be_positive)
    checks.check_quantity_fits(taker.quantity, market)
    if taker.notional and not taker.terms.is_market:
        refuse(RefusalReason.notional_needs_a_market_order)


def _check_price_and_terms(taker: Taker) -> None:
    """Rules 5 and 6."""
    if taker.terms.is_market:
        if taker.price != 0:
            refuse(RefusalReason.market_order_takes_no_price)
    else:
        if taker.price < 1:
            refuse(RefusalReason.price_must_be_positive)
        checks.check_price_fits(taker.price)
    if taker.terms.post_only and not taker.can_rest:
        refuse(RefusalReason.post_only_needs_a_resting_order)


def _find_hold(exchange: Exchange, taker: Taker, account: Account, market: Market) -> int:
    """Rules 13 and 14: the cash or the shares that the order is going to hold."""
    position = exchange.look_at_position(account=taker.account, market=taker.market)
    units = taker.units_at(market.reference)
    if taker.terms.side == codes.BUY:
        checks.check_position_limit(exchange, position, more=units)
    check_limits(
        exchange,
        account,
        market,
        value=taker.value,
        opens=taker.can_rest,
        buys=units if taker.terms.side == codes.BUY else 0,
    )
    if taker.terms.side == codes.BUY:
        needed = reserve_of(taker.value, bps=taker.reserved_bps, credit=0)
        checks.check_cash(needed, available=account.cash - account.held)
        return needed
    available = position.quantity - position.held
    checks.check_shares(units, available=available)
    return min(available, taker.units_at(taker.price))


def _enter_book(exchange: Exchange, taker: Taker, market: Market) -> list[Event]:
    """Rules 16 to 21."""
    taker.order_id = exchange.take_order_id()
    facts = (
        taker.order_id,
        taker.account,
        taker.market,
        taker.terms_word,
        taker.quantity,
        taker.notional,
        taker.price,
        taker.expires_at,
    )
    best = market.sides[taker.opposite_side].best_order()
    if taker.terms.post_only and best is not None and crosses(taker, best.price):
        exchange.give_row_back(taker.order_id)
        return [OrderRejected(*facts, RefusalReason.post_only_would_take)]
    before = balances_of(exchange, account=taker.account, market=taker.market)
    take_hold(exchange, taker, taker.hold)
    events: list[Event] = [OrderAccepted(*facts)]
    events += match(exchange, taker, market)
    events += settle_outcome(exchange, taker, market)
    return events + report_changes(exchange, before, fees_taken=taker.fees_taken)
