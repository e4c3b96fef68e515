"""Replace an open order of an account: a new order takes its place."""

from dataclasses import dataclass
from typing import Final

from waiver_exchange.application.account_settings import refusal_of_new_order
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.order_names import check_client_order_id, refusal_of_name
from waiver_exchange.application.place_order import TIMES_IN_FORCE, SubmittedOrder, end_of_day_ns
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import ReplaceOrder
from waiver_exchange.domain.events import OrderReplaced
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.state import OrderView

LIFETIMES: Final = ("gtc", "day", "gtd")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceRequest:
    """What shall be different, in the engine's units; None keeps what the order has.

    `quantity_units` is the total of old and new order: what is filled already stays with the old one.
    """

    quantity_units: int | None = None
    limit_price_cents: int | None = None
    stop_price_cents: int | None = None
    time_in_force: str | None = None
    expires_at_ns: int | None = None
    client_order_id: str | None = None


async def replace_order(exchange: Exchange, *, account: int, order_id: int, request: ReplaceRequest) -> OrderView:
    """Return the new order once it is durable; the same client order id with the same content returns the first one.

    Raises `RefusedError`: not found (also when another's), final, or what the engine has against the new order.
    """
    return (await submit_replacement(exchange, account=account, order_id=order_id, request=request)).order


async def submit_replacement(
    exchange: Exchange, *, account: int, order_id: int, request: ReplaceRequest
) -> SubmittedOrder:
    """Replace an order as `replace_order` does, and say whether it was done before. Raises `RefusedError`."""
    command = _command_of(exchange, account=account, order_id=order_id, request=request)
    replaced = await exchange.queries.order(account=account, order_id=order_id)
    if replaced is None:
        raise RefusedError(RefusalReason.order_not_found)
    time_in_force = (command.time_in_force or replaced.time_in_force + 1) - 1
    if request.expires_at_ns is not None and time_in_force != codes.GTD:
        raise RefusedError(RefusalReason.expiry_needs_gtd)
    refusal = await refusal_of_name(
        exchange, account=account, client_order_id=request.client_order_id
    ) or refusal_of_new_order(exchange, account=account, quantity_units=request.quantity_units)
    outcome = await exchange.sequencer.submit(command, refusal=refusal)
    try:
        event = outcome.first_event()
    except RefusedError as refused:
        late = await exchange.queries.order(account=account, order_id=order_id)
        if late is not None and refused.reason == RefusalReason.order_is_final:
            raise RefusedError(refused.reason, status=late.status) from refused
        raise
    if not isinstance(event, OrderReplaced):
        message = f"a replacement led to {type(event).__name__}"
        raise TypeError(message)
    order = await exchange.queries.order(account=account, order_id=event.new_order_id)
    if order is None:
        message = f"order {event.new_order_id} is durable and cannot be read"
        raise LookupError(message)
    return SubmittedOrder(order, outcome.is_repetition)


def _command_of(exchange: Exchange, *, account: int, order_id: int, request: ReplaceRequest) -> ReplaceOrder:
    _check_form(request)
    time_in_force = 0
    expires_at_ns = request.expires_at_ns or 0
    if request.time_in_force is not None:
        time_in_force = TIMES_IN_FORCE[request.time_in_force] + 1
    if request.time_in_force == "day":
        expires_at_ns = end_of_day_ns(exchange.clock.now_ns(), zone=exchange.zone)
    return ReplaceOrder(
        account=account,
        order_id=order_id,
        quantity_units=request.quantity_units or 0,
        price_cents=request.limit_price_cents or 0,
        stop_price_cents=request.stop_price_cents or 0,
        expires_at_ns=expires_at_ns,
        time_in_force=time_in_force,
        client_order_id=request.client_order_id or "",
    )


def _check_form(request: ReplaceRequest) -> None:
    """Refuse what the numbers of the command could not say: a zero that was given, or a word that does not exist."""
    if request.time_in_force is not None and request.time_in_force not in LIFETIMES:
        raise RefusedError(RefusalReason.field_is_invalid, field="time_in_force", allowed=", ".join(LIFETIMES))
    if request.quantity_units == 0:
        raise RefusedError(RefusalReason.quantity_must_be_positive)
    if request.limit_price_cents == 0:
        raise RefusedError(RefusalReason.price_must_be_positive)
    if request.stop_price_cents == 0:
        raise RefusedError(RefusalReason.stop_price_is_required)
    if request.time_in_force == "gtd" and request.expires_at_ns is None:
        raise RefusedError(RefusalReason.expiry_is_required)
    if request.client_order_id is not None:
        check_client_order_id(request.client_order_id)
