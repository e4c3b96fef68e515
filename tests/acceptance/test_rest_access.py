"""Keys, scopes, tokens and limits, against real servers."""

import re

import httpx
import pytest

from tests.acceptance.conftest import Json, Server, StartServer, Trader


@pytest.fixture(scope="module")
def ann(server: Server) -> Trader:
    return server.create_account("Ann")


def as_key(server: Server, key: Json) -> httpx.Client:
    headers = {"X-API-Key": key["api_key"], "X-API-Secret": key["api_secret"]}
    return httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=30)


def make_key(trader: Trader, **fields: object) -> Json:
    response = trader.http.post("/api/v1/keys", json=fields)
    assert response.status_code == 200, response.text
    return response.json()


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_a_key_is_shown_with_its_secret_once(server: Server, ann: Trader) -> None:
    new = make_key(ann, name="bot", scopes=["read"])
    assert (new["name"], new["scopes"], new["last_used_at"], new["revoked_at"]) == ("bot", ["read"], None, None)
    listed = {key["id"]: key for key in ann.get("/api/v1/keys")}
    assert set(listed) == {ann.api_key, new["id"]}
    assert new["api_secret"] not in str(listed)
    with as_key(server, new) as bot:
        assert bot.get("/api/v1/account").status_code == 200
    used = next(key for key in ann.get("/api/v1/keys") if key["id"] == new["id"])
    assert used["last_used_at"] > new["created_at"]
    stored = b"".join(path.read_bytes() for path in server.data_dir.glob("*") if path.is_file())
    assert new["api_secret"].encode() not in stored


def test_a_key_does_what_its_scopes_say(server: Server, ann: Trader) -> None:
    asked = {
        "read": ("GET", "/api/v1/orders", None),
        "trade": ("DELETE", "/api/v1/orders", None),
        "admin": ("GET", "/api/v1/keys", None),
    }
    for scope in asked:
        with as_key(server, make_key(ann, scopes=[scope])) as http:
            for wanted, (method, path, body) in asked.items():
                response = http.request(method, path, json=body)
                if wanted == scope:
                    assert response.status_code == 200, response.text
                else:
                    assert code_of(response) == (403, "scope_is_missing")
                    assert response.json()["error"]["details"] == {"scope": wanted}


def test_a_key_gives_no_more_than_it_has(server: Server, ann: Trader) -> None:
    with as_key(server, make_key(ann, scopes=["admin", "read"])) as http:
        refused = http.post("/api/v1/keys", json={"scopes": ["read", "trade"]})
        assert code_of(refused) == (403, "scope_is_missing")
        assert http.post("/api/v1/keys", json={}).json()["scopes"] == ["read", "admin"]


def test_a_revoked_key_and_its_token_end_at_once(server: Server, ann: Trader) -> None:
    new = make_key(ann, name="short")
    with as_key(server, new) as http:
        token = http.post("/api/v1/tokens").json()
        assert set(token) == {"token", "expires_at"}
        bearer = {"Authorization": f"Bearer {token['token']}"}
        assert server.public.get("/api/v1/account", headers=bearer).status_code == 200
        renamed = ann.http.patch(f"/api/v1/keys/{new['id']}", json={"name": "gone"})
        assert renamed.json()["name"] == "gone"
        assert ann.http.delete(f"/api/v1/keys/{new['id']}").json()["revoked_at"] is not None
        assert code_of(http.get("/api/v1/account")) == (401, "credentials_are_wrong")
    assert code_of(server.public.get("/api/v1/account", headers=bearer)) == (401, "token_is_wrong")


def test_keys_outlive_a_restart(start_server: StartServer) -> None:
    server = start_server()
    ann = server.create_account("Ann")
    kept, gone = make_key(ann, name="kept", scopes=["read"]), make_key(ann, name="gone")
    ann.http.delete(f"/api/v1/keys/{gone['id']}")
    with as_key(server, kept) as http:
        assert http.get("/api/v1/account").status_code == 200
    server.stop()
    again = start_server(server.data_dir)
    with as_key(again, kept) as http:
        assert http.get("/api/v1/account").status_code == 200
        assert code_of(http.delete("/api/v1/orders")) == (403, "scope_is_missing")
    with as_key(again, gone) as http:
        assert code_of(http.get("/api/v1/account")) == (401, "credentials_are_wrong")
    listed = again.waiver("account", "keys", "--account", ann.account_id)["keys"]
    assert [(key["name"], key["revoked_at"] is None) for key in listed] == [("", True), ("kept", True), ("gone", False)]
    assert listed[1]["last_used_at"] is not None


def test_the_operator_makes_and_revokes_keys(server: Server, ann: Trader) -> None:
    new = server.waiver(
        "account", "new-key", "--reason", "a bot", "--account", ann.account_id, "--name", "ops", "--scopes", "read"
    )
    with as_key(server, new) as http:
        assert http.get("/api/v1/account").status_code == 200
        server.waiver("account", "revoke-key", "--reason", "test", "--account", ann.account_id, "--key", new["api_key"])
        assert code_of(http.get("/api/v1/account")) == (401, "credentials_are_wrong")


