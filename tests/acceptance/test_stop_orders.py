"""Stop orders from outside: held by a server that is killed, triggered by the one that comes after it."""

import signal
from pathlib import Path
from typing import Any

import httpx

from tests.support.waiver_process import serving, waiver_json

FACTS = ("--name", "Patrick Mahomes", "--position", "QB", "--team", "KC")


def client_of(account: Any, url: str) -> httpx.Client:  # noqa: ANN401 - any JSON
    headers = {"X-API-Key": account["api_key"], "X-API-Secret": account["api_secret"]}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30)


def place(http: httpx.Client, **fields: str) -> Any:  # noqa: ANN401 - any JSON
    response = http.post("/api/v1/orders", json={"symbol": "MAHOMES", "quantity": "1"} | fields)
    assert response.status_code == 200, response.text
    return response.json()


def test_held_orders_outlive_a_kill_and_are_triggered_after_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    with serving(data_dir=data_dir) as server:
        numbers = ("--supply", "10000", "--reference-price", "25.00")
        waiver_json("market", "list-player", "--symbol", "MAHOMES", *FACTS, *numbers, data_dir=data_dir)
        ann, bob = (
            waiver_json("account", "create", "--name", name, "--cash", "1000", data_dir=data_dir)
            for name in ("Ann", "Bob")
        )
        owner = ("--account", ann["account_id"])
        waiver_json(
            "shares", "grant", "--reason", "test", *owner, "--symbol", "MAHOMES", "--quantity", "100", data_dir=data_dir
        )
        with client_of(ann, server.url) as http:
            stop = place(http, side="sell", type="stop", stop_price="24.00", client_order_id="stop")
            moved = place(http, side="sell", type="stop_limit", stop_price="24.10", limit_price="24.05")
            replaced = http.patch(f"/api/v1/orders/{moved['id']}", json={"stop_price": "24.00", "limit_price": "24.00"})
            assert replaced.status_code == 200, replaced.text
            limited = replaced.json()
            assert [order["status"] for order in (stop, limited)] == ["held", "held"]
        server.end(signal.SIGKILL)
    with serving(data_dir=data_dir) as server, client_of(ann, server.url) as http, client_of(bob, server.url) as other:
        assert place(http, side="sell", type="stop", stop_price="24.00", client_order_id="stop")["id"] == stop["id"]
        held = http.get("/api/v1/orders", params={"status": "open"}).json()["items"]
        assert {order["id"] for order in held} == {stop["id"], limited["id"]}
        assert http.get("/api/v1/positions/MAHOMES").json()["quantity_available"] == "98"
        place(other, side="buy", type="limit", limit_price="24.00", quantity="0.5")
        place(other, side="buy", type="limit", limit_price="23.50")
        # 24.00 trades, so both go to the book: the stop takes what the collar allows, the other rests at its limit.
        place(http, side="sell", type="limit", limit_price="24.00", quantity="0.5")
        after = [http.get(f"/api/v1/orders/{order['id']}").json() for order in (stop, limited)]
        assert [(order["status"], order["filled_quantity"]) for order in after] == [("filled", "1"), ("open", "0")]
        assert all(order["triggered_at"] for order in after)
        assert waiver_json("verify", data_dir=data_dir)["ok"] is True
        assert server.end() == 0
    assert waiver_json("verify", data_dir=data_dir)["ok"] is True
