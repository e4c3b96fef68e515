"""The one ASGI application of the exchange: the native interface, and what the framework serves beside it."""

from typing import Final, NamedTuple

from litestar import Litestar
from litestar.datastructures import State

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.request_counts import LocalCounts, RequestCounts
from waiver_exchange.config import RequestLimits, Settings
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.errors import error_of, is_alpaca_path
from waiver_exchange.gateway.alpaca.handlers import ALPACA_HANDLERS
from waiver_exchange.gateway.alpaca.last_equities import LastEquities
from waiver_exchange.gateway.alpaca.streams.routes import build_stream_routes
from waiver_exchange.gateway.dispatch import Dispatch
from waiver_exchange.gateway.error_handlers import EXCEPTION_HANDLERS
from waiver_exchange.gateway.feeds.hub import Hub
from waiver_exchange.gateway.forwarding.forwarder import Forwarder
from waiver_exchange.gateway.headers import add_headers, security_headers_for
from waiver_exchange.gateway.page import PAGE_HANDLERS
from waiver_exchange.gateway.rate_limits import RateLimits
from waiver_exchange.gateway.rest.allowed_methods import AllowedMethods
from waiver_exchange.gateway.rest.api import NativeApi
from waiver_exchange.gateway.rest.context import state_of
from waiver_exchange.gateway.rest.documents import document_routes
from waiver_exchange.gateway.rest.encoded_books import EncodedBooks
from waiver_exchange.gateway.rest.encoded_markets import EncodedMarkets
from waiver_exchange.gateway.rest.encoded_tickers import EncodedTickers
from waiver_exchange.gateway.rest.kept_answers import KeptAnswers
from waiver_exchange.gateway.rest.route import Services
from waiver_exchange.gateway.rest.routes import ROUTES
from waiver_exchange.gateway.rest.routing import Routing
from waiver_exchange.gateway.sockets.limits import SocketLimits
from waiver_exchange.gateway.sockets.sockets import Sockets, native_refusal
from waiver_exchange.gateway.websocket.asyncapi import asyncapi_document
from waiver_exchange.gateway.websocket.endpoint import Endpoint

BODY_BYTES_MAX: Final = 64 * 1024


class Gateway(NamedTuple):
    """What the web server serves: HTTP, and WebSocket connections."""

    app: Dispatch
    sockets: Sockets


def build_gateway(
    exchange: Exchange, settings: Settings, *, counts: RequestCounts | None = None, forwarder: Forwarder | None = None
) -> Gateway:
    """Return what serves an exchange, which its caller runs, stops and closes, as the `counts` if there are any.

    With a `forwarder` it is a gateway process's, and some requests are for the engine's.
    """
    rate_limits = _rate_limits(exchange, settings.limits, counts)
    bounds = settings.connection_limits
    endpoint = Endpoint(
        exchange, hub=Hub(exchange), rate_limits=rate_limits, connections_per_key_max=bounds.key_connections
    )
    streams = build_stream_routes(exchange, rate_limits=rate_limits, connections_per_key_max=bounds.key_connections)
    limits = SocketLimits(connections_max=bounds.connections, connections_per_address_max=bounds.address_connections)
    sockets = Sockets(
        {"/ws": endpoint.open, **streams},
        limits=limits,
        refusal_body=_refusal_body,
        trusted_proxies=settings.trusted_proxies,
        origins=exchange.sign_in.origins,
        freshness=exchange.freshness,
    )
    return Gateway(_build_app(exchange, rate_limits, forwarder), sockets)


def build_app(exchange: Exchange, *, limits: RequestLimits | None = None) -> Dispatch:
    """Return the application that serves an exchange over HTTP alone."""
    return _build_app(exchange, _rate_limits(exchange, limits or RequestLimits(), None))


def _rate_limits(exchange: Exchange, limits: RequestLimits, counts: RequestCounts | None) -> RateLimits:
    return RateLimits(counts=counts or LocalCounts(exchange.clock), limits=limits, identity=exchange.identity)


def _refusal_body(path: str, reason: RefusalReason) -> object:
    """Return why a path takes no WebSocket connection, in the form of the face that was asked."""
    if is_alpaca_path(path):
        return error_of(RefusedError(reason)).body()
    return native_refusal(path, reason)


def _build_app(exchange: Exchange, rate_limits: RateLimits, forwarder: Forwarder | None = None) -> Dispatch:
    handlers = [*PAGE_HANDLERS, *ALPACA_HANDLERS]
    framework = Litestar(
        route_handlers=handlers,
        state=State(
            state_of(exchange, allowed_methods=AllowedMethods(handlers), rate_limits=rate_limits)
            | {"last_equities": LastEquities(exchange)}
        ),
        exception_handlers=EXCEPTION_HANDLERS,
        before_send=[add_headers],
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    routing = Routing((*ROUTES, *document_routes(ROUTES, asyncapi=asyncapi_document())))
    services = Services(
        exchange=exchange,
        markets=EncodedMarkets(exchange.state),
        books=EncodedBooks(exchange.state),
        tickers=EncodedTickers(exchange),
        limits=rate_limits,
        kept=KeptAnswers(exchange.clock),
    )
    native = NativeApi(services=services, routing=routing, body_bytes_max=BODY_BYTES_MAX)
    return Dispatch(
        native=native,
        framework=framework,
        routing=routing,
        limits=rate_limits,
        security=security_headers_for(exchange.sign_in.public_url),
        forwarder=forwarder,
        freshness=exchange.freshness,
    )
