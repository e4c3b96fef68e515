"""No account sees or changes anything of another one: over every route, WebSocket method and channel there is.

The tests go through the tables from which the interface is served, so that a new route is tested without anybody
thinking of it. One whose parameters cannot be filled fails them: say in `IDS`, `PLAIN` or `BODY` what goes there.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.sockets import SocketClient
from tests.support.two_traders import SYMBOL, Trader, World, running_world
from waiver_exchange.application.authority import ALL_SCOPES, ROLE_SCOPES, ROLES
from waiver_exchange.application.authority import KEY_SCOPES as SCOPES_OF_KEYS
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.handlers import ALPACA_HANDLERS
from waiver_exchange.gateway.feeds.directory import MARKET_CHANNELS, PRIVATE_CHANNELS
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer
from waiver_exchange.gateway.rest.routes import ROUTES
from waiver_exchange.gateway.websocket.methods import METHODS, Method

# Parameters and fields that name what belongs to somebody: each is filled with what is the other account's.
IDS = {
    "order_id": "order_id",
    "id": "order_id",
    "client_order_id": "client_order_id",
    "key_id": "key_id",
    "api_key": "key_id",
    "session_id": "session_id",
    "account_id": "account_id",
    "account": "account_id",
    "person_id": "person_id",
    "watchlist_id": "watchlist_id",
    "passkey_id": "passkey_id",
    "action_id": "session_id",
    "trade_id": "order_id",
}
# What belongs to nobody. None is left out.
PLAIN: dict[str, str | None] = {
    "symbol": SYMBOL,
    "symbols": SYMBOL,
    "provider": "nobody",
    "period": "1D",
    "side": "buy",
    "state": "guessed",
    "iss": None,
    "search": "mahomes",
    "start": "2020-01-01T00:00:00Z",
    "end": None,
    "revoke_keys": "false",
    "depth": "5",
    "error": None,
    "position": "QB",
    "sort": None,
    "fill": None,
    "limit": "50",
    "code": "guessed",
    "direction": "asc",
    "team": "KC",
    "interval": "1m",
    "cursor": None,
    "status": "all",
}
# Orders that meet nobody else's; what would end the asking credential itself is not meant to.
BODY: dict[str, object] = {
    "symbol": SYMBOL,
    "side": "buy",
    "type": "limit",
    "time_in_force": None,
    "quantity": "1",
    "notional": None,
    "limit_price": "15.00",
    "stop_price": None,
    "post_only": None,
    "self_trade_prevention": None,
    "expires_at": None,
    "name": "ann's",
    "scopes": None,
    "invitation": "guessed",
    "return_to": "/",
    "as_program": True,
    "refresh_token": "guessed",
    "credential": {},
    "confirmation": "guessed",
    "api_secret": "guessed",
    "token": None,
    "channels": None,
}
# Parameters that go with no other one.
LEFT_OUT = {
    "DELETE /api/v1/orders": {"symbol"},
    "GET /api/v1/account/equity": {"period"},
    "GET /api/v1/markets": {"status"},
}
# A request that is refused for its form says nothing about isolation.
FORM_NOT_MEANT = {"/auth/passkeys", "/auth/passkeys/step-up", "/auth/erase"}
FORM_REFUSALS = {"field_is_invalid", "field_is_missing", "field_is_unknown", "request_is_malformed"}
# Ends or replaces the credential that the test goes on with; nobody else is named in it.
OF_THE_CALLER_ALONE = {"/auth/sign-out", "/auth/sign-out-everywhere"}
VOLATILE = {"time", "exported_at", "last_used_at", "expires_at", "sequence", "expires_in", "csrf_token", "token"}
_R = RefusalReason
ACCESS_REFUSALS = {
    _R.credentials_are_missing.name,
    _R.credentials_are_wrong.name,
    _R.token_is_wrong.name,
    _R.scope_is_missing.name,
    _R.session_is_required.name,
    _R.step_up_is_required.name,
    _R.connection_is_not_authenticated.name,
}
BEYOND = {"audit", "operate"}
ALPACA_READS = (
    "/v2/account",
    "/v2/orders?status=all",
    "/v2/watchlists",
    "/v2/positions",
    "/v2/account/configurations",
)
ALL_ROUTES: tuple[Route, ...] = ROUTES


class UnknownParameterError(AssertionError):
    """A route has a parameter or field that this test has no value for."""


def value_of(name: str, victim: Trader, *, plain: dict[str, Any], of: str) -> Any:  # noqa: ANN401 - any JSON
    if name in IDS:
        return victim.ids[IDS[name]]
    if name in plain:
        return plain[name]
    raise UnknownParameterError(f"{of}: say in tests/acceptance/test_isolation.py what goes into {name}")


def request_of(route: Route, victim: Trader) -> tuple[str, dict[str, Any]]:
    """The path and options of a request of a route that names the victim's things wherever it can."""
    of = f"{route.method} {route.path}"
    path = route.path
    for parameter in route.path_parameters:
        path = path.replace(f"{{{parameter.name}}}", str(value_of(parameter.name, victim, plain=PLAIN, of=of)))
    if route.access in BEYOND:
        # Traders get no further than the door, whatever else they say; the tests of the console go on from there.
        return path, {"json": {}} if route.body is not None else {}
    names = [name for name in route.query_parameters if name not in LEFT_OUT.get(of, ())]
    query = {name: value_of(name, victim, plain=PLAIN, of=of) for name in names}
    options: dict[str, Any] = {"params": {name: value for name, value in query.items() if value is not None}}
    if route.body is not None:
        body = {field.name: value_of(field.name, victim, plain=BODY, of=of) for field in route.body.fields}
        # A name that somebody gave his own order may be given by anybody to an order of his own.
        if route.method in {"POST", "PATCH"} and "client_order_id" in body:
            body["client_order_id"] = f"ann-{route.name}"
        options["json"] = {name: value for name, value in body.items() if value is not None}
    return path, options


