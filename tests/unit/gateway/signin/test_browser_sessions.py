"""A browser's session over HTTP and WebSocket: cookies, what they open, and what others cannot do with them."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.provider import ISSUER, FakeProvider
from tests.support.auditing import recorded_events
from tests.support.sockets import SocketClient
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import IdentityError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.gateway.app import build_gateway
from waiver_exchange.gateway.rest.health import IDENTITY_WARNING
from waiver_exchange.gateway.sockets.sockets import Sockets

OWN = "http://localhost:8081"
ACCESS, REFRESH, CSRF, BEGUN = (f"__Host-waiver_{name}" for name in ("access", "refresh", "csrf", "sign_in"))
CHANGING = [("POST", "/auth/sign-out"), ("POST", "/auth/sign-out-everywhere"), ("DELETE", "/auth/sessions/x")]
CHANGING += [("POST", "/api/v1/keys"), ("POST", "/api/v1/tokens"), ("POST", "/api/v1/orders")]
CHANGING += [("DELETE", "/api/v1/orders")]


class World:
    """The exchange with a browser at it, whose cookies the test carries by hand."""

    def __init__(self, exchange: Exchange, http: httpx.AsyncClient, sockets: Sockets, clock: FakeClock) -> None:
        self.exchange = exchange
        self.http = http
        self.sockets = sockets
        self.clock = clock
        self.provider = FakeProvider()
        exchange.sign_in.providers = {"league": self.provider, "other": FakeProvider("other")}
        self.cookies: dict[str, str] = {}

    async def ask(self, method: str, path: str, **given: object) -> httpx.Response:
        """A request of a page of ours."""
        headers = {"Origin": OWN, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self.cookies.get(CSRF, "")}
        return await self.send(method, path, headers, **given)

    async def send(self, method: str, path: str, headers: dict[str, str], **given: object) -> httpx.Response:
        """A request with the browser's cookies; it keeps those that are set."""
        self.http.cookies.clear()
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.http.request(method, path, headers=headers | {"Cookie": cookie}, **given)  # type: ignore[arg-type]
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "Max-Age=0;" in line:
                del self.cookies[name]
        return answer

    async def depart(self, **wanted: str) -> str:
        """Begin a sign-in and return its state."""
        answer = await self.ask("POST", "/auth/sign-in/league", json=wanted)
        assert answer.status_code == 200, answer.text
        return parse_qs(urlsplit(str(answer.json()["location"])).query)["state"][0]

    async def arrive(self, *, provider: str = "league", **query: str) -> str:
        """Come back from a provider and return where the browser goes."""
        answer = await self.send("GET", f"/auth/callback/{provider}?authuser=0&scope=openid", {}, params=query)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def sign_in(self) -> None:
        assert await self.arrive(state=await self.depart(), code="c", iss=ISSUER) == "/"

    async def account(self) -> str:
        return str((await self.ask("GET", "/auth/me")).json().get("account_id"))


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    settings, clock = Settings(data_dir=tmp_path, is_demo=True), FakeClock()
    async with running_exchange(settings, clock=clock) as exchange:
        gateway = build_gateway(exchange, settings)
        transport = httpx.ASGITransport(gateway.app)  # type: ignore[arg-type]  # the same protocol, typed otherwise
        async with httpx.AsyncClient(transport=transport, base_url=OWN) as http:
            yield World(exchange, http, gateway.sockets, clock)


async def test_the_way_in_and_out(world: World) -> None:
    state = await world.depart(return_to="/security?tab=keys")
    assert await world.arrive(state=state, code="c", iss=ISSUER) == "/security?tab=keys"
    assert set(world.cookies) == {ACCESS, REFRESH, CSRF}
    me = (await world.ask("GET", "/auth/me")).json()
    assert (me["name"], me["email"], me["role"], me["provider"]) == ("Ann", "ann@example.org", "trader", "league")
    assert (await world.ask("GET", "/api/v1/account")).json()["cash"] == "10000.00"
    [session] = (await world.ask("GET", "/auth/sessions")).json()
    assert session["is_current"]
    kept = dict(world.cookies)
    assert (await world.ask("POST", "/auth/sign-out")).json() == {"ended": 1}
    assert world.cookies == {}
    world.cookies = kept
    assert code_of(await world.ask("GET", "/auth/me")) == "token_is_wrong"
    assert code_of(await world.ask("POST", "/auth/refresh")) == "refresh_token_is_wrong"


