"""Replace an order: a new one takes its row, and its place too when it asks for no more."""

from typing import NamedTuple

from tests.model import checks
from tests.model.limiting import check_limits
from tests.model.matching import match
from tests.model.open_orders import enter, leave, substitute
from tests.model.outcome import balances_of, report_changes, settle_outcome, take_hold
from tests.model.reports import level_changed
from tests.model.rules import fee_terms_of, find_account, find_order, hold_of, refuse
from tests.model.state import Account, Exchange, Market, Order
from tests.model.stopping import stop_order_accepted
from tests.model.taking import Terms, crosses, taker_of
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CommandRecord
from waiver_exchange.domain.events import Event, OrderAccepted, OrderReplaced
from waiver_exchange.domain.refusals import RefusalReason


class Wish(NamedTuple):
    """What is to be changed; 0 keeps what is."""

    quantity: int
    price: int
    stop_price: int
    expires_at: int
    time_in_force_plus_1: int


def replace_order(exchange: Exchange, command: CommandRecord) -> list[Event]:
    """Raises `RefusedError` when nothing is replaced. Triggering is the caller's business."""
    account = find_account(exchange, command.account)
    old = find_order(exchange, command.words[3])
    if old.account != account.id:
        refuse(RefusalReason.order_belongs_to_another_account)
    market = exchange.markets[old.market]
    checks.check_account_and_exchange_trade(exchange, account)
    checks.check_market_trades(market)
    checks.count_order(exchange, account)
    wish = Wish(*command.words[4:])
    _check_wish(old, wish)
    _check_quantity(old, wish, market)
    checks.check_price_fits(wish.price)
    checks.check_price_fits(wish.stop_price)
    new = _new_order(exchange, old, wish)
    if wish.price or wish.stop_price:
        _check_band(exchange, new, market)
    _renew_lifetime(exchange, new, wish)
    checks.check_value(exchange, new.price * new.remaining)
    _check_means(exchange, account, market, old, new)
    if not _keeps_place(old, new):
        _check_post_only(new, market)
    return _replace(exchange, market, old, new)


def _check_wish(old: Order, wish: Wish) -> None:
    """Steps 2 to 4."""
    if not any(wish):
        refuse(RefusalReason.nothing_is_replaced)
    if wish.quantity < 0:
        refuse(RefusalReason.quantity_must_be_positive)
    if wish.price < 0:
        refuse(RefusalReason.price_must_be_positive)
    if wish.stop_price < 0:
        refuse(RefusalReason.stop_price_is_required)
    if wish.stop_price and not old.is_held:
        refuse(RefusalReason.stop_price_needs_a_stop_order)
    if wish.price and old.is_held and old.type == codes.STOP:
        refuse(RefusalReason.market_order_takes_no_price)


def _check_quantity(old: Order, wish: Wish, market: Market) -> None:
    """Step 5."""
    if wish.quantity:
        checks.check_quantity_fits(wish.quantity, market)
        if wish.quantity <= old.filled:
            refuse(RefusalReason.quantity_is_filled_already, wish.quantity, old.filled)


def _new_order(exchange: Exchange, old: Order, wish: Wish) -> Order:
    """The new order but for its id and lifetime; the protection price of a held stop is counted anew."""
    maker_bps, reserved_bps = fee_terms_of(exchange)
    stop_price = wish.stop_price or old.stop_price
    price = wish.price or old.price
    if old.is_held and old.type == codes.STOP:
        price = checks.collared(exchange, stop_price, side=old.side)
    return Order(
        id=0,
        account=old.account,
        market=old.market,
        terms=old.terms,
        price=price,
        remaining=wish.quantity - old.filled if wish.quantity else old.remaining,
        expires_at=old.expires_at,
        maker_bps=maker_bps,
        reserved_bps=reserved_bps,
        stop_price=stop_price,
    )


