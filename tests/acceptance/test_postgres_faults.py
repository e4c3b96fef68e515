"""PostgreSQL ends, is full, silent or lets nobody in: what is acknowledged stays, and trading comes back."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.test_faults_full_disk import fill_disk, needs_mount
from tests.support.faults import (
    OrderFlow,
    Trader,
    check_orders,
    finish_orders,
    get,
    is_ready,
    make_exchange,
    read_everything,
    refused_start,
    verify,
    wait_until,
)
from tests.support.postgres_database import ROLES, PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer, running_postgres
from tests.support.waiver_process import Server, serving, waiver


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[PostgresDatabase]:
    with postgres_database(postgres) as made:
        yield made


def settings_of(database: PostgresDatabase) -> dict[str, str]:
    return {"WAIVER_DATABASE_URL": database.url}


def check_trouble(server: Server, data_dir: Path, database: PostgresDatabase, *, says: str) -> None:
    """Not ready and the operator is told why, yet alive."""
    ready = get(server.url, "/readyz")
    assert (ready.status_code, ready.json()["error"]["code"]) == (503, "journal_is_unavailable")
    assert ready.headers["retry-after"]
    assert get(server.url, "/healthz").status_code == 200
    settings = settings_of(database)
    wait_until(lambda: says in waiver("status", "--json", data_dir=data_dir, settings=settings).json["problem"])
    assert database.name not in ready.text


def check_all(server: Server, traders: list[Trader], data_dir: Path, database: PostgresDatabase) -> None:
    finish_orders(server.url, traders)
    check_orders(server.url, traders)
    verify(data_dir, settings=settings_of(database))


@pytest.mark.parametrize("end", [PostgresServer.kill, PostgresServer.stop])
def test_a_database_that_ends_loses_nothing_and_trading_comes_back_with_it(
    database: PostgresDatabase, tmp_path: Path, end: Callable[[PostgresServer], None]
) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir, database_url=database.url)
    with serving(data_dir=data_dir, settings=settings_of(database)) as server:
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=30)
            end(database.server)
            flow.wait_for_more(refused=10)
            check_trouble(server, data_dir, database, says="check that it runs and the network")
            database.server.start()
            wait_until(lambda: is_ready(server.url))
            flow.wait_for_more(acknowledged=30)
        check_all(server, traders, data_dir, database)
        assert server.end() == 0


def test_an_idle_service_says_so_when_the_database_ends(database: PostgresDatabase, tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    with serving(data_dir=data_dir, settings=settings_of(database)) as server:
        database.server.stop()
        wait_until(lambda: not is_ready(server.url))
        check_trouble(server, data_dir, database, says="check that it runs and the network")
        database.server.start()
        wait_until(lambda: is_ready(server.url))
        verify(data_dir, settings=settings_of(database))


def test_orders_wait_while_the_database_is_silent_and_are_refused_when_it_stays_so(
    database: PostgresDatabase, tmp_path: Path
) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir, database_url=database.url)
    with serving(data_dir=data_dir, settings=settings_of(database)) as server:
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=20)
            database.server.freeze()
            time.sleep(1)  # what the fault is
            assert is_ready(server.url)
            database.server.thaw()
            flow.wait_for_more(acknowledged=20)
            assert flow.refused == 0
            database.server.freeze()
            wait_until(lambda: not is_ready(server.url))
            check_trouble(server, data_dir, database, says="the database server did not answer in time")
            database.server.thaw()
            wait_until(lambda: is_ready(server.url))
            flow.wait_for_more(acknowledged=20)
        check_all(server, traders, data_dir, database)


def use_up_connections(database: PostgresDatabase) -> list[psycopg.Connection]:
    """Take every place there is, those of the service too."""
    taken: list[psycopg.Connection] = []
    with psycopg.connect(database.administrator_url, autocommit=True) as administrator:
        ending = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s"
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                taken.append(psycopg.connect(database.reader_url))
            except psycopg.OperationalError:
                if administrator.execute(ending, (ROLES.service,)).fetchone() == (0,):
                    return taken
    pytest.fail("there is always one more connection")


def test_a_database_without_a_free_connection_is_told_and_waited_for(
    database: PostgresDatabase, tmp_path: Path
) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir, database_url=database.url)
    with serving(data_dir=data_dir, settings=settings_of(database)) as server:
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=20)
            others = use_up_connections(database)
            flow.wait_for_more(refused=10)
            check_trouble(server, data_dir, database, says="the database server has no connection left")
            refused_start(tmp_path / "another", says="PostgreSQL", settings=settings_of(database))
            for other in others:
                other.close()
            wait_until(lambda: is_ready(server.url))
            flow.wait_for_more(acknowledged=20)
        check_all(server, traders, data_dir, database)


def test_a_full_disk_of_the_database_is_named_and_trading_goes_on_when_there_is_room(tmp_path: Path) -> None:
    needs_mount(tmp_path)
    data_dir = tmp_path / "exchange"
    with running_postgres(small_disk="40m") as postgres, postgres_database(postgres) as database:
        postgres.execute(f"CREATE TABLESPACE small LOCATION '{postgres.folder}/small'")
        postgres.execute(f"ALTER DATABASE {database.name} SET TABLESPACE small")
        traders = make_exchange(data_dir, database_url=database.url)
        ballast = postgres.small_disk / "ballast"
        with serving(data_dir=data_dir, settings=settings_of(database)) as server:
            with OrderFlow(server.url, traders) as flow:
                flow.wait_for_more(acknowledged=20)
                with pytest.raises(OSError, match="No space left"):
                    fill_disk(ballast)
                flow.wait_for_more(refused=10)
                check_trouble(server, data_dir, database, says="the disk of the database server is full")
                assert len(read_everything(server.url, traders[0])["orders"]) == len(traders[0].acknowledged)
                ballast.unlink()
                wait_until(lambda: is_ready(server.url))
                flow.wait_for_more(acknowledged=20)
            check_all(server, traders, data_dir, database)
