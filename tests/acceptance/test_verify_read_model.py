"""What `waiver verify` says when the read model shows something that the journal does not lead to."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.waiver_process import serving, waiver, waiver_json

FACTS = ("--name", "Patrick Mahomes", "--position", "QB", "--team", "KC")


def make_exchange(data_dir: Path) -> None:
    waiver_json("account", "create", "--name", "alice", "--cash", "100", data_dir=data_dir)
    numbers = ("--supply", "10000", "--reference-price", "25.00")
    waiver_json("market", "list-player", "--symbol", "MAHOMES", *FACTS, *numbers, data_dir=data_dir)


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
