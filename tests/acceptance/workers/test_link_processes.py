"""An engine's process and two gateways, killed one after the other under load: nothing is lost and nothing is old."""

import asyncio
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from tests.support.ports import free_port
from tests.support.waiver_process import Server, serving
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import NewKey
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.bootstrap import running_exchange, verify_data_directory
from waiver_exchange.config import Settings

TRADERS = 6
KILLS = 4
ROUNDS = 100
# As many as one connection may have under way; their rows are more than a socket holds.
BEHIND = 1_000
ORDER = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "0.01", "limit_price": "20.00"}
# What one order holds of its owner's cash.
HELD = Decimal("0.20")
LISTING = Listing(
    symbol="MAHOMES",
    name="Patrick Mahomes",
    position="QB",
    team="KC",
    supply_units=100_000_000,
    reference_price_cents=2_500,
)


def command(role: str) -> tuple[str, ...]:
    return sys.executable, "-m", "tests.support.linked_process", role


@dataclass
class Stack:
    """The processes, each of which can be killed and started again where it was."""

    data_dir: Path
    keys: list[NewKey]
    ports: tuple[int, int]
    running: dict[str, Server] = field(default_factory=dict)
    _held: dict[str, ExitStack] = field(default_factory=dict)

    def start(self, name: str) -> None:
        own = self._held[name] = ExitStack()
        port = () if name == "engine" else ("--port", str(self.ports[int(name)]))
        role = command("engine" if name == "engine" else "gateway")
        self.running[name] = own.enter_context(serving(*port, data_dir=self.data_dir, command=role, log_name=name))

    def kill(self, name: str) -> None:
        assert self.running.pop(name).end(signal.SIGKILL) == -signal.SIGKILL
        self._held.pop(name).close()

    def close(self) -> None:
        for name in list(self.running):
            self.kill(name)

    def url(self, gateway: int) -> str:
        return f"http://127.0.0.1:{self.ports[gateway]}"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    data_dir = tmp_path / "exchange"
    built = Stack(data_dir, asyncio.run(prepare(data_dir)), (free_port(), free_port()))
    try:
        for name in ("engine", "0", "1"):
            built.start(name)
        yield built
    finally:
        built.close()


async def prepare(data_dir: Path) -> list[NewKey]:
    async with running_exchange(Settings(data_dir=data_dir)) as exchange:
        await list_player(exchange, LISTING)
        return [
            await create_account(exchange, name=f"Trader {number}", cash_micros=10**12) for number in range(TRADERS)
        ]


def headers_of(key: NewKey) -> dict[str, str]:
    return {"X-API-Key": key.api_key, "X-API-Secret": key.api_secret}


async def test_what_one_gateway_answered_the_other_shows_at_once(stack: Stack) -> None:
    """Orders over REST and WebSocket, each seen in the cash at the other gateway as soon as it is answered."""

    async def hammer(number: int) -> None:
        asked, looked_at = (0, 1) if number % 2 else (1, 0)
        headers = headers_of(stack.keys[number])
        async with (
            httpx.AsyncClient(base_url=stack.url(asked), headers=headers) as writer,
            httpx.AsyncClient(base_url=stack.url(looked_at), headers=headers) as reader,
            connect(stack.url(asked).replace("http", "ws") + "/ws") as socket,
        ):
            await ask(socket, "auth", api_key=headers["X-API-Key"], api_secret=headers["X-API-Secret"])
            for turn in range(ROUNDS):
                if turn % 2:
                    order = (await writer.post("/api/v1/orders", json=ORDER)).json()
                else:
                    order = await ask(socket, "order.place", **ORDER)
                assert order["status"] == "open", order
                shown = await reader.get("/api/v1/account")
                assert shown.json()["cash_held"] == f"{(turn + 1) * HELD:.2f}", turn

    await asyncio.gather(*(hammer(number) for number in range(TRADERS)))