async def test_the_address_is_told_to_the_person_and_to_no_program(world: World) -> None:
    await world.sign_in()
    made = (await world.ask("POST", "/api/v1/keys", json={"scopes": ["read"]})).json()
    world.cookies.clear()
    answer = await world.send("GET", "/auth/me", {"X-API-Key": made["api_key"], "X-API-Secret": made["api_secret"]})
    assert (answer.json()["name"], answer.json()["email"]) == ("Ann", None)
    assert "ann@example.org" not in answer.text


async def test_signing_out_everywhere_may_end_the_keys_too(world: World) -> None:
    await world.sign_in()
    made = (await world.ask("POST", "/api/v1/keys", json={"scopes": ["read"]})).json()
    key = {"X-API-Key": made["api_key"], "X-API-Secret": made["api_secret"]}
    assert (await world.ask("POST", "/auth/sign-out-everywhere")).json() == {"ended": 1, "keys_revoked": 0}
    assert (await world.send("GET", "/api/v1/account", key)).status_code == 200
    await world.sign_in()
    answer = await world.ask("POST", "/auth/sign-out-everywhere?revoke_keys=true")
    assert answer.json() == {"ended": 1, "keys_revoked": 1}
    assert code_of(await world.send("GET", "/api/v1/account", key)) == "credentials_are_wrong"


async def test_an_export_is_for_our_page_and_fills_no_journal(world: World) -> None:
    await world.sign_in()
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert code_of(await world.send("GET", "/auth/export", headers)) == "origin_is_foreign"
    assert await recorded_events(world.exchange, "data_exported") == []
    for _ in range(20):
        assert (await world.ask("GET", "/auth/export")).status_code == 200
    assert len(await recorded_events(world.exchange, "data_exported")) == 1
    world.clock.advance(seconds=3_600)
    await world.ask("POST", "/auth/refresh")
    assert (await world.ask("GET", "/auth/export")).status_code == 200
    assert len(await recorded_events(world.exchange, "data_exported")) == 2


async def write_protect(world: World, *, is_protected: bool) -> None:
    """Have the file of names and keys refuse every write, as one that was made immutable does."""
    vault = world.exchange.identity._vault  # type: ignore[attr-defined]
    await vault.run_alone(lambda connection: connection.exec_driver_sql(f"PRAGMA query_only = {is_protected:d}"))


async def test_signing_out_ends_the_session_also_when_nothing_can_be_stored(world: World) -> None:
    exchange = world.exchange
    await world.sign_in()
    assert (await world.ask("GET", "/readyz")).json()["warning"] is None
    await write_protect(world, is_protected=True)
    kept = dict(world.cookies)
    assert code_of(await world.ask("POST", "/auth/sign-out")) == "identity_is_unavailable"
    world.cookies = kept
    assert code_of(await world.ask("GET", "/auth/me")) == "token_is_wrong"
    ready = await world.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["warning"]) == (200, IDENTITY_WARNING)
    with pytest.raises(IdentityError):
        await exchange.identity.check_writable()
    await write_protect(world, is_protected=False)
    await exchange.identity.check_writable()
    assert (await world.ask("GET", "/readyz")).json()["warning"] is None
    await exchange.sessions.store_uses()
    vault = exchange.identity._vault  # type: ignore[attr-defined]
    query = "SELECT revoked_at_ns FROM sessions"
    stored = await vault.read(lambda connection: connection.exec_driver_sql(query).fetchall())
    assert [bool(revoked) for (revoked,) in stored] == [True]


async def test_cookies_are_as_closed_as_they_can_be(world: World) -> None:
    answer = await world.send("POST", "/auth/demo", {"Origin": OWN}, json={"name": "ann"})
    lines = {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}
    assert set(lines) == {ACCESS, REFRESH, CSRF}
    for name, line in lines.items():
        assert "; Path=/;" in line
        assert "; Secure" in line
        assert "Domain" not in line
        assert ("; HttpOnly" in line) == (name != CSRF)
        assert ("; SameSite=Lax" if name == ACCESS else "; SameSite=Strict") in line


async def test_a_code_comes_back_once(world: World) -> None:
    state = await world.depart()
    begun = world.cookies[BEGUN]
    await world.arrive(state=state, code="c", iss=ISSUER)
    world.cookies = {BEGUN: begun}
    assert await world.arrive(state=state, code="c", iss=ISSUER) == "/sign-in?error=sign_in_is_unknown"


