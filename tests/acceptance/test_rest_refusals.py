"""Every no that a client of REST can be told, against real servers."""

import contextlib
import socket

import httpx
import pytest

from tests.acceptance.conftest import Json, Server, StartServer, Trader

JSON = {"content-type": "application/json"}
ORDER = '"symbol":"MAHOMES","side":"buy","type":"limit","quantity":"1","limit_price":"20.00"'


@pytest.fixture(scope="module")
def ann(server: Server) -> Trader:
    return server.create_account("Ann")


def refusal(response: httpx.Response, status: int, code: str) -> Json:
    """The details of an answer that must be this refusal, in the one form of errors."""
    assert response.headers["content-type"] == "application/json", response.text
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code), response.text
    assert set(response.json()) == {"error"}
    assert set(error) == {"code", "message", "details"}
    assert error["message"].endswith(".")
    assert len(response.headers["x-request-id"]) == 16
    assert response.headers["cache-control"] == "no-store"
    assert ("retry-after" in response.headers) == (status in {429, 503})
    return error["details"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"symbol": "NOBODY"}, 404, "market_not_found"),
        ({"symbol": None}, 422, "field_is_missing"),
        ({"side": None}, 422, "field_is_missing"),
        ({"type": None}, 422, "field_is_missing"),
        ({"side": "hold"}, 422, "field_is_invalid"),
        ({"type": "iceberg"}, 422, "field_is_invalid"),
        ({"time_in_force": "forever"}, 422, "field_is_invalid"),
        ({"self_trade_prevention": "none"}, 422, "field_is_invalid"),
        ({"post_only": "yes"}, 422, "field_is_invalid"),
        ({"symbol": 7}, 422, "field_is_invalid"),
        ({"quantity": True}, 422, "field_is_invalid"),
        ({"quantity": ["1"]}, 422, "field_is_invalid"),
        ({"quantity": {"a": 1}}, 422, "field_is_invalid"),
        ({"quantity": "NaN"}, 422, "field_is_invalid"),
        ({"quantity": "Infinity"}, 422, "field_is_invalid"),
        ({"quantity": ""}, 422, "field_is_invalid"),
        ({"quantity": " 1"}, 422, "field_is_invalid"),
        ({"quantity": "\u0661"}, 422, "field_is_invalid"),
        ({"quantiy": "1"}, 422, "field_is_unknown"),
        ({"quantity": None}, 422, "quantity_or_notional_is_required"),
        ({"notional": "20"}, 422, "quantity_or_notional_is_required"),
        ({"quantity": None, "notional": "20"}, 422, "notional_needs_a_market_order"),
        ({"quantity": "0"}, 422, "quantity_must_be_positive"),
        ({"quantity": "-0"}, 422, "quantity_must_be_positive"),
        ({"quantity": "-1"}, 422, "quantity_must_be_positive"),
        ({"quantity": "10000.0001"}, 422, "quantity_exceeds_supply"),
        ({"quantity": "0.00001"}, 422, "quantity_is_too_precise"),
        ({"quantity": "9" * 400}, 422, "number_is_too_large"),
        ({"quantity": "1e999"}, 422, "number_is_too_large"),
        ({"quantity": "1e18"}, 422, "number_is_too_large"),
        ({"quantity": "1e9999"}, 422, "field_is_invalid"),
        ({"type": "market", "limit_price": None, "quantity": None, "notional": "0"}, 422, "notional_must_be_positive"),
        ({"type": "market", "limit_price": None, "quantity": None, "notional": -1}, 422, "notional_must_be_positive"),
        (
            {"type": "market", "side": "sell", "limit_price": None, "quantity": None, "notional": "0.01"},
            403,
            "insufficient_shares",
        ),
        (
            {"type": "market", "limit_price": None, "quantity": None, "notional": "0.0000001"},
            422,
            "amount_is_too_precise",
        ),
        (
            {"type": "market", "limit_price": None, "quantity": None, "notional": "0.000001"},
            422,
            "notional_is_too_small",
        ),
        ({"limit_price": None}, 422, "price_must_be_positive"),
        ({"limit_price": 0}, 422, "price_must_be_positive"),
        ({"limit_price": "-20"}, 422, "price_must_be_positive"),
        ({"limit_price": "20.001"}, 422, "price_is_off_the_tick"),
        ({"limit_price": "10485.75"}, 422, "price_is_too_high"),
        ({"limit_price": "26.01"}, 422, "price_is_outside_the_band"),
        ({"type": "market"}, 422, "market_order_takes_no_price"),
        ({"post_only": True, "time_in_force": "ioc"}, 422, "post_only_needs_a_resting_order"),
        ({"time_in_force": "gtd"}, 422, "expiry_is_required"),
        ({"expires_at": "2036-01-01T00:00:00Z"}, 422, "expiry_needs_gtd"),
        ({"time_in_force": "gtd", "expires_at": "2036-01-01T00:00:00"}, 422, "field_is_invalid"),
        ({"time_in_force": "gtd", "expires_at": 1900000000}, 422, "field_is_invalid"),
        ({"time_in_force": "gtd", "expires_at": "2020-01-01T00:00:00Z"}, 422, "expiry_is_not_in_the_future"),
        ({"time_in_force": "gtd", "expires_at": "0001-01-01T00:00:00+23:59"}, 422, "expiry_is_not_in_the_future"),
        ({"time_in_force": "gtd", "expires_at": "2100-01-01T00:00:00Z"}, 422, "expiry_is_too_far"),
        ({"time_in_force": "gtd", "expires_at": "9999-12-31T23:59:59-23:59"}, 422, "expiry_is_too_far"),
        ({"quantity": "501"}, 403, "insufficient_cash"),
        ({"side": "sell"}, 403, "insufficient_shares"),
        ({"client_order_id": ""}, 422, "client_order_id_is_invalid"),
        ({"client_order_id": "x" * 129}, 422, "client_order_id_is_invalid"),
        ({"client_order_id": "a\nb"}, 422, "client_order_id_is_invalid"),
    ],
)
def test_an_order_that_cannot_be_is_refused(ann: Trader, fields: dict[str, object], status: int, code: str) -> None:
    details = refusal(ann.post_order(**fields), status, code)
    if code in {"field_is_missing", "field_is_unknown"}:
        assert details["field"] in fields
    assert ann.get("/api/v1/orders", status="open")["items"] == []
    assert ann.get("/api/v1/account")["cash_held"] == "0.00"


