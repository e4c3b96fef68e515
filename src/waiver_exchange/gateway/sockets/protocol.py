"""One WebSocket connection: bytes of its transport in, messages to its session; frames of its session out."""

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import msgspec
from websockets.frames import CloseCode, Opcode
from websockets.frames import Frame as LibraryFrame
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.headers import SECURITY_HEADERS, new_request_id
from waiver_exchange.gateway.sockets.excess import CLOSE_TOO_MANY, TOO_MANY, Excess
from waiver_exchange.gateway.sockets.frames import split_frames
from waiver_exchange.gateway.sockets.session import Opening, Session, SessionFactory

if TYPE_CHECKING:
    from waiver_exchange.gateway.sockets.sockets import Sockets

CLOSE_STOPPING: Final = CloseCode.GOING_AWAY
CLOSE_FAILED: Final = CloseCode.INTERNAL_ERROR
# 4000 to 4999 are the application's own.
CLOSE_TOO_SLOW: Final = 4008
CLOSE_UNUSED: Final = 4009
# Frames that are no whole message: nobody needs so many in the time that `Excess` counts.
RARE_FRAMES_MAX: Final = 10_000
_DATA: Final = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})

_log = logging.getLogger(__name__)
_library_log = logging.getLogger(f"{__name__}.library")
_library_log.setLevel(logging.ERROR)


