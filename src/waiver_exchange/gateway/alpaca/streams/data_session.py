"""One connection to a market data stream: its frames, its login in time, and what it reads."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, final

from websockets.frames import CloseCode

from waiver_exchange.gateway.alpaca.codec import json_array, msgpack_array
from waiver_exchange.gateway.alpaca.streams.data_protocol import (
    CONNECTED,
    DataProtocol,
    StreamError,
    failure,
    success,
)
from waiver_exchange.gateway.alpaca.streams.frames import FrameClock
from waiver_exchange.gateway.alpaca.streams.logins import Logins
from waiver_exchange.gateway.alpaca.streams.market_stream import MarketStream
from waiver_exchange.gateway.alpaca.streams.pace import Pace
from waiver_exchange.gateway.alpaca.streams.requests import Frame, is_msgpack_asked, key_in_headers
from waiver_exchange.gateway.sockets.frames import binary_frame, text_frame
from waiver_exchange.gateway.sockets.session import Connection

if TYPE_CHECKING:
    from waiver_exchange.application.access import Caller

LOGIN_SECONDS: Final = 10.0


@final
class DataSession:
    """The conversation with one client; to the market stream it is a reader."""

    def __init__(
        self,
        connection: Connection,
        *,
        stream: MarketStream,
        frames: FrameClock,
        logins: Logins,
        is_pair_allowed: bool,
    ) -> None:
        """Greet a client, and log it in if its handshake said who it is."""
        self.is_msgpack = is_msgpack_asked(connection.opening.headers)
        self._connection = connection
        self._stream = stream
        self._frames = frames
        self._logins = logins
        self._caller: Caller | None = None
        self._pending: list[bytes] = []
        self._pace = Pace(connection, logins)
        self._protocol = DataProtocol(
            authenticate=self._log_in, is_msgpack=self.is_msgpack, is_pair_allowed=is_pair_allowed
        )
        self._say(success(CONNECTED))
        self._deadline = asyncio.get_running_loop().call_later(LOGIN_SECONDS, self._end, StreamError.auth_timeout)
        key = key_in_headers(connection.opening.headers)
        if key is not None:
            self._say(self._protocol.log_in(*key))
            self._welcome()

    @property
    def is_in_use(self) -> bool:
        """Whether the client logged in; who does not is sent away by its own deadline."""
        return self._protocol.is_authenticated

    def receive_texts(self, messages: Sequence[bytes]) -> None:
        """Take requests that arrived together."""
        for message in messages:
            self._receive(message.decode("utf-8", "replace"))

    def receive_binary(self, message: bytes) -> None:
        """Take a request."""
        self._receive(message)

    def look_after(self) -> None:
        """Send away a client whose key or token ended."""
        if self._caller is not None and self._connection.is_open and not self._logins.is_valid(self._caller):
            self._pending.clear()
            self._send(self._protocol.encode(failure(StreamError.auth_failed)))
            self._connection.close(CloseCode.POLICY_VIOLATION, "the key was revoked, or the token has expired")

    def drained(self) -> None:
        """Nothing is held back from a slow client: it gets everything or is sent away."""

    def too_slow(self) -> None:
        """Tell a client that it will be sent away because it does not read."""
        self._pending.clear()
        self._say(failure(StreamError.slow_client))

    def lost(self) -> None:
        """Forget the client."""
        self._deadline.cancel()
        self._pending.clear()
        if self._caller is not None:
            self._stream.leave(self, self._protocol.subscriptions.places)
            self._logins.uncount(self._caller)

    def put(self, item: bytes) -> None:
        """Take an encoded message for the next frame."""
        if not self._pending:
            self._frames.await_flush(self)
        self._pending.append(item)

    def flush(self) -> None:
        """Send what was put aside, as one frame; who may no longer have it is sent away."""
        if self._pending:
            self.look_after()
        if self._pending:
            items, self._pending = self._pending, []
            self._send(msgpack_array(items) if self.is_msgpack else json_array(items))

    def _receive(self, frame: Frame) -> None:
        self.look_after()
        if not self._connection.is_open:
            # It came together with what it was sent away for.
            return
        if not self._pace.allows_one_more():
            self._say(failure(StreamError.too_many_requests))
            return
        was_authenticated = self._protocol.is_authenticated
        reply = self._protocol.receive(frame)
        self._say(reply.message)
        if not was_authenticated:
            self._welcome()
        if reply.added:
            self._stream.subscribe(self, reply.added)
        if reply.removed:
            self._stream.unsubscribe(self, reply.removed)

    def _log_in(self, key: str, secret: str) -> None:
        self._caller = self._logins.caller_of(key, secret, address=self._connection.opening.address)

    def _welcome(self) -> None:
        """Let a client in that has just logged in, if its key has room for it."""
        if self._caller is None:
            return
        self._deadline.cancel()
        if self._logins.count(self._caller):
            self._stream.join(self)
        else:
            self._caller = None
            self._end(StreamError.connection_limit_exceeded)

    def _say(self, message: dict[str, object]) -> None:
        """Send a control message, alone in its frame, behind what was put aside."""
        self.flush()
        self._send(self._protocol.encode(message))

    def _end(self, error: StreamError) -> None:
        self._say(failure(error))
        self._connection.close(CloseCode.POLICY_VIOLATION, error.message)

    def _send(self, payload: bytes) -> None:
        self._connection.send(binary_frame(payload) if self.is_msgpack else text_frame(payload))
