"""What `waiver verify` says when the read model shows something that the journal does not lead to."""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support.waiver_process import serving, waiver, waiver_json

FACTS = ("--name", "Patrick Mahomes", "--position", "QB", "--team", "KC")


def make_exchange(data_dir: Path) -> None:
    waiver_json("account", "create", "--name", "alice", "--cash", "100", data_dir=data_dir)
    numbers = ("--supply", "10000", "--reference-price", "25.00")
    waiver_json("market", "list-player", "--symbol", "MAHOMES", *FACTS, *numbers, data_dir=data_dir)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an exchange that was stopped after a trade and, in a later second, another change of its book."""
    data_dir = tmp_path_factory.mktemp("traded") / "exchange"
    make_exchange(data_dir)
    seller = waiver_json("account", "create", "--name", "bob", "--cash", "100", data_dir=data_dir)
    buyer = waiver_json("account", "create", "--name", "carol", "--cash", "100", data_dir=data_dir)
    shares = ("--symbol", "MAHOMES", "--quantity", "10")
    waiver_json(
        "shares", "grant", "--reason", "test", "--account", str(seller["account_id"]), *shares, data_dir=data_dir
    )
    terms = {"symbol": "MAHOMES", "type": "limit", "time_in_force": "gtc", "quantity": "1"}
    with serving(data_dir=data_dir) as server:
        second = 0
        for account, side, price in ((buyer, "buy", "24.00"), (seller, "sell", "24.00"), (buyer, "buy", "23.00")):
            while int(time.time()) == second:
                time.sleep(0.01)  # a quote is put down when the book changes in a later second
            headers = {"X-API-Key": account["api_key"], "X-API-Secret": account["api_secret"]}
            order = terms | {"side": side, "limit_price": price}
            url = f"{server.url}/api/v1/orders"
            assert httpx.post(url, json=order, headers=headers, trust_env=False).is_success
            second = int(time.time())
    assert waiver_json("verify", data_dir=data_dir)["ok"] is True
    return data_dir


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE candles SET high_cents = high_cents + 1 WHERE minutes = 60", "candles"),
        ("DELETE FROM candles WHERE minutes = 1", "candles"),
        ("UPDATE quotes SET bid_units = bid_units + 1", "quotes"),
        ("INSERT INTO quotes VALUES (1, 5, 1, 1, 2, 1)", "quotes"),
    ],
)
def test_an_altered_candle_or_quote_is_found(traded: Path, tmp_path: Path, statement: str, table: str) -> None:
    data_dir = tmp_path / "exchange"
    shutil.copytree(traded, data_dir, ignore=shutil.ignore_patterns("*.sock"))
    with closing(sqlite3.connect(data_dir / "read_model.db", isolation_level=None)) as connection:
        assert connection.execute(statement).rowcount
    proof = waiver("verify", "--json", data_dir=data_dir)
    assert proof.code == 1
    assert f"read_model.db, table {table}" in proof.json["difference"]


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE markets SET symbol = 'EVIL'", "markets"),
        ("UPDATE markets SET reference_price_cents = 1", "markets"),
        ("UPDATE movements SET amount = 1", "movements"),
        ("DELETE FROM movements", "movements"),
        ("UPDATE accounts SET cash_micros = cash_micros + 1", "accounts"),
        ("UPDATE holdings SET quantity_units = quantity_units + 1", "holdings"),
    ],
)
def test_an_altered_read_model_is_found(tmp_path: Path, statement: str, table: str) -> None:
    data_dir = tmp_path / "exchange"
    make_exchange(data_dir)
    assert waiver_json("verify", data_dir=data_dir)["ok"] is True
    with closing(sqlite3.connect(data_dir / "read_model.db", isolation_level=None)) as connection:
        assert connection.execute(statement).rowcount
    proof = waiver("verify", "--json", data_dir=data_dir)
    assert proof.code == 1
    assert f"read_model.db, table {table}" in proof.json["difference"]
    if table == "markets":
        with serving(data_dir=data_dir):
            assert waiver("verify", "--json", data_dir=data_dir).code == 1