def test_what_is_short_is_said_in_decimals(ann: Trader) -> None:
    details = refusal(ann.post_order(quantity="501"), 403, "insufficient_cash")
    assert details == {"required": "10020.00", "available": "10000.00"}
    details = refusal(ann.post_order(limit_price="26.01"), 422, "price_is_outside_the_band")
    assert details == {"given": "26.01", "limit": "26.00"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{" + ORDER.encode() + b"} {}",
        b"{" + ORDER.encode() + b',"quantity":"2"}',
        b'{"quantity":NaN}',
        b'{"quantity":-Infinity}',
        b'{"quantity":01}',
        b"{'symbol':'MAHOMES'}",
        b'{"a":' * 10_000,
        b"[" * 60_000,
        b'{"symbol":"\xff"}',
        b'{"symbol":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"symbol":"a\nb"}',
        b"\xef\xbb\xbf{" + ORDER.encode() + b"}",
        ("{" + ORDER + "}").encode("utf-16"),
        b"\x00",
    ],
)
def test_a_malformed_body_is_refused(ann: Trader, body: bytes) -> None:
    response = ann.http.post("/api/v1/orders", content=body, headers=JSON)
    assert refusal(response, 400, "request_is_malformed")["problem"]


def test_an_unusual_field_name_is_sent_back_whole_and_short(ann: Trader) -> None:
    response = ann.post_order(**{"<img onerror=1>" + "x" * 1_000: 1})
    assert refusal(response, 422, "field_is_unknown")["field"].startswith("<img onerror=1>xxx")
    assert len(response.content) < 400


def test_only_json_is_read(ann: Trader) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"):
        response = ann.http.post("/api/v1/orders", content="{}", headers={"content-type": content_type})
        refusal(response, 415, "content_type_is_unsupported")
    with_charset = {"content-type": "application/json; charset=utf-8"}
    refusal(ann.http.post("/api/v1/orders", content="{}", headers=with_charset), 422, "field_is_missing")