async def test_a_gateway_that_stood_still_shows_nothing_old_when_it_goes_on(stack: Stack) -> None:
    headers = headers_of(stack.keys[0])
    place = [msgspec.json.encode({"id": n, "method": "order.place", "params": ORDER}).decode() for n in range(BEHIND)]
    async with (
        httpx.AsyncClient(base_url=stack.url(1), headers=headers, timeout=15) as reader,
        connect(stack.url(0).replace("http", "ws") + "/ws") as socket,
        connect(stack.url(1).replace("http", "ws") + "/ws") as other,
    ):
        for each in (socket, other):
            await ask(each, "auth", api_key=headers["X-API-Key"], api_secret=headers["X-API-Secret"])
        assert (await reader.get("/api/v1/account")).status_code == 200
        stack.running["1"].process.send_signal(signal.SIGSTOP)
        try:
            for message in place:
                await socket.send(message)
            answers = [msgspec.json.decode(await socket.recv()) for _ in place]
            newest = max(answers, key=lambda answer: str(answer["result"]["id"]))["result"]["id"]
            shown = asyncio.create_task(reader.get("/api/v1/account"))
            cancelled = asyncio.create_task(ask(other, "order.cancel", id=newest))
            await asyncio.sleep(0.1)  # both requests are there before it goes on
        finally:
            stack.running["1"].process.send_signal(signal.SIGCONT)
        # It is read from memory alone, while an order is found in the history that all share.
        assert (await shown).json()["cash_held"] == f"{BEHIND * HELD:.2f}"
        assert (await cancelled)["status"] == "cancelled"


async def ask(socket: Any, method: str, **params: object) -> Any:  # noqa: ANN401 - any JSON
    await socket.send(msgspec.json.encode({"id": 1, "method": method, "params": params}).decode())
    answer = msgspec.json.decode(await socket.recv())
    assert "result" in answer, answer
    return answer["result"]


@dataclass
class Told:
    """What one trader knows."""

    key: NewKey
    acknowledged: dict[str, str] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)


async def test_kill_9_of_the_engine_and_of_gateways_loses_nothing_and_shows_nothing_old(
    stack: Stack, seed: int
) -> None:
    chance = random.Random(seed)
    told = [Told(key) for key in stack.keys]
    stop = asyncio.Event()
    traders = [asyncio.create_task(trade(stack, each, stop)) for each in told]
    for kill in range(KILLS):
        before = sum(len(each.acknowledged) for each in told)
        await asyncio.sleep(chance.uniform(0.2, 0.8))
        name = ("engine", "0", "engine", "1")[kill % 4]
        stack.kill(name)
        await asyncio.to_thread(stack.start, name)
        for _ in range(1_000):
            if sum(len(each.acknowledged) for each in told) > before:
                break
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*traders)
    assert all(each.acknowledged for each in told)
    for each in told:
        await settle(stack, each)
    stack.close()
    verification = await verify_data_directory(Settings(data_dir=stack.data_dir), ask_live=None, report=lambda _: None)
    assert verification.difference is None


async def trade(stack: Stack, told: Told, stop: asyncio.Event) -> None:
    """Place orders at one gateway after the other, and look each up where it was not placed."""
    turn = 0
    async with httpx.AsyncClient(headers=headers_of(told.key), timeout=15) as http:
        while not stop.is_set():
            turn += 1
            name = f"o{turn}"
            order = await place(http, stack.url(turn % 2), name)
            if order is None:
                told.unanswered.add(name)
                await asyncio.sleep(0.02)
                continue
            told.acknowledged[name] = order
            with suppress(httpx.TransportError):
                shown = await http.get(f"{stack.url((turn + 1) % 2)}/api/v1/orders/{order}")
                # A gateway that cannot know whether it is up to date says so.
                assert shown.status_code in {200, 503}, shown.text


async def place(http: httpx.AsyncClient, url: str, name: str) -> str | None:
    """Return the id of an order that was acknowledged."""
    try:
        answer = await http.post(f"{url}/api/v1/orders", json={**ORDER, "client_order_id": name})
    except httpx.TransportError:
        return None
    if answer.status_code == 503:
        assert answer.headers["retry-after"] == "1"
        return None
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def settle(stack: Stack, told: Told) -> None:
    """Send again what was not answered, and find everything once, at both gateways."""
    async with httpx.AsyncClient(headers=headers_of(told.key), timeout=15) as http:
        for name in told.unanswered:
            order = await place(http, stack.url(0), name)
            assert order is not None, name
            told.acknowledged[name] = order
        for gateway in (0, 1):
            found: Counter[str] = Counter()
            cursor: dict[str, str] = {}
            while True:
                page = (await http.get(f"{stack.url(gateway)}/api/v1/orders", params={"limit": 500, **cursor})).json()
                found.update({order["client_order_id"]: 1 for order in page["items"]})
                for order in page["items"]:
                    assert told.acknowledged[order["client_order_id"]] == order["id"]
                if page["next_cursor"] is None:
                    break
                cursor = {"cursor": page["next_cursor"]}
            assert found == Counter(dict.fromkeys(told.acknowledged, 1))
