"""The kill switch: everything stops before the next command, and what is open is taken back if wanted."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from waiver_exchange.application.cancel_order import GONE
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.codes import OPERATOR
from waiver_exchange.domain.commands import CancelOrder, HaltExchange

# As many as share a commit; all others wait for one batch at most.
CANCELS_AT_ONCE: Final = 256
# It expired in the meantime.

_log = logging.getLogger(__name__)


class CancelProgress(NamedTuple):
    """How far the cancelling of all open orders has come; `symbol` is the market that it is at."""

    symbol: str
    cancelled: int
    open: int


async def stop_trading(exchange: Exchange) -> None:
    """Halt the whole exchange before any command that waits is executed. Raises `RefusedError`.

    What was executed before stands. Orders that wait already are refused with `exchange_is_halted`.
    """
    (await exchange.sequencer.submit(HaltExchange(), is_urgent=True)).first_event()
    _log.warning("the kill switch was used: the exchange is halted")


async def cancel_everything(
    exchange: Exchange, *, report: Callable[[CancelProgress], None] = lambda _: None
) -> CancelProgress:
    """Take back every open order, resting or held, market by market in batches; `report` hears of each batch.

    Nothing is lost when it is broken off: called again it goes on with what is open then. On an exchange that is not
    halted new orders may come behind it. Raises `RefusedError` when the service cannot go on.
    """
    cancelled = 0
    symbol = ""
    for symbol, batch in list(_batches(exchange)):
        answers = await asyncio.gather(*(_cancel(exchange, order_id) for order_id in batch), return_exceptions=True)
        cancelled += answers.count(True)
        report(CancelProgress(symbol, cancelled, _count_open(exchange)))
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
    _log.warning("the operator cancelled %d open orders", cancelled)
    return CancelProgress(symbol, cancelled, _count_open(exchange))


def _batches(exchange: Exchange) -> Iterator[tuple[str, list[int]]]:
    by_market: dict[int, list[int]] = {}
    for order in exchange.state.orders.values():
        if order.is_open:
            by_market.setdefault(order.market, []).append(order.order_id)
    for market, orders in sorted(by_market.items()):
        for first in range(0, len(orders), CANCELS_AT_ONCE):
            yield exchange.state.markets[market].symbol, orders[first : first + CANCELS_AT_ONCE]


async def _cancel(exchange: Exchange, order_id: int) -> bool:
    """Return whether the order was open until now."""
    try:
        (await exchange.sequencer.submit(CancelOrder(account=OPERATOR, order_id=order_id))).first_event()
    except RefusedError as refused:
        if refused.reason in GONE:
            return False
        raise
    return True


def _count_open(exchange: Exchange) -> int:
    return sum(order.is_open for order in exchange.state.orders.values())
