"""The methods of `/ws`: what each does, what it needs, and how `/asyncapi.json` describes it."""

from typing import TYPE_CHECKING, Final, NamedTuple

from waiver_exchange.application.access import TRADE
from waiver_exchange.gateway.rate_limits import Kind
from waiver_exchange.gateway.rest import fields
from waiver_exchange.gateway.rest.json_object import JsonObject
from waiver_exchange.gateway.websocket import orders, signing_in, subscribing

if TYPE_CHECKING:
    from collections.abc import Callable

    from waiver_exchange.gateway.websocket.session import NativeSession


class Method(NamedTuple):
    """One method; without a scope it needs no key. `run` returns the result, or `LATER` when the answer comes later."""

    run: "Callable[[NativeSession, bytes, JsonObject], object]"
    summary: str
    scope: str | None = None
    kind: Kind = "read"


def ping(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """Answer, which is all that is asked."""
    del session, request_id
    fields.refuse_unknown(params, known=frozenset())
    return {}


METHODS: Final[dict[str, Method]] = {
    "auth": Method(signing_in.sign_in, "Sign in for the rest of the connection."),
    "order.place": Method(orders.place, "Place an order; the answer comes when it is durable.", TRADE, "order"),
    "order.replace": Method(orders.replace, "Change an order; the answer is the new one.", TRADE, "order"),
    "order.cancel": Method(orders.cancel, "Cancel an order by its id or client_order_id.", TRADE, "order"),
    "order.cancel_all": Method(orders.cancel_all, "Cancel all open orders, or those of one symbol.", TRADE, "order"),
    "subscribe": Method(subscribing.subscribe, "Begin to get the pushes of channels."),
    "unsubscribe": Method(subscribing.unsubscribe, "End the pushes of channels."),
    "ping": Method(ping, "Do nothing, and answer."),
}