@pytest.mark.parametrize("what", ["state", "no state", "no cookie", "another cookie", "provider", "too late"])
async def test_a_return_that_this_browser_did_not_begin_is_refused(world: World, what: str) -> None:
    state, provider = await world.depart(), "league"
    match what:
        case "state":
            state = "x" * len(state)
        case "no state":
            state = ""
        case "no cookie":
            world.cookies.clear()
        case "another cookie":
            before = dict(world.cookies)
            await world.depart()
            assert world.cookies != before
        case "provider":
            provider = "other"
        case "too late":
            world.clock.advance(600)
    where = await world.arrive(provider=provider, state=state, code="c", iss=ISSUER)
    assert where == "/sign-in?error=sign_in_is_unknown"
    assert ACCESS not in world.cookies
    assert world.provider.asked == []


async def test_a_note_that_was_changed_or_made_up_opens_nothing(world: World) -> None:
    state = await world.depart()
    sealed = world.cookies[BEGUN]
    for changed in (sealed[:-4] + "AAAA", sealed[::-1], "", "x" * 5_000):
        world.cookies = {BEGUN: changed}
        assert await world.arrive(state=state, code="c", iss=ISSUER) == "/sign-in?error=sign_in_is_unknown"


async def test_each_sign_in_has_its_own_secrets_and_its_providers_address(world: World) -> None:
    for _ in range(2):
        await world.sign_in()
    first, second = world.provider.asked
    assert first["redirect_uri"] == f"{OWN}/auth/callback/league"
    assert first["nonce"] != second["nonce"]
    assert first["verifier"] != second["verifier"]
    assert len(str(first["verifier"])) >= 43  # RFC 7636


async def test_a_session_that_somebody_planted_is_not_taken_over(world: World) -> None:
    await world.sign_in()
    planted = dict(world.cookies)
    world.provider.login = world.provider.login._replace(subject="bob", display_name="Bob")
    await world.sign_in()
    assert not set(planted.values()) & set(world.cookies.values())
    assert (await world.ask("GET", "/auth/me")).json()["name"] == "Bob"


@pytest.mark.parametrize(
    "return_to",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "/\t/evil.example",
        "/ x",
        "/\u00e9",
        "/" + "x" * 400,
    ],
)
async def test_nobody_is_sent_elsewhere_afterwards(world: World, return_to: str) -> None:
    answer = await world.send("POST", "/auth/sign-in/league", {"Origin": OWN}, json={"return_to": return_to})
    assert code_of(answer) == "return_to_is_not_ours"


@pytest.mark.parametrize("path", ["/auth/sign-in/league", "/auth/demo", "/auth/refresh"])
@pytest.mark.parametrize("says", ["origin", "site", "both"])
async def test_a_foreign_page_neither_begins_a_sign_in_nor_uses_up_those_of_who_looks_at_it(
    world: World, path: str, says: str
) -> None:
    headers = {"origin": {"Origin": "https://evil.example"}, "site": {"Sec-Fetch-Site": "cross-site"}}
    headers["both"] = headers["origin"] | headers["site"]
    begun = await world.depart()
    before = dict(world.cookies)
    for _ in range(40):  # of sign-ins, and of failures, an address has fewer
        for answer in (
            await world.send("POST", path, headers[says], json={"name": "ann"}),
            await world.send("POST", path, headers[says], content=b"", params={}),
        ):
            assert code_of(answer) == "origin_is_foreign"
    assert world.cookies == before  # what was begun is not overwritten
    assert await world.arrive(state=begun, code="c", iss=ISSUER) == "/"
    assert (await world.ask("POST", "/auth/demo", json={"name": "ann"})).status_code == 200


async def test_no_address_that_is_only_opened_begins_a_sign_in(world: World) -> None:
    for headers in ({}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, {"Sec-Fetch-Site": "none"}):
        for _ in range(20):
            answer = await world.send("GET", "/auth/sign-in/league", headers)
            assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
    assert world.cookies == {}
    assert world.provider.asked == []
    await world.sign_in()


