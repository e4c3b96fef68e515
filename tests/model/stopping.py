"""Place a stop order: checked like an order, then held."""

from tests.model import checks
from tests.model.limiting import check_limits
from tests.model.open_orders import enter
from tests.model.outcome import balances_of, report_changes, take_hold
from tests.model.rules import fee_terms_of, hold_of, refuse
from tests.model.state import Account, Exchange, Market, Order
from tests.model.taking import Terms
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CommandRecord
from waiver_exchange.domain.events import Event, StopOrderAccepted
from waiver_exchange.domain.refusals import RefusalReason


def place_stop_order(exchange: Exchange, command: CommandRecord) -> list[Event]:
    """Raises `RefusedError` when the order is denied. Triggering is the caller's business."""
    account, market = checks.check_who_and_where(exchange, account_id=command.account, market_id=command.words[3])
    checks.count_order(exchange, account)
    terms_word, quantity, price, expires_at, stop_price = command.words[4:]
    terms = Terms.read(terms_word)
    if terms is None or terms.type not in (codes.STOP, codes.STOP_LIMIT):
        refuse(RefusalReason.order_terms_are_invalid)
    if quantity < 1:
        refuse(RefusalReason.quantity_must_be_positive)
    checks.check_quantity_fits(quantity, market)
    _check_prices(terms, price=price, stop_price=stop_price)
    expires_at = _check_lifetime(exchange, terms, expires_at)
    limit = price
    if terms.type == codes.STOP:
        limit = checks.collared(exchange, stop_price, side=terms.side)
    else:
        checks.check_band(exchange, market, around=stop_price, price=price)
    checks.check_value(exchange, limit * quantity)
    checks.check_open_orders(exchange, account)
    maker_bps, reserved_bps = fee_terms_of(exchange)
    order = Order(
        id=0,
        account=account.id,
        market=market.id,
        terms=terms_word,
        price=limit,
        remaining=quantity,
        expires_at=expires_at,
        maker_bps=maker_bps,
        reserved_bps=reserved_bps,
        stop_price=stop_price,
    )
    _check_means(exchange, account, market, order)
    checks.check_row_is_free(exchange)
    return _hold(exchange, market, order)


def _check_prices(terms: Terms, *, price: int, stop_price: int) -> None:
    if stop_price < 1:
        refuse(RefusalReason.stop_price_is_required)
    checks.check_price_fits(stop_price)
    if terms.type == codes.STOP_LIMIT:
        if price < 1:
            refuse(RefusalReason.price_must_be_positive)
        checks.check_price_fits(price)
    elif price != 0:
        refuse(RefusalReason.market_order_takes_no_price)


def _check_lifetime(exchange: Exchange, terms: Terms, expires_at: int) -> int:
    if terms.post_only:
        refuse(RefusalReason.post_only_needs_a_resting_order)
    if terms.time_in_force in (codes.IOC, codes.FOK):
        refuse(RefusalReason.stop_order_needs_a_lifetime)
    return checks.check_expiry(exchange, time_in_force=terms.time_in_force, can_rest=True, expires_at=expires_at)


def _check_means(exchange: Exchange, account: Account, market: Market, order: Order) -> None:
    """Rules 13 and 14."""
    position = exchange.look_at_position(account=order.account, market=order.market)
    if order.side == codes.BUY:
        checks.check_position_limit(exchange, position, more=order.remaining)
    check_limits(
        exchange,
        account,
        market,
        value=order.price * order.remaining,
        opens=True,
        buys=order.remaining if order.side == codes.BUY else 0,
    )
    if order.side == codes.BUY:
        checks.check_cash(hold_of(order), available=account.cash - account.held)
    else:
        checks.check_shares(order.remaining, available=position.quantity - position.held)


def _hold(exchange: Exchange, market: Market, order: Order) -> list[Event]:
    order.id = exchange.take_order_id()
    before = balances_of(exchange, account=order.account, market=market.id)
    take_hold(exchange, order, hold_of(order))
    enter(exchange, order)
    return [stop_order_accepted(order), *report_changes(exchange, before, fees_taken=0)]


def stop_order_accepted(order: Order) -> Event:
    """The event of a held order; that of a stop tells no price."""
    return StopOrderAccepted(
        order.id,
        order.account,
        order.market,
        order.terms,
        order.remaining,
        order.price if order.type == codes.STOP_LIMIT else 0,
        order.expires_at,
        order.stop_price,
    )
