"""History that PostgreSQL does not take gathers in memory, is said in readiness, and is stored when it can be."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.faults import OrderFlow, check_orders, finish_orders, get, make_exchange, verify, wait_until
from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import running_postgres
from tests.support.waiver_process import serving


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresDatabase]:
    with running_postgres() as server, postgres_database(server) as made:
        yield made


def change(database: PostgresDatabase, statement: str) -> None:
    with psycopg.connect(database.administrator_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def warning(url: str) -> str | None:
    found: str | None = get(url, "/readyz").json()["warning"]
    return found


def test_history_that_cannot_be_stored_is_stored_later(database: PostgresDatabase, tmp_path: Path) -> None:
    settings = {"WAIVER_DATABASE_URL": database.url}
    traders = make_exchange(tmp_path, database_url=database.url)
    with serving(data_dir=tmp_path, settings=settings) as server:
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=20)
            change(database, "REVOKE INSERT ON read_model.orders FROM waiver_service")
            wait_until(lambda: "History cannot be stored" in (warning(server.url) or ""))
            # Orders go on: no balance depends on history.
            flow.wait_for_more(acknowledged=50)
            change(database, "GRANT INSERT ON read_model.orders TO waiver_service")
            wait_until(lambda: warning(server.url) is None)
            flow.wait_for_more(acknowledged=20)
        finish_orders(server.url, traders)
        check_orders(server.url, traders)
        assert verify(tmp_path, settings=settings)["ok"] is True
    assert verify(tmp_path, settings=settings)["ok"] is True
