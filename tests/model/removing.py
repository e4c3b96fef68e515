"""Cancelling and expiring: how an order leaves a book without a trade."""

from tests.model.reports import cash_changed, holding_changed, level_changed
from tests.model.rules import find_account, hold_of, refuse
from tests.model.state import Exchange, Order, row_of, serial_of
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CommandRecord
from waiver_exchange.domain.events import Event, OrderCancelled, OrderExpired
from waiver_exchange.domain.refusals import CancelReason, RefusalReason


def cancel_order(exchange: Exchange, command: CommandRecord) -> list[Event]:
    by_operator = command.account == codes.OPERATOR
    if not by_operator:
        find_account(exchange, command.account)
    order = _find_order(exchange, command.words[3])
    if not by_operator and order.account != command.account:
        refuse(RefusalReason.order_belongs_to_another_account)
    return cancel_resting(exchange, order, CancelReason.by_operator if by_operator else CancelReason.by_owner)


def expire_order(exchange: Exchange, command: CommandRecord) -> list[Event]:
    order = _find_order(exchange, command.words[3])
    if order.expires_at > command.time_ns:
        refuse(RefusalReason.order_has_not_expired)
    return [OrderExpired(order.id, order.account, order.market, order.remaining), *_take_out(exchange, order)]


def cancel_resting(exchange: Exchange, order: Order, reason: CancelReason) -> list[Event]:
    """Cancel an order that rests, whoever wants it."""
    cancelled = OrderCancelled(order.id, order.account, order.market, order.remaining, reason)
    return [cancelled, *_take_out(exchange, order)]


def forget(exchange: Exchange, order: Order) -> None:
    """Take a final order off the book; what it held is the caller's business."""
    exchange.markets[order.market].sides[order.side].remove(order)
    exchange.accounts[order.account].resting_orders -= 1
    del exchange.orders[order.id]
    exchange.give_row_back(order.id)


def _take_out(exchange: Exchange, order: Order) -> list[Event]:
    forget(exchange, order)
    account = exchange.accounts[order.account]
    position = exchange.position(account=order.account, market=order.market)
    level = level_changed(exchange.markets[order.market], side=order.side, price=order.price)
    if order.side == codes.BUY:
        account.held -= hold_of(order)
        position.resting_buys -= order.remaining
        return [level, cash_changed(account)]
    position.held -= hold_of(order)
    return [level, holding_changed(position)]


def _find_order(exchange: Exchange, order_id: int) -> Order:
    was_given = (
        order_id >= 1
        and 1 <= row_of(order_id) <= exchange.rows_used
        and 1 <= serial_of(order_id) < exchange.next_serial
    )
    if not was_given:
        refuse(RefusalReason.order_not_found)
    if order_id not in exchange.orders:
        refuse(RefusalReason.order_is_final)
    return exchange.orders[order_id]
