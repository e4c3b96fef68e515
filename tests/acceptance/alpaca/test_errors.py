"""Every answer of 400 and above is one JSON object that both official SDKs can read, whatever was sent."""

import itertools
import json
from typing import Any

import httpx
import pytest

from tests.acceptance.alpaca.conftest import Bot, MakeBot
from tests.acceptance.conftest import Server, StartServer

DIGITS = "9" * 400
# Each is sent in place of every field of an order: as it stands, without any encoder of our own in between.
VALUES = (
    "null",
    '""',
    '" "',
    "true",
    "[]",
    "{}",
    "[[[[]]]]",
    "0",
    "-0",
    "-1",
    "1e400",
    "1E-400",
    "1e5",
    "0.00000000001",
    DIGITS,
    f"-{DIGITS}",
    f"0.{DIGITS}",
    f'"{DIGITS}"',
    '"NaN"',
    '"Infinity"',
    '"-inf"',
    '"0x10"',
    '"1_000"',
    '"1,000"',
    '"+1"',
    '" 1"',
    '"\\u0661"',
    '"\\u0000"',
    '"\\ud83c\\udfc8"',
    f'"{"x" * 5_000}"',
    '"; DROP TABLE orders"',
    '"../../etc/passwd"',
)
FIELDS = (
    "symbol",
    "qty",
    "notional",
    "side",
    "type",
    "time_in_force",
    "limit_price",
    "stop_price",
    "client_order_id",
    "extended_hours",
    "order_class",
    "take_profit",
    "stop_loss",
    "legs",
    "trail_price",
    "position_intent",
)
BODIES = (
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"12",
    b"{",
    b'{"qty": NaN}',
    b'{"qty": Infinity}',
    b'{"qty": 01}',
    b'{"qty": 1, "qty": 2}',
    b"\xff\xfe\x00",
    b'{"symbol": "\\ud800"}',
    b"[" * 30_000,
    b'{"a":' * 10_000,
    b"\x00" * 100,
)


@pytest.fixture(scope="module")
def bot(make_bot: MakeBot) -> Bot:
    """One bot for all: nothing that is sent here leaves anything behind."""
    return make_bot()


