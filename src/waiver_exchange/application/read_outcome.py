"""The order that a durable command led to."""

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.projections.state import OrderView


def order_in_memory(exchange: Exchange, outcome: Outcome) -> OrderView | None:
    """Return the order as it is now, or None when it was closed and has left memory. Raises `RefusedError`."""
    return exchange.state.orders.get(outcome.order_id())


async def read_outcome(exchange: Exchange, outcome: Outcome) -> OrderView:
    """Return the order as it is now. Raises `RefusedError` when the outcome is a refusal."""
    order_id = outcome.order_id()
    order = await exchange.queries.order(account=outcome.row.account, order_id=order_id)
    if order is None:
        message = f"order {to_uuid(IdKind.order, order_id)} is durable and cannot be read"
        raise LookupError(message)
    return order
