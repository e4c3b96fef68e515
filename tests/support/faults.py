"""What the fault tests share: an exchange made quickly, traders that remember what they were told, limits and waits."""

import asyncio
import itertools
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.waiver_process import Ran, waiver, waiver_json
from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.gateway.control.methods import run_method

TRADERS = 3
WAIT_SECONDS = 20.0
FINAL = frozenset({"filled", "cancelled", "expired", "rejected"})
Json = Any


@dataclass
class Trader:
    """An account and what it knows: orders acknowledged as first told, and orders sent and not acknowledged."""

    account_id: str
    api_key: str
    api_secret: str
    acknowledged: dict[str, Json] = field(default_factory=dict)
    unfinished: dict[str, Json] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    def client(self, url: str) -> httpx.Client:
        headers = {"X-API-Key": self.api_key, "X-API-Secret": self.api_secret}
        return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=WAIT_SECONDS)

    def send(self, http: httpx.Client, order: Json) -> httpx.Response:
        """Send an order and remember the answer; anything but yes or "not now" is a failure of the test."""
        name = order["client_order_id"]
        self.unfinished[name] = order
        response = http.post("/api/v1/orders", json=order)
        if response.status_code == 200:
            self.acknowledged[name] = response.json()
            del self.unfinished[name]
        else:
            assert response.status_code == 503, response.text
            assert response.headers["retry-after"]
            self.refusals.append(response.json()["error"]["code"])
        return response


def make_exchange(data_dir: Path, *, database_url: str = "") -> list[Trader]:
    """Make an exchange in this process, as `furnish` does, and close it again."""

    async def make() -> list[Trader]:
        with DataDirectory(data_dir).acquire_lock():
            async with running_exchange(Settings(data_dir=data_dir, database_url=database_url)) as exchange:
                return await furnish(exchange)

    return asyncio.run(make())


async def furnish(exchange: Exchange) -> list[Trader]:
    """List MAHOMES at 20.00 and open accounts with cash and shares."""
    player = {"symbol": "MAHOMES", "name": "Patrick Mahomes", "position": "QB", "team": "KC"}
    numbers = {"supply": "10000", "reference_price": "20.00"}
    await run_method(exchange, "market.list_player", player | numbers)
    traders = []
    for number in range(TRADERS):
        opened = {"name": f"trader {number}", "cash": "100000.00"}
        trader = Trader(**await run_method(exchange, "account.create", opened))  # type: ignore[arg-type]
        shares = {"account": trader.account_id, "symbol": "MAHOMES", "quantity": "2000", "reason": "test"}
        await run_method(exchange, "shares.grant", shares)
        traders.append(trader)
    return traders


class OrderFlow:
    """Each trader sends orders one after another from a thread of its own, until the block ends."""

    def __init__(self, url: str, traders: list[Trader]) -> None:
        self._url = url
        self._traders = traders
        self._is_ending = threading.Event()
        self._errors: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._trade, args=(number, trader), daemon=True)
            for number, trader in enumerate(traders)
        ]

    @property
    def acknowledged(self) -> int:
        return sum(len(trader.acknowledged) for trader in self._traders)

    @property
    def refused(self) -> int:
        return sum(len(trader.refusals) for trader in self._traders)

    def wait_for_more(self, *, acknowledged: int = 0, refused: int = 0) -> None:
        """Return when that many more orders were acknowledged or refused."""
        acknowledged += self.acknowledged
        refused += self.refused
        wait_until(lambda: self._errors or (self.acknowledged >= acknowledged and self.refused >= refused))
        assert not self._errors, self._errors

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.join()

    def join(self) -> None:
        """End before the block does; nothing must have gone wrong."""
        self._is_ending.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()
        assert not self._errors, self._errors

    def _trade(self, number: int, trader: Trader) -> None:
        with trader.client(self._url) as http:
            for count in itertools.count(len(trader.acknowledged) + len(trader.unfinished)):
                if self._is_ending.is_set():
                    return
                try:
                    response = trader.send(http, order_of(number, count))
                except httpx.TransportError:
                    return  # the server was killed
                except BaseException as error:  # noqa: BLE001 - told by the thread of the test
                    self._errors.append(error)
                    return
                if response.status_code != 200:
                    self._is_ending.wait(0.02)


def order_of(number: int, count: int) -> Json:
    """The order that a trader sends at its turn: prices cross now and then, so that some trade and some rest."""
    return {
        "symbol": "MAHOMES",
        "side": ("buy", "sell")[(number + count) % 2],
        "type": "limit",
        "quantity": "0.5",
        "limit_price": f"{20 + (count * 7 + number * 3) % 11 / 100:.2f}",
        "time_in_force": ("gtc", "gtc", "ioc")[count % 3],
        "client_order_id": f"{number}-{count}",
    }


def finish_orders(url: str, traders: list[Trader]) -> None:
    """Send again what was not acknowledged, twice: both times it is the same one order."""
    for trader in traders:
        with trader.client(url) as http:
            for name, order in list(trader.unfinished.items()):
                answer = trader.send(http, order)
                assert answer.status_code == 200, answer.text
                again = http.post("/api/v1/orders", json=order)
                assert again.json()["id"] == trader.acknowledged[name]["id"]


def check_orders(url: str, traders: list[Trader]) -> None:
    """Everything acknowledged is there as it was told or further on, nothing twice and nothing else."""
    for trader in traders:
        found = read_everything(url, trader)["orders"]
        by_name = {order["client_order_id"]: order for order in found}
        assert len(by_name) == len(found)
        assert by_name.keys() == trader.acknowledged.keys()
        for name, told in trader.acknowledged.items():
            order = by_name[name]
            assert (order["id"], order["created_at"]) == (told["id"], told["created_at"])
            assert float(order["filled_quantity"]) >= float(told["filled_quantity"])
            assert order["status"] == told["status"] or told["status"] not in FINAL


def read_everything(url: str, trader: Trader) -> dict[str, Json]:
    """All that a trader can see."""
    orders: list[Json] = []
    query: dict[str, str | int] = {"limit": 500}
    with trader.client(url) as http:
        for _ in range(100):
            page = http.get("/api/v1/orders", params=query).raise_for_status().json()
            orders += page["items"]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        paths = ("account", "positions", "markets", "markets/MAHOMES/book")
        return {"orders": orders} | {path: http.get(f"/api/v1/{path}").raise_for_status().json() for path in paths}


def wait_until(condition: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def get(url: str, path: str) -> httpx.Response:
    return httpx.get(url + path, trust_env=False, timeout=5)


def is_ready(url: str) -> bool:
    return get(url, "/readyz").status_code == 200


@contextmanager
def file_size_limited(pid: int, size: int) -> Iterator[None]:
    """No file of the process can grow beyond a size for the block; needs no privileges."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def verify(data_dir: Path, *, settings: dict[str, str] | None = None) -> Json:
    """Prove the books; they must be right."""
    found = waiver_json("verify", data_dir=data_dir, settings=settings)
    assert found["ok"], found
    return found


def refused_start(data_dir: Path, *, says: str, settings: dict[str, str] | None = None) -> Ran:
    """Start a server that must refuse with a sentence, exit code 3 and no traceback."""
    ran = waiver("serve", "--port", "0", "--json", data_dir=data_dir, settings=settings)
    assert ran.code == 3, ran
    assert "Traceback" not in ran.stderr, ran
    assert says in ran.json["error"]["message"], ran
    return ran