def check_error(answer: httpx.Response) -> Any:  # noqa: ANN401 - any JSON
    """The body of an error, which must have what the SDKs read."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert isinstance(body, dict)
    assert isinstance(body["code"], int)
    assert isinstance(body["message"], str)
    assert body["message"]
    return body


@pytest.mark.parametrize(
    "path",
    [
        "/v2",
        "/v2/",
        "/v2/nope",
        "/v2/orders/1/2/3",
        "/v2/orders:by_nothing",
        "/v2/account/nothing/at/all",
        "/v2/stocks",
        "/v1beta1/options/snapshots",
        "/v1beta3/crypto/us/nope",
        "/v1/locates",
        "/v1/accounts",
        "/v1/corporate-actions",
        "/v2/corporate_actions/announcements",
        "/v2/options/contracts",
        "/v2/wallets",
        "/v2/tokenization/mint",
        "/v2beta1/events/trades",
        "/v3/clock",
        "/v3/calendar",
        "//v2//nope",
        "/v2/%00",
        "/v2/%ff%fe",
        "/v2/positions/MAHOMES/exercise",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_is_no_route_is_said_in_json(bot: Bot, method: str, path: str) -> None:
    answer = bot.http.request(method, f"{bot.http.base_url}{path}")
    body = check_error(answer)
    assert (answer.status_code, body["code"]) in {(404, 40410000), (405, 40510000)}


def test_a_method_that_is_not_taken(bot: Bot) -> None:
    for method, path in (("PUT", "/v2/orders"), ("POST", "/v2/account"), ("PATCH", "/v2/positions/MAHOMES")):
        answer = bot.http.request(method, path)
        assert (answer.status_code, check_error(answer)["code"]) == (405, 40510000)
        assert answer.headers["allow"]


def test_no_redirects_and_a_second_slash(bot: Bot) -> None:
    root = str(bot.http.base_url)
    for path in ("//v2/account", "/v2/account/", "/v2//account"):
        answer = bot.http.get(f"{root.rstrip('/')}{path}")
        assert (answer.status_code, answer.json()["currency"]) == (200, "USD"), path


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"APCA-API-KEY-ID": "x"},
        {"APCA-API-KEY-ID": "x", "APCA-API-SECRET-KEY": "y"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nothing"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Digest x"},
        {"Authorization": b"Bearer \xff"},
    ],
)
def test_who_is_nobody(server: Server, headers: dict[str, str]) -> None:
    for path in ("/v2/account", "/v2/orders", "/v2/positions", "/v2/assets", "/v2/clock", "/v2/watchlists"):
        answer = httpx.get(f"{server.url}{path}", headers=headers, trust_env=False)
        assert (answer.status_code, check_error(answer)["code"]) == (401, 40110000)


def test_a_key_without_the_scope_cannot_trade(bot: Bot) -> None:
    made = bot.trader.http.post("/api/v1/keys", json={"name": "reader", "scopes": ["read"]}).json()
    headers = {"APCA-API-KEY-ID": made["api_key"], "APCA-API-SECRET-KEY": made["api_secret"]}
    assert bot.http.get("/v2/account", headers=headers).status_code == 200
    for method, path in (("POST", "/v2/orders"), ("DELETE", "/v2/orders"), ("PATCH", "/v2/account/configurations")):
        answer = bot.http.request(method, path, headers=headers)
        assert (answer.status_code, check_error(answer)["code"]) == (403, 40310000)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
def test_what_is_no_json_object(bot: Bot, body: bytes) -> None:
    for method, path in (
        ("POST", "/v2/orders"),
        ("PATCH", "/v2/account/configurations"),
        ("POST", "/v2/watchlists"),
    ):
        answer = bot.http.request(method, path, content=body)
        said = check_error(answer)
        assert (answer.status_code, said["code"], said["message"]) == (400, 40010000, "request body format is invalid")


def test_a_body_that_is_too_large(bot: Bot) -> None:
    answer = bot.http.post("/v2/orders", content=b'{"symbol": "' + b"x" * 100_000 + b'"}')
    assert answer.status_code == 413
    check_error(answer)


@pytest.mark.parametrize("field", FIELDS)
def test_no_value_of_a_field_breaks_anything(bot: Bot, field: str) -> None:
    order = {
        "symbol": '"MAHOMES"',
        "qty": '"1"',
        "side": '"buy"',
        "type": '"limit"',
        "time_in_force": '"gtc"',
        "limit_price": "19",
    }
    for value in VALUES:
        fields = order | {field: value}
        body = "{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}"
        answer = bot.http.post("/v2/orders", content=body.encode())
        if answer.status_code == 200:
            assert answer.json()["status"] == "new", (field, value)
            bot.http.delete("/v2/orders")
        else:
            check_error(answer)


@pytest.mark.parametrize("field", ["qty", "limit_price", "stop_price", "time_in_force", "client_order_id", "trail"])
def test_no_value_of_a_replacement_breaks_anything(bot: Bot, field: str) -> None:
    for value in VALUES:
        placed = bot.post().json()["id"]
        answer = bot.http.patch(f"/v2/orders/{placed}", content=f'{{"{field}": {value}}}'.encode())
        if answer.status_code != 200:
            check_error(answer)
        bot.http.delete("/v2/orders")


QUERIES = ("", "x", "-1", "0", "1e3", DIGITS, "None", "%00", "%ff", "2026-13-01", "9999-12-31", "0001-01-01", "a,b,,c")
PARAMETERS: dict[str, tuple[str, ...]] = {
    "/v2/orders": (
        "status",
        "limit",
        "after",
        "until",
        "direction",
        "nested",
        "symbols",
        "side",
        "asset_class",
        "before_order_id",
    ),
    "/v2/orders:by_client_order_id": ("client_order_id",),
    "/v2/assets": ("status", "asset_class", "exchange", "attributes"),
    "/v2/account/activities": (
        "activity_types",
        "category",
        "order_id",
        "date",
        "until",
        "after",
        "direction",
        "page_size",
        "page_token",
    ),
    "/v2/account/activities/FILL": ("page_size", "page_token"),
    "/v2/calendar": ("start", "end", "date_type"),
    "/v2/watchlists:by_name": ("name",),
}


@pytest.mark.parametrize("path", PARAMETERS)
def test_no_parameter_breaks_anything(bot: Bot, path: str) -> None:
    for name, value in itertools.product(PARAMETERS[path], QUERIES):
        answer = bot.http.get(f"{path}?{name}={value}")
        if answer.status_code != 200:
            check_error(answer)
        else:
            json.loads(answer.content)


@pytest.mark.parametrize("name", ["x", "%00", "1", DIGITS[:300], "%F0%9F%8F%88", "mahomes"])
def test_no_name_in_a_path_breaks_anything(bot: Bot, name: str) -> None:
    for path in ("/v2/orders", "/v2/positions", "/v2/assets", "/v2/watchlists"):
        assert check_error(bot.http.get(f"{path}/{name}"))["code"] == 40410000
    for path in ("/v2/orders", "/v2/positions", "/v2/watchlists", "/v2/watchlists/x"):
        assert check_error(bot.http.delete(f"{path}/{name}"))["code"] == 40410000


def test_how_much_is_left_is_said_per_minute(start_server: StartServer) -> None:
    server = start_server(WAIVER_ORDERS_PER_SECOND="2", WAIVER_READS_PER_SECOND="50")
    server.list_player()
    trader = server.create_account("bot")
    headers = {"APCA-API-KEY-ID": trader.api_key, "APCA-API-SECRET-KEY": trader.api_secret}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as http:
        read = http.get("/v2/account")
        assert read.headers["x-ratelimit-limit"] == "3000"
        assert 0 <= int(read.headers["x-ratelimit-remaining"]) < 3_000
        assert int(read.headers["x-ratelimit-reset"]) > 1_700_000_000
        answers = [http.delete("/v2/orders") for _ in range(12)]
        refused = next(answer for answer in answers if answer.status_code == 429)
        body = check_error(refused)
        assert (body["code"], body["message"]) == (42910000, "rate limit exceeded")
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert refused.headers["x-ratelimit-limit"] == "120"
