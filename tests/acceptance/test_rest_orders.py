"""Orders over REST, against a real server."""

from uuid import UUID

import pytest

from tests.acceptance.conftest import Server, Trader

ORDER_FIELDS = {
    "id",
    "client_order_id",
    "symbol",
    "side",
    "type",
    "time_in_force",
    "quantity",
    "notional",
    "filled_quantity",
    "average_fill_price",
    "limit_price",
    "stop_price",
    "triggered_at",
    "replaces",
    "replaced_by",
    "post_only",
    "self_trade_prevention",
    "expires_at",
    "fees",
    "status",
    "reason",
    "created_at",
    "updated_at",
}


@pytest.fixture(scope="module")
def ann(server: Server) -> Trader:
    return server.create_account("Ann", cash="100000.00")


@pytest.fixture(scope="module")
def bob(server: Server) -> Trader:
    bob = server.create_account("Bob", cash="100000.00")
    server.grant(bob, "1000")
    return bob


def test_a_limit_order_rests_and_is_shown_whole(ann: Trader) -> None:
    order = ann.place(quantity="2.5", limit_price="18.25", client_order_id="rests")
    assert set(order) == ORDER_FIELDS
    assert order["status"] == "open"
    assert order["client_order_id"] == "rests"
    assert (order["quantity"], order["limit_price"], order["filled_quantity"]) == ("2.5", "18.25", "0")
    assert order["average_fill_price"] is None
    assert order["notional"] is None
    assert order["reason"] is None
    assert (order["time_in_force"], order["self_trade_prevention"]) == ("gtc", "cancel_newest")
    assert order["created_at"].endswith("Z")
    assert ann.get(f"/api/v1/orders/{order['id']}") == order
    assert order in ann.get("/api/v1/orders", status="open")["items"]
    ann.http.delete("/api/v1/orders")


def test_an_unnamed_order_is_named_by_its_id(ann: Trader) -> None:
    order = ann.place(limit_price="18.00")
    assert order["client_order_id"] == order["id"]
    assert ann.http.delete(f"/api/v1/orders/{order['id']}").json()["status"] == "cancelled"


def test_the_id_of_an_order_is_the_name_of_no_other(ann: Trader, bob: Trader) -> None:
    order = ann.place(limit_price="18.00")
    used = ann.post_order(limit_price="18.00", client_order_id=order["id"])
    assert (used.status_code, used.json()["error"]["code"]) == (409, "client_order_id_used_with_other_content")
    for trader, name in ((ann, order["id"].upper()), (bob, order["id"])):
        refused = trader.post_order(limit_price="18.00", client_order_id=name)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "client_order_id_is_invalid")
    changed = ann.http.patch(f"/api/v1/orders/{order['id']}", json={"client_order_id": order["id"]})
    assert changed.status_code == 409
    assert ann.get("/api/v1/orders", client_order_id=order["id"])["items"] == [order]
    ann.http.delete("/api/v1/orders")


def test_two_orders_trade_and_both_sides_see_it(server: Server, ann: Trader, bob: Trader) -> None:
    ask = bob.place(side="sell", quantity="3", limit_price="20.10")
    bought = ann.place(type="market", limit_price=None, quantity="2.5")
    assert (bought["status"], bought["average_fill_price"], bought["limit_price"]) == ("filled", "20.10", None)
    sold = bob.get(f"/api/v1/orders/{ask['id']}")
    assert (sold["status"], sold["filled_quantity"]) == ("partially_filled", "2.5")
    trade = server.public.get("/api/v1/trades", params={"symbol": "MAHOMES"}).json()[0]
    assert set(trade) == {"id", "symbol", "side", "price", "quantity", "time", "busted"}
    assert (trade["side"], trade["price"], trade["quantity"]) == ("buy", "20.10", "2.5")
    position = ann.get("/api/v1/positions")[0]
    assert (position["symbol"], position["quantity"], position["average_cost"]) == ("MAHOMES", "2.5", "20.10")
    bob.http.delete("/api/v1/orders")


