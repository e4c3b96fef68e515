"""A connection: what it passes on, what it refuses, and when it ends."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from tests.support.sockets import SocketClient, settle
from waiver_exchange.gateway.sockets.frames import text_frame
from waiver_exchange.gateway.sockets.limits import SocketLimits
from waiver_exchange.gateway.sockets.protocol import RARE_FRAMES_MAX
from waiver_exchange.gateway.sockets.session import Connection
from waiver_exchange.gateway.sockets.sockets import Sockets

TURN = 32
LIMITS = SocketLimits(
    message_bytes_max=1_000, backlog_bytes_high=10_000, backlog_bytes_max=50_000, frames_per_turn_max=TURN
)


class Echo:
    """A session that answers with what it got, and remembers what happened."""

    is_in_use = True

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events: list[Any] = []

    def receive_texts(self, messages: Sequence[bytes]) -> None:
        self.events.append(list(messages))
        if b"fail" in messages:
            raise ValueError("the session is broken")
        for message in messages:
            self.connection.send(text_frame(json.dumps(message.decode()).encode()))

    def receive_binary(self, message: bytes) -> None:
        self.events.append(message)

    def look_after(self) -> None:
        """There is nothing to see to."""

    def too_slow(self) -> None:
        self.events.append("too slow")

    def drained(self) -> None:
        self.events.append("drained")

    def lost(self) -> None:
        self.events.append("lost")


class Desk:
    """A server of echoes and a client of it."""

    def __init__(self, limits: SocketLimits = LIMITS) -> None:
        self.sessions: list[Echo] = []
        self.sockets = Sockets({"/ws": self._open}, limits=limits)

    def _open(self, connection: Connection) -> Echo:
        self.sessions.append(Echo(connection))
        return self.sessions[-1]

    def connect(self, path: str = "/ws", *, address: str = "203.0.113.7") -> SocketClient:
        return SocketClient(self.sockets, path, address=address)


@pytest.fixture
async def desk() -> Desk:
    return Desk()


def raw(opcode: Opcode, payload: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin=fin).serialize(mask=True)


async def test_messages_that_arrive_together_are_given_together(desk: Desk) -> None:
    client = desk.connect()
    client.send_raw(raw(Opcode.TEXT, b"a") + raw(Opcode.TEXT, b"b"))

    assert desk.sessions[0].events == [[b"a", b"b"]]
    assert client.messages() == ["a", "b"]


async def test_flood_is_taken_in_turns_and_others_come_in_between(desk: Desk) -> None:
    floods, other = [desk.connect(), desk.connect()], desk.connect()
    for flood in floods:
        flood.send_raw(raw(Opcode.TEXT, b"x") * 10 * TURN)
    assert [len(session.events) for session in desk.sessions] == [1, 1, 0]
    assert [client.transport.is_reading_paused for client in (*floods, other)] == [True, True, False]
    other.send("fine")
    assert other.messages() == ["fine"]

    for turn in range(1, 5):
        await settle(turns=2)
        taken = [sum(map(len, session.events)) for session in desk.sessions[:2]]
        assert taken == [(turn + 1) * TURN] * 2
        for flood in floods:
            flood.pull()
    await settle(turns=30)
    assert [len(flood.messages()) for flood in floods] == [10 * TURN] * 2
    assert not any(flood.transport.is_reading_paused for flood in floods)


async def test_flood_of_one_who_does_not_read_waits_until_he_has(desk: Desk) -> None:
    client = desk.connect()
    client.send_raw(raw(Opcode.TEXT, b"x" * 900) * 10 * TURN)
    await settle(turns=30)
    assert len(desk.sessions[0].events) < 10
    assert client.close_code is None
    for _ in range(10):
        client.pull()
        await settle(turns=3)
    assert len(client.messages()) == 10 * TURN


async def test_what_comes_behind_a_closing_is_passed_over(desk: Desk) -> None:
    client = desk.connect()
    client.send_raw(raw(Opcode.TEXT, b"x") * 2 * TURN)
    desk.sessions[0].connection.close(4_000, "enough")
    await settle()
    assert (len(desk.sessions[0].events), client.close_code) == (1, 4_000)
    client.send_raw(raw(Opcode.PING) * TURN + raw(Opcode.CLOSE, b"\x0f\xa0"))
    await settle()
    assert client.transport.is_closed


@pytest.mark.parametrize(
    "frame",
    [raw(Opcode.PING), raw(Opcode.PONG), raw(Opcode.CONT, b"", fin=False)],
    ids=["pings", "pongs", "empty fragments"],
)
async def test_flood_of_what_is_no_message_ends(desk: Desk, frame: bytes) -> None:
    client = desk.connect()
    client.send_raw(raw(Opcode.TEXT, b"", fin=False))
    client.send_raw(frame * (RARE_FRAMES_MAX + 1))
    while client.server._is_waiting:
        client.pull()
        await settle()
    assert client.close_code == 4029


async def test_who_leaves_most_unread_is_cut_off_when_all_leave_too_much() -> None:
    desk = Desk(SocketLimits(unsent_bytes_max=100_000))
    clients = [desk.connect() for _ in range(4)]
    for session, size in zip(desk.sessions, (10_000, 60_000, 20_000, 40_000), strict=True):
        session.connection.send(text_frame(b'"' + b"x" * size + b'"'))
    await settle()
    assert [client.transport.is_aborted for client in clients] == [False, True, False, False]
    clients[1].vanish()
    assert sum(len(client.transport.unread) for client in clients if not client.transport.is_closed) < 100_000
    assert desk.sessions[1].events == ["lost"]


async def test_fragments_are_put_together_in_order_with_what_is_between_them(desk: Desk) -> None:
    client = desk.connect()
    client.send_raw(
        raw(Opcode.TEXT, b"first")
        + raw(Opcode.TEXT, b"sec", fin=False)
        + raw(Opcode.PING, b"?")
        + raw(Opcode.CONT, b"", fin=False)
        + raw(Opcode.CONT, b"ond")
        + raw(Opcode.BINARY, b"third")
        + raw(Opcode.TEXT, b"fourth")
    )

    assert desk.sessions[0].events == [[b"first"], [b"second"], b"third", [b"fourth"]]
    assert client.messages() == ["first", "second", "fourth"]


async def test_bytes_may_come_one_by_one(desk: Desk) -> None:
    client = desk.connect()
    for byte in raw(Opcode.TEXT, b"slowly") + raw(Opcode.TEXT, b"x" * 300):
        client.send_raw(bytes([byte]))

    assert client.messages() == ["slowly", "x" * 300]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (raw(Opcode.TEXT, b"x" * 1_001), 1009),
        (raw(Opcode.TEXT, b"x" * 600, fin=False) + raw(Opcode.CONT, b"x" * 600), 1009),
        (text_frame(b"not masked"), 1002),
        (raw(Opcode.CONT, b"of nothing"), 1002),
        (raw(Opcode.TEXT, b"a", fin=False) + raw(Opcode.TEXT, b"b"), 1002),
        (b"\xf1\x80\x00\x00\x00\x00", 1002),
        (raw(Opcode.CLOSE, b"\x03\xe8bye"), 1000),
    ],
    ids=["too large", "too large in parts", "not masked", "no beginning", "no end", "reserved bits", "goodbye"],
)
async def test_what_breaks_the_rules_ends_the_connection_with_a_code(desk: Desk, data: bytes, code: int) -> None:
    client = desk.connect()
    client.send_raw(data)

    assert client.close_code == code
    assert client.transport.is_closed
    client.vanish()
    assert desk.sessions[0].events[-1] == "lost"
    assert desk.sockets.count == 0


async def test_failing_session_is_closed_and_others_are_not(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    broken, other = desk.connect(), desk.connect()
    broken.send("fail")
    other.send("fine")

    assert broken.close_code == 1011
    assert other.messages() == ["fine"]
    assert "a WebSocket session failed and is closed" in caplog.text


async def test_slow_reader_is_not_read_until_it_has_caught_up(desk: Desk) -> None:
    client = desk.connect()
    session = desk.sessions[0]
    session.connection.send(text_frame(b'"' + b"x" * 20_000 + b'"'))
    assert (session.connection.is_congested, client.transport.is_reading_paused) == (True, True)

    client.pull()
    assert (session.connection.is_congested, client.transport.is_reading_paused) == (False, False)
    assert session.events == ["drained"]


async def test_reader_with_too_much_unread_is_dropped_with_a_code(desk: Desk) -> None:
    client = desk.connect()
    for _ in range(10):
        desk.sessions[0].connection.send(text_frame(b'"' + b"x" * 9_000 + b'"'))

    assert not desk.sessions[0].connection.is_open
    assert client.transport.get_write_buffer_size() < 70_000
    assert client.close_code == 4008


async def test_reader_that_stays_too_slow_is_dropped(desk: Desk) -> None:
    client = desk.connect()
    desk.sessions[0].connection.send(text_frame(b'"' + b"x" * 20_000 + b'"'))
    now = client.server._loop.time()
    client.server.look_after(now + 9)
    assert client.server.is_open
    client.server.look_after(now + 11)

    assert desk.sessions[0].events == ["too slow"]
    assert client.close_code == 4008


async def test_silent_client_is_pinged_and_one_that_is_gone_is_cut_off(desk: Desk) -> None:
    alive, gone = desk.connect(), desk.connect()
    now = alive.server._loop.time()
    for client in (alive, gone):
        client.server.look_after(now + 21)
    alive.pull()
    alive.push()
    for client in (alive, gone):
        client.server.look_after(now + 41)

    assert not alive.transport.is_closed
    assert gone.transport.is_aborted


async def test_connection_for_nothing_is_closed(desk: Desk) -> None:
    client = desk.connect()
    desk.sessions[0].is_in_use = False
    client.server._heard_at += 1_000
    client.server.look_after(client.server._opened_at + 121)

    assert client.close_code == 4009


async def test_stopping_server_says_so(desk: Desk) -> None:
    client = desk.connect()
    client.server.shutdown()

    assert client.close_code == 1001


async def test_other_paths_and_broken_handshakes_are_refused_as_json(desk: Desk) -> None:
    client = desk.connect("/wss")
    assert (client.response.status_code, json.loads(client.response.body)["error"]["code"]) == (404, "route_not_found")
    assert client.response.headers["X-Request-Id"]
    assert client.response.headers["X-Request-Id"] != desk.connect("/wss").response.headers["X-Request-Id"]
    assert client.transport.is_closed
    assert desk.sessions == []


async def test_connections_are_bounded_by_address_and_at_all() -> None:
    desk = Desk(SocketLimits(connections_max=3, connections_per_address_max=2))
    first, second, third = desk.connect(), desk.connect(), desk.connect()
    assert [client.response.status_code for client in (first, second, third)] == [101, 101, 503]
    other = desk.connect(address="203.0.113.8")
    assert other.response.status_code == 101
    assert desk.connect(address="203.0.113.9").response.status_code == 503

    first.vanish()
    assert desk.connect(address="203.0.113.9").response.status_code == 101


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "192.0.2.1, 198.51.100.9, 10.0.0.2", "198.51.100.9"),
        ("203.0.113.7", "198.51.100.9", "203.0.113.7"),
        ("10.0.0.1", None, "10.0.0.1"),
    ],
    ids=["by a proxy", "by two, and a lie", "by nobody trusted", "said nothing"],
)
async def test_only_a_trusted_proxy_says_whose_connection_it_is(peer: str, said: str | None, address: str) -> None:
    found: list[str] = []

    def open_session(connection: Connection) -> Echo:
        found.append(connection.opening.address)
        return Echo(connection)

    sockets = Sockets({"/ws": open_session}, limits=LIMITS, trusted_proxies=("10.0.0.0/8",))
    SocketClient(sockets, address=peer, headers={"X-Forwarded-For": said} if said else {})
    assert found == [address]
