"""The web server inside a process: its settings, and starting, draining and stopping it from outside."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import uvicorn

from waiver_exchange.cli.bounded_http import BoundedHttpProtocol
from waiver_exchange.cli.http_connections import HttpConnections, HttpLimits
from waiver_exchange.cli.serving.listening import BACKLOG, cannot_listen_on
from waiver_exchange.cli.stopping import StopSignals
from waiver_exchange.config import Settings
from waiver_exchange.gateway.app import Gateway

REQUESTS_FINISH_SECONDS: Final = 3
_DRAIN_POLL_SECONDS: Final = 0.05


class WebServer(uvicorn.Server):
    """Uvicorn without its signal handlers: the process decides when it stops, and the exchange outlives it."""

    def __init__(
        self, gateway: Gateway, *, connections: HttpConnections | None = None, trusted_proxies: tuple[str, ...] = ()
    ) -> None:
        """Prepare to serve; only a trusted proxy may say whose request it passes on."""
        self._http = connections or HttpConnections()
        super().__init__(
            uvicorn.Config(
                gateway.app,
                # It makes a protocol, as a class would.
                http=partial(BoundedHttpProtocol, self._http),  # type: ignore[arg-type]
                ws=gateway.sockets.make_protocol,  # type: ignore[arg-type]  # it makes a protocol, as a class would
                lifespan="on",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                backlog=BACKLOG,
                timeout_graceful_shutdown=REQUESTS_FINISH_SECONDS,
            )
        )
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so by `ready`. Raises `CommandFailedError` when another program was quicker to listen."""
        try:
            await super().startup(sockets=sockets)
        except OSError as error:
            if not sockets:
                raise
            raise cannot_listen_on(sockets[0], error) from error
        except SystemExit as error:  # it would pass by everything that still has to be closed
            raise RuntimeError("The web application did not start; the log says why.") from error
        self.ready.set()

    def drain_soon(self, *, seconds: float) -> None:
        """Begin to take no more connections and to finish what there is; stop when all is done, or time is up."""
        self._draining = asyncio.create_task(self._drain(seconds))

    async def _drain(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        for server in self.servers:
            server.close()
        self._http.drain()
        for connection in list(self.server_state.connections):
            if not isinstance(connection, BoundedHttpProtocol):
                connection.shutdown()
        while self.server_state.connections and loop.time() < until:  # noqa: ASYNC110 - uvicorn's own list
            await asyncio.sleep(_DRAIN_POLL_SECONDS)
        self.should_exit = True


def web_server_of(gateway: Gateway, settings: Settings) -> WebServer:
    """Return the server of a gateway that everybody reaches."""
    bounds = settings.connection_limits
    limits = HttpLimits(connections_max=bounds.connections, connections_per_address_max=bounds.address_connections)
    connections = HttpConnections(limits, trusted_proxies=settings.trusted_proxies)
    return WebServer(gateway, connections=connections, trusted_proxies=settings.trusted_proxies)


async def serve_web(
    web: WebServer,
    listener: socket.socket,
    *,
    running: asyncio.Task[None],
    signals: StopSignals,
    on_ready: Callable[[], None],
    guests: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Serve until a signal comes, what runs behind it breaks, or the server ends; then let requests finish.

    `on_ready` is called when the server takes requests; then `guests` run until it stops, and raise nothing.
    """
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    stop = asyncio.create_task(signals.requested.wait())
    ready = asyncio.create_task(web.ready.wait())
    beside: asyncio.Future[None] | None = None
    try:
        ends = {running, serving, stop}
        await asyncio.wait({*ends, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            return
        on_ready()
        if guests is not None:
            beside = asyncio.ensure_future(guests())
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        signals.bound_stopping()
        for task in (stop, ready, beside):
            if task is not None:
                task.cancel()
        web.should_exit = True
        await serving
        if beside is not None:
            await asyncio.gather(beside, return_exceptions=True)
