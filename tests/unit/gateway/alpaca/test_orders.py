"""Orders of Alpaca's clients where time stands still or a cancel fails, on a whole exchange without a network."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import FakeClock
from waiver_exchange.application import cancel_order as cancelling
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain.commands import HaltExchange
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.app import build_app
from waiver_exchange.projections.state import OrderView

ORDER = {
    "symbol": "MAHOMES",
    "qty": "1",
    "side": "buy",
    "type": "limit",
    "time_in_force": "gtc",
    "limit_price": "19.00",
}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def exchange(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        listing = Listing(
            symbol="MAHOMES", name="M", position="QB", team="KC", supply_units=10**8, reference_price_cents=2_000
        )
        await list_player(exchange, listing)
        yield exchange


@pytest.fixture
async def http(exchange: Exchange) -> AsyncIterator[httpx.AsyncClient]:
    """Requests with the keys of an account that has 1,000 dollars."""
    ann = await create_account(exchange, name="Ann", cash_micros=1_000_000_000)
    headers = {
        "APCA-API-KEY-ID": ann.api_key,
        "APCA-API-SECRET-KEY": ann.api_secret,
        "X-API-Key": ann.api_key,
        "X-API-Secret": ann.api_secret,
    }
    transport = httpx.ASGITransport(build_app(exchange))  # type: ignore[arg-type]  # the same, typed otherwise
    async with httpx.AsyncClient(transport=transport, base_url="http://exchange", headers=headers) as http:
        yield http


async def place(http: httpx.AsyncClient, number: int) -> list[str]:
    """The ids of orders that came at the same time."""
    answers = [await http.post("/v2/orders", json=ORDER) for _ in range(number)]
    return [answer.json()["id"] for answer in answers]


async def page(http: httpx.AsyncClient, **query: str) -> list[Any]:
    answer = await http.get("/v2/orders", params=query)
    assert answer.status_code == 200
    body: list[Any] = answer.json()
    return body


@pytest.mark.parametrize(("direction", "bound"), [("desc", "until"), ("asc", "after")])
async def test_a_page_ends_before_orders_of_one_time_that_it_cannot_hold(
    http: httpx.AsyncClient, clock: FakeClock, direction: str, bound: str
) -> None:
    placed = []
    for _ in range(3):
        placed += await place(http, 3)
        clock.advance(1)
    seen, sizes, query = [], [], {"limit": "4", "direction": direction}
    while orders := await page(http, **query):
        seen += [order["id"] for order in orders]
        sizes.append(len(orders))
        query[bound] = orders[-1]["submitted_at"]
    assert sizes == [3, 3, 3]
    assert seen == (placed if direction == "asc" else placed[::-1])


@pytest.mark.parametrize(("direction", "bound"), [("desc", "before_order_id"), ("asc", "after_order_id")])
async def test_more_orders_of_one_time_than_the_limit_page_by_their_ids(
    http: httpx.AsyncClient, direction: str, bound: str
) -> None:
    placed = await place(http, 5)
    seen, sizes, query = [], [], {"limit": "2", "direction": direction}
    while orders := await page(http, **query):
        seen += [order["id"] for order in orders]
        sizes.append(len(orders))
        query[bound] = orders[-1]["id"]
    assert sizes == [2, 2, 1]
    assert seen == (placed if direction == "asc" else placed[::-1])


@pytest.mark.parametrize("failure", [RefusedError(RefusalReason.exchange_is_busy), OSError("the disk is gone")])
async def test_a_cancel_that_fails_keeps_no_other_from_its_own(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    first, second, third = await place(http, 3)
    cancel_one = cancelling.cancel_order

    async def cancel_but_second(
        exchange: Exchange, *, account: int, order_id: int, by_operator: bool = False
    ) -> OrderView:
        if order_id == from_uuid(IdKind.order, second):
            raise failure
        return await cancel_one(exchange, account=account, order_id=order_id, by_operator=by_operator)

    monkeypatch.setattr(cancelling, "cancel_order", cancel_but_second)
    answer = await http.delete("/v2/orders")
    assert answer.status_code == 207
    assert {item["id"]: item["status"] for item in answer.json()} == {first: 200, second: 500, third: 200}
    (failed,) = (item for item in answer.json() if item["status"] == 500)
    assert failed["body"]["code"] == 50310000
    assert [order["id"] for order in await page(http)] == [second]

    # Alone it is answered natively as what it is; beside others the others are.
    alone = await http.delete("/api/v1/orders")
    assert alone.status_code >= 500
    (fourth,) = await place(http, 1)
    native = await http.delete("/api/v1/orders")
    assert (native.status_code, [order["id"] for order in native.json()]) == (200, [fourth])


async def test_a_halt_closes_no_clock(http: httpx.AsyncClient, exchange: Exchange) -> None:
    await exchange.sequencer.submit(HaltExchange())
    assert (await http.get("/v2/clock")).json()["is_open"] is True
    assert (await http.get("/v2/assets/MAHOMES")).json()["tradable"] is False
    assert (await http.post("/v2/orders", json=ORDER)).status_code == 422
