"""People sign in with a certified provider in a real browser, trade, stay signed in and sign out."""

from playwright.sync_api import Browser, BrowserContext, expect

from tests.acceptance.conftest import Trader
from tests.acceptance.signin.conftest import ACCESS, CSRF, REFRESH, Site, ask, cookie_header, cookies_of


def test_a_first_sign_in_opens_an_account_that_trades(site: Site, maker: Trader, person: BrowserContext) -> None:
    page = site.sign_in(person, "ann")
    expect(page.locator("#you")).to_contain_text("Full name of ann")
    expect(page.locator("#you")).to_contain_text("ann@example.test")
    account = ask(page, "GET", "/api/v1/account")
    assert (account.status, account.body["cash"]) == (200, "10000.00")
    maker.place(side="sell", quantity="2", limit_price="20.00")
    order = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "2", "limit_price": "20.00"}
    bought = ask(page, "POST", "/api/v1/orders", order)
    assert (bought.status, bought.body["status"]) == (200, "filled")
    assert ask(page, "GET", "/api/v1/positions/MAHOMES").body["quantity"] == "2"
    # Nothing of who she is stands in an address, and the cookies cannot be read by scripts.
    assert "ann" not in page.url
    assert CSRF in page.evaluate("document.cookie")
    assert ACCESS not in page.evaluate("document.cookie")


def test_the_same_person_comes_back_to_the_same_account_without_a_second_grant(site: Site, browser: Browser) -> None:
    accounts = []
    for _ in range(2):
        with browser.new_context() as context:
            page = site.sign_in(context, "carol")
            accounts.append(ask(page, "GET", "/api/v1/account").body)
    assert accounts[0]["id"] == accounts[1]["id"]
    assert accounts[1]["cash"] == "10000.00"


def test_cookies_are_ours_alone_and_never_sent_in_the_clear(site: Site, person: BrowserContext) -> None:
    site.sign_in(person, "dave")
    kept = {cookie["name"]: cookie for cookie in person.cookies() if cookie["name"].startswith("__Host-waiver")}
    assert {name: kept[name]["httpOnly"] for name in kept} == {ACCESS: True, REFRESH: True, CSRF: False}
    assert all(cookie["secure"] and cookie["path"] == "/" for cookie in kept.values())
    assert {name: kept[name]["sameSite"] for name in kept} == {ACCESS: "Lax", REFRESH: "Strict", CSRF: "Strict"}


def test_a_page_renews_an_access_token_that_is_gone(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "erin")
    before = cookies_of(person)
    person.clear_cookies(name=ACCESS)
    page.reload()
    expect(page.locator("#you")).to_contain_text("Full name of erin")
    after = cookies_of(person)
    assert after[REFRESH] != before[REFRESH]
    assert after[ACCESS]


def test_two_tabs_that_refresh_at_once_stay_signed_in(site: Site, person: BrowserContext) -> None:
    first = site.sign_in(person, "frank")
    second = person.new_page()
    second.goto(f"{site.url}/security")
    person.clear_cookies(name=ACCESS)
    for page in (first, second):  # both are on their way before either has an answer
        page.evaluate("() => { setTimeout(() => location.reload(), 100) }")
    first.wait_for_timeout(200)
    for page in (first, second):
        expect(page.locator("#you")).to_contain_text("Full name of frank")


def test_signing_out_ends_the_session_and_what_was_copied_of_it(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "grace")
    copied = cookies_of(person)
    with site.http() as thief:
        assert thief.get("/auth/me", headers=cookie_header(copied)).status_code == 200
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.wait_for_url(f"{site.url}/sign-in?done=signed_out")
        expect(page.get_by_role("alert")).to_have_text("You are signed out.")
        assert thief.get("/auth/me", headers=cookie_header(copied)).status_code == 401
        headers = cookie_header(copied) | {"X-CSRF-Token": copied[CSRF]}
        assert thief.post("/auth/refresh", headers=headers).status_code == 401
    assert not cookies_of(person)
    page.goto(f"{site.url}/security")
    page.wait_for_url(f"{site.url}/sign-in?return_to=/security")


def test_signing_out_everywhere_ends_the_session_of_the_other_browser(site: Site, browser: Browser) -> None:
    with browser.new_context() as here, browser.new_context() as there:
        page, other = site.sign_in(here, "heidi"), site.sign_in(there, "heidi")
        page.reload()
        expect(page.locator("#sessions tr")).to_have_count(2)
        page.get_by_role("button", name="Sign out everywhere").click()
        page.locator("#question-yes").click()
        page.wait_for_url(f"{site.url}/sign-in?done=signed_out_everywhere")
        assert ask(other, "GET", "/auth/me").status == 401
        other.reload()
        other.wait_for_url(f"{site.url}/sign-in?return_to=/security")


def test_another_session_is_ended_from_the_list(site: Site, browser: Browser) -> None:
    with browser.new_context() as here, browser.new_context() as there:
        page, other = site.sign_in(here, "ivan"), site.sign_in(there, "ivan")
        page.reload()
        rows = page.locator("#sessions tr")
        expect(rows).to_have_count(2)
        expect(page.locator("#sessions")).to_contain_text("Chrome on Linux (this one)")
        expect(page.locator("#sessions")).to_contain_text("127.0.0.1")
        rows.get_by_role("button", name="Sign out").click()
        expect(rows).to_have_count(1)
        assert ask(page, "GET", "/auth/me").status == 200
        assert ask(other, "GET", "/auth/me").code == "token_is_wrong"


def test_somebody_who_says_no_at_the_provider_is_told_what_to_do(site: Site, person: BrowserContext) -> None:
    page = person.new_page()
    page.goto(f"{site.url}/sign-in")
    begun = ask(page, "POST", "/auth/sign-in/league", {})
    state = begun.body["location"].split("state=")[1].split("&")[0]
    page.goto(f"{site.url}/auth/callback/league?error=access_denied&state={state}")
    page.wait_for_url(f"{site.url}/sign-in?error=provider_refused")
    expect(page.get_by_role("alert")).to_contain_text("Try again, or take another one.")
    assert not cookies_of(person)


def test_no_page_says_anything_to_the_console(site: Site, person: BrowserContext) -> None:
    page = site.sign_in(person, "judy")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in ("/", "/security", "/docs", "/sign-in"):
        page.goto(f"{site.url}{path}")
        page.wait_for_load_state("networkidle") if path != "/" else page.wait_for_timeout(1_000)
    page.goto(f"{site.url}/docs")
    assert page.locator("article").count() > 50
    assert page.evaluate("getComputedStyle(document.querySelector('article')).borderTopStyle") == "solid"
    assert said == []
