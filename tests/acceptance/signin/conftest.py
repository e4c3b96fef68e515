"""An exchange that people sign in to: a real server, a certified provider, one that lies, and a real browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page

from tests.acceptance.conftest import Server, Trader
from tests.support.crooked_provider import CrookedProvider
from tests.support.identity_provider import IdentityProvider

ACCESS: Final = "__Host-waiver_access"
REFRESH: Final = "__Host-waiver_refresh"
CSRF: Final = "__Host-waiver_csrf"
CLIENT_ID: Final = "waiver"
# What a page of the exchange does: its cookies go by themselves, the CSRF token as its script reads it.
_ASK: Final = """async ([method, path, body, withToken]) => {
  const pair = document.cookie.split("; ").find((cookie) => cookie.startsWith("__Host-waiver_csrf="));
  const headers = body === null ? {} : { "Content-Type": "application/json" };
  if (withToken && pair) headers["X-CSRF-Token"] = pair.slice("__Host-waiver_csrf=".length);
  const response = await fetch(path, { method, headers, body: body === null ? undefined : JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : null };
}"""


@dataclass(frozen=True)
class Answer:
    """What a page was answered."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """The reason of a refusal."""
        return str(self.body["error"]["code"])


def ask(page: Page, method: str, path: str, body: object = None, *, with_token: bool = True) -> Answer:
    """Ask the exchange from one of its own pages."""
    return Answer(**page.evaluate(_ASK, [method, path, body, with_token]))


def cookies_of(context: BrowserContext) -> dict[str, str]:
    """Return the cookies that a browser has of the exchange."""
    return {cookie["name"]: cookie["value"] for cookie in context.cookies() if cookie["name"].startswith("__Host-")}


def cookie_header(cookies: dict[str, str]) -> dict[str, str]:
    """Return cookies as a program sends them that got hold of them."""
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


@dataclass(frozen=True)
class Site:
    """The exchange under the name that browsers know it by, with its two providers, `league` and `crooked`."""

    server: Server
    provider: IdentityProvider

    @property
    def port(self) -> int:
        port = urlsplit(self.server.url).port
        assert port is not None
        return port

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def sign_in(self, context: BrowserContext, name: str) -> Page:
        """Sign in with the certified provider as a person does; the page is the security page afterwards."""
        page = context.new_page()
        self.begin(page)
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{self.url}/security")
        page.get_by_role("heading", name="You", exact=True).wait_for()
        return page

    def begin(self, page: Page) -> None:
        """Go from the sign-in page to the provider's."""
        page.goto(f"{self.url}/sign-in?return_to=/security")
        page.get_by_role("button", name="Continue with The League").click()
        page.wait_for_url(f"{self.provider.issuer}/**")

    def http(self) -> httpx.Client:
        """A program without cookies of its own."""
        return httpx.Client(base_url=self.url, trust_env=False, timeout=30, follow_redirects=False)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    identity_provider: IdentityProvider,
    running_crooked_provider: CrookedProvider,
) -> Iterator[Site]:
    """One exchange for the tests of a module, with MAHOMES listed."""
    secrets = {"LEAGUE": token_urlsafe(), "CROOKED": token_urlsafe()}
    environment = {
        "WAIVER_OIDC_PROVIDERS": "league,crooked",
        "WAIVER_OIDC_LEAGUE_ISSUER": identity_provider.issuer,
        "WAIVER_OIDC_LEAGUE_LABEL": "The League",
        "WAIVER_OIDC_CROOKED_ISSUER": running_crooked_provider.issuer,
    }
    for name, secret in secrets.items():
        environment |= {f"WAIVER_OIDC_{name}_CLIENT_ID": CLIENT_ID, f"WAIVER_OIDC_{name}_CLIENT_SECRET": secret}
    server = Server(tmp_path_factory.mktemp("signin") / "exchange", environment=environment)
    try:
        server.list_player()
        site = Site(server, identity_provider)
        callback = f"{site.url}/auth/callback/league"
        identity_provider.register(CLIENT_ID, secret=secrets["LEAGUE"], redirect_uris=(callback,))
        yield site
    finally:
        server.stop()


@pytest.fixture(scope="module")
def maker(site: Site) -> Trader:
    """A program that has shares to sell."""
    maker = site.server.create_account("Maker")
    site.server.grant(maker, "100")
    return maker
