"""The conservation page in a real browser, at a desk and on a phone, in dark and light."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.conftest import Server

SIZES = {"desk": (1280, 900), "phone": (390, 844)}


def opened(browser: Browser, url: str, *, size: str = "desk", scheme: str = "dark") -> Page:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="light" if scheme == "light" else "dark"
    )
    page = context.new_page()
    page.goto(f"{url}/conservation")
    expect(page.locator("#content")).to_be_visible()
    return page


def listen(page: Page, said: list[str]) -> None:
    """Collect what the browser complains of."""
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))


def test_it_shows_what_is_issued_held_and_owed_and_what_was_verified(server: Server, browser: Browser) -> None:
    ann = server.create_account("Ann")
    server.grant(ann, "5")
    made = server.waiver("audit", "checkpoint")
    page = opened(browser, server.url)
    expect(page.locator("#verdict")).to_have_attribute("data-state", "good")
    expect(page.locator("#verified")).to_contain_text(str(made["state_hash"]))
    expect(page.locator("#verified")).to_contain_text(str(made["chain"]))
    row = page.locator("#shares tr").filter(has_text="MAHOMES")
    expect(row.locator("td").nth(3)).to_have_text("5")
    held, issued = page.locator("#cash-held").inner_text(), page.locator("#cash-issued").inner_text()
    assert held == issued != "$0.00"
    page.locator("#filter").fill("nobody")
    expect(page.locator("#shares tr")).to_have_count(0)
    page.context.close()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_fits_a_desk_and_a_phone_and_breaks_no_rule_of_content(
    server: Server, browser: Browser, scheme: str
) -> None:
    for size in SIZES:
        page = opened(browser, server.url, size=size, scheme=scheme)
        said: list[str] = []
        listen(page, said)
        page.reload()
        expect(page.locator("#content")).to_be_visible()
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), size
        assert said == []
        page.context.close()