def test_a_market_order_by_notional_says_what_it_bought(ann: Trader, bob: Trader) -> None:
    bob.place(side="sell", quantity="5", limit_price="20.00")
    order = ann.place(type="market", quantity=None, limit_price=None, notional=50)
    assert (order["status"], order["notional"], order["quantity"]) == ("filled", "50.00", None)
    assert order["filled_quantity"] == "2.5"
    bob.http.delete("/api/v1/orders")


def test_numbers_are_read_as_they_are_written(ann: Trader) -> None:
    body = '{"symbol":"MAHOMES","side":"buy","type":"limit","quantity":1e1,"limit_price":17.10}'
    order = ann.http.post("/api/v1/orders", content=body, headers={"content-type": "application/json"}).json()
    assert (order["quantity"], order["limit_price"]) == ("10", "17.10")
    ann.http.delete("/api/v1/orders")


def test_a_rejected_order_is_answered_as_an_order(ann: Trader, bob: Trader) -> None:
    bob.place(side="sell", limit_price="20.00")
    order = ann.place(limit_price="20.00", post_only=True)
    assert (order["status"], order["reason"]) == ("rejected", "post_only_would_take")
    bob.http.delete("/api/v1/orders")


def test_a_gtd_order_keeps_its_expiry(ann: Trader) -> None:
    expires_at = ann.place(limit_price="18.00")["expires_at"]
    order = ann.place(limit_price="18.00", time_in_force="gtd", expires_at=expires_at)
    assert order["expires_at"] == expires_at
    ann.http.delete("/api/v1/orders")


def test_the_same_client_order_id_is_one_order(ann: Trader) -> None:
    first = ann.place(limit_price="18.00", client_order_id="once")
    assert ann.place(limit_price="18.00", client_order_id="once") == first
    assert ann.place(limit_price=18, quantity=1.0, client_order_id="once") == first
    changed = ann.post_order(limit_price="18.01", client_order_id="once")
    assert changed.status_code == 409
    assert changed.json()["error"]["code"] == "client_order_id_used_with_other_content"
    cancelled = ann.http.delete(f"/api/v1/orders/{first['id']}").json()
    assert ann.place(limit_price="18.00", client_order_id="once") == cancelled


def test_two_accounts_may_use_the_same_client_order_id(ann: Trader, bob: Trader) -> None:
    one = ann.place(limit_price="18.00", client_order_id="mine")
    other = bob.place(limit_price="18.05", client_order_id="mine")
    assert one["id"] != other["id"]
    ann.http.delete("/api/v1/orders")
    bob.http.delete("/api/v1/orders")


def test_an_order_is_cancelled_once(ann: Trader) -> None:
    order = ann.place(limit_price="18.00")
    cancelled = ann.http.delete(f"/api/v1/orders/{order['id']}")
    assert (cancelled.json()["status"], cancelled.json()["reason"]) == ("cancelled", "by_owner")
    again = ann.http.delete(f"/api/v1/orders/{order['id']}")
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "order_is_final"
    assert again.json()["error"]["details"] == {"status": "cancelled"}


def test_cancel_all_takes_one_market_or_all(server: Server, ann: Trader) -> None:
    server.list_player("KELCE", name="Travis Kelce", position="TE")
    kept = ann.place(limit_price="18.00")
    gone = ann.place(symbol="KELCE", limit_price="18.00")
    answered = ann.http.delete("/api/v1/orders", params={"symbol": "KELCE"})
    assert [order["id"] for order in answered.json()] == [gone["id"]]
    assert [order["id"] for order in ann.http.delete("/api/v1/orders").json()] == [kept["id"]]
    assert ann.http.delete("/api/v1/orders").json() == []
    unknown = ann.http.delete("/api/v1/orders", params={"symbol": "NOBODY"})
    assert unknown.json()["error"]["code"] == "market_not_found"


