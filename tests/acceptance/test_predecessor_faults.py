"""Faults of the system that this one replaces, each by its number, against real processes.

Those that show better without a process are in `tests/unit/test_predecessor_faults.py`. Faults 9, 12 and 16 concern
leagues, sign-in and the reverse proxy, which do not exist yet.
"""

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from tests.acceptance.conftest import Json, Server, Trader
from tests.support.waiver_process import serving, waiver_json
from waiver_exchange.gateway.page import PAGE_HANDLERS
from waiver_exchange.gateway.rest.routes import ROUTES

EXPIRES_SECONDS = 0.5
WAIT_SECONDS = 20
MARKET_ORDER = {"type": "market", "limit_price": None}


@pytest.fixture
def ann(server: Server) -> Iterator[Trader]:
    """A trader with $10,000.00 and 100 shares; her open orders go with the test."""
    ann = server.create_account("Ann")
    server.grant(ann, "100")
    yield ann
    ann.http.delete("/api/v1/orders")


@pytest.fixture
def bob(server: Server) -> Trader:
    """A trader with $10,000.00 and no shares."""
    return server.create_account("Bob")


def code_of(trader: Trader, **order: object) -> str:
    """The code with which an order is refused."""
    response = trader.post_order(**order)
    assert response.status_code >= 400, response.text
    return str(response.json()["error"]["code"])


def test_fault_01_a_sell_of_more_shares_than_held_is_refused_and_creates_nothing(server: Server, bob: Trader) -> None:
    server.grant(bob, "1")
    for quantity in ("10000", "2", "1.0001"):
        response = bob.post_order(side="sell", quantity=quantity)
        assert response.status_code == 403
        assert response.json()["error"]["code"] == "insufficient_shares"
        assert response.json()["error"]["details"] == {"required": quantity, "available": "1"}
    assert bob.get("/api/v1/account")["cash"] == "10000.00"
    assert [position["quantity"] for position in bob.get("/api/v1/positions")] == ["1"]
    assert bob.place(side="sell", quantity="1", limit_price="25.00")["status"] == "open"
    assert code_of(bob, side="sell", quantity="0.0001") == "insufficient_shares"
    bob.http.delete("/api/v1/orders")
    assert server.waiver("verify")["ok"] is True


def test_fault_03_a_market_buy_is_checked_against_the_collar_and_not_against_a_price_of_the_client(bob: Trader) -> None:
    assert code_of(bob, type="market", limit_price="0") == "price_must_be_positive"
    assert code_of(bob, type="market", limit_price="0.01") == "market_order_takes_no_price"
    assert code_of(bob, **MARKET_ORDER, quantity="10000") == "insufficient_cash"
    assert bob.get("/api/v1/account")["cash_held"] == "0.00"


@dataclass
class Restarted:
    """An exchange that was killed twice: what was told before each crash, and what came after."""

    proven: Json
    proven_again: Json
    resting: Json
    held: str
    held_after: str
    open_after: Json
    seller: Trader
    buyer: Trader


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    """The second crash leaves an order behind that expires while nothing runs, or soon after."""
    data_dir = tmp_path_factory.mktemp("restarted") / "exchange"
    with serving(data_dir=data_dir) as server:
        people = prepare(data_dir)
        buyer = Trader(server.url, **people[1])
        resting = buyer.place(quantity="2", client_order_id="rests")
        buyer.http.close()
        proven = waiver_json("verify", data_dir=data_dir)
        server.end(signal.SIGKILL)
    with serving(data_dir=data_dir) as server:
        proven_again = waiver_json("verify", data_dir=data_dir)
        buyer = Trader(server.url, **people[1])
        expires_at = (datetime.now(UTC) + timedelta(seconds=EXPIRES_SECONDS)).isoformat()
        expiring = buyer.place(quantity="3", time_in_force="gtd", expires_at=expires_at)
        held = buyer.get("/api/v1/account")["cash_held"]
        buyer.http.close()
        server.end(signal.SIGKILL)
    with serving(data_dir=data_dir) as server:
        seller, buyer = (Trader(server.url, **person) for person in people)
        wait_until_expired(buyer, expiring)
        yield Restarted(
            proven=proven,
            proven_again=proven_again,
            resting=resting,
            held=held,
            held_after=buyer.get("/api/v1/account")["cash_held"],
            open_after=buyer.get("/api/v1/orders", status="open")["items"],
            seller=seller,
            buyer=buyer,
        )
        for trader in (seller, buyer):
            trader.http.close()
        assert server.end() == 0


