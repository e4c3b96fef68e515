"""Redis emptied, full, frozen and killed while orders flow and history is read: nothing is lost, nobody signed out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis

from tests.support.faults import OrderFlow, Trader, check_orders, finish_orders, make_exchange, wait_until
from tests.support.postgres_database import postgres_database
from tests.support.postgres_server import running_postgres
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiver_process import Server, serving, waiver, waiver_json

ORDERS = 40
PATHS = (
    "/api/v1/markets/MAHOMES/candles?interval=1h",
    "/api/v1/markets/MAHOMES/candles?interval=1d",
    "/api/v1/markets/MAHOMES/trades",
)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@contextmanager
def reading(url: str) -> Iterator[None]:
    """Somebody reads history without a pause, and is answered every time."""
    is_ending = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        with httpx.Client(base_url=url, trust_env=False, timeout=20) as http:
            while not is_ending.is_set():
                wrong.extend(path for path in PATHS if http.get(path).status_code != 200)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        is_ending.set()
        thread.join()
    assert not wrong


def warning_of(server: Server) -> str | None:
    return str(httpx.get(f"{server.url}/readyz", trust_env=False).json()["warning"] or "")


def status_with(url: str, trader: Trader) -> int:
    with trader.client(url) as http:
        return http.get("/api/v1/account").status_code


def test_orders_flow_on_whatever_happens_to_redis(tmp_path: Path, redis_server: RedisServer) -> None:
    with running_postgres() as postgres, postgres_database(postgres) as database:
        data_dir = tmp_path / "exchange"
        traders = make_exchange(data_dir, database_url=database.url)
        settings = {"WAIVER_DATABASE_URL": database.url, "WAIVER_REDIS_URL": redis_server.url}
        with serving(data_dir=data_dir, settings=settings) as server:
            revoked = revoke_one_more_key(data_dir, traders[0], settings)
            with reading(server.url), OrderFlow(server.url, traders) as flow:
                flow.wait_for_more(acknowledged=ORDERS)
                for fault in (empty, fill, freeze, kill):
                    with fault(redis_server):
                        flow.wait_for_more(acknowledged=ORDERS)
                        assert [status_with(server.url, one) for one in (*traders, revoked)] == [200, 200, 200, 401]
                    flow.wait_for_more(acknowledged=ORDERS)
                wait_until(lambda: not warning_of(server))
            assert flow.refused == 0
            finish_orders(server.url, traders)
            check_orders(server.url, traders)
            told = waiver_json("status", data_dir=data_dir, settings=settings)
            assert told["history_cache"] is not None
            proof = waiver("verify", "--json", data_dir=data_dir, settings=settings)
            assert (proof.code, proof.json["ok"]) == (0, True), proof
            assert server.end() == 0


def revoke_one_more_key(data_dir: Path, trader: Trader, settings: dict[str, str]) -> Trader:
    """Return the trader with a key that was taken away."""
    account = ("--account", trader.account_id, "--reason", "test")
    made = waiver_json("account", "new-key", *account, data_dir=data_dir, settings=settings)
    waiver_json("account", "revoke-key", *account, "--key", made["api_key"], data_dir=data_dir, settings=settings)
    return Trader(trader.account_id, made["api_key"], made["api_secret"])


@contextmanager
def empty(server: RedisServer) -> Iterator[None]:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield
        client.flushall()


@contextmanager
def fill(server: RedisServer) -> Iterator[None]:
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        yield
        client.config_set("maxmemory", "0")


@contextmanager
def freeze(server: RedisServer) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@contextmanager
def kill(server: RedisServer) -> Iterator[None]:
    server.kill()
    yield
    server.start()