def _check_band(exchange: Exchange, new: Order, market: Market) -> None:
    """The rest of step 6; a held stop has no price to check."""
    if not new.is_held:
        checks.check_band(exchange, market, around=market.reference, price=new.price)
    elif new.type == codes.STOP_LIMIT:
        checks.check_band(exchange, market, around=new.stop_price, price=new.price)


def _renew_lifetime(exchange: Exchange, new: Order, wish: Wish) -> None:
    """Step 7."""
    if not 0 <= wish.time_in_force_plus_1 <= codes.GTD + 1:
        refuse(RefusalReason.order_terms_are_invalid)
    if wish.time_in_force_plus_1 == 0 and wish.expires_at == 0:
        return
    if wish.time_in_force_plus_1:
        others = new.terms & ~(codes.TERMS_FIELD_MASK << codes.TIME_IN_FORCE_SHIFT)
        new.terms = others | wish.time_in_force_plus_1 - 1 << codes.TIME_IN_FORCE_SHIFT
    time_in_force = Terms.of(new).time_in_force
    new.expires_at = checks.check_expiry(
        exchange, time_in_force=time_in_force, can_rest=True, expires_at=wish.expires_at
    )


def _check_means(exchange: Exchange, account: Account, market: Market, old: Order, new: Order) -> None:
    """Steps 9 and 10: what the old order holds is there for the new one."""
    position = exchange.position(account=new.account, market=new.market)
    more = new.remaining - old.remaining
    if new.side == codes.BUY and more > 0:
        checks.check_position_limit(exchange, position, more=more)
    check_limits(
        exchange,
        account,
        market,
        value=new.price * new.remaining,
        opens=False,
        buys=more if new.side == codes.BUY else 0,
        replaced=old,
    )
    if new.side == codes.BUY:
        checks.check_cash(hold_of(new), available=account.cash - account.held + hold_of(old))
    else:
        checks.check_shares(new.remaining, available=position.quantity - position.held + old.remaining)


def _keeps_place(old: Order, new: Order) -> bool:
    is_at_same_price = old.stop_price == new.stop_price if old.is_held else old.price == new.price
    return is_at_same_price and new.remaining <= old.remaining


def _check_post_only(new: Order, market: Market) -> None:
    """Step 11."""
    taker = taker_of(new, price=new.price, taker_bps=0)
    best = market.sides[taker.opposite_side].best_order()
    if taker.terms.post_only and best is not None and crosses(taker, best.price):
        refuse(RefusalReason.post_only_would_take)


def _replace(exchange: Exchange, market: Market, old: Order, new: Order) -> list[Event]:
    new.id = exchange.take_order_id_of_same_row(old.id)
    before = balances_of(exchange, account=new.account, market=new.market)
    fees_taken = 0
    events: list[Event] = [OrderReplaced(old.id, old.account, old.market, new.id, old.remaining)]
    take_hold(exchange, new, hold_of(new) - hold_of(old))
    if _keeps_place(old, new):
        substitute(exchange, old, new)
        events.append(_accepted(new))
        if not new.is_held and new.remaining != old.remaining:
            events.append(level_changed(market, side=new.side, price=new.price))
    elif old.is_held:
        leave(exchange, old)
        enter(exchange, new)
        events.append(_accepted(new))
    else:
        leave(exchange, old)
        events.append(level_changed(market, side=old.side, price=old.price))
        events.append(_accepted(new))
        taker = taker_of(new, price=new.price, taker_bps=exchange.parameters.taker_fee_bps)
        events += match(exchange, taker, market)
        events += settle_outcome(exchange, taker, market)
        fees_taken = taker.fees_taken
    return events + report_changes(exchange, before, fees_taken=fees_taken)


def _accepted(order: Order) -> Event:
    if order.is_held:
        return stop_order_accepted(order)
    return OrderAccepted(
        order.id, order.account, order.market, order.terms, order.remaining, 0, order.price, order.expires_at
    )
