"""How an order comes to rest or to be held, and how it leaves; rows and what it holds are the caller's business."""

from tests.model.state import BookSide, Exchange, HeldSide, Order
from waiver_exchange.domain import codes


def enter(exchange: Exchange, order: Order) -> None:
    """Put an order last at its price in the book, or last at its stop price among the held."""
    _side_of(exchange, order).add(order)
    exchange.orders[order.id] = order
    exchange.accounts[order.account].resting_orders += 1
    if order.side == codes.BUY:
        exchange.position(account=order.account, market=order.market).resting_buys += order.remaining


def leave(exchange: Exchange, order: Order) -> None:
    """Take an order out of the book or from the held."""
    _side_of(exchange, order).remove(order)
    del exchange.orders[order.id]
    exchange.accounts[order.account].resting_orders -= 1
    if order.side == codes.BUY:
        exchange.position(account=order.account, market=order.market).resting_buys -= order.remaining


def substitute(exchange: Exchange, old: Order, new: Order) -> None:
    """Put an order in the very place of another."""
    _side_of(exchange, old).substitute(old, new)
    del exchange.orders[old.id]
    exchange.orders[new.id] = new
    if new.side == codes.BUY:
        position = exchange.position(account=new.account, market=new.market)
        position.resting_buys += new.remaining - old.remaining


def _side_of(exchange: Exchange, order: Order) -> BookSide | HeldSide:
    market = exchange.markets[order.market]
    return market.held[order.side] if order.is_held else market.sides[order.side]
