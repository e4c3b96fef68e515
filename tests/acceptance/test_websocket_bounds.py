"""Clients that do not read, do not speak, vanish or are too many: they are dropped, and nobody else notices."""

import asyncio
import base64
import json
import os
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websockets

from tests.acceptance.conftest import Server, StartServer
from tests.acceptance.websocket_client import WAIT_SECONDS, Book, Bot, url_of
from waiver_exchange.cli.http_connections import bound_by_handles
from waiver_exchange.config import ConnectionLimits

ORDER = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "20.00"}
IDLE_SOCKETS = 2_000
IDLE_SOCKETS_MIN = 200
SPARE_SOCKETS = 20


def handshake(server: Server) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /ws HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def text_frame(message: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    return bytes((0x81, 0x80 | 126)) + len(message).to_bytes(2, "big") + bytes(4) + message


@asynccontextmanager
async def raw_socket(server: Server, *, receive_bytes: int | None = None) -> AsyncIterator[socket.socket]:
    """A WebSocket connection without a client behind it: what it receives is read only if a test does."""
    parts = urlsplit(server.url)
    loop = asyncio.get_running_loop()
    with socket.socket() as own:
        own.setblocking(False)  # noqa: FBT003 - its only form
        if receive_bytes is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        await loop.sock_connect(own, (parts.hostname, parts.port))
        await loop.sock_sendall(own, handshake(server))
        assert b" 101 " in await loop.sock_recv(own, 1_000)
        yield own


def resident_mib(server: Server) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1_024


async def test_stalled_reader_is_dropped_and_the_others_miss_nothing(start_server: StartServer) -> None:
    server = start_server(WAIVER_ORDERS_PER_SECOND="0")
    server.list_player()
    trader = server.create_account("Ann", cash="1000000.00")
    book = Book()
    async with raw_socket(server, receive_bytes=4_096) as stalled, Bot(server) as watcher, Bot(server, trader) as bot:
        loop = asyncio.get_running_loop()
        request = json.dumps({"id": 1, "method": "subscribe", "params": {"channels": ["trades:*", "book:MAHOMES"]}})
        auth = {"api_key": trader.api_key, "api_secret": trader.api_secret}
        await loop.sock_sendall(stalled, text_frame(json.dumps({"method": "auth", "params": auth}).encode()))
        await loop.sock_sendall(stalled, text_frame(request.encode()))
        # Its own answers cannot be conflated; some 6 MiB of them are more than is kept for anybody.
        ask = text_frame(json.dumps({"id": "x" * 128, "method": "order.plaice" + "!" * 40}).encode())
        sending = asyncio.create_task(send_until_dropped(stalled, ask))
        await watcher.ask("subscribe", channels=["book:MAHOMES"])
        for number in range(300):
            price = f"{15 + number % 100 / 100:.2f}"
            await bot.ask("order.place", **ORDER | {"limit_price": price, "quantity": "0.1"})
        shown = server.public.get("/api/v1/markets/MAHOMES/book", params={"depth": 1_000}).json()
        while book.sequence < shown["sequence"]:
            book.take(await watcher.push("book:MAHOMES"))
        assert book.shown() == shown
        assert shown["sequence"] == 300
        await asyncio.wait_for(sending, 60)
    assert "Traceback" not in server.log.read_text()


async def send_until_dropped(own: socket.socket, message: bytes) -> None:
    """Send and never read until the other side has had enough."""
    loop = asyncio.get_running_loop()
    try:
        while True:
            await loop.sock_sendall(own, message * 100)
    except (ConnectionResetError, BrokenPipeError):
        return


async def test_thousands_of_idle_sockets_cost_little_and_hinder_nobody(start_server: StartServer) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = 10**6 if hard == resource.RLIM_INFINITY else hard
    # The server takes half of its handles for WebSocket connections; with few of them the test is a smaller one.
    count = min(IDLE_SOCKETS, bound_by_handles(ConnectionLimits(), granted).connections - SPARE_SOCKETS)
    assert count >= IDLE_SOCKETS_MIN, f"{granted} file handles are too few for this test: raise `ulimit -Hn` to 5000"
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, count + 200), granted), hard))
    server = start_server()
    server.list_player()
    trader = server.create_account("Ann")
    before = resident_mib(server)
    loop = asyncio.get_running_loop()
    parts = urlsplit(server.url)
    idle: list[socket.socket] = []
    try:
        for _ in range(count):
            own = socket.socket()
            own.setblocking(False)  # noqa: FBT003 - its only form
            idle.append(own)
            await loop.sock_connect(own, (parts.hostname, parts.port))
            await loop.sock_sendall(own, handshake(server))
        for own in idle:
            assert b" 101 " in await asyncio.wait_for(loop.sock_recv(own, 1_000), WAIT_SECONDS)
        async with Bot(server, trader) as bot:
            assert (await bot.ask("order.place", **ORDER))["status"] == "open"
        assert (resident_mib(server) - before) / count < 0.05
    finally:
        for own in idle:
            own.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_connections_over_the_bound_are_refused_with_a_reason(start_server: StartServer) -> None:
    server = start_server(WAIVER_ADDRESS_CONNECTIONS_MAX="2", WAIVER_KEY_CONNECTIONS_MAX="1")
    trader = server.create_account("Ann")
    async with Bot(server, trader), Bot(server) as other:
        auth = {"api_key": trader.api_key, "api_secret": trader.api_secret}
        assert await other.refused("auth", **auth) == "too_many_connections"
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url_of(server), proxy=None)
        assert refused.value.response.status_code == 503
        assert json.loads(refused.value.response.body)["error"]["code"] == "too_many_connections"
    assert server.public.get("/readyz").status_code == 200


async def test_client_that_vanishes_in_the_middle_leaves_its_orders_done(start_server: StartServer) -> None:
    server = start_server()
    server.list_player()
    trader = server.create_account("Ann")
    loop = asyncio.get_running_loop()
    async with raw_socket(server) as own:
        auth = {"api_key": trader.api_key, "api_secret": trader.api_secret}
        place = {"method": "order.place", "params": ORDER | {"client_order_id": "left behind"}}
        frames = [{"method": "auth", "params": auth}, place]
        await loop.sock_sendall(own, b"".join(text_frame(json.dumps(frame).encode()) for frame in frames) + b"\x81")
    async with Bot(server, trader) as bot:
        # The same name: what was placed is found, or else is placed now; nothing is placed twice.
        placed = await bot.ask("order.place", **ORDER | {"client_order_id": "left behind"})
        assert placed["status"] == "open"
        assert len(trader.get("/api/v1/orders")["items"]) == 1


async def test_huge_and_fragmented_messages_end_cleanly(start_server: StartServer) -> None:
    server = start_server()
    async with Bot(server) as other:
        async with websockets.connect(url_of(server), proxy=None) as own:
            await own.send("x" * 70_000)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(own.recv(), WAIT_SECONDS)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
        async with websockets.connect(url_of(server), proxy=None) as own:
            await own.send(["x" * 10_000] * 6)
            assert json.loads(await own.recv())["error"]["code"] == "request_is_malformed"
        assert await other.ask("ping") == {}
