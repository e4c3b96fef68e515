"""Traders who go on through every outage: each order is sent under its own id until somebody answers for it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, Final

import httpx

SYMBOL: Final = "MAHOMES"
SETTLED_SECONDS_MAX: Final = 120.0
WAIT_SECONDS_MAX: Final = 180.0
_ANSWER_SECONDS_MAX: Final = 10.0
_PAUSE_SECONDS: Final = 0.1
# Between two orders of one trader: load, and room for what else runs on this machine.
_THINK_SECONDS: Final = 0.01
_FIXED: Final = ("id", "client_order_id", "symbol", "side", "type", "quantity", "limit_price", "created_at")
Order = dict[str, Any]
# Breaks something, and comes back when it works again.
Outage = Callable[[], None]


@dataclass
class Trader:
    """An account and what it was told."""

    account_id: str
    api_key: str
    api_secret: str
    acknowledged: dict[str, Order] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    unanswered: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """What authenticates it."""
        return {"X-API-Key": self.api_key, "X-API-Secret": self.api_secret}


def count_acknowledged(traders: list[Trader]) -> int:
    """Return how many orders were taken."""
    return sum(len(trader.acknowledged) for trader in traders)


async def trade_through(
    url: str, traders: list[Trader], outages: Sequence[Outage], *, between: int, chance: Random
) -> None:
    """Trade while the outages happen one after the other, with so many acknowledged orders before and after each."""
    stop = asyncio.Event()
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=_ANSWER_SECONDS_MAX) as http:
        tasks = [asyncio.create_task(_trade(http, trader, Random(chance.random()), stop)) for trader in traders]
        for outage in (*outages, None):
            await _wait_for_more(traders, between, tasks)
            if outage is not None:
                await asyncio.to_thread(outage)
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), SETTLED_SECONDS_MAX)


async def _wait_for_more(traders: list[Trader], more: int, tasks: list[asyncio.Task[None]]) -> None:
    wanted = count_acknowledged(traders) + more
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while count_acknowledged(traders) < wanted:
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.05)


async def _trade(http: httpx.AsyncClient, trader: Trader, chance: Random, stop: asyncio.Event) -> None:
    while not stop.is_set():
        name = f"{chance.getrandbits(64):016x}"
        order: Order = {
            "symbol": SYMBOL,
            "side": chance.choice(("buy", "sell")),
            "type": "limit",
            "quantity": f"{chance.randrange(1, 20_000) / 10_000:.4f}",
            "limit_price": f"{24 + chance.randrange(0, 200) / 100:.2f}",
            "client_order_id": name,
        }
        await _send(http, trader, order)
        await asyncio.sleep(_THINK_SECONDS)


async def _send(http: httpx.AsyncClient, trader: Trader, order: Order) -> None:
    """Send an order until it is taken or denied; the answer to a repetition is the answer to the first."""
    name = str(order["client_order_id"])
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while True:
            try:
                answer = await http.post("/api/v1/orders", json=order, headers=trader.headers)
            except httpx.HTTPError:
                trader.unanswered += 1
            else:
                if answer.status_code == 200:
                    trader.acknowledged[name] = answer.json()
                    return
                if answer.status_code == 403:
                    trader.denied.add(name)
                    return
                assert answer.status_code == 503, answer.text
            await asyncio.sleep(_PAUSE_SECONDS)


def check_everything(url: str, traders: list[Trader], *, cash: Decimal, shares: Decimal) -> None:
    """Every acknowledged order is there once, as it was told, no other is, and no cent and no share is lost."""
    net: Counter[str] = Counter()
    total_cash, total_shares = Decimal(0), Decimal(0)
    for trader in traders:
        with httpx.Client(base_url=url, headers=trader.headers, trust_env=False, timeout=30) as http:
            orders = _all_orders(http)
            total_cash += Decimal(http.get("/api/v1/account").json()["cash"])
            total_shares += sum(
                (Decimal(held["quantity"]) for held in http.get("/api/v1/positions").json()), Decimal(0)
            )
        by_name = {order["client_order_id"]: order for order in orders}
        assert len(by_name) == len(orders), "a client_order_id is there twice"
        assert set(by_name) == set(trader.acknowledged)
        for name, told in trader.acknowledged.items():
            found = by_name[name]
            assert [found[key] for key in _FIXED] == [told[key] for key in _FIXED]
            assert Decimal(found["filled_quantity"]) >= Decimal(told["filled_quantity"])
        for order in orders:
            net[order["side"]] += int(Decimal(order["filled_quantity"]) * 10_000)
    assert net["buy"] == net["sell"] > 0
    assert (total_cash, total_shares) == (cash * len(traders), shares * len(traders))


def _all_orders(http: httpx.Client) -> list[Order]:
    orders: list[Order] = []
    query: dict[str, str | int] = {"limit": 500}
    while True:
        page = http.get("/api/v1/orders", params=query).json()
        orders += page["items"]
        if page["next_cursor"] is None:
            return orders
        query["cursor"] = page["next_cursor"]