def prepare(data_dir: Path) -> list[Json]:
    """Mahomes at $20.00 and two people with $1,000.00, the first with 100 shares."""
    player = ("--symbol", "MAHOMES", "--name", "Patrick Mahomes", "--position", "QB", "--team", "KC")
    numbers = ("--supply", "10000", "--reference-price", "20.00")
    waiver_json("market", "list-player", *player, *numbers, data_dir=data_dir)
    people = [
        waiver_json("account", "create", "--name", name, "--cash", "1000.00", data_dir=data_dir)
        for name in ("Ann", "Bob")
    ]
    owner = ("--account", people[0]["account_id"])
    waiver_json(
        "shares", "grant", "--reason", "test", *owner, "--symbol", "MAHOMES", "--quantity", "100", data_dir=data_dir
    )
    return people


def wait_until_expired(trader: Trader, order: Json) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while trader.get(f"/api/v1/orders/{order['id']}")["status"] != "expired":
        assert time.monotonic() < until, "the order that was due did not expire"
        time.sleep(0.02)


def test_fault_03_holds_outlive_a_crash_and_end_with_their_order(restarted: Restarted) -> None:
    assert restarted.held == "100.00"
    assert restarted.held_after == "40.00"
    assert restarted.open_after == [restarted.resting]


def test_fault_08_an_order_that_rested_before_a_crash_fills_for_its_owner(restarted: Restarted) -> None:
    seller, buyer = restarted.seller, restarted.buyer
    assert seller.place(side="sell", quantity="0.5")["status"] == "filled"
    filled = buyer.get(f"/api/v1/orders/{restarted.resting['id']}")
    assert (filled["status"], filled["filled_quantity"]) == ("partially_filled", "0.5")
    assert filled["client_order_id"] == "rests"
    assert [(held["symbol"], held["quantity"]) for held in buyer.get("/api/v1/positions")] == [("MAHOMES", "0.5")]
    assert (buyer.get("/api/v1/account")["cash"], seller.get("/api/v1/account")["cash"]) == ("990.00", "1010.00")
    assert buyer.place(quantity="2", client_order_id="rests")["id"] == restarted.resting["id"]


def test_fault_18_replay_leads_to_the_very_state_that_was_there(restarted: Restarted) -> None:
    """`verify` replays the whole journal and compares it with the engine that the server recovered."""
    assert restarted.proven["ok"] is True
    assert restarted.proven["sequence"] > 0
    assert restarted.proven_again == restarted.proven


def test_fault_10_every_route_that_is_not_public_needs_the_key_of_its_account(server: Server) -> None:
    private = [route for route in ROUTES if route.access != "public"]
    assert len(private) > 7
    for route in private:
        asked = re.sub(r"\{\w+\}", "0000000d-0000-8000-8000-000010000001", route.path)
        for query in ({}, {"account_id": "1"}):
            response = server.public.request(route.method, asked, params=query)
            assert response.status_code == 401, (route.method, asked)
            assert response.json()["error"]["code"] == "credentials_are_missing"


def test_fault_10_an_unknown_account_has_nothing_and_nobody_operates_over_the_network(server: Server) -> None:
    stranger = {"X-API-Key": "WX" + "A" * 16, "X-API-Secret": "x" * 43}
    response = server.public.get("/api/v1/account", headers=stranger)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "credentials_are_wrong")
    assert server.create_account("Poor", cash="0").get("/api/v1/account")["equity"] == "0.00"
    for path in ("/admin", "/api/admin", "/api/v1/admin", "/api/v1/accounts", "/api/v1/deposits", "/metrics"):
        for method in ("GET", "POST"):
            assert server.public.request(method, path).status_code == 404, path


def test_fault_10_no_other_site_may_read_answers(bob: Trader) -> None:
    origin = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for method in ("GET", "OPTIONS"):
        for path in ("/api/v1/markets", "/api/v1/account", "/api/v1/orders"):
            answered = bob.http.request(method, path, headers=origin).headers
            assert not [name for name in answered if name.startswith("access-control-")]


def test_fault_13_equity_follows_cash_and_prices_and_has_the_right_magnitude(
    server: Server, ann: Trader, bob: Trader
) -> None:
    trade(ann, bob, price="20.00", quantity="10")
    assert ann.get("/api/v1/account")["equity"] == "12000.00"  # 10,200 in cash, 90 shares at 20.00
    trade(ann, bob, price="21.50", quantity="0.5")
    account = ann.get("/api/v1/account")
    assert (account["cash"], account["equity"]) == ("10210.75", "12135.00")  # 89.5 shares at 21.50
    (position,) = ann.get("/api/v1/positions")
    assert (position["quantity"], position["market_value"]) == ("89.5", "1924.25")
    server.waiver(
        "cash", "deposit", "--reason", "test", "--account", ann.account_id, "--amount", "0.01", "--reference", "a cent"
    )
    assert ann.get("/api/v1/account")["equity"] == "12135.01"
    trade(ann, bob, price="20.00", quantity="0.0001")
    assert bob.get("/api/v1/account")["equity"] == "9999.25"  # half a share bought at 21.50 is worth 20.00


