"""Requests that a gateway process passes on to the engine's, over a real unix socket."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.cli.serving.web import WebServer
from waiver_exchange.config import RequestLimits, Settings
from waiver_exchange.gateway.app import BODY_BYTES_MAX, Gateway, build_gateway
from waiver_exchange.gateway.control.listening import bind_unix
from waiver_exchange.gateway.forwarding.door import InternalDoor
from waiver_exchange.gateway.forwarding.forwarder import Forwarder
from waiver_exchange.gateway.forwarding.table import is_forwarded
from waiver_exchange.gateway.rest.routes import ROUTES
from waiver_exchange.gateway.rest.routing import Routing
from waiver_exchange.gateway.sockets.limits import SocketLimits
from waiver_exchange.gateway.sockets.sockets import Sockets

KEYS = "/api/v1/keys"


class Engine:
    """An application behind the internal door that keeps what it was asked and answers what it is told."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.body = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces = [b"{}"]
        self.breaks_off = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if scope["type"] != "http":
            return
        self.asked = dict(scope)
        self.body = b""
        while True:
            message = await receive()
            self.body += message["body"]
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 207, "headers": self.headers})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not self.breaks_off:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.asked["headers"] if key == name]


@asynccontextmanager
async def listening(app: Any, path: Path) -> AsyncIterator[None]:  # noqa: ANN401 - ASGI
    """Serve an application on a unix socket for the block."""
    web = WebServer(Gateway(InternalDoor(app), Sockets({}, limits=SocketLimits())))  # type: ignore[arg-type]
    web.config.lifespan = "off"
    serving = asyncio.create_task(web.serve(sockets=[bind_unix(path)]))
    await asyncio.wait_for(web.ready.wait(), 10)
    try:
        yield
    finally:
        web.should_exit = True
        await serving


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder / "http.sock"


@pytest.fixture
async def forwarder(path: Path) -> AsyncIterator[Forwarder]:
    forwarder = Forwarder(path, body_bytes_max=BODY_BYTES_MAX)
    yield forwarder
    await forwarder.close()


@pytest.fixture
async def http(forwarder: Forwarder, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway process's application, asked from one address."""
    settings = Settings(data_dir=tmp_path / "gateway", limits=RequestLimits(address_requests_per_second=50))
    async with running_exchange(settings) as exchange:
        app = build_gateway(exchange, settings, forwarder=forwarder).app
        transport = httpx.ASGITransport(app, client=("203.0.113.7", 5))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://exchange") as http:
            yield http


async def test_a_request_goes_on_as_it_came_and_its_answer_comes_back(http: httpx.AsyncClient, path: Path) -> None:
    engine = Engine()
    engine.headers = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x-custom", b"\xff")]
    async with listening(engine, path):
        answer = await http.post(f"{KEYS}/a%62?x=%20y", content=b"some body", headers={"X-Thing": "7"})
    assert (engine.asked["method"], engine.asked["raw_path"]) == ("POST", b"/api/v1/keys/a%62")
    assert (engine.asked["query_string"], engine.body) == (b"x=%20y", b"some body")
    assert (engine.header(b"x-thing"), engine.header(b"host")) == ([b"7"], [b"exchange"])
    assert (answer.status_code, answer.content) == (207, b"{}")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert (b"x-custom", b"\xff") in answer.headers.raw


async def test_only_a_gateway_says_whose_request_it_is(http: httpx.AsyncClient, path: Path) -> None:
    engine = Engine()
    forged = {"X-Waiver-Client": "198.51.100.1", "X-Forwarded-For": "198.51.100.2", "X-Waiver-Scheme": "https"}
    async with listening(engine, path):
        await http.get(KEYS, headers=forged)
    assert (engine.asked["client"][0], engine.asked["scheme"]) == ("203.0.113.7", "http")
    assert not any(name.startswith((b"x-waiver", b"x-forwarded")) for name, _ in engine.asked["headers"])


async def test_an_answer_is_neither_unpacked_nor_gathered(http: httpx.AsyncClient, path: Path) -> None:
    engine = Engine()
    packed = gzip.compress(b"text" * 1_000)
    engine.headers = [(b"content-encoding", b"gzip")]
    engine.pieces = [packed[:10], packed[10:]]
    async with listening(engine, path), http.stream("GET", KEYS) as answer:
        assert b"".join([piece async for piece in answer.aiter_raw()]) == packed


async def test_head_and_options_are_passed_on(http: httpx.AsyncClient, path: Path) -> None:
    engine = Engine()
    engine.headers = [(b"content-length", b"2"), (b"allow", b"GET")]
    async with listening(engine, path):
        head = await http.head(KEYS)
        assert (engine.asked["method"], head.content, head.headers["content-length"]) == ("HEAD", b"", "2")
        options = await http.options(KEYS)
        assert (engine.asked["method"], options.headers["allow"]) == ("OPTIONS", "GET")


async def test_of_a_body_that_is_too_large_the_engine_sees_only_that_it_is(http: httpx.AsyncClient, path: Path) -> None:
    engine = Engine()
    async with listening(engine, path):
        await http.post(KEYS, content=b"x" * (3 * BODY_BYTES_MAX))
    assert len(engine.body) == BODY_BYTES_MAX + 1


async def test_a_forwarded_request_counts_once_for_its_address(http: httpx.AsyncClient, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "engine", limits=RequestLimits(address_requests_per_second=1))
    async with running_exchange(settings) as exchange:
        app = build_gateway(exchange, settings).app
        async with listening(app, tmp_path / "run" / "http.sock"):
            answers = [await http.get("/auth/providers") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert answers[-1].headers.get_list("x-ratelimit-limit") == ["50"]
    assert len(answers[-1].headers.get_list("x-request-id")) == 1


@pytest.mark.usefixtures("path")
async def test_without_an_engine_the_answer_says_that_nothing_was_done(http: httpx.AsyncClient) -> None:
    native = await http.post(KEYS, json={})
    assert (native.status_code, native.json()["error"]["code"]) == (503, "engine_is_unavailable")
    assert native.headers["retry-after"] == "1"
    alpaca = await http.post("/v2/watchlists", json={})
    assert (alpaca.status_code, alpaca.json()["reason"]) == (503, "engine_is_unavailable")
    assert alpaca.headers["retry-after"] == "1"
    assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize(("method", "code"), [("POST", "outcome_is_unknown"), ("GET", "engine_is_unavailable")])
async def test_engine_that_ends_before_it_answers(http: httpx.AsyncClient, path: Path, method: str, code: str) -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_unix_server(end, path):
        answer = await http.request(method, KEYS)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)


def test_what_is_kept_by_one_process_is_forwarded() -> None:
    routing = Routing(ROUTES)
    forwarded = {route.tag for route in ROUTES if is_forwarded(route.path, routing)}
    assert forwarded == {"keys", "sign-in", "audit", "operator", "exchange"}
    local = {route.tag for route in ROUTES if not is_forwarded(route.path, routing)}
    assert local == {"orders", "account", "markets", "exchange"}
    assert all(is_forwarded(path, routing) for path in ("/v2/watchlists", "/v2/watchlists/1", "/v2/watchlists:by_name"))
    assert not any(is_forwarded(path, routing) for path in ("/v2/orders", "/v2/account", "/", "/api/v1/nothing"))
