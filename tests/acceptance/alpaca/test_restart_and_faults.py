"""What owners chose outlives the server, and a journal that cannot be written is said in the right words."""

from pathlib import Path
from typing import NoReturn

import httpx
import pytest

from tests.acceptance.conftest import StartServer
from waiver_exchange.adapters.sql.preferences import SqlPreferencesStore
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.ports import JournalError, PreferencesError
from waiver_exchange.application.queries import Queries
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.gateway.app import build_app

ORDER = {
    "symbol": "MAHOMES",
    "qty": 1,
    "side": "buy",
    "type": "limit",
    "time_in_force": "gtc",
    "limit_price": 19,
    "client_order_id": "mine",
}


def test_settings_watchlists_and_names_of_orders_outlive_a_restart(start_server: StartServer) -> None:
    first = start_server()
    first.list_player()
    trader = first.create_account("bot")
    headers = {"APCA-API-KEY-ID": trader.api_key, "APCA-API-SECRET-KEY": trader.api_secret}
    with httpx.Client(base_url=first.url, headers=headers, trust_env=False) as http:
        placed = http.post("/v2/orders", json=ORDER).json()
        stop = http.post(
            "/v2/orders",
            json=ORDER | {"type": "stop", "limit_price": None, "stop_price": 21} | {"client_order_id": "stop"},
        ).json()
        watchlist = http.post("/v2/watchlists", json={"name": "QBs", "symbols": ["MAHOMES"]}).json()
        http.patch("/v2/account/configurations", json={"suspend_trade": True})
    first.stop()
    second = start_server(first.data_dir)
    with httpx.Client(base_url=second.url, headers=headers, trust_env=False) as http:
        fresh = http.post("/v2/orders", json=ORDER | {"client_order_id": "new"}).json()
        assert fresh["message"] == "new orders are rejected by user request"
        assert http.post("/v2/orders", json=ORDER).json()["message"] == "client_order_id must be unique"
        assert http.patch("/v2/account/configurations", json={"suspend_trade": False}).status_code == 200
        assert http.post("/v2/orders", json=ORDER).json()["message"] == "client_order_id must be unique"
        assert http.get("/v2/orders").json() == [stop, placed]
        assert http.get(f"/v2/watchlists/{watchlist['id']}").json() == watchlist
        assert http.get("/v2/orders:by_client_order_id", params={"client_order_id": "mine"}).json() == placed


async def full_disk(*_: object, **__: object) -> NoReturn:
    raise JournalError("the disk is full")


async def lost_preferences(*_: object, **__: object) -> NoReturn:
    raise PreferencesError("the disk is full")


async def test_faults_are_503_and_never_what_an_sdk_would_send_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        ann = await create_account(exchange, name="Ann", cash_micros=1_000_000_000)
        await list_player(
            exchange,
            Listing(
                symbol="MAHOMES", name="M", position="QB", team="KC", supply_units=10**8, reference_price_cents=2_000
            ),
        )
        headers = {"APCA-API-KEY-ID": ann.api_key, "APCA-API-SECRET-KEY": ann.api_secret}
        transport = httpx.ASGITransport(build_app(exchange))  # type: ignore[arg-type]  # the same, typed otherwise
        async with httpx.AsyncClient(transport=transport, base_url="http://exchange", headers=headers) as http:
            assert (await http.post("/v2/orders", json=ORDER)).status_code == 200
            with monkeypatch.context() as patch:
                patch.setattr(SqliteJournal, "find", full_disk)
                answer = await http.get("/v2/orders:by_client_order_id?client_order_id=mine")
            assert (answer.status_code, answer.json()["code"]) == (503, 50310000)
            with monkeypatch.context() as patch:
                patch.setattr(SqlPreferencesStore, "change_settings", lost_preferences)
                answer = await http.patch("/v2/account/configurations", json={"suspend_trade": True})
            assert (answer.status_code, answer.json()["code"]) == (503, 50310000)
            with monkeypatch.context() as patch:
                patch.setattr(Queries, "positions", None)
                answer = await http.get("/v2/positions")
            said = answer.json()
            assert (answer.status_code, said["code"], said["message"]) == (
                500,
                50010000,
                "internal server error occurred",
            )
            assert said["request_id"]
            with monkeypatch.context() as patch:
                patch.setattr(SqliteJournal, "append", full_disk)
                answer = await http.post("/v2/orders", json=ORDER | {"client_order_id": "next"})
            said = answer.json()
            assert (answer.status_code, said["code"], said["reason"]) == (503, 50310000, "journal_is_unavailable")
            assert answer.headers["retry-after"]