def test_a_large_body_is_refused_announced_or_not(ann: Trader) -> None:
    largest = 64 * 1024
    fits = ("{" + ORDER + ',"client_order_id":"').encode().ljust(largest - 2, b"x") + b'"}'
    refusal(ann.http.post("/api/v1/orders", content=fits, headers=JSON), 422, "client_order_id_is_invalid")
    refusal(ann.http.post("/api/v1/orders", content=fits + b" ", headers=JSON), 413, "request_is_too_large")
    pieces = iter([fits, b" "])
    refusal(ann.http.post("/api/v1/orders", content=pieces, headers=JSON), 413, "request_is_too_large")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/orders"),
        ("GET", "/api/v1/orders"),
        ("DELETE", "/api/v1/orders"),
        ("GET", "/api/v1/orders/x"),
        ("DELETE", "/api/v1/orders/x"),
        ("GET", "/api/v1/account"),
        ("GET", "/api/v1/positions"),
    ],
)
def test_what_belongs_to_an_account_needs_its_key(server: Server, ann: Trader, method: str, path: str) -> None:
    other = server.create_account("Other", cash="0")
    key, secret = ann.api_key, ann.api_secret
    for headers, code in (
        ({}, "credentials_are_missing"),
        ({"X-API-Key": key}, "credentials_are_missing"),
        ({"X-API-Secret": secret}, "credentials_are_missing"),
        ({"X-API-Key": key, "X-API-Secret": ""}, "credentials_are_missing"),
        ({"X-API-Key": key, "X-API-Secret": secret[:-1]}, "credentials_are_wrong"),
        ({"X-API-Key": key, "X-API-Secret": other.api_secret}, "credentials_are_wrong"),
        ({"X-API-Key": "WXNOBODY", "X-API-Secret": secret}, "credentials_are_wrong"),
        ({"X-API-Key": key.lower(), "X-API-Secret": secret}, "credentials_are_wrong"),
    ):
        refusal(server.public.request(method, path, headers=headers), 401, code)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v1/orders?status=done", "field_is_invalid"),
        ("/api/v1/orders?limit=0", "field_is_invalid"),
        ("/api/v1/orders?limit=501", "field_is_invalid"),
        ("/api/v1/orders?limit=1e2", "field_is_invalid"),
        ("/api/v1/orders?limit=", "field_is_invalid"),
        ("/api/v1/orders?limit=1&limit=2", "field_is_invalid"),
        ("/api/v1/orders?cursor=1", "field_is_invalid"),
        ("/api/v1/orders?cursor=000000ac-0000-8000-8000-000000000002", "field_is_invalid"),
        ("/api/v1/orders?page=2", "field_is_unknown"),
        ("/api/v1/orders?" + "&".join(f"a{n}=1" for n in range(50)), "field_is_invalid"),
        ("/api/v1/account?account_id=1", "field_is_unknown"),
        ("/api/v1/positions?account_id=1", "field_is_unknown"),
        ("/api/v1/markets/MAHOMES/book?depth=0", "field_is_invalid"),
        ("/api/v1/markets/MAHOMES/book?depth=1001", "field_is_invalid"),
        ("/api/v1/markets/MAHOMES/book?depth=-1", "field_is_invalid"),
        ("/api/v1/trades?limit=501", "field_is_invalid"),
        ("/api/v1/trades?%ff=1", "field_is_unknown"),
    ],
)
def test_a_query_is_read_strictly(ann: Trader, path: str, code: str) -> None:
    assert refusal(ann.http.get(path), 422, code)["field"]


def test_what_does_not_exist_is_not_found(server: Server) -> None:
    for path in (
        "/nope",
        "/api",
        "/api/v1",
        "/api/v2/orders",
        "/api/v1/accounts",
        "/page.js/x",
        "/..%2f..%2fetc/passwd",
    ):
        refusal(server.public.get(path), 404, "route_not_found")
    for path in ("/api/v1/markets/NOBODY", "/api/v1/markets/NOBODY/book", "/api/v1/trades?symbol=NOBODY"):
        assert refusal(server.public.get(path), 404, "market_not_found") == {"symbol": "NOBODY"}