@pytest.mark.parametrize(("method", "path"), CHANGING)
async def test_what_changes_something_needs_the_sessions_own_proof(world: World, method: str, path: str) -> None:
    await world.sign_in()
    own = {"Origin": OWN, "X-CSRF-Token": world.cookies[CSRF]}
    for wrong in ("", "x", world.cookies[CSRF][:-1]):
        answer = await world.send(method, path, own | {"X-CSRF-Token": wrong})
        assert code_of(answer) == "csrf_token_is_wrong"
    for foreign in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost:8081.evil.example"},
    ):
        answer = await world.send(method, path, own | foreign)
        assert code_of(answer) == "origin_is_foreign"
    assert (await world.ask("GET", "/auth/me")).status_code == 200


async def test_the_proof_of_another_session_does_not_do(world: World) -> None:
    await world.sign_in()
    before = world.cookies[CSRF]
    await world.sign_in()
    answer = await world.send("POST", "/auth/sign-out", {"Origin": OWN, "X-CSRF-Token": before})
    assert code_of(answer) == "csrf_token_is_wrong"


async def test_a_refresh_needs_the_proof_and_changes_every_token(world: World) -> None:
    await world.sign_in()
    first = dict(world.cookies)
    assert code_of(await world.send("POST", "/auth/refresh", {"Origin": OWN})) == "csrf_token_is_wrong"
    world.clock.advance(3_700)
    assert code_of(await world.ask("GET", "/auth/me")) == "token_is_wrong"
    assert (await world.ask("POST", "/auth/refresh")).status_code == 200
    assert world.cookies[REFRESH] != first[REFRESH]
    assert world.cookies[ACCESS] != first[ACCESS]
    assert (await world.ask("GET", "/auth/me")).status_code == 200
    newest, world.cookies = world.cookies, first
    assert code_of(await world.ask("POST", "/auth/refresh")) == "refresh_token_is_wrong"
    world.cookies = newest  # the session has ended for whoever has a copy, and for its owner
    assert code_of(await world.ask("GET", "/auth/me")) == "token_is_wrong"


async def test_cookies_count_nothing_on_the_alpaca_face(world: World) -> None:
    await world.sign_in()
    assert (await world.ask("GET", "/v2/account")).status_code == 401


async def test_a_program_refreshes_in_json(world: World) -> None:
    tokens = (await world.http.post("/auth/demo", json={"name": "bot", "as_program": True})).json()
    assert tokens["expires_in"] == 3_600
    again = (await world.http.post("/auth/tokens", json={"refresh_token": tokens["refresh_token"]})).json()
    headers = {"Authorization": f"Bearer {again['access_token']}"}
    assert (await world.http.get("/auth/me", headers=headers)).json()["account_id"] == tokens["account_id"]
    answer = await world.http.post("/auth/tokens", json={"refresh_token": tokens["refresh_token"]})
    assert code_of(answer) == "refresh_token_is_wrong"


async def test_the_keys_of_tokens_are_public_and_only_their_public_half(world: World) -> None:
    keys = (await world.http.get("/.well-known/jwks.json")).json()["keys"]
    assert [set(key) for key in keys] == [{"kty", "crv", "x", "kid", "alg", "use"}]


def socket_of(world: World, **headers: str) -> SocketClient:
    cookie = "; ".join(f"{name}={value}" for name, value in world.cookies.items())
    return SocketClient(world.sockets, headers={"Cookie": cookie} | headers)


async def test_a_page_of_ours_opens_a_socket_as_its_person(world: World) -> None:
    await world.sign_in()
    client = socket_of(world, Origin=OWN)
    client.ask("subscribe", channels=["orders"])
    assert "result" in client.answer()
    assert (await world.ask("POST", "/auth/sign-out-everywhere")).status_code == 200
    client.server.look_after(0)
    assert client.close_code == 4001


async def test_the_cookie_says_nothing_without_the_origin(world: World) -> None:
    await world.sign_in()
    client = socket_of(world)
    client.ask("subscribe", channels=["orders"])
    assert client.answer()["error"]["code"] == "connection_is_not_authenticated"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (OWN, 101),
        ("http://127.0.0.1:8081", 101),
        ("http://exchange", 101),  # the very host that the client connects to
        ("https://evil.example", 403),
        ("http://exchange.evil.example", 403),
        ("http://localhost:9999", 403),
        ("null", 403),
        ("", 403),
    ],
)
async def test_a_page_of_another_site_opens_no_socket(world: World, origin: str, status: int) -> None:
    await world.sign_in()
    client = socket_of(world, Origin=origin)
    assert client.response.status_code == status
    if status == 403:
        assert b"origin_is_foreign" in client.response.body
