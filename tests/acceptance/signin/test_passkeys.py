"""Passkeys with Chromium's own authenticator: added, shown for an operator's action, removed; and one's data."""

import json
import re
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.acceptance.conftest import Trader
from tests.acceptance.signin.conftest import REFRESH, Site, ask, cookies_of

REASON = {"reason": "seen in a test"}
_WATCH = """() => {
  window.seen = [];
  const get = navigator.credentials.get.bind(navigator.credentials);
  navigator.credentials.get = (options) => { window.seen.push("get"); return get(options); };
}"""


class Device:
    """The authenticator of one page's browser; `is_verified` is whether it recognises its owner."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        made = self._session.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        self._id = made["authenticatorId"]

    def forget_owner(self) -> None:
        """Recognise nobody any more."""
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": False})


def add_passkey(page: Page, name: str) -> None:
    page.get_by_label("Name of a new passkey").fill(name)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("#passkeys")).to_contain_text(name)


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Confirm with a passkey").click()
    expect(page.locator("#step-up-state")).to_contain_text("Confirmed until")


def test_an_operator_shows_a_passkey_before_he_acts(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "walter")
    account = ask(page, "GET", "/auth/me").body["account_id"]
    other = site.server.create_account("Somebody").account_id
    freeze = f"/api/v1/operator/accounts/{other}/freeze"
    assert ask(page, "POST", freeze, REASON).code == "scope_is_missing"
    site.server.waiver("account", "role", "--account", account, "--role", "operator", "--reason", "of the house")
    assert ask(page, "POST", freeze, REASON).code == "step_up_is_required"
    page.reload()
    expect(page.locator("#you")).to_contain_text("operator")
    Device(page)
    add_passkey(page, "Walter's laptop")
    assert ask(page, "POST", freeze, REASON).code == "step_up_is_required"  # having one is not showing it
    confirm(page)
    frozen = ask(page, "POST", freeze, REASON)
    assert frozen.status == 200, frozen
    assert site.server.waiver("account", "show", "--account", other)["is_halted"]
    # Without the token of our pages the step-up is worth nothing to a foreign one.
    assert ask(page, "POST", freeze, REASON, with_token=False).code == "csrf_token_is_wrong"
    told = site.server.waiver("account", "passkeys", "--account", account)
    assert [passkey["name"] for passkey in told["passkeys"]] == ["Walter's laptop"]


def test_a_step_up_is_of_one_session_and_ends_with_the_passkey(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "wanda")
    Device(page)
    add_passkey(page, "Phone")
    confirm(page)
    with person.browser.new_context() as elsewhere:  # type: ignore[union-attr]  # a context of a browser
        other = site.sign_in(elsewhere, "wanda")
        assert ask(other, "GET", "/auth/passkeys").body["stepped_up_until"] is None
    page.get_by_role("button", name="Rename Phone").click()
    page.locator("#question-input").fill("Old phone")
    page.locator("#question-yes").click()
    expect(page.locator("#passkeys")).to_contain_text("Old phone")
    page.get_by_role("button", name="Remove Old phone").click()
    page.locator("#question-yes").click()
    expect(page.locator("#passkeys-table")).to_be_hidden()
    assert ask(page, "GET", "/auth/passkeys").body == {"passkeys": [], "stepped_up_until": None}


def test_a_device_that_recognises_nobody_confirms_nothing(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "xaver")
    device = Device(page)
    add_passkey(page, "Key")
    device.forget_owner()
    page.get_by_role("button", name="Confirm with a passkey").click()
    expect(page.get_by_role("status")).to_contain_text("not shown in time")
    assert ask(page, "GET", "/auth/passkeys").body["stepped_up_until"] is None


def test_one_more_passkey_asks_for_the_first(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "yvonne")
    Device(page)
    add_passkey(page, "First")
    page.evaluate(_WATCH)
    page.get_by_label("Name of a new passkey").fill("Second")
    page.get_by_role("button", name="Add a passkey").click()
    # The device has one of hers already, which only comes out after she confirmed with it.
    expect(page.get_by_role("status")).to_contain_text("has a passkey of yours already")
    assert page.evaluate("window.seen") == ["get"]


def test_the_host_helps_somebody_who_lost_the_only_device(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "zack")
    account = ask(page, "GET", "/auth/me").body["account_id"]
    Device(page)
    add_passkey(page, "Lost")
    site.server.waiver("account", "remove-passkeys", "--account", account, "--reason", "identity checked by call")
    assert ask(page, "GET", "/auth/me").code == "token_is_wrong"
    assert site.server.waiver("account", "passkeys", "--account", account) == {"passkeys": []}


def test_the_market_page_shows_the_reader_what_is_his(site: Site, person: BrowserContext, maker: Trader) -> None:
    page = site.sign_in(person, "ursula")
    maker.place(side="sell", quantity="2", limit_price="20.00")
    for order in ({"quantity": "1.5", "limit_price": "20.00"}, {"quantity": "3", "limit_price": "19.50"}):
        placed = ask(page, "POST", "/api/v1/orders", {"symbol": "MAHOMES", "side": "buy", "type": "limit"} | order)
        assert placed.status == 200, placed
    page.goto(f"{site.url}/")
    expect(page.locator("#positions")).to_contain_text("MAHOMES1.5$30.00")
    expect(page.locator("#orders")).to_contain_text("MAHOMESbuy0 / 319.50")
    expect(page.locator("#cash")).to_have_text(re.compile(r"\$[\d,]+\.\d\d"))
    for name in ("Conservation", "API"):
        expect(page.locator("#corner").get_by_role("link", name=name)).to_be_visible()
    person.clear_cookies()
    page.goto(f"{site.url}/")
    expect(page.locator("#markets")).to_contain_text("MAHOMES")
    expect(page.locator("#mine")).to_be_hidden()


def test_the_sign_in_page_shows_no_words_of_a_link(site: Site, person: BrowserContext) -> None:
    page = person.new_page()
    for words in ("CALL 555 0100", "toString"):
        page.goto(f"{site.url}/sign-in?error={words}")
        expect(page.get_by_role("alert")).to_have_text("You are not signed in. Try again.")
    page.goto(f"{site.url}/sign-in?error=sign_up_is_closed")
    expect(page.get_by_role("alert")).to_contain_text("Ask the operator")


def test_a_key_is_made_and_revoked_on_the_page(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "yara")
    page.get_by_label("What the key is for").fill("My bot")
    page.get_by_label("trade").uncheck()
    page.get_by_role("button", name="Make a key").click()
    expect(page.locator("#keys")).to_contain_text("My bot")
    headers = {
        "X-API-Key": page.locator("#new-key-id").inner_text(),
        "X-API-Secret": page.locator("#new-key-secret").inner_text(),
    }
    person.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the secret").click()
    expect(page.locator("[data-copies=new-key-secret]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == headers["X-API-Secret"]
    expect(page.locator("#sessions td.time").first).to_have_text(re.compile(r"\w+ \d+, \d\d:\d\d"))
    with site.http() as http:
        me = http.get("/auth/me", headers=headers)
        assert (me.status_code, me.json()["scopes"]) == (200, ["read"])
        page.get_by_role("button", name="Revoke My bot").click()
        page.locator("#question-yes").click()
        expect(page.locator("#keys")).to_contain_text("revoked")
        assert http.get("/auth/me", headers=headers).status_code == 401


def test_somebody_takes_the_data_along_and_is_forgotten(site: Site, person: BrowserContext, tmp_path: Path) -> None:
    page = site.sign_in(person, "quinn")
    account = ask(page, "GET", "/auth/me").body["account_id"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Export my data").click()
    download.value.save_as(tmp_path / "data.json")
    document = json.loads((tmp_path / "data.json").read_text())
    assert document["profile"]["email"] == "quinn@example.test"
    assert document["account"]["account_id"] == account
    assert ask(page, "POST", "/auth/erase", {"confirmation": "yes"}).code == "field_is_invalid"
    page.get_by_label("To erase, type").fill("erase me")
    page.get_by_role("button", name="Erase me").first.click()
    page.locator("#question-yes").click()
    page.wait_for_url(f"{site.url}/sign-in?done=erased")
    assert REFRESH not in cookies_of(person)
    assert site.server.waiver("account", "show", "--account", account)["is_halted"]
    # The provider still knows her; here she is somebody new.
    page.goto(f"{site.url}/sign-in?return_to=/security")
    page.get_by_role("button", name="Continue with The League").click()
    page.wait_for_url(f"{site.url}/security")
    me = ask(page, "GET", "/auth/me").body
    assert (me["name"], me["account_id"] != account) == ("Full name of quinn", True)


def test_somebody_with_a_passkey_shows_it_to_be_forgotten(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "uma")
    Device(page)
    add_passkey(page, "Key")
    assert ask(page, "POST", "/auth/erase", {"confirmation": "erase me"}).code == "step_up_is_required"
    page.get_by_label("To erase, type").fill("erase me")
    page.get_by_role("button", name="Erase me").first.click()
    page.locator("#question-yes").click()
    page.wait_for_url(f"{site.url}/sign-in?done=erased")