def test_pages_show_every_order_once(server: Server) -> None:
    cid = server.create_account("Cid")
    placed = [cid.place(limit_price="17.00", client_order_id=f"page-{number}")["id"] for number in range(7)]
    cid.http.delete(f"/api/v1/orders/{placed[2]}")
    for status, expected in (("all", placed), ("open", placed[:2] + placed[3:]), ("closed", [placed[2]])):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            query: dict[str, str | int] = {"status": status, "limit": 2}
            page = cid.get("/api/v1/orders", **(query | ({"cursor": cursor} if cursor else {})))
            assert set(page) == {"items", "next_cursor"}
            seen += [order["id"] for order in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == expected[::-1]
    assert cid.get("/api/v1/orders")["next_cursor"] is None


def test_nobody_reaches_the_orders_of_others(ann: Trader, bob: Trader) -> None:
    order = ann.place(limit_price="18.00")
    other_kinds = [bob.account_id, str(UUID(int=0)), "1", "x", order["id"][:-1] + "g", "%00", "..%2f..%2fetc"]
    for order_id in [order["id"], *other_kinds]:
        for method in ("GET", "DELETE"):
            response = bob.http.request(method, f"/api/v1/orders/{order_id}")
            assert response.status_code == 404, response.text
            code = response.json()["error"]["code"]
            assert code == "order_not_found" or (code == "route_not_found" and "%2f" in order_id)
    assert order["id"] not in str(bob.get("/api/v1/orders", status="all", limit=500))
    assert bob.http.delete("/api/v1/orders").json() == []
    beside = bob.http.get("/api/v1/orders", params={"cursor": order["id"], "limit": 500}).json()
    assert order["id"] not in str(beside)
    assert ann.get(f"/api/v1/orders/{order['id']}")["status"] == "open"
    ann.http.delete("/api/v1/orders")


def test_an_order_is_cancelled_by_its_name(ann: Trader) -> None:
    kept = ann.place(limit_price="18.00")
    gone = ann.place(limit_price="18.00", client_order_id="by name")
    answered = ann.http.delete("/api/v1/orders", params={"client_order_id": "by name"})
    assert [(order["id"], order["status"]) for order in answered.json()] == [(gone["id"], "cancelled")]
    again = ann.http.delete("/api/v1/orders", params={"client_order_id": "by name"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "order_is_final")
    unknown = ann.http.delete("/api/v1/orders", params={"client_order_id": "nobody"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "order_not_found")
    assert ann.get(f"/api/v1/orders/{kept['id']}")["status"] == "open"
    ann.http.delete("/api/v1/orders")


def test_a_stop_order_is_held_until_its_price_trades(ann: Trader, bob: Trader) -> None:
    stop = ann.place(type="stop", limit_price=None, stop_price="20.50", quantity="1")
    assert (stop["status"], stop["stop_price"], stop["triggered_at"]) == ("held", "20.50", None)
    bob.place(side="sell", quantity="2", limit_price="20.50")
    ann.place(quantity="1", limit_price="20.50")
    done = ann.get(f"/api/v1/orders/{stop['id']}")
    assert (done["status"], done["average_fill_price"]) == ("filled", "20.50")
    assert done["triggered_at"] is not None
    bob.http.delete("/api/v1/orders")


def test_replacing_an_order_makes_a_new_one(ann: Trader) -> None:
    order = ann.place(quantity="2", limit_price="18.00", client_order_id="before")
    response = ann.http.patch(f"/api/v1/orders/{order['id']}", json={"quantity": "3", "client_order_id": "after"})
    assert response.status_code == 200, response.text
    new = response.json()
    assert (new["quantity"], new["limit_price"], new["replaces"]) == ("3", "18.00", order["id"])
    old = ann.get(f"/api/v1/orders/{order['id']}")
    assert (old["status"], old["replaced_by"]) == ("replaced", new["id"])
    for fields, status, code in (
        ({}, 422, "nothing_is_replaced"),
        ({"side": "sell"}, 422, "field_is_unknown"),
        ({"time_in_force": "ioc"}, 422, "field_is_invalid"),
        ({"stop_price": "19.00"}, 422, "stop_price_needs_a_stop_order"),
    ):
        refused = ann.http.patch(f"/api/v1/orders/{new['id']}", json=fields)
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code), fields
    again = ann.http.patch(f"/api/v1/orders/{order['id']}", json={"quantity": "4"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "order_is_final")
    ann.http.delete("/api/v1/orders")