class SocketProtocol(asyncio.Protocol):
    """Made for each connection that asks to become a WebSocket; uvicorn hands it the head of the request first."""

    def __init__(self, sockets: "Sockets", *, others: set[Any]) -> None:
        """Belong to the sockets of a server; `others` is uvicorn's own list of all its connections."""
        self._sockets = sockets
        self._limits = sockets.limits
        self._others = others
        self._library = ServerProtocol(max_size=sockets.limits.message_bytes_max, logger=_library_log)
        self._session: Session | None = None
        self._rest = b""
        self._fragments: list[bytes] | None = None
        self._is_fragment_text = False
        self._is_foreign = False
        self._is_waiting = False
        # Whether something arrived while it waited that this process has to catch up with first.
        self._is_ahead = False
        self._is_gone = False
        self._held: list[bytes] | None = None
        self._rare = Excess(RARE_FRAMES_MAX)
        self._congested_at: float | None = None
        self._is_pinged = False
        self._is_dropped = False
        self.is_open = False
        self.is_congested = False

    # What asyncio and uvicorn call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a transport that HTTP has used before."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=self._limits.backlog_bytes_high)
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._opened_at = self._loop.time()
        self._others.add(self)

    def data_received(self, data: bytes) -> None:
        """Take what arrived: first the head of the request, then frames."""
        self._heard_at = self._loop.time()
        self._is_pinged = False
        is_behind = self._sockets.is_behind
        if self._is_waiting:
            self._rest += data
            self._is_ahead = self._is_ahead or is_behind
        elif is_behind:
            self._rest += data
            self._await_news()
        elif self._session is None:
            self._open(data)
        else:
            self._take_turn(self._session, self._rest + data if self._rest else data)

    def eof_received(self) -> None:
        """The client sends no more: the transport is closed."""

    def pause_writing(self) -> None:
        """The client reads too slowly: it is not read from either until it has caught up."""
        self.is_congested = True
        self._congested_at = self._loop.time()
        self._read_or_not()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.is_congested = False
        self._congested_at = None
        # It could not be heard meanwhile.
        self._heard_at = self._loop.time()
        self._read_or_not()
        if self._is_waiting:
            self._sockets.await_turn(self)
        if self._session is not None and self.is_open:
            self._session.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        del exc
        self._others.discard(self)
        self.is_open = False
        self._is_gone = True
        session, self._session = self._session, None
        if session is not None:
            self._sockets.discard(self)
            session.lost()

    def shutdown(self) -> None:
        """The server stops: say so to the client. Uvicorn calls this."""
        if self.is_open:
            self.close(CLOSE_STOPPING, "The exchange is stopping.")
        else:
            self._transport.close()

    # What the session uses.

    def send(self, frames: bytes) -> None:
        """Send frames, unless the client is gone or does not read."""
        if not self.is_open:
            return
        self._sockets.note_written(len(frames))
        if self._held is not None:
            self._held.append(frames)
            return
        self._transport.write(frames)
        self._drop_if_slow()

    def _drop_if_slow(self) -> None:
        if self.is_congested and self._transport.get_write_buffer_size() > self._limits.backlog_bytes_max:
            self._drop_slow()

    def close(self, code: int, reason: str) -> None:
        """Close with a code; a client that does not answer is cut off after a while."""
        if not self.is_open:
            return
        self._library.send_close(code, reason)
        self._flush()
        self._end()

    def look_after(self, now: float) -> None:
        """Drop a client that does not read, is gone or has no use for its connection; ping a silent one."""
        if self._session is not None and self.is_open:
            self._session.look_after()
        if not self.is_open:
            return
        limits = self._limits
        silent = now - self._heard_at
        if self._congested_at is not None:
            if now - self._congested_at > limits.congested_seconds_max:
                self._drop_slow()
        elif self._is_pinged and silent > limits.ping_seconds + limits.pong_seconds:
            # Nobody is there to be told.
            self.cut_off()
        elif silent > limits.ping_seconds and not self._is_pinged:
            self._is_pinged = True
            self._library.send_ping(b"")
            self._flush()
        elif (
            now - self._opened_at > limits.unused_seconds_max
            and self._session is not None
            and not self._session.is_in_use
        ):
            self.close(CLOSE_UNUSED, "The connection was opened, and nobody signed in or subscribed.")

    # What all connections together need.

    @property
    def unsent_bytes(self) -> int:
        """How much the client has not read that it was sent."""
        return self._transport.get_write_buffer_size()

    def cut_off(self) -> None:
        """End a connection and what it keeps, without a word: it would only be one more that is not read."""
        self.is_open = False
        self._transport.abort()

    def take_turn(self) -> None:
        """Take more of what arrived, after others had their turn; a congested client waits until it has caught up."""
        if self._is_gone or self.is_congested:
            return
        if self._is_ahead:
            self._await_news()
            return
        self._is_waiting = False
        data, self._rest = self._rest, b""
        if self._session is None:
            self._open(data)
        else:
            self._take_turn(self._session, data)
        self._read_or_not()

    # The rest is its own.

    def _take_turn(self, session: Session, data: bytes) -> None:
        """Take so much of what arrived as a turn holds; all answers that are known at once go out in one write."""
        self._held = []
        try:
            self._receive(session, data)
        except Exception:  # noqa: BLE001 - a connection's boundary: whatever it is, it ends this one only
            _log.exception("a WebSocket session failed and is closed")
            self.close(CLOSE_FAILED, "Something went wrong inside the exchange; the operator's log has the details.")
        finally:
            self._release()
            self._held = None
        self._drop_if_slow()

    def _release(self) -> None:
        if self._held and not self._transport.is_closing():
            held, self._held = self._held, []
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))

    def _await_news(self) -> None:
        """Go on when this process shows what others had answered until now: the client may know of it."""
        self._is_waiting = True
        self._is_ahead = False
        self._read_or_not()
        self._sockets.when_fresh(self.take_turn)

    def _await_turn(self) -> None:
        self._is_waiting = True
        self._read_or_not()
        self._sockets.await_turn(self)

    def _read_or_not(self) -> None:
        """Read from a client unless it has sent more than was taken, or does not read itself and is not leaving."""
        if self._transport.is_closing():
            return
        if self._is_waiting or (self.is_congested and self.is_open):
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _open(self, head: bytes) -> None:
        """Answer the request to become a WebSocket."""
        if self._library.state is not State.CONNECTING or self._library.eof_sent:
            return
        self._library.receive_data(head)
        request = next(iter(self._library.events_received()), None)
        if not isinstance(request, Request):
            self._flush()
            return
        self.opening = self._opening_of(request)
        factory = self._sockets.route(self.opening.path)
        if factory is None:
            self._refuse(HTTPStatus.NOT_FOUND, RefusalReason.route_not_found)
        elif not self._sockets.is_welcome(self.opening):
            self._refuse(HTTPStatus.FORBIDDEN, RefusalReason.origin_is_foreign)
        elif not self._sockets.has_room_for(self.opening):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, RefusalReason.too_many_connections)
        else:
            response = self._library.accept(request)
            if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
                self._library.send_response(response)
                self._begin(factory)
            else:
                self._refuse(HTTPStatus(response.status_code), RefusalReason.request_is_malformed)

    def _opening_of(self, request: Request) -> Opening:
        parts = urlsplit(request.path)
        peer = self._transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) and peer else ""
        return Opening(parts.path, parts.query, request.headers, self._sockets.addresses.of(address, request.headers))

    def _begin(self, factory: SessionFactory) -> None:
        self._flush()
        self.is_open = True
        self._sockets.add(self)
        try:
            self._session = factory(self)
        except BaseException:
            self._sockets.discard(self)
            self._transport.abort()
            raise

    def _refuse(self, status: HTTPStatus, reason: RefusalReason) -> None:
        response = self._library.reject(status, "")
        response.body = msgspec.json.encode(self._sockets.refusal_body(self.opening.path, reason))
        del response.headers["Content-Type"], response.headers["Content-Length"]
        response.headers["Content-Type"] = "application/json"
        response.headers["X-Request-Id"] = new_request_id()
        response.headers["Cache-Control"] = "no-store"
        for name, value in SECURITY_HEADERS:
            response.headers[name.decode()] = value.decode()
        response.headers["Content-Length"] = str(len(response.body))
        self._library.send_response(response)
        self._flush()

    def _receive(self, session: Session, data: bytes) -> None:
        """Give whole text messages to the session; the library sees everything else, in between and in order."""
        if self._is_foreign:
            self._read_by_library(session, data)
            return
        limits = self._limits
        frames, self._rest, self._is_foreign, is_more = split_frames(
            data, payload_bytes_max=limits.message_bytes_max, frames_max=limits.frames_per_turn_max
        )
        if is_more:
            self._await_turn()
        texts: list[bytes] = []
        for frame in frames:
            if frame.text is not None and self._fragments is None and self.is_open:
                texts.append(frame.text)
                continue
            if texts:
                session.receive_texts(texts)
                texts = []
            if self.is_open or frame.is_close:
                self._read_by_library(session, frame.raw)
        if texts:
            session.receive_texts(texts)
        if self._is_foreign:
            rest, self._rest = self._rest, b""
            self._read_by_library(session, rest)

    def _read_by_library(self, session: Session, data: bytes) -> None:
        """Have the library read what is rare: fragments, binary, control frames, and what breaks the rules."""
        self._library.receive_data(data)
        for event in self._library.events_received():
            if isinstance(event, LibraryFrame) and self.is_open:
                self._take(session, event)
        if self._flush():
            self._end()

    def _take(self, session: Session, frame: LibraryFrame) -> None:
        if not (frame.fin and frame.opcode in _DATA) and self._rare.is_too_much(self._loop.time()):
            self.close(CLOSE_TOO_MANY, TOO_MANY)
            return
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._is_fragment_text = frame.opcode is Opcode.TEXT
            self._fragments = []
        elif frame.opcode is not Opcode.CONT or self._fragments is None:
            return
        if frame.data:
            self._fragments.append(bytes(frame.data))
        if frame.fin:
            message, self._fragments = b"".join(self._fragments), None
            if self._is_fragment_text:
                session.receive_texts((message,))
            else:
                session.receive_binary(message)

    def _flush(self) -> bool:
        """Send what the library has to say; return whether that ends the connection."""
        is_end = False
        self._release()
        for piece in self._library.data_to_send():
            if piece:
                self._transport.write(piece)
            else:
                is_end = True
        if is_end:
            self._transport.close()
        return is_end

    def _end(self) -> None:
        """Wait for the other side to close, a while."""
        if self.is_open:
            self.is_open = False
            self._read_or_not()
            self._loop.call_later(self._limits.closing_seconds_max, self._transport.abort)

    def _drop_slow(self) -> None:
        if self._is_dropped:
            return
        self._is_dropped = True
        if self._session is not None:
            self._session.too_slow()
        self.close(CLOSE_TOO_SLOW, "Messages were not read fast enough.")
