"""Place an order: the checks of risk in their order, then the book."""

from tests.model.matching import match, settle_outcome
from tests.model.rules import find_account, find_market, part_of, refuse, reserve_of
from tests.model.state import Account, Exchange, Market
from tests.model.taking import Taker, Terms, crosses
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.commands import CommandRecord
from waiver_exchange.domain.events import Event, OrderAccepted, OrderRejected
from waiver_exchange.domain.refusals import RefusalReason

_CAN_REST = (codes.GTC, codes.DAY, codes.GTD)


def place_order(exchange: Exchange, command: CommandRecord) -> list[Event]:
    """Rules 1 to 21. Raises `RefusedError` when the order is denied."""
    account, market = _check_who_and_where(exchange, command)
    _count_rate(exchange, account, command.time_ns)
    taker = _read_order(market, command)
    _check_size(taker, market)
    _check_price_and_terms(taker)
    _check_expiry(exchange, taker, command.time_ns)
    if taker.terms.is_market:
        taker.price = _collar(exchange, market, side=taker.terms.side)
    else:
        _check_band(exchange, market, price=taker.price)
    _check_value(exchange, taker, market)
    if taker.can_rest and account.resting_orders >= exchange.parameters.open_orders_max:
        refuse(RefusalReason.too_many_open_orders, account.resting_orders, exchange.parameters.open_orders_max)
    _check_position_limit(exchange, taker, market)
    taker.maker_bps = exchange.parameters.maker_fee_bps
    taker.reserved_bps = max(exchange.parameters.maker_fee_bps, exchange.parameters.taker_fee_bps)
    taker.hold = _find_hold(exchange, taker, account, market)
    if not exchange.row_is_free():
        refuse(RefusalReason.order_table_is_full)
    return _enter_book(exchange, taker, market)


def _check_who_and_where(exchange: Exchange, command: CommandRecord) -> tuple[Account, Market]:
    """Rule 1."""
    account = find_account(exchange, command.account)
    if account.halted:
        refuse(RefusalReason.account_is_halted)
    if exchange.halted:
        refuse(RefusalReason.exchange_is_halted)
    market = find_market(exchange, command.words[3])
    if market.halt_cause:
        refuse(RefusalReason.market_is_halted)
    return account, market


def _count_rate(exchange: Exchange, account: Account, time_ns: int) -> None:
    """Rule 2."""
    limit = exchange.parameters.orders_per_second_max
    if limit == 0:
        return
    second = time_ns // limits.NANOSECONDS_PER_SECOND
    if account.rate_window != second:
        account.rate_window = second
        account.rate_count = 0
    if account.rate_count + 1 > limit:
        refuse(RefusalReason.order_rate_is_too_high)
    account.rate_count += 1


def _read_order(market: Market, command: CommandRecord) -> Taker:
    """Rule 3; the rest of the words as they are."""
    terms_word, quantity, notional, price, expires_at = command.words[4:]
    terms = Terms.read(terms_word)
    if terms is None:
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
        can_rest=not terms.is_market and terms.time_in_force in _CAN_REST,
    )


def _check_size(taker: Taker, market: Market) -> None:
    """Rule 4."""
    if (taker.quantity == 0) == (taker.notional == 0):
        refuse(RefusalReason.quantity_or_notional_is_required)
    if taker.quantity < 0:
        refuse(RefusalReason.quantity_must_be_positive)
    if taker.notional < 0:
        refuse(RefusalReason.notional_must_be_positive)
    if taker.quantity > market.supply:
        refuse(RefusalReason.quantity_exceeds_supply, taker.quantity, market.supply)
    if taker.notional and not taker.terms.is_market:
        refuse(RefusalReason.notional_needs_a_market_order)


def _check_price_and_terms(taker: Taker) -> None:
    """Rules 5 and 6."""
    if taker.terms.is_market:
        if taker.price != 0:
            refuse(RefusalReason.market_order_takes_no_price)
    elif taker.price < 1:
        refuse(RefusalReason.price_must_be_positive)
    elif taker.price > limits.PRICE_CENTS_MAX:
        refuse(RefusalReason.price_is_too_high, taker.price, limits.PRICE_CENTS_MAX)
    if taker.terms.post_only and not taker.can_rest:
        refuse(RefusalReason.post_only_needs_a_resting_order)


