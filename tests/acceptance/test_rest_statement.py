"""What an account is told about its money over time, against a real server."""

import csv
import io
from collections import defaultdict
from decimal import Decimal

import pytest

from tests.acceptance.conftest import Json, Server, Trader

FIELDS = ["sequence", "line", "time", "kind", "asset", "amount", "balance", "from", "to", "trade_id", "reference"]


@pytest.fixture(scope="module")
def ann(server: Server) -> Trader:
    """Ann was granted 10 shares, sold 4 of them at 20.00, and got 5.00 under a name that is a formula."""
    ann = server.create_account("Ann", cash="1000.00")
    server.grant(ann, "10")
    ann.place(side="sell", quantity="4", limit_price="20.00", client_order_id="ask")
    server.create_account("Bob", cash="1000.00").place(quantity="4", limit_price="20.00")
    server.waiver(
        "cash", "deposit", "--reason", "test", "--account", ann.account_id, "--amount", "5", "--reference", "=1+1"
    )
    return ann


def statement(trader: Trader, **query: str) -> list[Json]:
    items: list[Json] = []
    cursor: str | None = None
    while True:
        page = trader.get("/api/v1/ledger", **query, limit=2, **({"cursor": cursor} if cursor else {}))
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def test_every_movement_is_told_with_the_balance_after_it(ann: Trader) -> None:
    lines = statement(ann, direction="asc")
    assert [list(line) for line in lines] == [FIELDS] * len(lines)
    told = [(line["kind"], line["asset"], line["amount"], line["balance"], line["from"], line["to"]) for line in lines]
    assert told[:2] == [
        ("deposit", "USD", "1000.00", "1000.00", "operator", "account"),
        ("grant", "MAHOMES", "10", "10", "house", "account"),
    ]
    assert sorted(told[2:4]) == [
        ("trade", "MAHOMES", "-4", "6", "account", "market"),
        ("trade", "USD", "80.00", "1080.00", "market", "account"),
    ]
    assert told[4:] == [("deposit", "USD", "5.00", "1085.00", "operator", "account")]
    assert lines[4]["reference"] == "=1+1"
    (fill,) = ann.get("/api/v1/fills")["items"]
    assert {line["trade_id"] for line in lines if line["kind"] == "trade"} == {fill["id"]}
    assert statement(ann) == lines[::-1]


def test_the_statement_adds_up(ann: Trader) -> None:
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for line in statement(ann, direction="asc"):
        balances[line["asset"]] += Decimal(line["amount"])
        assert balances[line["asset"]] == Decimal(line["balance"])
    assert balances["USD"] == Decimal(ann.get("/api/v1/account")["cash"])
    assert balances["MAHOMES"] == Decimal(ann.get("/api/v1/positions/MAHOMES")["quantity"])


def test_a_part_of_the_statement_is_asked_for_by_time(ann: Trader) -> None:
    lines = statement(ann, direction="asc")
    trade = lines[2]["time"]
    assert statement(ann, direction="asc", start=trade) == lines[2:]
    assert statement(ann, direction="asc", end=trade) == lines[:2]


def test_the_statement_is_a_table_that_runs_nothing(ann: Trader) -> None:
    response = ann.http.get("/api/v1/ledger.csv", params={"direction": "asc"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="ledger.csv"'
    rows = list(csv.DictReader(io.StringIO(response.text)))
    lines = statement(ann, direction="asc")
    assert list(rows[0]) == FIELDS
    for row, line in zip(rows, lines, strict=True):
        shown = {name: "" if value is None else str(value) for name, value in line.items()}
        assert row == shown | ({"reference": "'=1+1"} if line["reference"] == "=1+1" else {})
    assert "-4" in [row["amount"] for row in rows]


def test_a_long_statement_is_exported_whole(server: Server) -> None:
    cid, dee = server.create_account("Cid"), server.create_account("Dee")
    server.grant(cid, "300")
    for _ in range(300):
        cid.place(side="sell", quantity="0.5", limit_price="20.00")
        dee.place(quantity="0.5", limit_price="20.00")
    rows = list(csv.DictReader(io.StringIO(cid.http.get("/api/v1/ledger.csv").text)))
    assert len(rows) > 600
    assert len({(row["sequence"], row["line"]) for row in rows}) == len(rows)
    assert rows[0]["time"] >= rows[-1]["time"]


def test_equity_over_time_ends_with_what_the_account_is_worth_now(ann: Trader) -> None:
    for query in ({}, {"period": "1D"}, {"period": "all"}, {"period": "1M", "interval": "1d"}, {"interval": "1m"}):
        body = ann.get("/api/v1/account/equity", **query)
        assert set(body) == {"items"}
        for point in body["items"]:
            assert set(point) == {"time", "equity", "cash", "profit"}
        account = ann.get("/api/v1/account")
        assert (body["items"][-1]["equity"], body["items"][-1]["cash"]) == (account["equity"], account["cash"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"period": "2D"}, "period"),
        ({"period": "1D", "start": "2026-01-01T00:00:00Z"}, "period"),
        ({"interval": "4h"}, "interval"),
        ({"interval": "2m"}, "interval"),
    ],
)
def test_equity_is_asked_for_strictly(ann: Trader, query: dict[str, str], field: str) -> None:
    response = ann.http.get("/api/v1/account/equity", params=query)
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, field)
