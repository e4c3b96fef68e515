"""Ways in that must be closed, tried with a real browser where it decides what goes along."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser, BrowserContext, expect

from tests.acceptance.signin.conftest import (
    ACCESS,
    CSRF,
    REFRESH,
    Site,
    ask,
    cookie_header,
    cookies_of,
)
from tests.support.crooked_provider import CrookedProvider
from tests.support.foreign_site import serving_foreign_site

BEGUN = "__Host-waiver_sign_in"


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    with serving_foreign_site() as port:
        yield port


class Visitor:
    """A program that signs in as a browser would, so that each step can be another than it should."""

    def __init__(self, site: Site, http: httpx.Client) -> None:
        self.site = site
        self.http = http
        self.cookies: dict[str, str] = {}

    def begin(self, provider: str = "crooked") -> str:
        """Begin a sign-in; return where the provider would be asked."""
        response = self.http.post(f"/auth/sign-in/{provider}", json={"return_to": "/security"})
        assert response.status_code == 200, response.text
        self._take_cookies(response)
        return str(response.json()["location"])

    def ask_provider(self, location: str) -> str:
        """Return where the provider sends the browser back to."""
        return str(httpx.get(location, trust_env=False).headers["location"])

    def arrive(self, callback: str) -> httpx.Response:
        """Come back from the provider."""
        response = self.http.get(callback, headers=cookie_header(self.cookies))
        self._take_cookies(response)
        return response

    def _take_cookies(self, response: httpx.Response) -> None:
        for text in response.headers.get_list("set-cookie"):
            name, _, value = text.partition(";")[0].partition("=")
            self.cookies[name] = value
            if not value:
                del self.cookies[name]


@pytest.fixture
def visitor(site: Site) -> Iterator[Visitor]:
    with site.http() as http:
        yield Visitor(site, http)


def assert_kept_out(response: httpx.Response, visitor: Visitor, *, reason: str) -> None:
    assert (response.status_code, response.headers["location"]) == (303, f"/sign-in?error={reason}")
    assert ACCESS not in visitor.cookies
    assert REFRESH not in visitor.cookies


# ---- ID tokens


def test_an_honest_token_signs_in(visitor: Visitor, crooked_provider: CrookedProvider) -> None:
    crooked_provider.user = "mallory"
    response = visitor.arrive(visitor.ask_provider(visitor.begin()))
    assert (response.status_code, response.headers["location"]) == (303, "/security")
    me = visitor.http.get("/auth/me", headers=cookie_header(visitor.cookies)).json()
    assert (me["name"], me["provider"]) == ("Full name of mallory", "crooked")


def _no_algorithm(provider: CrookedProvider) -> None:
    provider.header = {"alg": "none"}


def _shared_secret(provider: CrookedProvider) -> None:
    provider.header = {"alg": "HS256"}


def _other_key(provider: CrookedProvider) -> None:
    provider.signing_key = RSAKey.generate_key(2048)


def _key_in_the_header(provider: CrookedProvider) -> None:
    provider.signing_key = RSAKey.generate_key(2048)
    provider.header = {"jwk": provider.signing_key.as_dict(private=False)}  # type: ignore[dict-item]  # a lie


LIES: dict[str, dict[str, Any] | Callable[[CrookedProvider], None]] = {
    "alg none": _no_algorithm,
    "alg HS256 with the public key": _shared_secret,
    "a key that is not published": _other_key,
    "a key that the token brings": _key_in_the_header,
    "wrong audience": {"aud": "somebody-else"},
    "no audience": {"aud": None},
    "made for another party": {"aud": ["waiver", "other"], "azp": "other"},
    "expired": {"exp": 1_000_000_000},
    "no expiry": {"exp": None},
    "made in the future": {"iat": 4_000_000_000, "exp": 4_000_000_600},
    "not good yet": {"nbf": 4_000_000_000},
    "made long ago": {"iat": 1_000_000_000},
    "another issuer": {"iss": "https://accounts.example"},
    "wrong nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "no subject": {"sub": None},
    "a subject that is no text": {"sub": 7},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_lies_signs_nobody_in(visitor: Visitor, crooked_provider: CrookedProvider, lie: str) -> None:
    told = LIES[lie]
    if isinstance(told, dict):
        crooked_provider.claims = told
    else:
        told(crooked_provider)
    response = visitor.arrive(visitor.ask_provider(visitor.begin()))
    assert_kept_out(response, visitor, reason="provider_answer_is_wrong")


# ---- the way to the provider and back


def test_a_wrong_state_signs_nobody_in(visitor: Visitor, crooked_provider: CrookedProvider) -> None:
    crooked_provider.state = "made-up"
    response = visitor.arrive(visitor.ask_provider(visitor.begin()))
    assert_kept_out(response, visitor, reason="sign_in_is_unknown")


@pytest.mark.usefixtures("crooked_provider")
def test_a_missing_state_signs_nobody_in(visitor: Visitor) -> None:
    code = parse_qs(urlsplit(visitor.ask_provider(visitor.begin())).query)["code"][0]
    response = visitor.arrive(f"/auth/callback/crooked?{urlencode({'code': code})}")
    assert_kept_out(response, visitor, reason="sign_in_is_unknown")


@pytest.mark.usefixtures("crooked_provider")
def test_an_answer_comes_back_once(visitor: Visitor) -> None:
    callback = visitor.ask_provider(visitor.begin())
    begun = dict(visitor.cookies)
    assert visitor.arrive(callback).headers["location"] == "/security"
    visitor.cookies = begun
    assert_kept_out(visitor.arrive(callback), visitor, reason="sign_in_is_unknown")


def test_a_code_of_the_certified_provider_is_good_once(site: Site, person: BrowserContext, visitor: Visitor) -> None:
    """A thief has the code, and even begins a sign-in of his own to spend it in."""
    page = person.new_page()
    page.on("request", lambda request: seen.append(request.url) if "/auth/callback/" in request.url else None)
    seen: list[str] = []
    site.begin(page)
    page.get_by_label("Name").fill("kim")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{site.url}/security")
    query = {name: values[0] for name, values in parse_qs(urlsplit(seen[0]).query).items()}
    own_state = parse_qs(urlsplit(visitor.begin("league")).query)["state"][0]
    response = visitor.arrive(f"/auth/callback/league?{urlencode(query | {'state': own_state})}")
    assert_kept_out(response, visitor, reason="provider_answer_is_wrong")


@pytest.mark.usefixtures("crooked_provider")
def test_somebody_elses_sign_in_cannot_be_finished_in_my_browser(site: Site, person: BrowserContext) -> None:
    """Login CSRF: the attacker gives me the end of his own sign-in, so that I would act in his account."""
    with site.http() as http:
        attacker = Visitor(site, http)
        callback = attacker.ask_provider(attacker.begin())
        page = person.new_page()
        page.goto(callback)
        page.wait_for_url(f"{site.url}/sign-in?error=sign_in_is_unknown")
        expect(page.get_by_role("alert")).to_contain_text("Begin again here.")
        assert not cookies_of(person)
        assert attacker.arrive(callback).headers["location"] == "/security"  # it was good where it was begun


def test_an_answer_of_one_provider_is_none_of_the_other(visitor: Visitor, crooked_provider: CrookedProvider) -> None:
    """Mix-up: who begins with the crooked provider is sent on to the honest one, to leave its code with the crook."""
    honest = visitor.site.provider.issuer
    crooked_provider.issuer_said = honest
    response = visitor.arrive(visitor.ask_provider(visitor.begin()))
    assert_kept_out(response, visitor, reason="provider_answer_is_wrong")
    crooked_provider.issuer_said = None
    response = visitor.arrive(visitor.ask_provider(visitor.begin()))
    assert_kept_out(response, visitor, reason="provider_answer_is_wrong")


@pytest.mark.usefixtures("crooked_provider")
def test_an_answer_at_the_address_of_another_provider_signs_nobody_in(visitor: Visitor) -> None:
    callback = visitor.ask_provider(visitor.begin()).replace("/auth/callback/crooked", "/auth/callback/league")
    assert_kept_out(visitor.arrive(callback), visitor, reason="sign_in_is_unknown")


def test_a_browser_sent_on_to_the_honest_provider_signs_nobody_in(
    site: Site, person: BrowserContext, crooked_provider: CrookedProvider
) -> None:
    page = person.new_page()
    page.goto(f"{site.url}/sign-in")
    honest = ask(page, "POST", "/auth/sign-in/league", {}).body["location"]
    begun = ask(page, "POST", "/auth/sign-in/crooked", {}).body["location"]
    state = parse_qs(urlsplit(begun).query)["state"][0]
    own_state = parse_qs(urlsplit(honest).query)["state"][0]
    crooked_provider.authorization_url = honest.replace(own_state, state)
    page.goto(begun)
    page.get_by_label("Name").fill("leo")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{site.url}/sign-in?error=sign_in_is_unknown")
    assert not cookies_of(person)


OPEN_REDIRECTS = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "/\tevil",
    " //evil.example",
    "http:evil.example",
)


@pytest.mark.parametrize("return_to", OPEN_REDIRECTS)
def test_a_sign_in_leads_to_no_other_site(site: Site, return_to: str) -> None:
    with site.http() as http:
        response = http.post("/auth/sign-in/league", json={"return_to": return_to})
        assert (response.status_code, response.json()["error"]["code"]) == (422, "return_to_is_not_ours")


def test_the_sign_in_page_leads_somebody_who_is_in_to_no_other_site(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "mia")
    for return_to in ("https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:document.title='x'"):
        page.goto(f"{site.url}/sign-in?{urlencode({'return_to': return_to})}")
        page.wait_for_url(f"{site.url}/")
    page.goto(f"{site.url}/sign-in?return_to=/security")
    page.wait_for_url(f"{site.url}/security")


# ---- sessions


def test_a_session_that_was_planted_is_not_taken_over(site: Site, browser: Browser) -> None:
    """Fixation: the victim's browser has the attacker's cookies before it signs in."""
    with browser.new_context() as attackers, browser.new_context() as victims:
        attacker = site.sign_in(attackers, "trudy")
        planted = ask(attacker, "GET", "/auth/me").body
        victims.add_cookies(
            [
                {"name": name, "value": value, "domain": "localhost", "path": "/", "secure": True}
                for name, value in cookies_of(attackers).items()
            ]
        )
        page = victims.new_page()
        page.goto(f"{site.url}/security")
        assert ask(page, "GET", "/auth/me").body["session_id"] == planted["session_id"]  # it is planted indeed
        begun = ask(page, "POST", "/auth/sign-in/league", {"return_to": "/security"})
        page.goto(begun.body["location"])
        page.get_by_label("Name").fill("victor")
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{site.url}/security")
        mine = ask(page, "GET", "/auth/me").body
        assert mine["name"] == "Full name of victor"
        assert mine["session_id"] != planted["session_id"]
        assert ask(attacker, "GET", "/auth/me").body == planted
        assert set(cookies_of(victims).values()).isdisjoint(cookies_of(attackers).values())


def refresh(site: Site, cookies: dict[str, str]) -> httpx.Response:
    with site.http() as http:
        return http.post("/auth/refresh", headers=cookie_header(cookies) | {"X-CSRF-Token": cookies[CSRF]})


def test_a_stolen_refresh_token_ends_the_session_for_thief_and_victim(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "nina")
    stolen = cookies_of(person)
    assert ask(page, "POST", "/auth/refresh").status == 200  # the victim goes on
    assert ask(page, "GET", "/auth/me").status == 200
    assert refresh(site, stolen).json()["error"]["code"] == "refresh_token_is_wrong"
    assert ask(page, "GET", "/auth/me").code == "token_is_wrong"
    assert refresh(site, cookies_of(person)).status_code == 401
    page.reload()
    page.wait_for_url(f"{site.url}/sign-in?return_to=/security")


def test_a_thief_who_is_quicker_is_found_out_by_the_victim(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "olga")
    stolen = cookies_of(person)
    thief = refresh(site, stolen)
    assert thief.status_code == 200
    taken = {text.partition("=")[0]: text.partition("=")[2].partition(";")[0] for text in set_cookies(thief)}
    assert ask(page, "POST", "/auth/refresh").code == "refresh_token_is_wrong"
    with site.http() as http:
        assert http.get("/auth/me", headers=cookie_header(taken)).status_code == 401
    assert refresh(site, taken).status_code == 401


def set_cookies(response: httpx.Response) -> list[str]:
    return response.headers.get_list("set-cookie")


# ---- foreign pages


def test_what_changes_something_needs_the_token_that_only_our_pages_read(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "peggy")
    order = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "15.00"}
    assert ask(page, "POST", "/api/v1/orders", order, with_token=False).code == "csrf_token_is_wrong"
    assert ask(page, "POST", "/auth/sign-out", with_token=False).code == "csrf_token_is_wrong"
    assert ask(page, "GET", "/api/v1/orders").body["items"] == []
    assert ask(page, "POST", "/api/v1/orders", order).status == 200


def test_the_token_of_another_session_is_worth_nothing(site: Site, browser: Browser) -> None:
    with browser.new_context() as mine, browser.new_context() as others:
        page = site.sign_in(mine, "quentin")
        site.sign_in(others, "rupert")
        own, foreign = cookies_of(mine), cookies_of(others)
        with site.http() as http:
            headers = cookie_header(own) | {"X-CSRF-Token": foreign[CSRF]}
            assert http.post("/auth/sign-out", headers=headers).json()["error"]["code"] == "csrf_token_is_wrong"
        assert ask(page, "GET", "/auth/me").status == 200


# Fetches of a page of another origin; what it may not read it can still send.
_POST = """async (url) => {
  const body = '{"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "15.00"}';
  await fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body }).catch(() => "unread");
}"""
_READ = """async (url) => {
  return fetch(url, { credentials: "include" }).then((response) => response.text(), () => "kept out");
}"""
_FRAME = """(url) => {
  const frame = document.createElement("iframe");
  frame.src = url;
  document.body.append(frame);
}"""
_FORM = """(url) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "POST", action: url, enctype: "text/plain" });
  document.body.append(form);
  form.submit();
}"""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_foreign_page_cannot_act_with_my_cookies(
    site: Site, person: BrowserContext, foreign_port: int, host: str
) -> None:
    page = site.sign_in(person, f"sybil-{host}")
    evil = person.new_page()
    brought: list[str] = []
    person.on("request", lambda request: brought.append(request.all_headers().get("cookie", "")))
    for path in ("/api/v1/orders", "/auth/sign-out", "/auth/sign-out-everywhere"):
        evil.goto(f"http://{host}:{foreign_port}/")
        evil.evaluate(_POST, f"{site.url}{path}")
        with evil.expect_navigation(url=f"{site.url}{path}") as submitted:
            evil.evaluate(_FORM, f"{site.url}{path}")
        assert submitted.value is not None
        # On another port of the same site all cookies go along, so that nothing but the exchange keeps it out.
        assert submitted.value.status == (403 if host == "localhost" else 401)
    assert any(ACCESS in header for header in brought) == (host == "localhost")
    assert ask(page, "GET", "/auth/me").status == 200
    assert ask(page, "GET", "/api/v1/orders").body["items"] == []


def test_a_foreign_page_cannot_read_what_is_mine(site: Site, person: BrowserContext, foreign_port: int) -> None:
    site.sign_in(person, "trent")
    evil = person.new_page()
    evil.goto(f"http://localhost:{foreign_port}/")
    assert evil.evaluate(_READ, f"{site.url}/auth/me") == "kept out"
    evil.evaluate(_FRAME, f"{site.url}/security")
    evil.wait_for_timeout(500)
    framed = [frame for frame in evil.frames if frame != evil.main_frame]
    assert all(not frame.url.startswith(site.url) for frame in framed)


_SOCKET = """(url) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  const told = [];
  socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: "subscribe", params: { channels: ["orders"] } }));
  socket.onmessage = (event) => { told.push(JSON.parse(event.data)); resolve({ opened: true, told }); };
  socket.onerror = () => resolve({ opened: false, told });
})"""


def test_a_foreign_page_cannot_open_a_websocket_with_my_cookies(
    site: Site, person: BrowserContext, foreign_port: int
) -> None:
    page = site.sign_in(person, "ursula")
    url = f"{site.url.replace('http', 'ws')}/ws"
    evil = person.new_page()
    evil.goto(f"http://localhost:{foreign_port}/")
    assert evil.evaluate(_SOCKET, url) == {"opened": False, "told": []}
    own = page.evaluate(_SOCKET, url)
    assert own["opened"]
    assert "error" not in own["told"][0], json.dumps(own)


def test_a_foreign_page_cannot_begin_a_sign_in(site: Site, person: BrowserContext, foreign_port: int) -> None:
    evil = person.new_page()
    for path in ("/auth/sign-in/league", "/auth/demo"):
        evil.goto(f"http://localhost:{foreign_port}/")
        with evil.expect_navigation(url=f"{site.url}{path}") as submitted:
            evil.evaluate(_FORM, f"{site.url}{path}")
        assert submitted.value is not None
        assert submitted.value.status == 403
    assert not cookies_of(person)


_IMAGE = """(url) => new Promise((resolve) => {
  const image = new Image();
  image.onload = image.onerror = resolve;
  image.src = url;
})"""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_an_image_or_link_of_a_foreign_page_leaves_the_sign_in_that_is_under_way(
    site: Site, person: BrowserContext, foreign_port: int, host: str
) -> None:
    path = "/auth/sign-in/league"
    own, evil = person.new_page(), person.new_page()
    own.goto(f"{site.url}/sign-in")
    begun = ask(own, "POST", path, {"return_to": "/security"})
    before = cookies_of(person)
    evil.goto(f"http://{host}:{foreign_port}/")
    evil.evaluate(_IMAGE, f"{site.url}{path}")
    opened = evil.goto(f"{site.url}{path}", referer=f"http://{host}:{foreign_port}/")
    assert opened is not None
    assert opened.status == 405
    assert cookies_of(person) == before
    own.goto(begun.body["location"])
    own.get_by_label("Name").fill("wanda")
    own.get_by_role("button", name="Continue").click()
    own.wait_for_url(f"{site.url}/security")
