"""The methods of `/ws`: what each does, needs and comes to; `/asyncapi.json` is made from this table."""

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from waiver_exchange.application.authority import TRADE
from waiver_exchange.gateway.rate_limits import Kind
from waiver_exchange.gateway.rest.bodies import OrderBody
from waiver_exchange.gateway.rest.body import Body
from waiver_exchange.gateway.rest.json_object import JsonObject
from waiver_exchange.gateway.rest.orders import ORDER_BODY
from waiver_exchange.gateway.websocket import orders, signing_in, subscribing

if TYPE_CHECKING:
    from collections.abc import Callable

    from waiver_exchange.gateway.websocket.session import NativeSession


class Method(NamedTuple):
    """One method; without a scope it needs no key. `run` returns the result, or `LATER` when the answer comes later."""

    run: "Callable[[NativeSession, bytes, JsonObject], object]"
    summary: str
    params: Body
    result: Any
    scope: str | None = None
    kind: Kind = "read"


class PingBody(msgspec.Struct, frozen=True):
    """Nothing."""


PING_PARAMS: Final = Body("PingParams")
_NOTHING: Final = PingBody()


def ping(session: "NativeSession", request_id: bytes, params: JsonObject) -> object:
    """Answer, which is all that is asked."""
    del session, request_id
    PING_PARAMS.read(params)
    return _NOTHING


METHODS: Final[dict[str, Method]] = {
    "auth": Method(
        signing_in.sign_in,
        "Sign in for the rest of the connection, with a key and its secret or with a token.",
        signing_in.AUTH_PARAMS,
        signing_in.SignedInBody,
    ),
    "order.place": Method(
        orders.place,
        "Place an order; the answer comes when it is durable.",
        ORDER_BODY,
        OrderBody,
        TRADE,
        "order",
    ),
    "order.replace": Method(
        orders.replace,
        "Change an order; the answer is the new order that takes its place.",
        orders.REPLACE_PARAMS,
        OrderBody,
        TRADE,
        "order",
    ),
    "order.cancel": Method(
        orders.cancel,
        "Cancel an order named by exactly one of id and client_order_id.",
        orders.CANCEL_PARAMS,
        OrderBody,
        TRADE,
        "order",
    ),
    "order.cancel_all": Method(
        orders.cancel_all,
        "Cancel all open orders, or those of one symbol; the answer is those that were cancelled.",
        orders.CANCEL_ALL_PARAMS,
        list[OrderBody],
        TRADE,
        "order",
    ),
    "subscribe": Method(
        subscribing.subscribe,
        "Begin the pushes of channels, all of them or none; each begins with a snapshot.",
        subscribing.CHANNELS_PARAMS,
        subscribing.ChannelsBody,
    ),
    "unsubscribe": Method(
        subscribing.unsubscribe,
        "End the pushes of channels; one that was not subscribed to is no mistake.",
        subscribing.CHANNELS_PARAMS,
        subscribing.ChannelsBody,
    ),
    "ping": Method(ping, "Do nothing, and answer.", PING_PARAMS, PingBody),
}
