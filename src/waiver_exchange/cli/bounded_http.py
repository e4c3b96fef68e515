"""The HTTP protocol of the web server, with bounds on what a request may be before the application sees it."""

import asyncio
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from waiver_exchange.cli.http_connections import HttpConnections
from waiver_exchange.gateway.headers import SECURITY_HEADERS, new_request_id

# What may come behind the first piece of a request's head; a piece is at most some 256 KiB.
HEAD_BYTES_MAX: Final = 64 * 1024

_TOO_LARGE: Final = (
    431,
    b"Request Header Fields Too Large",
    b"request_is_too_large",
    b"The head of the request is larger than 64 KiB.",
)
_NO_HTTP: Final = (400, b"Bad Request", b"request_is_malformed", b"This is no HTTP request.")
_TOO_SLOW: Final = (
    408,
    b"Request Timeout",
    b"request_is_malformed",
    b"The request did not arrive whole in time.",
)
_TOO_MANY: Final = (
    503,
    b"Service Unavailable",
    b"too_many_connections",
    b"There are too many connections, or too many of this address; close one, or try later.",
)
# As if the client had asked for it: the answer says so too, and the connection ends behind it.
_CLOSE: Final = (b"connection", b"close")
_SECURITY: Final = b"".join(b"%b: %b\r\n" % header for header in SECURITY_HEADERS)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose request's head is endless, or that keeps a request or its answer waiting."""

    def __init__(
        self,
        connections: HttpConnections,
        *,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Belong to the connections of a server."""
        super().__init__(config, server_state, app_state, _loop)
        self._watched = connections
        self._limits = connections.limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base
        """Begin a connection."""
        super().connection_made(transport)
        self._is_in_head = False
        self._head_bytes = 0
        # While a request is wanted: since when, and whether it has begun.
        self._waiting_since: float | None = self.loop.time()
        self._is_under_way = False
        # While something is unread: since when, and how much there was.
        self._unread_since: float | None = None
        self._unread_bytes = 0
        peer = self.client[0] if self.client else ""
        if not self._watched.take(self, peer):
            self._refuse(*_TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._watched.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, unless it is more of a head than is read."""
        if self.transport.is_closing():
            return
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(*_TOO_LARGE)
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._is_in_head = True
        self._head_bytes = 0
        self._is_under_way = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A request's head is there."""
        self._is_in_head = False
        if self._watched.is_draining:
            self.headers.append(_CLOSE)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is there."""
        self._is_under_way = False
        self._waiting_since = None
        self._watched.serve(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is given: the next request is wanted."""
        self._waiting_since = self.loop.time()
        self._watched.wait(self)
        super().on_response_complete()

    def resume_writing(self) -> None:
        """The client has read nearly all there was."""
        self._unread_since = None
        super().resume_writing()

    def handle_websocket_upgrade(self) -> None:
        """A connection goes on as a WebSocket, which has bounds of its own."""
        self._watched.discard(self)
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        del msg  # uvicorn's words, which say no more
        self._refuse(*_NO_HTTP)

    def look_after(self, now: float) -> None:
        """Close a connection that has kept something waiting for too long."""
        if self._is_unread_too_long(now):
            self.transport.abort()
        elif self._waiting_since is None or self.transport.is_closing():
            return
        elif self._is_under_way:
            if now - self._waiting_since > self._limits.request_seconds:
                self._refuse(*_TOO_SLOW)
        elif now - self._waiting_since > self._limits.idle_seconds:
            self.transport.close()

    def drain(self) -> None:
        """Say with the next answer that it is the last, or close soon when nothing is asked."""
        self._limits = self._watched.limits
        # uvicorn has none before the first request.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_started:
            cycle.scope["headers"].append(_CLOSE)  # type: ignore[attr-defined]  # uvicorn makes a list

    def cut_off(self) -> None:
        """Close a connection at once, because its place is needed."""
        self.transport.abort()

    def _is_unread_too_long(self, now: float) -> bool:
        unread = self.transport.get_write_buffer_size()
        if not unread:
            self._unread_since = None
        elif self._unread_since is None or unread <= self._unread_bytes - self._limits.progress_bytes:
            self._unread_since, self._unread_bytes = now, unread
        return self._unread_since is not None and now - self._unread_since > self._limits.unread_seconds

    def _refuse(self, status: int, phrase: bytes, code: bytes, message: bytes) -> None:
        if self.transport.is_closing():
            return
        body = b'{"error":{"code":"%b","message":"%b","details":{}}}' % (code, message)
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nx-request-id: %b\r\n"
            b"cache-control: no-store\r\n%bconnection: close\r\n\r\n%b"
            % (status, phrase, len(body), new_request_id().encode(), _SECURITY, body)
        )
        self.transport.close()
