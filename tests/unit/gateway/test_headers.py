"""What every answer tells browsers, whichever part of the service gives it."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.gateway.alpaca.handlers import ALPACA_HANDLERS
from waiver_exchange.gateway.app import build_app
from waiver_exchange.gateway.headers import security_headers_for
from waiver_exchange.gateway.page import PAGES

DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
EXPECTED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
PLACEHOLDER = re.compile(r"\{[^}]*\}")
# What anybody may read may be kept, as long as it is asked for again; everything else is kept by nobody.
KEPT = {"no-store", "no-cache"}


def check(response: httpx.Response, *, is_private: bool) -> None:
    headers: Mapping[str, str] = response.headers
    said = str(response.request.url), dict(headers)
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy == DIRECTIVES, said
    assert {name: headers[name] for name in EXPECTED} == EXPECTED, said
    assert "camera=()" in headers["permissions-policy"], said
    assert headers["cache-control"] in ({"no-store"} if is_private else KEPT), said
    assert "server" not in headers, said
    # A name that is set twice is up to each browser: each of ours stands once.
    names = [name.lower() for name, _ in response.headers.multi_items()]
    assert len(set(names)) == len(names) or names.count("set-cookie") > 1, said


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        yield exchange


@pytest.fixture
async def http(exchange: Exchange) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build_app(exchange))  # type: ignore[arg-type]  # the same protocol, typed otherwise
    async with httpx.AsyncClient(transport=transport, base_url="http://exchange") as http:
        yield http


@pytest.mark.parametrize("path", [path for path, _, _ in PAGES])
async def test_every_page_and_file_carries_them(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path)
    assert response.status_code == 200
    check(response, is_private=False)
    again = await http.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
    check(again, is_private=False)


@pytest.mark.parametrize("path", [path for path, _, kind in PAGES if kind == "text/html"])
async def test_no_page_has_inline_code(http: httpx.AsyncClient, path: str) -> None:
    page = (await http.get(path)).text
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
    assert not re.findall(r"<script(?![^>]*\ssrc=)", page)
    assert not re.findall(r"(?:src|href)=\"(?!/|data:,|#)", page)


async def test_every_route_of_the_document_carries_them_with_and_without_a_key(
    exchange: Exchange, http: httpx.AsyncClient
) -> None:
    ann = await create_account(exchange, name="Ann", cash_micros=1_000_000_000)
    key = {"X-API-Key": ann.api_key, "X-API-Secret": ann.api_secret}
    document = json.loads((await http.get("/openapi.json")).content)
    asked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            url = PLACEHOLDER.sub("x", path)
            is_private = bool(operation["security"])
            for headers in ({}, key, {"X-API-Key": "x", "X-API-Secret": "x"}):
                content = b"{}" if "requestBody" in operation else None
                typed = {"Content-Type": "application/json"} if content else {}
                response = await http.request(method, url, headers=headers | typed, content=content)
                check(response, is_private=is_private)
                asked += 1
    assert asked >= 90


async def test_the_face_of_alpaca_carries_them(http: httpx.AsyncClient) -> None:
    paths = {path for handler in ALPACA_HANDLERS for path in handler.paths}
    assert len(paths) > 20
    for path in sorted(paths):
        check(await http.get(PLACEHOLDER.sub("x", path)), is_private=False)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nope"), ("PUT", "/"), ("GET", "/docs"), ("GET", "/docs.css"), ("OPTIONS", "/api/v1/orders"),
     ("HEAD", "/"), ("GET", "/v2/nope"), ("GET", "/asyncapi.json"), ("GET", "/healthz"), ("GET", "/web/nope.js")],
)  # fmt: skip
async def test_refusals_and_documents_carry_them(http: httpx.AsyncClient, method: str, path: str) -> None:
    check(await http.request(method, path), is_private=False)


async def test_a_browser_gets_a_page_for_an_unknown_one_and_a_program_a_refusal(
    http: httpx.AsyncClient,
) -> None:
    page = await http.get("/nope", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    check(page, is_private=False)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such page" in page.text
    for refused in (await http.get("/nope"), await http.post("/nope", headers={"Accept": "text/html"})):
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "route_not_found")


def test_a_service_behind_tls_is_never_asked_without_it() -> None:
    for url, is_there in (("https://exchange.example", True), ("http://localhost:8081", False)):
        assert (b"strict-transport-security" in dict(security_headers_for(url))) is is_there
