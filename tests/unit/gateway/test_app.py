"""What the application answers when the exchange behind it cannot."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from waiver_exchange.application import sequencer
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.gateway.app import build_app
from waiver_exchange.gateway.rest.health import CHECKPOINT_WARNING, HISTORY_WARNING, JOURNAL_PROBLEM
from waiver_exchange.projections.changes import ReadModelError

ORDER = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "20.00"}


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        await list_player(
            exchange,
            Listing(
                symbol="MAHOMES",
                name="Patrick Mahomes",
                position="QB",
                team="KC",
                supply_units=100_000_000,
                reference_price_cents=2_000,
            ),
        )
        yield exchange


@pytest.fixture
async def http(exchange: Exchange) -> AsyncIterator[httpx.AsyncClient]:
    account = await create_account(exchange, name="Ann", cash_micros=1_000_000_000)
    headers = {"X-API-Key": account.api_key, "X-API-Secret": account.api_secret}
    transport = httpx.ASGITransport(build_app(exchange))  # type: ignore[arg-type]  # the same protocol, typed otherwise
    async with httpx.AsyncClient(transport=transport, base_url="http://exchange", headers=headers) as http:
        yield http


def code_of(response: httpx.Response) -> tuple[int, str]:
    assert len(response.headers["x-request-id"]) == 16
    return response.status_code, response.json()["error"]["code"]


async def test_a_failed_journal_is_told_without_the_servers_inside(exchange: Exchange, http: httpx.AsyncClient) -> None:
    exchange.writer.failure = "Could not write the journal /srv/waiver/journal.db: the disk is full."
    response = await http.post("/api/v1/orders", json=ORDER)
    assert code_of(response) == (503, "journal_is_unavailable")
    assert response.headers["retry-after"] == "1"
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert ready.json()["error"]["details"] == {"problem": JOURNAL_PROBLEM}
    assert "/srv" not in ready.text
    assert (await http.get("/healthz")).status_code == 200
    exchange.writer.failure = None
    assert (await http.get("/readyz")).status_code == 200
    assert (await http.post("/api/v1/orders", json=ORDER)).status_code == 200


async def test_history_that_cannot_be_stored_is_a_warning(exchange: Exchange, http: httpx.AsyncClient) -> None:
    exchange.warning = "Could not write the read model /srv/waiver/read_model.db: the disk is full."
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["warning"]) == (200, HISTORY_WARNING)


async def test_a_checkpoint_that_fails_is_told_without_the_servers_inside(
    exchange: Exchange, http: httpx.AsyncClient
) -> None:
    assert (await http.get("/readyz")).json()["warning"] is None
    exchange.checkpoints.problem = "No checkpoint can be made. /srv/waiver/checkpoints.txt is not what it was."
    assert (await http.get("/readyz")).json()["warning"] == CHECKPOINT_WARNING
    assert (await http.get("/api/v1/conservation")).json()["problem"] == CHECKPOINT_WARNING


async def test_a_stopping_exchange_takes_no_orders(exchange: Exchange, http: httpx.AsyncClient) -> None:
    exchange.stop()
    assert code_of(await http.post("/api/v1/orders", json=ORDER)) == (503, "exchange_is_stopping")


async def test_a_full_queue_is_told(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "QUEUE_MAX", 0)
    assert code_of(await http.post("/api/v1/orders", json=ORDER)) == (503, "exchange_is_busy")


async def test_a_fault_is_logged_and_says_nothing_but_its_id(
    exchange: Exchange, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(type(exchange.queries), "positions", fail)
    with caplog.at_level(logging.ERROR):
        response = await http.get("/api/v1/positions")
    assert code_of(response) == (500, "internal_error")
    assert "secret" not in response.text
    request_id = response.headers["x-request-id"]
    assert response.json()["error"]["details"] == {"request_id": request_id}
    assert request_id in caplog.text
    assert "X-API" not in caplog.text


async def test_an_order_that_cannot_be_read_back_has_an_unknown_outcome(
    exchange: Exchange, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ReadModelError("the disk is gone")

    monkeypatch.setattr(type(exchange.queries), "order", fail)
    with caplog.at_level(logging.ERROR):
        response = await http.post("/api/v1/orders", json=ORDER | {"client_order_id": "mine"})
        assert code_of(response) == (503, "outcome_is_unknown")
        number = "/api/v1/orders/0000000d-0000-8000-8000-000010000001"
        assert code_of(await http.get(number)) == (503, "history_is_unavailable")
    assert caplog.text.count("the disk is gone") == 2
    monkeypatch.undo()
    again = await http.post("/api/v1/orders", json=ORDER | {"client_order_id": "mine"})
    assert again.json()["status"] == "open"
    assert len((await http.get("/api/v1/orders")).json()["items"]) == 1
