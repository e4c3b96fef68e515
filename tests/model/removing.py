"""Cancelling and expiring: how an order leaves the exchange without a trade."""

from tests.model.open_orders import leave
from tests.model.reports import cash_changed, holding_changed, level_changed
from tests.model.rules import find_account, find_order, hold_of, refuse
from tests.model.state import Exchange, Order
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CommandRecord
from waiver_exchange.domain.events import Event, OrderCancelled, OrderExpired
from waiver_exchange.domain.refusals import CancelReason, RefusalReason


def cancel_order(exchange: Exchange, command: CommandRecord) -> list[Event]:
    by_operator = command.account == codes.OPERATOR
    if not by_operator:
        find_account(exchange, command.account)
    order = find_order(exchange, command.words[3])
    if not by_operator and order.account != command.account:
        refuse(RefusalReason.order_belongs_to_another_account)
    return cancel_open(exchange, order, CancelReason.by_operator if by_operator else CancelReason.by_owner)


def expire_order(exchange: Exchange, command: CommandRecord) -> list[Event]:
    order = find_order(exchange, command.words[3])
    if order.expires_at > command.time_ns:
        refuse(RefusalReason.order_has_not_expired)
    return [OrderExpired(order.id, order.account, order.market, order.remaining), *_take_out(exchange, order)]


def cancel_open(exchange: Exchange, order: Order, reason: CancelReason) -> list[Event]:
    """Cancel an order that rests or is held, whoever wants it."""
    cancelled = OrderCancelled(order.id, order.account, order.market, order.remaining, reason)
    return [cancelled, *_take_out(exchange, order)]


def _take_out(exchange: Exchange, order: Order) -> list[Event]:
    leave(exchange, order)
    exchange.give_row_back(order.id)
    events: list[Event] = []
    if not order.is_held:
        events.append(level_changed(exchange.markets[order.market], side=order.side, price=order.price))
    if order.side == codes.BUY:
        account = exchange.accounts[order.account]
        account.held -= hold_of(order)
        return [*events, cash_changed(account)]
    position = exchange.position(account=order.account, market=order.market)
    position.held -= hold_of(order)
    return [*events, holding_changed(position)]
