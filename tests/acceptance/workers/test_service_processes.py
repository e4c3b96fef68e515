"""`waiver serve --workers 2` on PostgreSQL: its processes killed and replaced under load, and flooded.

Clients send each order until it is answered, with one id; what was acknowledged must be found once at the end.
"""

import asyncio
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.support.several_processes import postgres, settings_of
from tests.support.waiver_process import Server, serving, waiver
from waiver_exchange.client import ApiError, AsyncClient, AsyncStream, NoAnswerError, Resynced
from waiver_exchange.client.models.markets import Level

TRADERS = 4
FROZEN_SECONDS = 3.0
WAIT_SECONDS = 60.0
ORDER = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "0.01", "limit_price": "15.00"}
LISTING = ("--name", "Patrick Mahomes", "--position", "QB", "--team", "KC", "--supply", "1000")
# Nobody else's.
STREAM_PRICE = "14.00"
Keys = dict[str, str]


def children_of(server: Server, role: str) -> list[int]:
    """The processes of a role, oldest first."""
    pid = server.process.pid
    found = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())
    return [child for child in found if role.encode() in Path(f"/proc/{child}/cmdline").read_bytes()]


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def is_ready(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def listed_orders(url: str, keys: Keys) -> list[str]:
    """The client order ids of an account."""
    listed: list[str] = []
    query: dict[str, Any] = {"limit": 500}
    while True:
        page = httpx.get(f"{url}/api/v1/orders", headers=keys, params=query, timeout=30).json()
        listed += [order["client_order_id"] for order in page["items"]]
        if page["next_cursor"] is None:
            return listed
        query["cursor"] = page["next_cursor"]


class Load:
    """Traders that place orders one after the other, each on a new connection now and then."""

    def __init__(self, url: str, keys: list[Keys]) -> None:
        self.url = url
        self.acknowledged: list[set[str]] = [set() for _ in keys]
        self.failures: list[str] = []
        self._keys = keys
        self._run = uuid4().hex[:8]
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._trade, args=(number,)) for number in range(len(keys))]

    @contextmanager
    def running(self) -> Iterator["Load"]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            for thread in self._threads:
                thread.join(WAIT_SECONDS)

    def count(self) -> int:
        return sum(map(len, self.acknowledged))

    def goes_on(self, *, orders: int = 20) -> None:
        """Wait for so many more orders."""
        until = self.count() + orders
        wait_until(lambda: self.count() >= until)

    def _trade(self, number: int) -> None:
        client = httpx.Client(headers=self._keys[number], timeout=30)
        order = 0
        while not self._is_over.is_set():
            order += 1
            name = f"{self._run}-{number}-{order}"
            while not self._is_over.is_set():
                try:
                    answer = client.post(f"{self.url}/api/v1/orders", json=ORDER | {"client_order_id": name})
                except httpx.TransportError as error:
                    self.failures.append(repr(error))
                    client.close()
                    client = httpx.Client(headers=self._keys[number], timeout=30)
                    time.sleep(0.05)
                    continue
                if answer.status_code == 200:
                    self.acknowledged[number].add(name)
                    break
                self.failures.append(answer.text)
                assert answer.status_code == 503, answer.text
                assert "retry-after" in answer.headers
                time.sleep(0.05)
            if order % 10 == 0:
                client.close()
                client = httpx.Client(headers=self._keys[number], timeout=30)
        client.close()

    def found(self) -> None:
        """Every acknowledged order is there once."""
        for keys, acknowledged in zip(self._keys, self.acknowledged, strict=True):
            listed = listed_orders(self.url, keys)
            assert len(listed) == len(set(listed))
            assert acknowledged <= set(listed)


