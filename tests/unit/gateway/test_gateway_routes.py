"""Every route of a gateway process: answered from its replica as the engine's process does, or passed on."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar.types import HTTPScope, Receive, Send

from tests.support.linked import caught_up, following, running_link
from tests.support.sockets import SocketClient
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.config import RequestLimits, Settings
from waiver_exchange.domain.codes import HOUSE_ACCOUNT
from waiver_exchange.domain.commands import GrantShares
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.gateway.alpaca.handlers import ALPACA_HANDLERS
from waiver_exchange.gateway.app import Gateway, build_gateway
from waiver_exchange.gateway.page import PAGES
from waiver_exchange.gateway.rest.route import Route
from waiver_exchange.gateway.rest.routes import ROUTES
from waiver_exchange.gateway.websocket.methods import METHODS

PASSED_ON = 299
LISTING = Listing(
    symbol="MAHOMES",
    name="Patrick Mahomes",
    position="QB",
    team="KC",
    supply_units=100_000_000,
    reference_price_cents=2_500,
)
ORDER = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "20.00"}
# What an answer says of its own moment.
MOMENTS = frozenset({"time", "timestamp", "last_updated"})
QUERIES = {
    "/v2/account/activities": {},
    "/v2/calendar": {"start": "2026-01-02", "end": "2026-01-05"},
    "/v2/orders:by_client_order_id": {"client_order_id": "resting"},
}
# Reads of several symbols name them.
_OF_SYMBOLS = re.compile(r"^/(v2/stocks|v1beta3/crypto/us)/")


class PassedOn:
    """Stands where the engine's process is reached."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        del receive
        self.requests.append((scope["method"], scope["path"]))
        await send({"type": "http.response.start", "status": PASSED_ON, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class World:
    """Both gateways, asked as Ann, who has shares, fills and resting orders."""

    def __init__(self, engine: Exchange, replica: Exchange, data_dir: Path, headers: dict[str, str]) -> None:
        settings = Settings(data_dir=data_dir, limits=RequestLimits(address_requests_per_second=0))
        self.passed_on = PassedOn()
        self.engine, self.replica = engine, replica
        self.there = build_gateway(engine, settings)
        self.here = build_gateway(replica, settings, forwarder=cast("Any", self.passed_on))
        self.headers = headers
        self.ids: dict[str, str] = {"symbol": "MAHOMES", "symbol_or_id": "MAHOMES", "loc": "us", "kind": "trade"}

    def client(self, gateway: Gateway) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(cast("Any", gateway.app)), base_url="http://exchange", headers=self.headers
        )

    def filled(self, path: str) -> str:
        """A path with something that is there in the place of each parameter."""
        return re.sub(r"{(\w+)(?::\w+)?}", lambda found: self.ids.get(found[1], "most-actives"), path)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        engine = (await stack.enter_async_context(running_link(tmp_path))).exchange
        await list_player(engine, LISTING)
        ann = await create_account(engine, name="Ann", cash_micros=10**12)
        grant = GrantShares(account=ann.account, market=1, quantity_units=1_000_000, reference="g")
        (await engine.sequencer.submit(grant)).first_event()
        (replica,) = await stack.enter_async_context(following(tmp_path))
        bid = OrderRequest(symbol="MAHOMES", side="buy", order_type="limit", quantity_units=10_000)
        bid = bid._replace(limit_price_cents=2_000, client_order_id="resting")
        resting = await place_order(replica, account=ann.account, request=bid)
        ask = bid._replace(side="sell", client_order_id="asked", limit_price_cents=2_400)
        await place_order(engine, account=HOUSE_ACCOUNT, request=ask)
        await place_order(
            replica, account=ann.account, request=bid._replace(limit_price_cents=2_400, client_order_id=None)
        )
        await caught_up(replica)
        headers = {
            "X-API-Key": ann.api_key,
            "X-API-Secret": ann.api_secret,
            "APCA-API-KEY-ID": ann.api_key,
            "APCA-API-SECRET-KEY": ann.api_secret,
        }
        built = World(engine, replica, tmp_path, headers)
        built.ids["order_id"] = to_text(IdKind.order, resting.order_id)
        yield built


def is_kept_by_the_engine(route: Route) -> bool:
    """Whatever is about who somebody is, or beyond the own account."""
    return route.tag in {"keys", "sign-in", "audit", "operator"} or route.name == "getConservation"


async def test_native_routes_are_answered_as_the_engine_does_or_passed_on(world: World) -> None:
    async with world.client(world.here) as here, world.client(world.there) as there:
        for route in ROUTES:
            path = world.filled(route.path)
            if is_kept_by_the_engine(route):
                answer = await here.request(route.method, path)
                assert (answer.status_code, world.passed_on.requests[-1]) == (PASSED_ON, (route.method, path))
            elif route.method == "GET":
                await compare(here, there, path, query={})
    assert len(world.passed_on.requests) == sum(is_kept_by_the_engine(route) for route in ROUTES)


async def test_pages_and_documents_are_answered_here(world: World) -> None:
    async with world.client(world.here) as here, world.client(world.there) as there:
        for path in (*(page[0] for page in PAGES), "/openapi.json", "/asyncapi.json", "/docs", "/nothing"):
            await compare(here, there, path, query={})
    assert world.passed_on.requests == []


async def test_routes_of_alpaca_are_answered_as_the_engine_does_or_passed_on(world: World) -> None:
    async with world.client(world.here) as here, world.client(world.there) as there:
        for handler in ALPACA_HANDLERS:
            for pattern in handler.paths:
                path = world.filled(pattern)
                if path.startswith(("/v2/watchlists", "/v2/account/configurations")):
                    (method,) = handler.http_methods - {"HEAD", "OPTIONS"}
                    answer = await here.request(method, path)
                    assert (answer.status_code, world.passed_on.requests[-1]) == (PASSED_ON, (method, path))
                elif "GET" in handler.http_methods:
                    query = QUERIES.get(path, {"symbols": "MAHOMES"} if _OF_SYMBOLS.match(path) else {})
                    await compare(here, there, path, query=query)


async def compare(here: httpx.AsyncClient, there: httpx.AsyncClient, path: str, *, query: dict[str, str]) -> None:
    own, engines = [await client.get(path, params=query) for client in (here, there)]
    assert own.status_code == engines.status_code < 500, (path, own.text)
    assert said(own) == said(engines), path


def said(answer: httpx.Response) -> object:
    if answer.headers.get("content-type") != "application/json":
        return answer.content
    return without_moments(json.loads(answer.content))


def without_moments(body: object) -> object:
    if isinstance(body, dict):
        return {name: without_moments(value) for name, value in body.items() if name not in MOMENTS}
    return [without_moments(item) for item in body] if isinstance(body, list) else body


async def test_what_changes_orders_is_done_through_a_gateway(world: World) -> None:
    async with world.client(world.here) as here, world.client(world.there) as there:
        for prefix in ("/api/v1/orders", "/v2/orders"):
            body = ORDER if prefix.startswith("/api") else {**ORDER, "qty": "1", "time_in_force": "gtc"}
            body = {name: value for name, value in body.items() if prefix.startswith("/api") or name != "quantity"}
            placed = await here.post(prefix, json=body)
            assert placed.status_code == 200, placed.text
            changed = await here.patch(f"{prefix}/{placed.json()['id']}", json={"limit_price": "19.00"})
            assert changed.status_code == 200, changed.text
            ended = await here.delete(f"{prefix}/{changed.json()['id']}")
            assert ended.status_code in {200, 204}, ended.text
            assert (await there.get(f"{prefix}/{changed.json()['id']}")).json()["status"] in {"cancelled", "canceled"}
            everything = await here.delete(prefix)
            assert everything.status_code in {200, 207}, everything.text
        for path in ("/v2/positions/MAHOMES", "/v2/positions"):
            closed = await here.delete(path)
            assert closed.status_code < 500, closed.text
    assert world.passed_on.requests == []
    assert world.replica.sequencer.head == world.engine.sequencer.head


async def test_methods_of_the_websocket_are_answered_here(world: World) -> None:
    client = SocketClient(world.here.sockets, "/ws")
    asked: dict[str, dict[str, object]] = {
        "auth": {"api_key": world.headers["X-API-Key"], "api_secret": world.headers["X-API-Secret"]},
        "order.place": dict(ORDER),
        "order.replace": {"id": world.ids["order_id"], "limit_price": "19.50"},
        "order.cancel": {"client_order_id": "resting"},
        "order.cancel_all": {},
        "subscribe": {"channels": ["book:MAHOMES", "trades:*", "ticker:*", "orders", "account"]},
        "unsubscribe": {"channels": ["ticker:*"]},
        "ping": {},
    }
    assert asked.keys() == METHODS.keys()
    for method, params in asked.items():
        client.ask(method, request_id=method, **params)
        answer = await answer_of(client, method)
        code = answer.get("error", {}).get("code")
        # The order was replaced, so that it can be cancelled no more.
        assert code == ("order_is_final" if method == "order.cancel" else None), (method, answer)


async def answer_of(client: SocketClient, request_id: str) -> Any:  # noqa: ANN401 - any JSON
    for _ in range(500):
        for message in client.messages():
            if message.get("id") == request_id:
                return message
        await asyncio.sleep(0.01)
    pytest.fail(f"no answer to {request_id}")
