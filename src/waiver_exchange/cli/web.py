"""The web server inside this process: its socket, its settings, and starting and stopping it from outside."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import uvicorn

from waiver_exchange.cli.bounded_http import BoundedHttpProtocol
from waiver_exchange.cli.failures import EXIT_FAILED, CommandFailedError
from waiver_exchange.cli.http_connections import HttpConnections
from waiver_exchange.gateway.app import Gateway

BACKLOG: Final = 2_048
REQUESTS_FINISH_SECONDS: Final = 3


class WebServer(uvicorn.Server):
    """Uvicorn without its signal handlers: the process decides when it stops, and the exchange outlives it."""

    def __init__(
        self, gateway: Gateway, *, connections: HttpConnections | None = None, trusted_proxies: tuple[str, ...] = ()
    ) -> None:
        """Prepare to serve; only a trusted proxy may say whose request it passes on."""
        super().__init__(
            uvicorn.Config(
                gateway.app,
                # It makes a protocol, as a class would.
                http=partial(BoundedHttpProtocol, connections or HttpConnections()),  # type: ignore[arg-type]
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
            host, port = sockets[0].getsockname()[:2] if sockets else ("", 0)
            raise _cannot_listen(_explain(error, host=host, port=port)) from error
        except SystemExit as error:  # it would pass by everything that still has to be closed
            raise RuntimeError("The web application did not start; the log says why.") from error
        self.ready.set()


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket that does not listen yet. Raises `CommandFailedError` for a busy port or a wrong host."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(f"{host!r} is no address of this machine; name another with --host.") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.setblocking(False)  # noqa: FBT003 - its only form
    except OSError as error:
        listener.close()
        raise _cannot_listen(_explain(error, host=host, port=port)) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address that a browser on this machine opens."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _explain(error: OSError, *, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} on {host} is in use by another program; stop it, or choose another with --port."
        case errno.EACCES:
            return f"Port {port} may not be opened by this user; choose one above 1023 with --port."
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine; name another with --host."
    return f"Cannot listen on {host}, port {port}: {error.strerror}."


def _cannot_listen(message: str) -> CommandFailedError:
    return CommandFailedError(code="cannot_listen", message=message, exit_code=EXIT_FAILED)
