"""One engine writes to a database: a second one is refused, and one that was paused never writes again."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.faults import (
    OrderFlow,
    check_orders,
    finish_orders,
    is_ready,
    make_exchange,
    refused_start,
    verify,
    wait_until,
)
from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer, running_postgres
from tests.support.waiver_process import serving

WRITTEN = "SELECT concat(epoch, ' ', (SELECT max(sequence) FROM exchange.journal)) FROM exchange.leadership"
SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'waiver leadership %'"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    with postgres_database(server) as made:
        yield made


def settings_of(database: PostgresDatabase) -> dict[str, str]:
    return {"WAIVER_DATABASE_URL": database.url}


def query(database: PostgresDatabase, sql: str) -> object:
    with psycopg.connect(database.administrator_url, autocommit=True) as connection:
        row = connection.execute(sql).fetchone()
        return row[0] if row else None


def end_leader_session(database: PostgresDatabase) -> None:
    """What the server does by itself when it has heard nothing for ten seconds."""
    query(database, f"SELECT pg_terminate_backend(pid) {SESSIONS}")
    wait_until(lambda: query(database, f"SELECT count(*) {SESSIONS}") == 0)


def test_a_second_engine_is_refused_and_told_who_is_there(database: PostgresDatabase, tmp_path: Path) -> None:
    settings = settings_of(database)
    with serving(data_dir=tmp_path / "first", settings=settings) as server:
        says = f"process {server.process.pid}"
        refused_start(tmp_path / "second", says=says, settings=settings)
        assert is_ready(server.url)
        assert server.end() == 0
    # What is sealed is opened with the secrets of who sealed it.
    shutil.copytree(tmp_path / "first" / "secrets", tmp_path / "second" / "secrets", dirs_exist_ok=True)
    with serving(data_dir=tmp_path / "second", settings=settings) as server:
        assert is_ready(server.url)


def test_an_engine_that_was_paused_while_another_took_over_never_writes_again(
    database: PostgresDatabase, tmp_path: Path
) -> None:
    first_dir, second_dir = tmp_path / "first", tmp_path / "second"
    traders = make_exchange(first_dir, database_url=database.url)
    shutil.copytree(first_dir, second_dir)  # the secrets: what is sealed is opened with them
    settings = settings_of(database)
    with (
        serving(data_dir=first_dir, settings=settings) as first,
        OrderFlow(first.url, traders[:2]) as flow,
    ):
        flow.wait_for_more(acknowledged=20)
        first.process.send_signal(signal.SIGSTOP)
        end_leader_session(database)
        with serving(data_dir=second_dir, settings=settings) as second:
            with OrderFlow(second.url, traders[2:]) as new_flow:
                new_flow.wait_for_more(acknowledged=20)
            written = query(database, WRITTEN)
            first.process.send_signal(signal.SIGCONT)
            assert first.wait() == 3
            assert query(database, WRITTEN) == written
            flow.join()
            finish_orders(second.url, traders)
            check_orders(second.url, traders)
            verify(second_dir, settings=settings)
    assert "Another engine took over" in first.log
    assert "Traceback" not in first.log
