"""Names, keys, tokens and cookies are sent everywhere, rightly and wrongly; log and journal hold none of them."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.support.waiver_process import Server, serving, waiver_json

NAME = "Zebedee Plantagenet"
EMAIL = "zebedee@planted.example"
DEVICE = "PlantedBrowser/7.5"
DRAWN = "Pl4nted-Key_" + "0aB" * 12
JWT = "eyJhbGciOiJFZERTQSJ9." + "cGxhbnRlZA" * 3 + ".cGxhbnRlZA"
COOKIE = "planted-cookie-0451"
CODE = "planted-code-1138"
ADDRESS = "203.0.113.77"
PLANTED = (
    NAME,
    "Plantagenet",
    EMAIL,
    EMAIL.replace("@", "%40"),
    "PlantedBrowser",
    DRAWN,
    JWT,
    COOKIE,
    CODE,
    ADDRESS,
)
QUERY = {"email": EMAIL, "name": NAME, "api_secret": DRAWN, "token": JWT, "code": CODE, "state": COOKIE}
HEADERS = {
    "User-Agent": DEVICE,
    "Cookie": f"__Host-waiver_access={COOKIE}; __Host-waiver_refresh={DRAWN}",
    "X-CSRF-Token": COOKIE,
    "X-Forwarded-For": ADDRESS,
    "X-Request-ID": EMAIL,
    "Referer": f"https://elsewhere.example/?email={EMAIL}",
    "Idempotency-Key": DRAWN,
}
BODY = {**QUERY, "refresh_token": DRAWN, "credential": {"id": CODE, "user": EMAIL}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path, dict[str, str]]]:
    data_dir = tmp_path_factory.mktemp("planted") / "exchange"
    settings = {
        "WAIVER_TRUSTED_PROXIES": "127.0.0.1",
        "WAIVER_OIDC_PROVIDERS": "nowhere",
        "WAIVER_OIDC_NOWHERE_ISSUER": "http://127.0.0.1:9",
        "WAIVER_OIDC_NOWHERE_CLIENT_ID": "waiver",
        "WAIVER_OIDC_NOWHERE_CLIENT_SECRET": DRAWN,
    }
    with serving(data_dir=data_dir, settings=settings) as server:
        account = waiver_json("account", "create", "--name", NAME, "--cash", "100", data_dir=data_dir)
        yield server, data_dir, account


def check_nothing_planted(server: Server, data_dir: Path, *, more: tuple[str, ...] = ()) -> None:
    log = server.log
    kept = b"".join(
        file.read_bytes()
        for pattern in ("journal.db*", "read_model.db*", "identity.db*", "snapshots/*", "checkpoints/*")
        for file in data_dir.glob(pattern)
    )
    for planted in (*PLANTED, *more):
        assert planted not in log, planted
        assert json.dumps(planted)[1:-1] not in log, planted
        assert planted.encode() not in kept, planted


def operations(url: str) -> list[tuple[str, str]]:
    """Return method and path of everything that the exchange describes, the parameters of paths filled in."""
    document = httpx.get(f"{url}/openapi.json", trust_env=False).json()
    return [
        (method.upper(), "/".join(CODE if part.startswith("{") else part for part in path.split("/")))
        for path, item in document["paths"].items()
        for method in item
        if method in {"get", "post", "put", "patch", "delete"}
    ]


def test_every_route_is_asked_by_somebody_wrong_and_by_somebody_right(
    served: tuple[Server, Path, dict[str, str]],
) -> None:
    server, data_dir, account = served
    credentials: list[dict[str, str]] = [
        {},
        {"X-API-Key": "WXPLANTED", "X-API-Secret": DRAWN},
        {"Authorization": f"Bearer {JWT}"},
        {"X-API-Key": account["api_key"], "X-API-Secret": account["api_secret"]},
    ]
    asked = operations(server.url)
    assert len(asked) > 30
    statuses = set()
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http:
        for method, path in asked:
            for given in credentials:
                body = None if method in {"GET", "DELETE"} else BODY
                answer = http.request(method, path, params=QUERY, json=body, headers=HEADERS | given)
                statuses.add(answer.status_code)
                assert answer.status_code < 500, answer.text
        for path in (f"/{EMAIL}", f"/auth/callback/{CODE}", f"/auth/sign-in/{EMAIL}", f"/{DRAWN}"):
            http.get(path, params=QUERY, headers=HEADERS)
        for path in ("/auth/sign-in/nowhere", "/auth/callback/nowhere"):  # nobody answers there
            for given in credentials:
                http.get(path, params=QUERY, headers=HEADERS | given)
        http.post("/api/v1/orders", content=json.dumps(BODY)[:-3], headers=HEADERS | credentials[3])
    assert {401, 404, 422} <= statuses
    check_nothing_planted(server, data_dir, more=(account["api_secret"],))


def test_what_is_no_request_at_all_is_not_written_down(served: tuple[Server, Path, dict[str, str]]) -> None:
    server, data_dir, _ = served
    address = urlsplit(server.url)
    for head in (
        f"GET /?email={EMAIL} HTTP/9\r\n\r\n",
        f"{DRAWN} / HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nCookie {COOKIE}\r\n\r\n",
        f"POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: {CODE}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: {EMAIL}\r\nX: {DRAWN * 3_000}\r\n\r\n",
    ):
        with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
            connection.sendall(head.encode())
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(10)
            while connection.recv(65_536):
                pass
    check_nothing_planted(server, data_dir)


def test_sockets_that_sign_in_wrongly_and_rightly(served: tuple[Server, Path, dict[str, str]]) -> None:
    server, data_dir, account = served
    url = server.url.replace("http", "ws")
    requests = (
        {"method": "auth", "params": {"api_key": EMAIL, "api_secret": DRAWN}},
        {"method": "auth", "params": {"token": JWT}},
        {"method": EMAIL, "params": BODY},
        {"method": "auth", "params": {"api_key": account["api_key"], "api_secret": account["api_secret"]}},
        {"method": "order.place", "params": BODY},
        {"method": "subscribe", "params": {"channels": [EMAIL]}},
    )
    for path in ("/ws", f"/ws?token={JWT}&email={EMAIL}", "/stream", "/v2/iex"):
        try:
            with connect(url + path, additional_headers=HEADERS, proxy=None, open_timeout=10) as client:
                for number, request in enumerate(requests):
                    client.send(json.dumps({"id": number, **request}))
                client.send(f"{EMAIL} is no JSON {DRAWN}")
                client.send(b"\xff" + DRAWN.encode())
                client.recv(timeout=10)
        except (WebSocketException, TimeoutError):
            continue
    check_nothing_planted(server, data_dir, more=(account["api_secret"],))


def test_what_the_operator_asks_for(served: tuple[Server, Path, dict[str, str]]) -> None:
    server, data_dir, account = served
    exported = waiver_json(
        "account", "export", "--reason", "asked for it", "--account", account["account_id"], data_dir=data_dir
    )
    assert exported["account"]["name"] == NAME
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(data_dir / "control.sock"))
        control.sendall(json.dumps({"method": EMAIL, "params": BODY}).encode() + b"\n")
        assert control.recv(65_536)
        control.sendall(f"{EMAIL} is no JSON\n".encode())
        assert control.recv(65_536)
    check_nothing_planted(server, data_dir)