class Service:
    """A service that can be started again where it was."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.settings = settings_of(data_dir, workers=2)
        self._held = ExitStack()
        self.start()
        self._operate("market", "list-player", "--symbol", "MAHOMES", "--reference-price", "20.00", *LISTING)
        opened = [self.open_account(f"T{number}") for number in range(TRADERS)]
        self.keys = [{"X-API-Key": account["api_key"], "X-API-Secret": account["api_secret"]} for account in opened]

    def start(self, *arguments: str) -> None:
        self.close()
        self.server = self._held.enter_context(serving(*arguments, data_dir=self.data_dir, settings=self.settings))

    def close(self) -> None:
        self._held.close()

    def open_account(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        return self._operate("account", "create", "--name", name, "--cash", "1000000.00")

    def _operate(self, *arguments: str) -> Any:  # noqa: ANN401 - any JSON
        ran = waiver(*arguments, "--reason", "test", "--json", data_dir=self.data_dir, settings=self.settings)
        assert ran.code == 0, ran
        return ran.json


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("served") / "exchange")
    yield service
    service.close()


@pytest.fixture
def service(started: Service) -> Service:
    """The service of the module, whatever a test before did to it."""
    if started.server.process.poll() is not None:
        started.start()
    return started


def test_killed_processes_come_back_and_lose_no_order(service: Service) -> None:
    server = service.server
    with Load(server.url, service.keys).running() as load:
        load.goes_on()
        for gateway in children_of(server, "serve-gateway"):
            os.kill(gateway, signal.SIGKILL)
            load.goes_on()
            wait_until(lambda: len(children_of(server, "serve-gateway")) == 2)
        os.kill(children_of(server, "serve-engine")[0], signal.SIGKILL)
        load.goes_on()
    wait_until(lambda: is_ready(server))
    load.found()
    kinds = {failure.partition("(")[0] if failure[0] != "{" else failure.split('"')[5] for failure in load.failures}
    refusals = {kind for kind in kinds if kind.islower()}
    assert refusals <= {"engine_is_unavailable", "outcome_is_unknown", "exchange_is_stopping"}, kinds


def test_nobody_outlives_a_killed_supervisor(service: Service) -> None:
    server = service.server
    with Load(server.url, service.keys).running() as load:
        load.goes_on()
        children = children_of(server, "serve")
        assert len(children) == 3
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    service.start("--port", server.url.rpartition(":")[2])
    assert service.server.url == server.url
    load.found()


async def flood(url: str, keys: Keys, *, name: str, orders: int) -> dict[str, str]:
    """Send orders on one connection without waiting; return what came of each, by its id."""
    async with connect(url.replace("http", "ws") + "/ws", proxy=None, max_size=None) as socket:
        credentials = {"api_key": keys["X-API-Key"], "api_secret": keys["X-API-Secret"]}
        await socket.send(json.dumps({"id": 0, "method": "auth", "params": credentials}))
        await socket.recv()
        for number in range(1, orders + 1):
            order = ORDER | {"client_order_id": f"{name}-{number}"}
            await socket.send(json.dumps({"id": number, "method": "order.place", "params": order}))
        outcomes: dict[str, str] = {}
        while len(outcomes) < orders:
            answer = json.loads(await asyncio.wait_for(socket.recv(), WAIT_SECONDS))
            if answer.get("id"):
                outcome = answer["error"]["code"] if "error" in answer else "taken"
                outcomes[f"{name}-{answer['id']}"] = outcome
        return outcomes


async def flood_from_all(service: Service) -> list[dict[str, str]]:
    """Send more than the engine's queue holds while the database is silent."""
    postgres().freeze()
    asyncio.get_running_loop().call_later(FROZEN_SECONDS, postgres().thaw)
    floods = [
        flood(service.server.url, keys, name=f"flood-{number}-{connection}", orders=1_000)
        for number, keys in enumerate(service.keys)
        for connection in range(4)
    ]
    return await asyncio.gather(*floods)


def test_what_is_refused_because_the_queue_is_full_was_not_done(service: Service) -> None:
    outcomes: dict[str, str] = {}
    for each in asyncio.run(flood_from_all(service)):
        outcomes |= each
    busy = {name for name, outcome in outcomes.items() if outcome == "exchange_is_busy"}
    taken = {name for name, outcome in outcomes.items() if outcome == "taken"}
    assert busy
    assert taken | busy == set(outcomes)
    listed = [name for keys in service.keys for name in listed_orders(service.server.url, keys)]
    flooded = Counter(name for name in listed if name.startswith("flood-"))
    assert flooded == Counter(taken)


