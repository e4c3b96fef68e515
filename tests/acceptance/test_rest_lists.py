"""Lists over REST: filters, sorting and pages, against a real server."""

import pytest

from tests.acceptance.conftest import Json, Server, Trader


@pytest.fixture(scope="module")
def ann(server: Server) -> Trader:
    return server.create_account("Ann", cash="100000.00")


@pytest.fixture(scope="module")
def bob(server: Server, ann: Trader) -> Trader:
    """Bob sold Ann 1, 2, ... 5 shares at 20.01, 20.02, ... 20.05, each by an order of its own."""
    bob = server.create_account("Bob", cash="100000.00")
    server.grant(bob, "1000")
    server.list_player("KELCE", name="Travis Kelce", position="TE")
    server.list_player("JALLEN", name="Josh Allen", team="BUF", reference_price="30.00")
    for number in range(1, 6):
        terms = {"quantity": str(number), "limit_price": f"20.0{number}"}
        bob.place(side="sell", client_order_id=f"ask-{number}", **terms)
        ann.place(client_order_id=f"bid-{number}", **terms)
    return bob


def walk(trader: Trader, path: str, **query: str) -> list[Json]:
    """Every item of a list, by pages of two."""
    items: list[Json] = []
    cursor: str | None = None
    while True:
        page = trader.get(path, **query, limit=2, **({"cursor": cursor} if cursor else {}))
        assert set(page) == {"items", "next_cursor"}
        assert len(page["items"]) <= 2
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def test_fills_say_what_an_account_traded(ann: Trader, bob: Trader) -> None:
    bought, sold = walk(ann, "/api/v1/fills"), walk(bob, "/api/v1/fills")
    assert [fill["quantity"] for fill in bought] == ["5", "4", "3", "2", "1"]
    assert [fill["id"] for fill in bought] == [fill["id"] for fill in sold]
    newest = bought[0]
    order = ann.get(f"/api/v1/orders/{newest['order_id']}")
    assert newest == {
        "id": newest["id"],
        "order_id": order["id"],
        "client_order_id": "bid-5",
        "symbol": "MAHOMES",
        "side": "buy",
        "price": "20.05",
        "quantity": "5",
        "fee": "0.00",
        "liquidity": "taker",
        "busted": False,
        "time": newest["time"],
    }
    assert (sold[0]["side"], sold[0]["liquidity"], sold[0]["client_order_id"]) == ("sell", "maker", "ask-5")


def test_fills_are_found_by_order_market_time_and_direction(ann: Trader, bob: Trader) -> None:
    newest_first = walk(ann, "/api/v1/fills")
    assert walk(ann, "/api/v1/fills", direction="asc") == newest_first[::-1]
    third = newest_first[2]
    assert walk(ann, "/api/v1/fills", order_id=third["order_id"]) == [third]
    assert walk(ann, "/api/v1/fills", order_id=walk(bob, "/api/v1/fills")[2]["order_id"]) == []
    assert (
        ann.http.get("/api/v1/fills", params={"order_id": "nonsense"}).json()["error"]["details"]["field"] == "order_id"
    )
    assert walk(ann, "/api/v1/fills", symbol="KELCE") == []
    assert walk(ann, "/api/v1/fills", start=third["time"]) == newest_first[:3]
    assert walk(ann, "/api/v1/fills", end=third["time"]) == newest_first[3:]


def test_the_trades_of_a_market_come_by_pages(server: Server, ann: Trader, bob: Trader) -> None:
    assert bob.account_id
    trades = walk(ann, "/api/v1/markets/MAHOMES/trades")
    assert [trade["price"] for trade in trades] == ["20.05", "20.04", "20.03", "20.02", "20.01"]
    assert server.public.get("/api/v1/markets/MAHOMES/trades").json()["items"] == trades
    assert walk(ann, "/api/v1/markets/MAHOMES/trades", direction="asc", start=trades[3]["time"]) == trades[3::-1]
    assert walk(ann, "/api/v1/markets/KELCE/trades") == []


def test_orders_are_found_by_everything_that_is_asked(ann: Trader, bob: Trader) -> None:
    assert bob.account_id
    resting = ann.place(symbol="KELCE", limit_price="18.00", client_order_id="rests")
    newest_first = walk(ann, "/api/v1/orders")
    assert walk(ann, "/api/v1/orders", direction="asc") == newest_first[::-1]
    assert walk(ann, "/api/v1/orders", status="open") == [resting]
    assert walk(ann, "/api/v1/orders", symbol="KELCE") == [resting]
    assert walk(ann, "/api/v1/orders", side="sell") == []
    assert walk(bob, "/api/v1/orders", side="sell", status="closed") == walk(bob, "/api/v1/orders")
    assert ann.get("/api/v1/orders", client_order_id="rests")["items"] == [resting]
    assert ann.get("/api/v1/orders", client_order_id="ask-1")["items"] == []
    third = newest_first[2]
    assert walk(ann, "/api/v1/orders", start=third["created_at"]) == newest_first[:3]
    assert walk(ann, "/api/v1/orders", end=third["created_at"]) == newest_first[3:]
    assert [order["id"] for order in ann.http.delete("/api/v1/orders").json()] == [resting["id"]]


def test_markets_are_searched_filtered_and_sorted(server: Server, bob: Trader) -> None:
    def symbols(**query: str) -> list[str]:
        return [market["symbol"] for market in server.public.get("/api/v1/markets", params=query).json()]

    assert bob.account_id
    assert symbols() == ["MAHOMES", "KELCE", "JALLEN"]
    assert symbols(search="maho") == ["MAHOMES"]
    assert symbols(search="travis k") == ["KELCE"]
    assert symbols(team="KC", position="QB") == ["MAHOMES"]
    assert symbols(sort="symbol") == ["JALLEN", "KELCE", "MAHOMES"]
    assert symbols(sort="name", direction="desc") == ["KELCE", "MAHOMES", "JALLEN"]
    assert symbols(sort="price", direction="desc") == ["JALLEN", "MAHOMES", "KELCE"]
    assert symbols(sort="volume", direction="desc")[0] == "MAHOMES"
    assert symbols(direction="desc") == ["JALLEN", "KELCE", "MAHOMES"]
    assert symbols(status="halted") == []
    server.waiver("market", "halt", "--reason", "test", "--symbol", "KELCE")
    assert (symbols(status="halted"), symbols(status="open")) == (["KELCE"], ["MAHOMES", "JALLEN"])
    server.waiver("market", "resume", "--reason", "test", "--symbol", "KELCE")


@pytest.mark.parametrize(
    "query",
    [
        {"direction": "up"},
        {"start": "yesterday"},
        {"start": "2026-01-01T00:00:00"},
        {"end": "1700000000"},
        {"cursor": "x"},
        {"cursor": ""},
        {"cursor": "b3JkZXIuMQ"},  # of a list of orders
        {"symbol": ""},
        {"limit": "0"},
        {"limit": "01000"},
    ],
)
def test_what_is_asked_of_a_list_is_read_strictly(ann: Trader, query: dict[str, str]) -> None:
    response = ann.http.get("/api/v1/fills", params=query)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "field_is_invalid")
    assert response.json()["error"]["details"]["field"] == next(iter(query))


def test_a_time_before_and_behind_everything_is_a_time(ann: Trader, bob: Trader) -> None:
    assert bob.account_id
    everything = walk(ann, "/api/v1/fills")
    assert walk(ann, "/api/v1/fills", start="0001-01-01T00:00:00Z", end="9999-12-31T23:59:59Z") == everything
    assert walk(ann, "/api/v1/fills", start="9999-12-31T23:59:59Z") == []
