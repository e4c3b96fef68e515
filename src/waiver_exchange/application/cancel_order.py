"""Take open orders back."""

import asyncio
import logging
from typing import Final, NamedTuple

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.staging import Answer
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CancelOrder
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.state import OrderView

# So many share a commit; more would keep others waiting.
CANCELS_AT_ONCE: Final = 128
# It was filled or expired in the meantime.
# What a cancel that came too late is refused with.
GONE: Final = frozenset({RefusalReason.order_is_final, RefusalReason.order_not_found})

_log = logging.getLogger(__name__)


class FailedCancel(NamedTuple):
    """An order that was open, and why nobody can say that it is cancelled."""

    order_id: int
    error: Exception


class CancelledOrders(NamedTuple):
    """What came of cancelling many orders; one that was gone in the meantime is in neither list."""

    orders: list[OrderView]
    failed: list[FailedCancel]

    def some(self) -> list[OrderView]:
        """Return the orders that were cancelled. Raises the first failure when there were failures alone."""
        if self.failed and not self.orders:
            raise self.failed[0].error
        return self.orders


async def cancel_order(exchange: Exchange, *, account: int, order_id: int, by_operator: bool = False) -> OrderView:
    """Return the order once its cancel is durable; its reason says who cancelled it.

    Raises `RefusedError`: not found (also when another's), or final.
    """
    order = await exchange.queries.order(account=account, order_id=order_id)
    if order is None:
        raise RefusedError(RefusalReason.order_not_found)
    if not order.is_open:
        raise RefusedError(RefusalReason.order_is_final, status=order.status)
    by = codes.OPERATOR if by_operator else account
    outcome = await exchange.sequencer.submit(CancelOrder(account=by, order_id=order_id))
    try:
        outcome.first_event()
    except RefusedError as refused:
        late = await exchange.queries.order(account=account, order_id=order_id)
        if late is not None and refused.reason == RefusalReason.order_is_final:
            raise RefusedError(refused.reason, status=late.status) from refused
        raise
    cancelled = await exchange.queries.order(account=account, order_id=order_id)
    if cancelled is None:
        message = f"order {to_uuid(IdKind.order, order_id)} was cancelled and cannot be read"
        raise LookupError(message)
    return cancelled


def begin_cancel(exchange: Exchange, *, account: int, order_id: int, answer: Answer) -> bool:
    """Begin to take an open order back, for one who does not wait in a task of his own.

    Return False when it is none of the account's open orders: `cancel_order` says why. Raises `RefusedError`.
    """
    order = exchange.state.orders.get(order_id)
    if order is None or order.account != account or not order.is_open:
        return False
    exchange.sequencer.begin(CancelOrder(account=account, order_id=order_id), answer=answer)
    return True


async def cancel_all_orders(
    exchange: Exchange, *, account: int, symbol: str | None = None, by_operator: bool = False
) -> CancelledOrders:
    """Cancel an account's open orders, in one market or in all; one that fails keeps no other from its cancel."""
    market = exchange.market(symbol).market if symbol is not None else None
    own = exchange.state.account_orders.get(account, {})
    open_ids = [
        order.order_id for order in own.values() if order.is_open and (market is None or order.market == market)
    ]
    done = CancelledOrders([], [])
    for start in range(0, len(open_ids), CANCELS_AT_ONCE):
        part = open_ids[start : start + CANCELS_AT_ONCE]
        tries = [
            cancel_order(exchange, account=account, order_id=order_id, by_operator=by_operator) for order_id in part
        ]
        for order_id, outcome in zip(part, await asyncio.gather(*tries, return_exceptions=True), strict=True):
            if isinstance(outcome, OrderView):
                done.orders.append(outcome)
            elif isinstance(outcome, RefusedError) and outcome.reason in GONE:
                continue
            elif isinstance(outcome, Exception):
                done.failed.append(FailedCancel(order_id, outcome))
            else:
                raise outcome
    if done.failed:
        _log.error(
            "%d of %d orders could not be cancelled", len(done.failed), len(open_ids), exc_info=done.failed[0].error
        )
    return done
