"""A WebSocket client in memory: it speaks to the server's protocol without a network, and can read slowly."""

import asyncio
import json
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from waiver_exchange.gateway.sockets.protocol import SocketProtocol
from waiver_exchange.gateway.sockets.sockets import Sockets


class FakeTransport(asyncio.Transport):
    """Holds what was written until the client reads; more than the high mark pauses the writer, as a real one does."""

    def __init__(self, address: str = "203.0.113.7") -> None:
        super().__init__({"peername": (address, 40_000)})
        self.protocol: SocketProtocol | None = None
        self.unread = bytearray()
        self.is_reading_paused = False
        self.is_closed = False
        self.is_aborted = False
        self._high = 65_536
        self._is_paused = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert low is None
        self._high = high or self._high

    def get_write_buffer_size(self) -> int:
        return len(self.unread)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_closed:
            return
        self.unread += data
        if not self._is_paused and len(self.unread) > self._high and self.protocol is not None:
            self._is_paused = True
            self.protocol.pause_writing()

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True

    def take(self) -> bytes:
        data = bytes(self.unread)
        self.unread.clear()
        if self._is_paused and self.protocol is not None:
            self._is_paused = False
            self.protocol.resume_writing()
        return data


class SocketClient:
    """A client of `Sockets`, connected to a path."""

    def __init__(
        self,
        sockets: Sockets,
        path: str = "/ws",
        *,
        address: str = "203.0.113.7",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.transport = FakeTransport(address)
        self.server = SocketProtocol(sockets, others=set())
        self.transport.protocol = self.server
        self.library = ClientProtocol(parse_uri(f"ws://exchange{path}"), max_size=None)
        self._messages: list[Any] = []
        self._fragments: list[bytes] = []
        self.server.connection_made(self.transport)
        request = self.library.connect()
        request.headers.update(headers or {})
        self.library.send_request(request)
        self.push()
        self.response: Any = None
        self.pull()

    def push(self) -> None:
        """Give the server what the library wants to send."""
        for piece in self.library.data_to_send():
            if piece:
                self.server.data_received(piece)

    def send_raw(self, data: bytes) -> None:
        self.server.data_received(data)

    def send(self, message: str) -> None:
        self.library.send_text(message.encode())
        self.push()

    def ask(self, method: str, request_id: object = 1, **params: object) -> None:
        self.send(json.dumps({"id": request_id, "method": method, "params": params}))

    def pull(self) -> None:
        """Read what the server sent."""
        data = self.transport.take()
        if data:
            self.library.receive_data(data)
        for event in self.library.events_received():
            if not isinstance(event, Frame):
                self.response = event
            elif event.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
                self._fragments.append(bytes(event.data))
                if event.fin:
                    value = json.loads(b"".join(self._fragments))
                    self._messages += value if isinstance(value, list) else [value]
                    self._fragments.clear()

    def messages(self) -> list[Any]:
        """What the server sent since the last call, arrays of pushes taken apart."""
        self.pull()
        taken, self._messages = self._messages, []
        return taken

    def answer(self) -> Any:  # noqa: ANN401 - any JSON
        """The only message that the server sent since the last call."""
        (message,) = self.messages()
        return message

    @property
    def close_code(self) -> int | None:
        self.pull()
        close = self.library.close_rcvd
        return None if close is None else close.code

    def vanish(self) -> None:
        """Be gone without a word."""
        self.server.connection_lost(None)


async def settle(turns: int = 5) -> None:
    """Let what was scheduled for now happen."""
    for _ in range(turns):
        await asyncio.sleep(0)