def trade(seller: Trader, buyer: Trader, *, price: str, quantity: str) -> None:
    seller.place(side="sell", quantity=quantity, limit_price=price)
    assert buyer.place(quantity=quantity, limit_price=price)["status"] == "filled"


def test_fault_13_volume_counts_a_trade_once_and_parameters_are_not_ignored(
    server: Server, ann: Trader, bob: Trader
) -> None:
    server.list_player("KELCE", name="Travis Kelce", position="TE")
    server.grant(ann, "10", symbol="KELCE")
    ann.place(symbol="KELCE", side="sell", quantity="3")
    bob.place(symbol="KELCE", quantity="2.5")
    market = server.public.get("/api/v1/markets/KELCE").json()
    assert (market["volume"], market["trades"]) == ("2.5", 1)
    trades = server.public.get("/api/v1/trades", params={"symbol": "KELCE"}).json()
    assert [row["quantity"] for row in trades] == ["2.5"]
    for path in ("/api/v1/account?period=1W", "/api/v1/trades?interval=1m", "/api/v1/markets/KELCE/book?period=1D"):
        response = ann.http.get(path)
        assert (response.status_code, response.json()["error"]["code"]) == (422, "field_is_unknown")


def test_fault_15_what_the_page_asks_for_exists(server: Server) -> None:
    page = files("waiver_exchange.gateway") / "web"
    script, html = ((page / name).read_text(encoding="utf-8") for name in ("page.js", "index.html"))
    asked = set(re.findall(r"""["'`](/[a-z][\w/.-]*)""", script)) | set(re.findall(r'(?:src|href)="(/[^"]*)"', html))
    assert asked >= {"/readyz", "/api/v1/markets", "/api/v1/trades", "/page.js", "/page.css"}
    routes = {path for handler in PAGE_HANDLERS for path in handler.paths} | {route.path for route in ROUTES}
    assert asked <= routes | {"/docs"}
    for path in asked:
        assert server.public.get(path).status_code == 200, path
    for path in re.findall(r"`(/[\w/]+\?[^`]*)`", script):
        assert server.public.get(re.sub(r"\$\{\w+\}", "60", path)).status_code == 200, path


def test_fault_15_an_error_carries_a_code_a_message_and_an_id(bob: Trader) -> None:
    answers = [bob.post_order(quantity="501"), bob.http.get("/nope"), bob.http.patch("/api/v1/orders")]
    assert [response.json()["error"]["code"] for response in answers] == [
        "insufficient_cash",
        "route_not_found",
        "method_is_not_allowed",
    ]
    assert all(response.json()["error"]["message"] for response in answers)
    assert len({response.headers["x-request-id"] for response in answers}) == len(answers)


def test_fault_18_cancel_takes_the_order_out_and_gives_the_hold_back(server: Server, ann: Trader, bob: Trader) -> None:
    order = bob.place(quantity="1.5", limit_price="19.01")
    assert bob.get("/api/v1/account")["cash_held"] == "28.515"
    cancelled = bob.http.delete(f"/api/v1/orders/{order['id']}")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert bob.get("/api/v1/account")["cash_held"] == "0.00"
    book = server.public.get("/api/v1/markets/MAHOMES/book").json()
    assert "19.01" not in [price for price, _ in book["bids"]]
    sold = ann.place(side="sell", limit_price="19.01", time_in_force="ioc")
    assert (sold["status"], sold["filled_quantity"]) == ("cancelled", "0")


def test_fault_18_a_fresh_exchange_can_trade_because_shares_are_issued_and_granted(server: Server) -> None:
    server.list_player("CHASE", name="Ja'Marr Chase", position="WR", supply="50")
    seller, buyer = server.create_account("Seller", cash="0"), server.create_account("Buyer")
    assert code_of(seller, symbol="CHASE", side="sell") == "insufficient_shares"
    server.grant(seller, "50", symbol="CHASE")
    seller.place(symbol="CHASE", side="sell", quantity="50")
    assert buyer.place(symbol="CHASE", **MARKET_ORDER, quantity="50")["status"] == "filled"
    assert seller.get("/api/v1/account")["cash"] == "1000.00"
    assert [held["quantity"] for held in buyer.get("/api/v1/positions")] == ["50"]
