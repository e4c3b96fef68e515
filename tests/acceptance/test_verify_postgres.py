"""What `waiver verify` says of a read model in PostgreSQL, with and without a server that runs on it."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import running_postgres
from tests.support.waiver_process import serving, waiver, waiver_json

FACTS = ("--name", "Patrick Mahomes", "--position", "QB", "--team", "KC")
# Each is undone by the second.
ALTERATIONS = (
    (
        "UPDATE accounts SET cash_micros = cash_micros + 1",
        "UPDATE accounts SET cash_micros = cash_micros - 1",
        "accounts",
    ),
    ("INSERT INTO limits VALUES (1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)", "DELETE FROM limits WHERE number = 9", "limits"),
)


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresDatabase]:
    with running_postgres() as server, postgres_database(server) as made:
        yield made


def alter(database: PostgresDatabase, statement: str) -> None:
    with psycopg.connect(database.administrator_url) as connection:
        connection.execute("SET search_path TO read_model")
        assert connection.execute(statement.encode()).rowcount


def test_an_altered_read_model_is_found_also_while_a_server_runs(database: PostgresDatabase, tmp_path: Path) -> None:
    settings = {"WAIVER_DATABASE_URL": database.url}
    with serving(data_dir=tmp_path, settings=settings):
        waiver_json("account", "create", "--name", "alice", "--cash", "100", data_dir=tmp_path, settings=settings)
        numbers = ("--supply", "10000", "--reference-price", "25.00")
        listing = ("market", "list-player", "--symbol", "MAHOMES", *FACTS, *numbers)
        waiver_json(*listing, data_dir=tmp_path, settings=settings)
        assert waiver_json("verify", data_dir=tmp_path, settings=settings)["ok"] is True
    assert waiver_json("verify", data_dir=tmp_path, settings=settings)["ok"] is True
    for statement, undoing, table in ALTERATIONS:
        alter(database, statement)
        proof = waiver("verify", "--json", data_dir=tmp_path, settings=settings)
        assert proof.code == 1
        assert f"the read model in PostgreSQL, table {table}: it holds" in proof.json["difference"]
        alter(database, undoing)
