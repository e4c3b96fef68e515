"""The real service, real clients, kill -9 at random moments, again and again on one data directory.

Clients give every order a client_order_id. After each crash they look up what was acknowledged and send again what was
not. At the end everything acknowledged is there, nothing is there twice, and the books are proven.
"""

import asyncio
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.waiver_process import Server, serving, waiver_json

KILLS = 20
TRADERS = 6
CONNECTIONS_OF_A_TRADER = 2
SYMBOLS = ("MAHOMES", "ALLEN", "CHASE")
CASH = Decimal("100000.00")
SHARES = Decimal(500)
FIXED = ("id", "client_order_id", "symbol", "side", "type", "time_in_force", "quantity", "limit_price", "created_at")
Order = dict[str, Any]


@dataclass
class Told:
    """What one trader knows: orders acknowledged, newest answer, and requests that were never answered."""

    account_id: str
    api_key: str
    api_secret: str
    acknowledged: dict[str, Order] = field(default_factory=dict)
    unanswered: dict[str, Order] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.api_key, "X-API-Secret": self.api_secret}


def test_kill_9_at_random_moments_loses_nothing_and_does_nothing_twice(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    data_dir = tmp_path / "exchange"
    told: list[Told] = []
    acknowledged_before = 0
    for kill in range(KILLS):
        with serving(data_dir=data_dir) as server:
            if kill == 0:
                told = prepare(data_dir)
            else:
                asyncio.run(settle_accounts(server.url, told))
            asyncio.run(trade_until_killed(server, told, chance))
            assert server.wait() == -signal.SIGKILL
        acknowledged = count_acknowledged(told)
        assert acknowledged > acknowledged_before, "a life without one acknowledged order proves little"
        acknowledged_before = acknowledged
    with serving(data_dir=data_dir) as server:
        asyncio.run(settle_accounts(server.url, told))
        check_everything(server.url, told)
        assert waiver_json("verify", data_dir=data_dir)["ok"] is True
        assert server.end() == 0
    assert waiver_json("verify", data_dir=data_dir)["ok"] is True


def prepare(data_dir: Path) -> list[Told]:
    for symbol in SYMBOLS:
        facts = ("--name", symbol.title(), "--position", "QB", "--team", "KC")
        numbers = ("--supply", "10000", "--reference-price", "25.00")
        waiver_json("market", "list-player", "--symbol", symbol, *facts, *numbers, data_dir=data_dir)
    told = []
    for number in range(TRADERS):
        account = waiver_json("account", "create", "--name", f"trader {number}", "--cash", str(CASH), data_dir=data_dir)
        for symbol in SYMBOLS:
            owner = ("--account", account["account_id"])
            waiver_json(
                "shares",
                "grant",
                "--reason",
                "test",
                *owner,
                "--symbol",
                symbol,
                "--quantity",
                str(SHARES),
                data_dir=data_dir,
            )
        told.append(Told(account["account_id"], account["api_key"], account["api_secret"]))
    return told


def count_acknowledged(told: list[Told]) -> int:
    return sum(len(trader.acknowledged) for trader in told)


async def trade_until_killed(server: Server, told: list[Told], chance: random.Random) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http:
        traders = [
            asyncio.create_task(trade(http, trader, random.Random(chance.random())))
            for trader in told
            for _ in range(CONNECTIONS_OF_A_TRADER)
        ]
        before = count_acknowledged(told)
        for _ in range(3_000):
            if count_acknowledged(told) > before:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(chance.random() * 0.6)
        server.process.kill()
        await asyncio.wait_for(asyncio.gather(*traders), 30)


async def trade(http: httpx.AsyncClient, trader: Told, chance: random.Random) -> None:
    """Place and cancel until the connection breaks."""
    while True:
        name = f"{chance.getrandbits(64):016x}"
        order: Order = {
            "symbol": chance.choice(SYMBOLS),
            "side": chance.choice(("buy", "sell")),
            "type": "limit",
            "quantity": f"{chance.randrange(1, 30_000) / 10_000:.4f}",
            "limit_price": f"{24 + chance.randrange(0, 200) / 100:.2f}",
            "time_in_force": chance.choice(("gtc", "gtc", "gtc", "ioc", "fok")),
            "client_order_id": name,
        }
        trader.unanswered[name] = order
        try:
            await send(http, trader, order)
            if trader.acknowledged and chance.random() < 0.3:
                await cancel(http, trader, chance.choice(list(trader.acknowledged.values())))
        except httpx.HTTPError:
            return


async def send(http: httpx.AsyncClient, trader: Told, order: Order) -> None:
    response = await http.post("/api/v1/orders", json=order, headers=trader.headers)
    name = str(order["client_order_id"])
    assert response.status_code in {200, 403}, response.text
    del trader.unanswered[name]
    if response.status_code == 200:
        trader.acknowledged[name] = response.json()


async def cancel(http: httpx.AsyncClient, trader: Told, order: Order) -> None:
    response = await http.delete(f"/api/v1/orders/{order['id']}", headers=trader.headers)
    assert response.status_code in {200, 409}, response.text
    if response.status_code == 200:
        trader.acknowledged[str(order["client_order_id"])] = response.json()


async def settle_accounts(url: str, told: list[Told]) -> None:
    """After a crash: everything acknowledged is as it was told or further on; the rest is sent again."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http:
        for trader in told:
            for name, order in list(trader.unanswered.items()):
                await send(http, trader, order)
                if name in trader.acknowledged:
                    again = await http.post("/api/v1/orders", json=order, headers=trader.headers)
                    assert again.json()["id"] == trader.acknowledged[name]["id"]
            assert not trader.unanswered
            for order in list(trader.acknowledged.values())[-40:]:
                response = await http.get(f"/api/v1/orders/{order['id']}", headers=trader.headers)
                check_order(response.json(), told=order)


def check_order(found: Order, *, told: Order) -> None:
    for name in FIXED:
        assert found[name] == told[name]
    assert Decimal(found["filled_quantity"]) >= Decimal(told["filled_quantity"])
    if told["status"] not in {"open", "partially_filled"}:
        assert found["status"] == told["status"]
        assert found["filled_quantity"] == told["filled_quantity"]


def check_everything(url: str, told: list[Told]) -> None:
    bought: Counter[str] = Counter()
    cash = Decimal(0)
    shares: Counter[str] = Counter()
    for trader in told:
        with httpx.Client(base_url=url, headers=trader.headers, trust_env=False, timeout=20) as client:
            orders = list_all(client)
            cash += Decimal(client.get("/api/v1/account").json()["cash"])
            positions = client.get("/api/v1/positions").json()
        by_name = {order["client_order_id"]: order for order in orders}
        assert len(by_name) == len(orders), "a client_order_id is there twice"
        assert set(by_name) == set(trader.acknowledged)
        for name, order in trader.acknowledged.items():
            check_order(by_name[name], told=order)
        for order in orders:
            sign = 1 if order["side"] == "buy" else -1
            bought[order["symbol"]] += sign * int(Decimal(order["filled_quantity"]) * 10_000)
        for position in positions:
            shares[position["symbol"]] += int(Decimal(position["quantity"]) * 10_000)
    assert cash == CASH * TRADERS
    assert all(net == 0 for net in bought.values())
    assert shares == Counter({symbol: int(SHARES * TRADERS * 10_000) for symbol in SYMBOLS})
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        assert sum(market["trades"] for market in client.get("/api/v1/markets").json()) > KILLS


def list_all(client: httpx.Client) -> list[Order]:
    orders: list[Order] = []
    query: dict[str, str | int] = {"limit": 500}
    for _ in range(1_000):
        page = client.get("/api/v1/orders", params=query).json()
        orders += page["items"]
        if page["next_cursor"] is None:
            return orders
        query["cursor"] = page["next_cursor"]
    pytest.fail("the pages do not end")
