"""Accounts, positions, markets, books, the tape, health and the page, against a real server."""

import re

import httpx
import pytest

from tests.acceptance.conftest import Server, StartServer, Trader


@pytest.fixture(scope="module")
def ann(server: Server) -> Trader:
    ann = server.create_account("Ann")
    server.grant(ann, "100")
    return ann


@pytest.fixture(scope="module")
def bob(server: Server) -> Trader:
    return server.create_account("Bob")


def test_an_account_shows_what_it_owns_and_holds(ann: Trader) -> None:
    order = ann.place(quantity="2", limit_price="19.50")
    account = ann.get("/api/v1/account")
    assert account == {
        "id": ann.account_id,
        "name": "Ann",
        "status": "open",
        "cash": "10000.00",
        "cash_available": "9961.00",
        "cash_held": "39.00",
        "equity": "12000.00",
    }
    ann.http.delete(f"/api/v1/orders/{order['id']}")
    assert ann.get("/api/v1/account")["cash_available"] == "10000.00"


def test_positions_show_worth_and_profit(ann: Trader, bob: Trader) -> None:
    ask = ann.place(side="sell", quantity="40", limit_price="21.00")
    position = {
        "symbol": "MAHOMES",
        "quantity": "100",
        "quantity_available": "60",
        "average_cost": "20.00",
        "market_value": "2000.00",
        "unrealized_profit": "0.00",
        "realized_profit": "0.00",
    }
    assert ann.get("/api/v1/positions") == [position]
    assert bob.get("/api/v1/positions") == []
    bob.place(quantity="10", limit_price="21.00")
    ann.http.delete(f"/api/v1/orders/{ask['id']}")
    assert ann.get("/api/v1/positions") == [
        position
        | {
            "quantity": "90",
            "quantity_available": "90",
            "market_value": "1890.00",
            "unrealized_profit": "90.00",
            "realized_profit": "10.00",
        }
    ]
    assert ann.get("/api/v1/account")["equity"] == "12100.00"


def test_markets_and_books_are_public(server: Server, ann: Trader, bob: Trader) -> None:
    server.list_player("J.CHASE", name="Ja'Marr Chase", position="WR", team="CIN", reference_price="30.00")
    bob.place(symbol="J.CHASE", quantity="1", limit_price="29.00")
    ann.place(symbol="J.CHASE", quantity="1.5", limit_price="29.00")
    bob.place(symbol="J.CHASE", quantity="1", limit_price="28.00")
    market = server.public.get("/api/v1/markets/J.CHASE").json()
    assert market == {
        "symbol": "J.CHASE",
        "name": "Ja'Marr Chase",
        "team": "CIN",
        "position": "WR",
        "bye_week": None,
        "projected_points": None,
        "supply": "10000",
        "reference_price": "30.00",
        "last_price": None,
        "best_bid": "29.00",
        "best_bid_quantity": "2.5",
        "best_ask": None,
        "best_ask_quantity": None,
        "volume": "0",
        "trades": 0,
        "status": "open",
        "settled_price": None,
    }
    assert server.public.get("/api/v1/markets").json()[-1] == market
    book = server.public.get("/api/v1/markets/J.CHASE/book").json()
    assert book == {"bids": [["29.00", "2.5"], ["28.00", "1"]], "asks": [], "sequence": 3}
    shallow = server.public.get("/api/v1/markets/J.CHASE/book", params={"depth": 1}).json()
    assert shallow == book | {"bids": [["29.00", "2.5"]]}
    bob.http.delete("/api/v1/orders")
    ann.http.delete("/api/v1/orders")
    assert server.public.get("/api/v1/markets/J.CHASE").json()["best_bid"] is None


def test_the_tape_is_public_newest_first_and_names_nobody(server: Server, ann: Trader, bob: Trader) -> None:
    for price in ("20.10", "20.20", "20.30"):
        ann.place(side="sell", quantity="1", limit_price=price)
        bob.place(quantity="1", limit_price=price, client_order_id=f"at {price}")
    response = server.public.get("/api/v1/trades", params={"limit": 2})
    assert [trade["price"] for trade in response.json()] == ["20.30", "20.20"]
    assert ann.account_id not in response.text
    assert bob.account_id not in response.text
    market = server.public.get("/api/v1/markets/MAHOMES").json()
    assert market["last_price"] == market["reference_price"] == "20.30"


def test_unchanged_content_is_not_sent_again(server: Server, ann: Trader) -> None:
    for path in ("/api/v1/markets", "/api/v1/markets/MAHOMES", "/api/v1/trades", "/", "/page.js", "/page.css"):
        first = server.public.get(path)
        assert first.headers["cache-control"] == "no-cache"
        again = server.public.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert "x-request-id" in again.headers
    before = server.public.get("/api/v1/markets").headers["etag"]
    ann.place(limit_price="17.77")
    assert server.public.get("/api/v1/markets", headers={"if-none-match": before}).status_code == 200
    ann.http.delete("/api/v1/orders")


def test_private_content_is_never_kept(ann: Trader) -> None:
    for path in ("/api/v1/account", "/api/v1/orders", "/api/v1/positions"):
        assert ann.http.get(path).headers["cache-control"] == "no-store"


def test_health_and_readiness(server: Server) -> None:
    assert server.public.get("/healthz").json() == {"status": "ok"}
    ready = server.public.get("/readyz").json()
    assert (ready["status"], ready["trading"], ready["warning"]) == ("ready", "open", None)
    assert ready["sequence"] > 0


def test_every_answer_forbids_what_browsers_need_not_do(server: Server) -> None:
    for path in ("/", "/page.js", "/api/v1/markets", "/readyz", "/nope"):
        headers = server.public.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers
    ids = {server.public.get("/healthz").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


def test_the_page_is_whole_and_needs_no_other_host(server: Server) -> None:
    page = server.public.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert server.public.get("/page.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert server.public.get("/page.css").headers["content-type"] == "text/css; charset=utf-8"
    everything = page.text + server.public.get("/page.js").text + server.public.get("/page.css").text
    assert not re.search(r"https?://", everything)
    assert not re.search(r"<script>|<style|\sstyle=|\son[a-z]+=", page.text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", everything)


def test_what_was_seen_is_there_after_a_restart(start_server: StartServer) -> None:
    server = start_server()
    server.list_player()
    ann = server.create_account("Ann")
    order = ann.place(limit_price="18.00", client_order_id="kept")
    ann.http.delete(f"/api/v1/orders/{ann.place(limit_price='18.10')['id']}")
    before = [ann.http.get(path).json() for path in ("/api/v1/account", "/api/v1/orders", "/api/v1/markets")]
    assert server.stop() == 0
    again = start_server(server.data_dir)
    headers = {"X-API-Key": ann.api_key, "X-API-Secret": ann.api_secret}
    with httpx.Client(base_url=again.url, headers=headers, trust_env=False) as http:
        after = [http.get(path).json() for path in ("/api/v1/account", "/api/v1/orders", "/api/v1/markets")]
        assert after == before
        assert http.delete(f"/api/v1/orders/{order['id']}").json()["status"] == "cancelled"