def _check_expiry(exchange: Exchange, taker: Taker, time_ns: int) -> None:
    """Rule 7. A gtc order gets its expiry here."""
    if not taker.can_rest or taker.terms.time_in_force == codes.GTC:
        if taker.expires_at != 0:
            refuse(RefusalReason.expiry_needs_gtd)
        if taker.can_rest:
            taker.expires_at = time_ns + exchange.parameters.lifetime_ns_default
        return
    if taker.expires_at == 0:
        refuse(RefusalReason.expiry_is_required)
    if taker.expires_at <= time_ns:
        refuse(RefusalReason.expiry_is_not_in_the_future)
    if taker.expires_at > time_ns + exchange.parameters.lifetime_ns_max:
        refuse(RefusalReason.expiry_is_too_far)


def _collar(exchange: Exchange, market: Market, *, side: int) -> int:
    """Rule 8: the price that stands in for the limit of a market order."""
    if market.reference == 0:
        refuse(RefusalReason.reference_price_is_missing)
    distance = part_of(market.reference, bps=exchange.parameters.collar_bps)
    if side == codes.BUY:
        return min(limits.PRICE_CENTS_MAX, market.reference + distance)
    return max(1, market.reference - distance)


def _check_band(exchange: Exchange, market: Market, *, price: int) -> None:
    """Rule 9."""
    if exchange.parameters.band_bps == 0 or market.reference == 0:
        return
    distance = part_of(market.reference, bps=exchange.parameters.band_bps)
    lowest, highest = max(1, market.reference - distance), market.reference + distance
    if price < lowest:
        refuse(RefusalReason.price_is_outside_the_band, price, lowest)
    if price > highest:
        refuse(RefusalReason.price_is_outside_the_band, price, highest)


def _check_value(exchange: Exchange, taker: Taker, market: Market) -> None:
    """Rules 10 and 11."""
    if taker.value > exchange.parameters.order_value_micros_max:
        refuse(RefusalReason.order_value_is_too_large, taker.value, exchange.parameters.order_value_micros_max)
    if taker.by_notional and taker.notional // market.reference == 0:
        refuse(RefusalReason.notional_is_too_small)


def _check_position_limit(exchange: Exchange, taker: Taker, market: Market) -> None:
    """Rule 13."""
    limit = exchange.parameters.position_units_max
    if limit == 0 or taker.terms.side == codes.SELL:
        return
    position = exchange.look_at_position(account=taker.account, market=taker.market)
    possible = position.quantity + position.resting_buys + taker.units_at(market.reference)
    if possible > limit:
        refuse(RefusalReason.position_would_be_too_large, possible, limit)


def _find_hold(exchange: Exchange, taker: Taker, account: Account, market: Market) -> int:
    """Rule 14: the cash or the shares that the order is going to hold."""
    if taker.terms.side == codes.BUY:
        needed = reserve_of(taker.value, bps=taker.reserved_bps, credit=0)
        if needed > account.cash - account.held:
            refuse(RefusalReason.insufficient_cash, needed, account.cash - account.held)
        return needed
    position = exchange.look_at_position(account=taker.account, market=taker.market)
    available = position.quantity - position.held
    units = taker.units_at(market.reference)
    if units > available:
        refuse(RefusalReason.insufficient_shares, units, available)
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
    account = exchange.accounts[taker.account]
    position = exchange.position(account=taker.account, market=taker.market)
    before = (account.cash, account.held), (position.quantity, position.held, position.cost)
    if taker.terms.side == codes.BUY:
        account.held += taker.hold
    else:
        position.held += taker.hold
    events: list[Event] = [OrderAccepted(*facts)]
    events += match(exchange, taker, market)
    events += settle_outcome(exchange, taker, market, before=before)
    return events
