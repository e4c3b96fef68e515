"""The end of a taker's way: what remains rests or is cancelled, holds are settled, changes are reported."""

from typing import NamedTuple

from tests.model.open_orders import enter
from tests.model.reports import cash_changed, holding_changed, level_changed
from tests.model.rules import hold_of
from tests.model.state import Exchange, Market, Order
from tests.model.taking import Taker
from waiver_exchange.domain import codes
from waiver_exchange.domain.events import Event, OrderCancelled, OrderFilled, OrderPartiallyFilled
from waiver_exchange.domain.refusals import CancelReason


class Balances(NamedTuple):
    """What rule 21 compares."""

    account: int
    market: int
    cash: tuple[int, int]
    holding: tuple[int, int, int]


def balances_of(exchange: Exchange, *, account: int, market: int) -> Balances:
    """The balances of an account as they are now; its position is created if it does not exist."""
    owner, position = exchange.accounts[account], exchange.position(account=account, market=market)
    return Balances(account, market, (owner.cash, owner.held), (position.quantity, position.held, position.cost))


def report_changes(exchange: Exchange, before: Balances, *, fees_taken: int) -> list[Event]:
    """Rule 21."""
    now = balances_of(exchange, account=before.account, market=before.market)
    events: list[Event] = []
    if now.cash != before.cash:
        events.append(cash_changed(exchange.accounts[before.account]))
    if now.holding != before.holding:
        events.append(holding_changed(exchange.position(account=before.account, market=before.market)))
    if fees_taken and before.account != codes.HOUSE_ACCOUNT:
        events.append(cash_changed(exchange.house))
    return events


def take_hold(exchange: Exchange, order: Order | Taker, amount: int) -> None:
    """Hold more cash of a buyer or shares of a seller; less when the amount is negative."""
    side = order.side if isinstance(order, Order) else order.terms.side
    if side == codes.BUY:
        exchange.accounts[order.account].held += amount
    else:
        exchange.position(account=order.account, market=order.market).held += amount


def settle_outcome(exchange: Exchange, taker: Taker, market: Market) -> list[Event]:
    """Rule 20: what becomes of the taker."""
    events: list[Event] = []
    is_filled = taker.is_done or not taker.something_remains
    if not is_filled and taker.units_traded:
        events.append(OrderPartiallyFilled(taker.order_id, taker.account, taker.units_remaining))
    if not is_filled and taker.can_rest and taker.stopped_by is None:
        order = _resting_order(taker)
        enter(exchange, order)
        events.append(level_changed(market, side=order.side, price=order.price))
        take_hold(exchange, taker, hold_of(order) - taker.hold)
    else:
        events.append(_final_event(taker, is_filled=is_filled))
        exchange.give_row_back(taker.order_id)
        take_hold(exchange, taker, -taker.hold)
    return events


def _final_event(taker: Taker, *, is_filled: bool) -> Event:
    if is_filled:
        return OrderFilled(taker.order_id, taker.account)
    unstopped = CancelReason.collar_reached if taker.terms.is_market else CancelReason.immediate_or_cancel
    return OrderCancelled(
        taker.order_id, taker.account, taker.market, taker.units_remaining, taker.stopped_by or unstopped
    )


def _resting_order(taker: Taker) -> Order:
    """What remains of the taker, with the fee terms and the credit it has now."""
    return Order(
        id=taker.order_id,
        account=taker.account,
        market=taker.market,
        terms=taker.terms_word,
        price=taker.price,
        remaining=taker.units_remaining,
        expires_at=taker.expires_at,
        maker_bps=taker.maker_bps,
        reserved_bps=taker.reserved_bps,
        filled=taker.units_traded,
        credit=taker.credit,
    )
