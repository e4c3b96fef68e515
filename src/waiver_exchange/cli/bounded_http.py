"""The HTTP protocol of the web server, with bounds on what a request may be before the application sees it."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from waiver_exchange.gateway.headers import new_request_id

# What may come behind the first piece of a request's head; a piece is at most some 256 KiB.
HEAD_BYTES_MAX: Final = 64 * 1024
REQUEST_SECONDS: Final = 20.0

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
    b"The request did not arrive whole within 20 seconds.",
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose request's head is endless, or whose request does not arrive in time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base
        """Begin a connection."""
        super().connection_made(transport)
        self._is_in_head = False
        self._is_under_way = False
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._is_under_way = False
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, unless it is more of a head than is read."""
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(*_TOO_LARGE)
                return
        super().data_received(data)
        # A request that came whole, as nearly all do, needs no clock.
        if self._is_under_way and self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self._refuse, *_TOO_SLOW)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._is_in_head = True
        self._head_bytes = 0
        self._is_under_way = True
        self._stop_clock()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A request's head is there."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is there."""
        self._is_under_way = False
        self._stop_clock()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """A connection goes on as a WebSocket, which has bounds of its own."""
        self._is_under_way = False
        self._stop_clock()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        del msg  # uvicorn's words, which say no more
        self._refuse(*_NO_HTTP)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int, phrase: bytes, code: bytes, message: bytes) -> None:
        self._is_under_way = False
        self._stop_clock()
        if self.transport.is_closing():
            return
        body = b'{"error":{"code":"%b","message":"%b","details":{}}}' % (code, message)
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nx-request-id: %b\r\n"
            b"cache-control: no-store\r\nconnection: close\r\n\r\n%b"
            % (status, phrase, len(body), new_request_id().encode(), body)
        )
        self.transport.close()
