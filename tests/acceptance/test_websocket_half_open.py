"""Clients behind real sockets that are there no more, or never read: they are cut off, and what they held is free."""

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import pytest

from waiver_exchange.gateway.sockets import sockets as sockets_module
from waiver_exchange.gateway.sockets.frames import text_frame
from waiver_exchange.gateway.sockets.limits import SocketLimits
from waiver_exchange.gateway.sockets.protocol import SocketProtocol
from waiver_exchange.gateway.sockets.session import Connection
from waiver_exchange.gateway.sockets.sockets import Sockets

WAIT_SECONDS: Final = 30
_PONG: Final = bytes((0x8A, 0x80)) + bytes(4)
_PING: Final = bytes((0x89, 0))


class Silent:
    """A session that has nothing to say by itself, and tells when it ended."""

    is_in_use = True

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.is_lost = asyncio.Event()

    def receive_texts(self, messages: Sequence[bytes]) -> None:
        """Hear nothing."""

    def receive_binary(self, message: bytes) -> None:
        """Hear nothing."""

    def look_after(self) -> None:
        """There is nothing to see to."""

    def drained(self) -> None:
        """Nothing was held back."""

    def too_slow(self) -> None:
        """Say nothing."""

    def lost(self) -> None:
        self.is_lost.set()


class Server:
    """Real sockets on a loopback port, without an exchange behind them."""

    def __init__(self, limits: SocketLimits) -> None:
        self.sessions: list[Silent] = []
        self.sockets = Sockets({"/ws": self._open}, limits=limits)
        self.port = 0

    def _open(self, connection: Connection) -> Silent:
        self.sessions.append(Silent(connection))
        return self.sessions[-1]

    async def connect(self) -> socket.socket:
        """Return a client's socket after the handshake; nobody is behind it."""
        loop = asyncio.get_running_loop()
        own = socket.socket()
        own.setblocking(False)  # noqa: FBT003 - its only form
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await loop.sock_connect(own, ("127.0.0.1", self.port))
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await loop.sock_sendall(own, head.encode())
        assert b" 101 " in await asyncio.wait_for(loop.sock_recv(own, 1_000), WAIT_SECONDS)
        return own


@asynccontextmanager
async def serving(limits: SocketLimits) -> AsyncIterator[Server]:
    server = Server(limits)
    own = socket.create_server(("127.0.0.1", 0))
    # What the system keeps is not the exchange's; here it keeps little.
    own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    listening = await asyncio.get_running_loop().create_server(
        lambda: SocketProtocol(server.sockets, others=set()), sock=own
    )
    server.port = own.getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


async def test_half_open_socket_is_pinged_then_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets_module, "SWEEP_SECONDS", 0.02)
    loop = asyncio.get_running_loop()
    async with serving(SocketLimits(ping_seconds=0.1, pong_seconds=0.4)) as server:
        gone, alive = await server.connect(), await server.connect()
        with gone, alive:
            # One never answers and never says goodbye, as when its machine has lost power; the other is only silent.
            async with asyncio.timeout(WAIT_SECONDS):
                answering = asyncio.create_task(_answer_pings(alive))
                await server.sessions[0].is_lost.wait()
                assert await loop.sock_recv(gone, 100) == _PING
            assert (server.sockets.count, server.sessions[1].is_lost.is_set()) == (1, False)
            answering.cancel()


async def _answer_pings(own: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while await loop.sock_recv(own, 100):
        await loop.sock_sendall(own, _PONG)


async def test_what_many_leave_unread_is_bounded() -> None:
    bound, count = 4_000_000, 40
    limits = SocketLimits(unsent_bytes_max=bound)
    message = text_frame(b'"' + b"x" * 10_000 + b'"')
    async with serving(limits) as server:
        clients = [await server.connect() for _ in range(count)]
        most = 0
        for _ in range(100):
            for session in server.sessions:
                session.connection.send(message)
            # What is cut off in one turn of the loop is freed in the next.
            for _ in range(3):
                await asyncio.sleep(0)
            most = max(most, sum(protocol.unsent_bytes for protocol in server.sockets._open))
        assert 0 < server.sockets.count < count
        # A round more than the bound may come between two looks.
        assert most < bound + bound / sockets_module.UNSENT_LOOKS + count * len(message)
        for own in clients:
            own.close()
        async with asyncio.timeout(WAIT_SECONDS):
            for session in server.sessions:
                await session.is_lost.wait()
        assert server.sockets.count == 0
