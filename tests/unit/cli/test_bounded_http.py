"""Connections that send nothing, stop in the middle or do not read; the sweep is told what time it is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from tests.support.sockets import FakeTransport
from waiver_exchange.cli.bounded_http import BoundedHttpProtocol
from waiver_exchange.cli.http_connections import RESERVED_HANDLES, HttpConnections, HttpLimits, bound_by_handles
from waiver_exchange.config import ConnectionLimits

LIMITS = HttpLimits(idle_seconds=10, request_seconds=20, unread_seconds=30, progress_bytes=1_000)
REQUEST = b"GET / HTTP/1.1\r\nhost: exchange\r\n\r\n"


class Desk:
    """A server's connections, and an application that answers with so many bytes."""

    def __init__(self, limits: HttpLimits = LIMITS, *, answer_bytes: int = 2, proxies: tuple[str, ...] = ()) -> None:
        self.connections = HttpConnections(limits, trusted_proxies=proxies)
        self._answer_bytes = answer_bytes
        self._config = Config(self._app, log_config=None, lifespan="off", interface="asgi3", proxy_headers=False)
        self._config.load()
        self._state = ServerState()

    async def _app(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:  # noqa: ANN401
        del scope, receive
        length = (b"content-length", b"%d" % self._answer_bytes)
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": b"x" * self._answer_bytes})

    def connect(self, address: str = "203.0.113.7") -> "Line":
        return Line(self, address)

    def protocol(self) -> BoundedHttpProtocol:
        return BoundedHttpProtocol(self.connections, config=self._config, server_state=self._state, app_state={})


class Line:
    """One connection, as its client has it."""

    def __init__(self, desk: Desk, address: str) -> None:
        self.transport = FakeTransport(address)
        self.server = desk.protocol()
        self.server.connection_made(self.transport)
        self._began = asyncio.get_running_loop().time()

    def is_closed(self) -> bool:
        return self.transport.is_closed

    async def ask(self, request: bytes = REQUEST) -> None:
        self.server.data_received(request)
        for _ in range(5):
            await asyncio.sleep(0)

    def look_after(self, seconds: float) -> None:
        """Sweep as if so many seconds had gone by; the test itself takes less than one."""
        self.server.look_after(self._began + seconds)


async def test_connection_that_sends_nothing_is_closed() -> None:
    line = Desk().connect()
    line.look_after(9)
    assert not line.is_closed()
    line.look_after(11)
    assert line.is_closed()
    assert line.transport.take() == b""


async def test_line_ends_alone_are_no_request() -> None:
    line = Desk().connect()
    await line.ask(b"\r\n")
    line.look_after(11)
    assert line.is_closed()


async def test_kept_connection_is_closed_when_no_request_follows() -> None:
    line = Desk().connect()
    await line.ask()
    assert line.transport.take().startswith(b"HTTP/1.1 200 ")
    # What keeps uvicorn's own clock from running out.
    await line.ask(b"\r\n")
    line.look_after(9)
    assert not line.is_closed()
    line.look_after(12)
    assert line.is_closed()


async def test_request_that_stops_in_the_middle_is_refused() -> None:
    line = Desk().connect()
    await line.ask(REQUEST[:20])
    line.look_after(19)
    assert not line.is_closed()
    line.look_after(21)
    assert line.transport.take().startswith(b"HTTP/1.1 408 ")
    assert line.is_closed()


async def test_answer_that_is_not_read_ends_the_connection() -> None:
    line = Desk(answer_bytes=5_000).connect()
    await line.ask()
    for seconds in (1, 30):
        line.look_after(seconds)
    # Idle it was too; but closing waits for the reader, and only cutting it off frees what is kept for it.
    assert line.is_closed()
    assert not line.transport.is_aborted
    line.look_after(32)
    assert line.transport.is_aborted


async def test_slow_reader_that_gets_on_is_left_alone() -> None:
    line = Desk(HttpLimits(idle_seconds=1_000, unread_seconds=30, progress_bytes=1_000), answer_bytes=5_000).connect()
    await line.ask()
    for seconds in (1, 25, 50, 75):
        line.look_after(seconds)
        del line.transport.unread[:1_000]
    assert not line.is_closed()
    for seconds in (76, 107):
        line.look_after(seconds)
    assert line.transport.is_aborted


async def test_new_connection_takes_the_place_of_the_one_that_waited_longest() -> None:
    desk = Desk(HttpLimits(connections_max=2))
    served, silent = desk.connect(), desk.connect()
    await served.ask()
    newer = desk.connect("203.0.113.8")
    assert silent.transport.is_aborted
    assert not served.is_closed()
    assert not newer.is_closed()
    assert desk.connections.count == 2


async def test_address_with_too_many_connections_loses_its_own() -> None:
    desk = Desk(HttpLimits(connections_max=10, connections_per_address_max=2))
    other = desk.connect("203.0.113.8")
    first, second, third = (desk.connect() for _ in range(3))
    assert first.transport.is_aborted
    assert not any(line.is_closed() for line in (other, second, third))


async def test_connection_is_refused_when_all_are_being_served() -> None:
    desk = Desk(HttpLimits(connections_max=1))
    busy = desk.connect()
    busy.server.data_received(REQUEST)
    refused = desk.connect()
    assert refused.transport.take().startswith(b"HTTP/1.1 503 ")
    assert refused.is_closed()
    assert not busy.is_closed()


async def test_trusted_proxy_is_not_one_address() -> None:
    desk = Desk(HttpLimits(connections_per_address_max=1), proxies=("10.0.0.1",))
    lines = [desk.connect("10.0.0.1") for _ in range(3)]
    assert not any(line.is_closed() for line in lines)


async def test_closed_connections_count_no_more() -> None:
    desk = Desk()
    line = desk.connect()
    line.server.connection_lost(None)
    assert desk.connections.count == 0


def test_few_file_handles_bound_connections() -> None:
    assert bound_by_handles(ConnectionLimits(), 400).connections == (400 - RESERVED_HANDLES) // 2
    assert bound_by_handles(ConnectionLimits(), 10**6) == ConnectionLimits()
    assert bound_by_handles(ConnectionLimits(connections=0), 10**6).connections == (10**6 - RESERVED_HANDLES) // 2