def secrets_of(victim: Trader, *, sent: str) -> list[str]:
    """Everything that tells of the victim, but what the request itself said."""
    told = [
        *victim.ids.values(),
        victim.name,
        victim.key.api_secret,
        victim.session.refresh_token,
        victim.session.access.text,
        victim.session.csrf_token,
    ]
    return [text for text in told if text not in sent]


def check_tells_nothing(text: str, victim: Trader, *, sent: str, of: str) -> None:
    for secret in secrets_of(victim, sent=sent):
        assert secret not in text, f"{of} told {secret!r} of another account"


def lasting(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A body without what changes by itself."""
    if isinstance(value, dict):
        return {name: lasting(each) for name, each in value.items() if name not in VOLATILE}
    return [lasting(each) for each in value] if isinstance(value, list) else value


async def all_that_is_seen_by(world: World, trader: Trader, routes: Iterable[Route] = ALL_ROUTES) -> dict[str, Any]:
    """Everything that the owner reads of his account, on both faces, and what is stored of it."""
    seen: dict[str, Any] = {}
    for route in routes:
        if route.method != "GET" or route.access in {"public", "operate", "audit"} or route.path_parameters:
            continue
        answer = await world.ask("GET", route.path, trader.by_session)
        seen[route.path] = lasting(answer.json()) if "json" in answer.headers["content-type"] else answer.text
    for path in (
        "/v2/account",
        "/v2/orders?status=all",
        "/v2/watchlists",
        "/v2/positions",
        "/v2/account/configurations",
    ):
        seen[path] = lasting((await world.ask("GET", path, trader.as_alpaca)).json())
    exchange = world.exchange
    seen["keys"] = [
        (key.key_id, key.name, key.scopes, key.revoked_at_ns) for key in exchange.identity.list_keys(trader.account)
    ]
    session = exchange.sessions.find_session(trader.session.session.session_id)
    seen["session"] = session is not None and session.revoked_at_ns
    seen["person"] = exchange.people.find_person_of(trader.account)
    return seen


async def check_isolated(world: World, ann: Trader, victim: Trader, routes: Iterable[Route]) -> None:
    before = await all_that_is_seen_by(world, victim)
    for route in routes:
        of = f"{route.method} {route.path}"
        path, options = request_of(route, victim)
        if route.path in OF_THE_CALLER_ALONE:
            continue
        for headers in (ann.by_key, ann.by_session, ann.by_cookie, {"Authorization": f"Bearer {ann.token}"}):
            answer = await world.ask(route.method, path, headers, **options)
            assert answer.status_code < 500 or answer.status_code == 503, (of, answer.text)
            if route.access in BEYOND:
                assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope_is_missing"), of
            elif answer.status_code >= 400 and route.path not in FORM_NOT_MEANT:
                assert answer.json()["error"]["code"] not in FORM_REFUSALS, (of, answer.text)
            check_tells_nothing(f"{answer.text} {answer.headers}", victim, sent=f"{path} {options}", of=of)
        if route.access != "public":
            after = await all_that_is_seen_by(world, victim)
            assert after == before, f"{of} changed something of another account"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_world(tmp_path) as world:
        yield world


@pytest.fixture
async def ann(world: World) -> Trader:
    ann = await world.add("ann")
    await world.plant(ann)
    return ann


@pytest.fixture
async def victim(world: World) -> Trader:
    victim = await world.add("zacharias")
    await world.plant(victim)
    return victim


async def test_no_route_tells_or_changes_anything_of_another_account(world: World, ann: Trader, victim: Trader) -> None:
    await check_isolated(world, ann, victim, ALL_ROUTES)
    seen = json.dumps(await all_that_is_seen_by(world, victim), default=str)
    # What is looked for is there to be found: by its owner.
    for kind in ("order_id", "client_order_id", "key_id", "session_id", "watchlist_name"):
        assert victim.ids[kind] in seen, kind


async def test_a_route_that_tells_is_caught(world: World, ann: Trader, victim: Trader) -> None:
    async def tell(call: Call) -> Answer:
        views = list(call.exchange.state.orders.values())
        return json_answer({"orders": [call.exchange.identity.find_name(view.account) for view in views]})

    broken = replace(route_named("listOrders"), handler=tell)
    serve_instead(world, broken)
    with pytest.raises(AssertionError, match="told 'zacharias' of another account"):
        await check_isolated(world, ann, victim, [broken])


async def test_a_route_that_changes_is_caught(world: World, ann: Trader, victim: Trader) -> None:
    async def revoke(call: Call) -> Answer:
        await call.exchange.identity.revoke_key(victim.ids["key_id"], at_ns=1)
        return json_answer({})

    broken = replace(route_named("placeOrder"), handler=revoke)
    serve_instead(world, broken)
    with pytest.raises(AssertionError, match="changed something of another account"):
        await check_isolated(world, ann, victim, [broken])


async def test_a_route_that_the_test_cannot_fill_is_caught(world: World, ann: Trader, victim: Trader) -> None:
    route = next(route for route in ALL_ROUTES if route.path_parameters)
    strange = replace(route.path_parameters[0], name="strange_id")
    with pytest.raises(UnknownParameterError, match="strange_id"):
        await check_isolated(
            world, ann, victim, [replace(route, path="/api/v1/strange/{strange_id}", parameters=(strange,))]
        )


def route_named(name: str) -> Route:
    return next(route for route in ALL_ROUTES if route.name == name)


def serve_instead(world: World, route: Route) -> None:
    """Serve a route instead of the one of its method and path."""
    found = world.gateway.app._routing.find(route.path)
    assert found is not None
    found.routes[route.method] = route


async def test_without_credentials_only_public_routes_open(world: World, victim: Trader) -> None:
    for route in ALL_ROUTES:
        path, options = request_of(route, victim)
        answer = await world.ask(route.method, path, {}, **options)
        if route.access != "public":
            assert answer.status_code == 401, (route.method, route.path, answer.text)
            assert answer.json()["error"]["code"] == "credentials_are_missing"
        check_tells_nothing(answer.text, victim, sent=f"{path} {options}", of=f"{route.method} {route.path}")


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_is_let_in_where_its_routes_say_so(world: World, victim: Trader, role: str) -> None:
    scopes = tuple(scope for scope in SCOPES_OF_KEYS if scope in ROLE_SCOPES[ROLES[role]])
    one = await world.add(f"one-{role}", role=ROLES[role], scopes=scopes)
    in_session = frozenset(ALL_SCOPES) & ROLE_SCOPES[ROLES[role]]
    for route in ALL_ROUTES:
        if route.access == "public" or route.path in OF_THE_CALLER_ALONE:
            continue
        path, options = request_of(route, victim)
        for headers, held, is_session in ((one.by_key, frozenset(scopes), False), (one.by_session, in_session, True)):
            answer = await world.ask(route.method, path, headers, **options)
            code = answer.json()["error"]["code"] if answer.status_code >= 400 else ""
            # Nobody showed a second factor here, so nobody operates.
            may = route.access == "key" or (route.access in held and route.access != "operate")
            of = (route.method, route.path, role, "session" if is_session else "key", answer.text)
            if may:
                assert code not in ACCESS_REFUSALS - {_R.session_is_required.name, _R.step_up_is_required.name}, of
            elif route.access == "operate" and is_session and "operate" in held:
                assert (answer.status_code, code) == (403, _R.step_up_is_required.name), of
            else:
                assert (answer.status_code, code) == (403, _R.scope_is_missing.name), of


async def test_cookies_open_what_a_token_opens_and_only_to_our_own_pages(
    world: World, ann: Trader, victim: Trader
) -> None:
    before = await all_that_is_seen_by(world, ann)
    for route in ALL_ROUTES:
        if route.access == "public" or route.path in OF_THE_CALLER_ALONE:
            continue
        path, options = request_of(route, victim)
        of = f"{route.method} {route.path}"
        foreign = dict(ann.by_cookie) | {"X-CSRF-Token": victim.session.csrf_token}
        answer = await world.ask(route.method, path, foreign, **options)
        if route.method in {"GET", "HEAD"}:
            assert answer.status_code != 401, (of, answer.text)
        else:
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf_token_is_wrong"), of
            assert await all_that_is_seen_by(world, ann) == before, of


async def test_an_operator_is_let_in_everywhere_right_after_the_second_factor(world: World, victim: Trader) -> None:
    """By session alone: what he is let in by a key or without the second factor is tested with the roles."""
    operator = await world.add("operator", role=ROLES["operator"])
    await world.plant(operator)
    session_id = operator.session.session.session_id
    for route in ALL_ROUTES:
        if route.access not in BEYOND:
            continue
        path, options = request_of(route, victim)
        of = (route.method, route.path)
        await world.exchange.sessions.mark_stepped_up(session_id, at_ns=world.exchange.clock.now_ns())
        for headers in (operator.by_session, operator.by_cookie):
            answer = await world.ask(route.method, path, headers, **options)
            code = answer.json()["error"]["code"] if answer.status_code >= 400 else ""
            assert answer.status_code < 500, (of, answer.text)
            assert code not in ACCESS_REFUSALS, (of, answer.text)
            check_keeps_secrets(answer.text, victim, of=of)
        by_key = await world.ask(route.method, path, operator.by_key, **options)
        assert (by_key.status_code, by_key.json()["error"]["code"]) == (403, "scope_is_missing"), of


def check_keeps_secrets(text: str, victim: Trader, *, of: object) -> None:
    """Whoever looks after others sees what they have, and nothing that lets him act as they do."""
    session = victim.session
    for secret in (victim.key.api_secret, session.refresh_token, session.access.text, session.csrf_token, victim.token):
        assert secret not in text, of


def params_of(method: Method, name: str, victim: Trader) -> dict[str, Any]:
    given = {field.name: value_of(field.name, victim, plain=BODY, of=name) for field in method.params.fields}
    if name in {"order.place", "order.replace"}:
        given["client_order_id"] = f"ann-{name}"
    if name == "order.cancel":
        del given["client_order_id"]
    if "channels" in given:
        given["channels"] = all_channels()
    return {field: value for field, value in given.items() if value is not None}


async def told_to(client: SocketClient) -> list[Any]:
    """What a client is answered, which comes after the commit."""
    for _ in range(500):
        told = client.messages()
        if told:
            # What comes with it comes in the same frame of pushes.
            await asyncio.sleep(0.05)
            return told + client.messages()
        await asyncio.sleep(0.01)
    raise AssertionError("nothing was answered")


def all_channels() -> list[str]:
    addresses = [channel.address.format(symbol=SYMBOL, interval="1m") for channel in MARKET_CHANNELS.values()]
    return addresses + list(PRIVATE_CHANNELS)


async def test_no_websocket_method_or_channel_tells_or_changes_anything_of_another_account(
    world: World, ann: Trader, victim: Trader
) -> None:
    before = await all_that_is_seen_by(world, victim)
    client = world.connect()
    client.ask("auth", api_key=ann.key.api_key, api_secret=ann.key.api_secret)
    assert "result" in client.answer()
    for name, method in METHODS.items():
        params = params_of(method, name, victim)
        client.ask(name, **params)
        if name == "order.cancel":
            client.ask(name, client_order_id=victim.ids["client_order_id"])
        told = await told_to(client)
        check_tells_nothing(json.dumps(told), victim, sent=json.dumps(params) + victim.ids["client_order_id"], of=name)
        assert await all_that_is_seen_by(world, victim) == before, name
    client.ask("subscribe", channels=all_channels())
    order = {"symbol": SYMBOL, "side": "buy", "type": "limit", "quantity": "2", "limit_price": "18.00"}
    new = await world.ask(
        "POST", "/api/v1/orders", victim.by_key, json=order | {"client_order_id": f"{victim.name}-pushed"}
    )
    assert new.status_code == 200
    await asyncio.sleep(0.1)
    pushed = json.dumps(client.messages())
    assert "18.00" in pushed, "the book's push was looked at too early"
    check_tells_nothing(pushed, victim, sent="", of="the channels")
    assert new.json()["id"] not in pushed


async def test_without_credentials_no_websocket_method_acts(world: World, victim: Trader) -> None:
    for name, method in METHODS.items():
        client = world.connect()
        client.ask(name, **params_of(method, name, victim))
        answers = client.messages()
        check_tells_nothing(json.dumps(answers), victim, sent="", of=name)
        if method.scope is not None:
            assert [answer["error"]["code"] for answer in answers] == ["connection_is_not_authenticated"], name
    client = world.connect()
    for channel in PRIVATE_CHANNELS:
        client.ask("subscribe", channels=[channel])
        assert client.answer()["error"]["code"] == "connection_is_not_authenticated"


ALPACA_BODIES: dict[str, dict[str, Any]] = {
    "POST /v2/orders": {
        "symbol": SYMBOL,
        "qty": "1",
        "side": "buy",
        "type": "limit",
        "limit_price": "15.00",
        "time_in_force": "gtc",
    },
    "PATCH /v2/orders/{order_id}": {"qty": "2"},
    "PATCH /v2/account/configurations": {"suspend_trade": False},
    "POST /v2/watchlists": {"name": "ann-another", "symbols": [SYMBOL]},
    "PUT /v2/watchlists/{watchlist_id}": {"name": "ann-renamed", "symbols": [SYMBOL]},
    "PUT /v2/watchlists:by_name": {"name": "ann-renamed", "symbols": [SYMBOL]},
    "POST /v2/watchlists/{watchlist_id}": {"symbol": SYMBOL},
    "POST /v2/watchlists:by_name": {"symbol": SYMBOL},
}
# Market data of crypto is public at Alpaca too.
ALPACA_PUBLIC = "/v1beta3/crypto/"
ALPACA_PLAIN = {
    "symbol": SYMBOL,
    "symbol_or_id": SYMBOL,
    "activity_type": "FILL",
    "kind": "trade",
    "loc": "us",
    "market_type": "stocks",
}


def alpaca_requests(victim: Trader) -> Iterable[tuple[str, str, dict[str, Any]]]:
    """The method, filled path and options of every request that the face knows."""
    for handler in ALPACA_HANDLERS:
        for given in handler.paths:
            path = given.replace(":str}", "}")
            filled = path
            for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
                filled = filled.replace(f"{{{name}}}", str(value_of(name, victim, plain=ALPACA_PLAIN, of=path)))
            for method in handler.http_methods:
                options: dict[str, Any] = {"params": {}}
                if path.endswith(":by_client_order_id"):
                    options["params"] = {"client_order_id": victim.ids["client_order_id"]}
                elif ":by_name" in path:
                    options["params"] = {"name": victim.ids["watchlist_name"]}
                elif "/stocks/" in path or "/crypto/" in path:
                    options["params"] = {"symbols": SYMBOL}
                body = ALPACA_BODIES.get(f"{method} {path}")
                if method in {"POST", "PUT", "PATCH"}:
                    assert body is not None, f"{method} {path}: say in ALPACA_BODIES what goes into it"
                    options["json"] = body
                yield str(method), filled, options


async def test_no_route_of_alpacas_tells_or_changes_anything_of_another_account(
    world: World, ann: Trader, victim: Trader
) -> None:
    before = await all_that_is_seen_by(world, victim)
    for method, path, options in alpaca_requests(victim):
        answer = await world.ask(method, path, ann.as_alpaca, **options)
        assert answer.status_code < 500, (method, path, answer.text)
        check_tells_nothing(answer.text, victim, sent=f"{path} {options}", of=f"{method} {path}")
        if method != "GET":
            assert await all_that_is_seen_by(world, victim) == before, (method, path)
    assert await all_that_is_seen_by(world, victim) == before


async def test_without_credentials_no_route_of_alpacas_opens(world: World, victim: Trader) -> None:
    for method, path, options in alpaca_requests(victim):
        answer = await world.ask(method, path, {}, **options)
        check_tells_nothing(answer.text, victim, sent=f"{path} {options}", of=path)
        if path.startswith(ALPACA_PUBLIC):
            continue
        assert answer.status_code == 401, (method, path, answer.text)
