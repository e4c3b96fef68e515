"""Triggering: held orders whose stop price the last trade has reached go to the book."""

from collections.abc import Iterable

from tests.model import checks
from tests.model.matching import match
from tests.model.open_orders import leave
from tests.model.outcome import balances_of, report_changes, settle_outcome
from tests.model.state import Exchange, Market, Order
from tests.model.taking import taker_of
from waiver_exchange.domain import codes
from waiver_exchange.domain.events import (
    Event,
    ExchangeResumed,
    MarketResumed,
    OrderTriggered,
    StopOrderAccepted,
    TradeExecuted,
)


def trigger_after(exchange: Exchange, events: Iterable[Event]) -> list[Event]:
    """What follows the events of a command: triggered orders, market by market."""
    markets: set[int] = set()
    for event in events:
        match event:
            case TradeExecuted() | StopOrderAccepted() | MarketResumed():
                markets.add(event.market)
            case ExchangeResumed():
                markets.update(exchange.markets)
            case _:
                pass
    return [event for market in sorted(markets) for event in _trigger_in(exchange, exchange.markets[market])]


def _trigger_in(exchange: Exchange, market: Market) -> list[Event]:
    events: list[Event] = []
    while (order := _next_to_trigger(exchange, market)) is not None:
        events += _trigger(exchange, order, market)
    return events


def _next_to_trigger(exchange: Exchange, market: Market) -> Order | None:
    if exchange.halted or market.halt_cause or market.last == 0:
        return None
    buys, sells = (held.orders for held in market.held)
    if buys and buys[0].stop_price <= market.last:
        return buys[0]
    if sells and sells[0].stop_price >= market.last:
        return sells[0]
    return None


def _trigger(exchange: Exchange, order: Order, market: Market) -> list[Event]:
    """The order becomes a taker with its id, its row and what it holds; then rules 19 to 21."""
    before = balances_of(exchange, account=order.account, market=market.id)
    leave(exchange, order)
    taker = taker_of(
        order,
        price=_limit_now(exchange, order, market),
        taker_bps=min(exchange.parameters.taker_fee_bps, order.reserved_bps),
    )
    events: list[Event] = [OrderTriggered(order.id, order.account, taker.price)]
    events += match(exchange, taker, market)
    events += settle_outcome(exchange, taker, market)
    return events + report_changes(exchange, before, fees_taken=taker.fees_taken)


def _limit_now(exchange: Exchange, order: Order, market: Market) -> int:
    if order.type == codes.STOP_LIMIT:
        return order.price
    collar = checks.collared(exchange, market.reference, side=order.side)
    return min(order.price, collar) if order.side == codes.BUY else collar
