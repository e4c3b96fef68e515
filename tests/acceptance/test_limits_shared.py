"""Limits through a real Redis, over whole servers: what they share, and that losing it stops no trading."""

import time
from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import Server, StartServer
from tests.support.redis_server import RedisServer, running_redis

WAIT_SECONDS_MAX = 20


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


def wait_for_warning(server: Server, *, is_wanted: bool) -> None:
    end = time.monotonic() + WAIT_SECONDS_MAX
    while bool(server.public.get("/readyz").json()["warning"]) != is_wanted:
        assert time.monotonic() < end, server.log.read_text()
        server.public.get("/api/v1/status")
        time.sleep(0.05)


def fail_to_sign_in(server: Server) -> int:
    headers = {"X-API-Key": "WXNOBODY", "X-API-Secret": "x"}
    status = server.public.get("/api/v1/account", headers=headers).status_code
    # Others know within some milliseconds.
    time.sleep(0.1)
    return status


def test_two_processes_share_a_limit(start_server: StartServer, redis_server: RedisServer) -> None:
    settings = {"WAIVER_REDIS_URL": redis_server.url, "WAIVER_FAILED_AUTHENTICATIONS_PER_MINUTE": "4"}
    one, other = start_server(**settings), start_server(**settings)
    # 401 is a wrong key, 429 a wrong key too many; the other one learns of the first's with its own first.
    assert [fail_to_sign_in(one) for _ in range(4)] == [401] * 4
    assert [fail_to_sign_in(other) for _ in range(3)] == [401, 429, 429]
    assert fail_to_sign_in(one) == 429


def test_trading_goes_on_while_redis_is_dead_and_while_it_hangs(
    start_server: StartServer, redis_server: RedisServer
) -> None:
    server = start_server(WAIVER_REDIS_URL=redis_server.url, WAIVER_ADDRESS_REQUESTS_PER_SECOND="100000")
    server.list_player()
    ann = server.create_account("Ann")
    ann.place()
    wait_for_warning(server, is_wanted=False)

    redis_server.kill()
    wait_for_warning(server, is_wanted=True)
    assert ann.place()["status"] == "open"
    redis_server.start()
    wait_for_warning(server, is_wanted=False)

    redis_server.freeze()
    try:
        slowest = 0.0
        for _ in range(20):
            began = time.perf_counter()
            assert ann.place()["status"] == "open"
            slowest = max(slowest, time.perf_counter() - began)
        assert slowest < 1.0
        wait_for_warning(server, is_wanted=True)
    finally:
        redis_server.thaw()
    wait_for_warning(server, is_wanted=False)
    log = server.log.read_text()
    assert log.count("Redis does not answer") == 2
    assert redis_server.url not in log


def test_all_keys_of_an_account_share_its_limit(start_server: StartServer) -> None:
    server = start_server(WAIVER_ORDERS_PER_SECOND="20", WAIVER_ACCOUNT_ORDERS_PER_SECOND="25")
    ann, bob = server.create_account("Ann"), server.create_account("Bob")
    shown = ann.get("/api/v1/account/limits")
    assert (shown["orders_per_second"], shown["account_orders_per_second"]) == (20, 25)
    second = ann.http.post("/api/v1/keys", json={}).json()
    headers = {"X-API-Key": second["api_key"], "X-API-Secret": second["api_secret"]}
    answers = [
        answer
        for _ in range(60)
        for answer in (ann.http.delete("/api/v1/orders"), server.public.delete("/api/v1/orders", headers=headers))
    ]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert any(answer.json()["error"]["details"]["per"] == "account and second" for answer in refused)
    assert bob.http.delete("/api/v1/orders").status_code == 200
    server.waiver("account", "limits", "--account", ann.account_id, "--all-orders", "7", "--reason", "a test")
    server.stop()
    again = start_server(server.data_dir)
    kept = again.waiver("account", "limits", "--account", ann.account_id)
    assert (kept["orders_per_second"], kept["account_orders_per_second"]) == (None, 7)