def test_a_wrong_method_is_told_the_right_ones(server: Server) -> None:
    response = server.public.patch("/api/v1/orders")
    refusal(response, 405, "method_is_not_allowed")
    assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, POST"
    response = server.public.put("/api/v1/orders/x/")
    refusal(response, 405, "method_is_not_allowed")
    assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"


def test_halts_are_told_and_cancelling_stays_possible(server: Server) -> None:
    ann = server.create_account("Halted")
    order = ann.place(limit_price="18.00")
    server.waiver("account", "halt", "--reason", "test", "--account", ann.account_id)
    refusal(ann.post_order(), 403, "account_is_halted")
    assert ann.get("/api/v1/account")["status"] == "halted"
    server.waiver("account", "resume", "--reason", "test", "--account", ann.account_id)
    server.waiver("market", "halt", "--reason", "test", "--symbol", "MAHOMES")
    refusal(ann.post_order(), 422, "market_is_halted")
    assert server.public.get("/api/v1/markets/MAHOMES").json()["status"] == "halted"
    server.waiver("market", "resume", "--reason", "test", "--symbol", "MAHOMES")
    server.waiver("market", "halt-all", "--reason", "test")
    refusal(ann.post_order(), 422, "exchange_is_halted")
    assert server.public.get("/readyz").json()["trading"] == "halted"
    assert server.public.get("/api/v1/markets").json()[0]["status"] == "halted"
    assert ann.http.delete(f"/api/v1/orders/{order['id']}").json()["status"] == "cancelled"
    server.waiver("market", "resume-all", "--reason", "test")
    assert server.public.get("/api/v1/markets").json()[0]["status"] == "open"


def test_the_limits_of_an_account_are_told(start_server: StartServer) -> None:
    server = start_server(
        WAIVER_OPEN_ORDERS_MAX="2", WAIVER_ORDER_VALUE_DOLLARS_MAX="100", WAIVER_POSITION_SHARES_MAX="4"
    )
    server.list_player()
    server.list_player("FRESH", reference_price="0")
    ann = server.create_account("Ann")
    ann.place(quantity="3")
    details = refusal(ann.post_order(quantity="1.5"), 422, "position_would_be_too_large")
    assert details == {"given": "4.5", "limit": "4"}
    details = refusal(ann.post_order(quantity="5.0001"), 422, "order_value_is_too_large")
    assert details == {"given": "100.002", "limit": "100.00"}
    ann.place(quantity="0.5")
    assert refusal(ann.post_order(quantity="0.1"), 422, "too_many_open_orders") == {"given": 2, "limit": 2}
    market_order = ann.post_order(symbol="FRESH", type="market", limit_price=None)
    refusal(market_order, 422, "reference_price_is_missing")


def test_too_many_orders_in_a_second_are_told_to_wait(start_server: StartServer) -> None:
    server = start_server(WAIVER_ORDERS_PER_SECOND_MAX="1")
    server.list_player()
    ann = server.create_account("Ann")
    answers = [ann.post_order() for _ in range(30)]
    slow = [response for response in answers if response.status_code == 429]
    assert slow
    refusal(slow[0], 429, "order_rate_is_too_high")


def test_an_endless_head_is_refused_and_costs_nothing(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Endless: ")
        answer = b""
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                connection.sendall(b"a" * 65_536)
        with contextlib.suppress(ConnectionError):
            answer = connection.recv(4_096)
    assert not answer or answer.startswith(b"HTTP/1.1 431 ")
    assert server.public.get("/healthz").status_code == 200


def test_a_head_that_just_fits_is_read(server: Server) -> None:
    assert server.public.get("/healthz", headers={"X-Long": "a" * 30_000}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/v1/markets", "/api/v1/markets/MAHOMES/book", "/docs"])
def test_head_is_get_without_the_body(server: Server, path: str) -> None:
    whole, head = server.public.get(path), server.public.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag"):
        assert head.headers.get(name) == whole.headers.get(name)
    refusal(server.public.get("/api/v1/markets/NOBODY"), 404, "market_not_found")
    assert server.public.head("/api/v1/markets/NOBODY").status_code == 404


def test_what_is_no_http_is_refused_in_the_one_form(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"\x00\x01 nonsense\r\n\r\n")
        answer = connection.recv(4_096)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"x-request-id: " in answer
    assert b'{"error":{"code":"request_is_malformed"' in answer