def test_gateways_are_replaced_without_a_failed_request(service: Service) -> None:
    server = service.server
    with Load(server.url, service.keys).running() as load:
        load.goes_on()
        before = set(children_of(server, "serve-gateway"))
        server.process.send_signal(signal.SIGHUP)

        def is_replaced() -> bool:
            now = set(children_of(server, "serve-gateway"))
            return len(now) == 2 and not now & before

        wait_until(is_replaced)
        load.goes_on()
    assert load.failures == []
    load.found()


class StreamTrader:
    """Places orders over a stream of the project's own client, and hears of them."""

    def __init__(self, stream: AsyncStream) -> None:
        self.stream = stream
        self.placed: dict[str, str] = {}
        self.accepted: Counter[str] = Counter()
        self.seen: set[str] = set()
        self.snapshots = 0
        self.heard = asyncio.Event()

    async def place(self, *names: str) -> None:
        """Place each order until it is answered, under its one name."""
        for name in names:
            while name not in self.placed:
                try:
                    order = await self.stream.place_order(
                        symbol="MAHOMES",
                        side="buy",
                        type="limit",
                        quantity="0.01",
                        limit_price=STREAM_PRICE,
                        client_order_id=name,
                    )
                except NoAnswerError:
                    await asyncio.sleep(0.05)
                except ApiError as error:
                    if error.code not in {"engine_is_unavailable", "outcome_is_unknown"}:
                        raise
                    await asyncio.sleep(0.05)
                else:
                    self.placed[name] = order.id

    async def hear(self) -> None:
        """Take what is told of orders, for as long as it is told."""
        async for event in await self.stream.orders():
            if isinstance(event, Resynced):
                self.snapshots += 1
                self.seen |= {order.id for order in event.open_orders}
            else:
                self.seen.add(event.order.id)
                self.accepted[event.order.id] += event.kind == "accepted"
            self.heard.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what is told to have come so far."""
        while not condition():
            self.heard.clear()
            await self.heard.wait()


async def trade_on_a_stream(service: Service, client: AsyncClient) -> StreamTrader:
    """Trade while every gateway, then the engine, is killed, and then every gateway is replaced."""
    server = service.server

    def kill_all(role: str) -> None:
        killed = children_of(server, role)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(set(children_of(server, role)) - set(killed)) == len(killed))

    def replace_all() -> None:
        before = set(children_of(server, "serve-gateway"))
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(now := set(children_of(server, "serve-gateway"))) == len(before) and not now & before)

    faults: tuple[Callable[[], None], ...] = (
        partial(kill_all, "serve-gateway"),
        partial(kill_all, "serve-engine"),
        replace_all,
    )
    async with client.connect() as stream, await stream.book("MAHOMES") as book:
        trader = StreamTrader(stream)
        hearing = asyncio.create_task(trader.hear())
        await trader.until(lambda: trader.snapshots == 1)
        for number, fault in enumerate(faults):
            placing = asyncio.create_task(trader.place(*(f"stream-{number}-{order}" for order in range(40))))
            await asyncio.to_thread(fault)
            await placing
            await trader.place(f"stream-{number}-after")
        everything = Level(Decimal(STREAM_PRICE), Decimal("0.01") * len(trader.placed))
        async with asyncio.timeout(WAIT_SECONDS):
            # A snapshot for the beginning, and after each break: gateways were killed, and replaced.
            await trader.until(lambda: trader.seen >= set(trader.placed.values()) and trader.snapshots >= 3)
            while not (book.is_current and everything in book.bids):
                await book.wait()
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
    return trader


async def test_a_stream_goes_on_through_killed_and_replaced_processes(service: Service) -> None:
    opened = await asyncio.to_thread(service.open_account, "On a stream")
    keys = {"X-API-Key": opened["api_key"], "X-API-Secret": opened["api_secret"]}
    async with AsyncClient(service.server.url, api_key=opened["api_key"], api_secret=opened["api_secret"]) as client:
        trader = await trade_on_a_stream(service, client)
    assert set(trader.accepted.values()) <= {0, 1}
    assert Counter(listed_orders(service.server.url, keys)) == Counter(trader.placed.keys())