@pytest.mark.parametrize(
    "fields",
    [
        {"scopes": []},
        {"scopes": ["fly"]},
        {"scopes": ["read", "read"]},
        {"scopes": "read"},
        {"scopes": [1]},
        {"scopes": [["read"]]},
        {"name": "x" * 65},
        {"name": "a\nb"},
        {"name": 7},
    ],
)
def test_a_key_that_cannot_be_is_refused(ann: Trader, fields: dict[str, object]) -> None:
    response = ann.http.post("/api/v1/keys", json=fields)
    assert code_of(response) == (422, "field_is_invalid")
    assert response.json()["error"]["details"]["field"] in fields


def test_orders_and_reads_are_limited_apart(start_server: StartServer) -> None:
    server = start_server(WAIVER_ORDERS_PER_SECOND="2", WAIVER_READS_PER_SECOND="1000")
    server.list_player()
    ann = server.create_account("Ann")
    answers = [ann.post_order(limit_price="18.00") for _ in range(20)]
    refused = next(response for response in answers if response.status_code == 429)
    assert code_of(refused) == (429, "request_rate_is_too_high")
    assert refused.json()["error"]["details"] == {"limit": 2, "per": "key and second"}
    assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-remaining"]) == ("2", "0")
    assert refused.headers["retry-after"] == "1"
    assert re.fullmatch(r"[0-9]{10}", refused.headers["x-ratelimit-reset"])
    read = ann.http.get("/api/v1/account")
    assert (read.status_code, read.headers["x-ratelimit-limit"]) == (200, "1000")


def test_the_operator_sets_limits_that_hold_at_once_and_after_a_restart(start_server: StartServer) -> None:
    server = start_server(WAIVER_READS_PER_SECOND="1000")
    ann = server.create_account("Ann")
    none = {"account_orders_per_second": None, "account_reads_per_second": None}
    assert ann.get("/api/v1/account/limits") == none | {
        "orders_per_second": None,
        "reads_per_second": 1000,
        "account_reads_per_second": 5000,
    }
    shown = server.waiver(
        "account", "limits", "--reason", "test", "--account", ann.account_id, "--orders", "7", "--reads", "0"
    )
    assert (shown["orders_per_second"], shown["reads_per_second"]) == (7, 0)
    unlimited = ann.http.get("/api/v1/account/limits")
    own = none | {"orders_per_second": 7, "reads_per_second": None, "account_orders_per_second": 35}
    assert unlimited.json() == own
    assert "x-ratelimit-limit" not in unlimited.headers
    server.stop()
    again = start_server(server.data_dir, WAIVER_READS_PER_SECOND="1000")
    with as_key(again, {"api_key": ann.api_key, "api_secret": ann.api_secret}) as http:
        assert http.get("/api/v1/account/limits").json() == own
    again.waiver("account", "limits", "--reason", "test", "--account", ann.account_id, "--reads", "default")
    assert again.waiver("account", "limits", "--account", ann.account_id)["reads_per_second"] is None


def test_an_address_is_limited_with_and_without_a_key(start_server: StartServer) -> None:
    server = start_server(WAIVER_ADDRESS_REQUESTS_PER_SECOND="5")
    answers = [server.public.get(path) for _ in range(20) for path in ("/api/v1/markets", "/nope", "/v2/clock", "/")]
    refused = [response for response in answers if response.status_code == 429]
    assert refused
    for response in refused:
        assert response.headers["x-ratelimit-limit"] == "5"
        assert response.headers["retry-after"] == "1"
        assert len(response.headers["x-request-id"]) == 16
    assert {response.status_code for response in [server.public.get("/readyz") for _ in range(20)]} == {200}


def test_failed_authentication_is_limited_and_locks_nobody_out(start_server: StartServer) -> None:
    server = start_server(WAIVER_FAILED_AUTHENTICATIONS_PER_MINUTE="3")
    ann = server.create_account("Ann")
    wrong = {"X-API-Key": ann.api_key, "X-API-Secret": "x"}
    codes = [code_of(server.public.get("/api/v1/account", headers=wrong)) for _ in range(8)]
    assert codes[:3] == [(401, "credentials_are_wrong")] * 3
    assert (429, "request_rate_is_too_high") in codes[3:5]
    assert ann.http.get("/api/v1/account").status_code == 200


def test_only_a_trusted_proxy_names_the_client(start_server: StartServer) -> None:
    def is_refused(server: Server) -> bool:
        answers = [
            server.public.get("/api/v1/markets", headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code
            for n in range(20)
        ]
        return 429 in answers

    assert is_refused(start_server(WAIVER_ADDRESS_REQUESTS_PER_SECOND="2"))
    assert not is_refused(
        start_server(WAIVER_ADDRESS_REQUESTS_PER_SECOND="2", WAIVER_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8")
    )
