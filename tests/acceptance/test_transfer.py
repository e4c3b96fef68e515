"""`waiver transfer` between a data directory and a real PostgreSQL, also killed in the middle."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from itertools import cycle
from pathlib import Path
from unittest.mock import patch

import psycopg
import pytest

from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer, running_postgres
from tests.support.two_traders import SYMBOL, running_world
from tests.support.waiver_process import COMMAND, Ran, environment, serving, waiver
from waiver_exchange.application.markets import grant_shares
from waiver_exchange.application.transfer import COPY_ROWS
from waiver_exchange.cli import main

ORDERS = COPY_ROWS + 256
# Where a transfer can be cut short: a row of the journal behind the first batches, the read model, the people, the keys
# (the tables before them have been filled by then, in the same transaction), and the very end.
STAGES = {
    "journal": ("BEFORE INSERT", "exchange.journal", f"NEW.sequence = {COPY_ROWS + 1}"),
    "read_model": ("BEFORE INSERT", "read_model.trades", "true"),
    "identity": ("BEFORE INSERT", "identity.sessions", "true"),
    "end": ("BEFORE UPDATE", "exchange.transfer", "true"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    with postgres_database(server) as made:
        yield made


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of people who have everything, with some thousand orders and trades."""
    data_dir = tmp_path_factory.mktemp("traded") / "exchange"
    asyncio.run(_trade(data_dir))
    return data_dir


async def _trade(data_dir: Path) -> None:
    async with running_world(data_dir) as world:
        ann, bob = await world.add("ann"), await world.add("bob")
        for trader in (ann, bob):
            await world.plant(trader)
        await grant_shares(world.exchange, account=bob.account, symbol=SYMBOL, quantity_units=100_000)
        order = {"symbol": SYMBOL, "type": "limit", "quantity": "0.001", "limit_price": "19.00"}
        for start in range(0, ORDERS, 256):
            batch = [order | {"client_order_id": f"many-{start + number}"} for number in range(256)]
            sides = zip(batch, cycle(((ann, "buy"), (bob, "sell"), (ann, "buy"))), strict=False)
            answers = await asyncio.gather(
                *(
                    world.ask("POST", "/api/v1/orders", trader.by_key, json=one | {"side": side})
                    for one, (trader, side) in sides
                )
            )
            assert {answer.status_code for answer in answers} == {200}, answers[0].text


@pytest.fixture
def data_dir(traded: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "exchange"
    shutil.copytree(traded, copied, ignore=shutil.ignore_patterns("*.sock"))
    return copied


def run(*arguments: str, data_dir: Path, database: PostgresDatabase | None = None) -> Ran:
    """Run a command in this process: starting one takes longer than most of them."""
    settings = {} if database is None else url_of(database)
    given = [*arguments, "--json", "--data-dir", str(data_dir)]
    with (
        patch.dict(os.environ, environment(settings), clear=True),
        redirect_stdout(StringIO()) as stdout,
        redirect_stderr(StringIO()) as stderr,
    ):
        code = main(given)
    return Ran(code, stdout.getvalue(), stderr.getvalue())


def transfer(data_dir: Path, database: PostgresDatabase) -> Ran:
    return run("transfer", "--to", "postgresql:", data_dir=data_dir, database=database)


def url_of(database: PostgresDatabase) -> dict[str, str]:
    return {"WAIVER_DATABASE_URL": database.url}


def journal_rows(data_dir: Path) -> int:
    with closing(sqlite3.connect(data_dir / "journal.db")) as connection:
        return int(connection.execute("SELECT max(sequence) FROM journal").fetchone()[0])


def test_exchange_goes_on_in_the_database(data_dir: Path, database: PostgresDatabase) -> None:
    before = run("verify", data_dir=data_dir).json

    moved = transfer(data_dir, database)

    assert moved.code == 0, moved
    assert (moved.json["sequence"], moved.json["state_hash"]) == (before["sequence"], before["state_hash"])
    rows = {each["table"]: each["rows"] for each in moved.json["tables"]}
    assert rows["journal"] == journal_rows(data_dir)
    assert rows["read_model.orders"] > ORDERS > rows["read_model.trades"] > 0
    assert rows["identity.sessions"] == rows["preferences.watchlists"] == 2
    assert "secrets" in moved.stderr
    after = waiver("verify", "--json", data_dir=data_dir, settings=url_of(database)).json
    assert (after["ok"], after["state_hash"]) == (True, before["state_hash"])
    with serving(data_dir=data_dir, settings=url_of(database)) as server:
        accounts = run("account", "list", data_dir=data_dir, database=database).json["accounts"]
        assert [account["name"] for account in accounts][1:] == ["ann", "bob"]
        assert server.end() == 0


def test_a_finished_transfer_is_not_run_again_over_what_people_chose_since(
    data_dir: Path, database: PostgresDatabase
) -> None:
    assert transfer(data_dir, database).code == 0
    (data_dir / "moved").unlink()  # as if it had been cut short right after its end
    with psycopg.connect(database.url) as connection:
        connection.execute("DELETE FROM identity.sessions")

    again = transfer(data_dir, database)

    assert (again.code, again.json["error"]["code"]) == (3, "transfer_is_finished")
    assert "has come to its end already" in again.json["error"]["message"]
    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT count(*) FROM identity.sessions").fetchone() == (0,)
    assert (data_dir / "moved").exists()


@pytest.mark.parametrize("stage", STAGES)
def test_transfer_that_was_killed_is_run_again(data_dir: Path, database: PostgresDatabase, stage: str) -> None:
    _let_it_sleep(database, stage)
    with subprocess.Popen(  # noqa: S603 - our own program
        [*COMMAND, "transfer", "--to", "postgresql:", "--data-dir", str(data_dir)],
        env=environment(url_of(database)),
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_until_it_sleeps(database)
        finally:
            process.send_signal(signal.SIGKILL)
    with psycopg.connect(database.administrator_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'waiver_service'")
        connection.execute(f"DROP TRIGGER sleep ON {STAGES[stage][1]}")
        held = connection.execute("SELECT count(*) FROM exchange.journal").fetchone()
    assert held is not None
    assert (0 < held[0] < journal_rows(data_dir)) == (stage == "journal")
    refused = run("account", "list", data_dir=data_dir, database=database)
    assert refused.code == 3
    assert "run `waiver transfer` again" in refused.stderr

    moved = transfer(data_dir, database)

    assert moved.code == 0, moved


def _let_it_sleep(database: PostgresDatabase, stage: str) -> None:
    when, table, condition = STAGES[stage]
    with psycopg.connect(database.administrator_url) as connection:
        connection.execute(
            "CREATE FUNCTION public.sleep() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$"
        )
        connection.execute(
            f"CREATE TRIGGER sleep {when} ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION public.sleep()"
        )


def _wait_until_it_sleeps(database: PostgresDatabase) -> None:
    with psycopg.connect(database.administrator_url, autocommit=True) as connection:
        for _ in range(600):
            if connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = 'waiver_service'"
            ).fetchone():
                return
            connection.execute("SELECT pg_sleep(0.05)")
    pytest.fail("the transfer did not come to where it sleeps")


def test_target_with_another_exchange_is_refused(data_dir: Path, database: PostgresDatabase, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run("account", "create", "--name", "eve", data_dir=other)
    assert transfer(other, database).code == 0

    refused = transfer(data_dir, database)

    assert refused.code == 1
    assert "another exchange" in refused.json["error"]["message"].lower()
    with psycopg.connect(database.url) as connection:
        held = connection.execute("SELECT count(*) FROM exchange.journal").fetchone()
    assert held == (journal_rows(other),)


def test_source_that_a_server_uses_is_refused(data_dir: Path, database: PostgresDatabase) -> None:
    with serving(data_dir=data_dir):
        refused = transfer(data_dir, database)
    assert refused.code == 3
    assert refused.json["error"]["code"] == "data_directory_in_use"


def test_target_that_a_server_uses_is_refused(data_dir: Path, database: PostgresDatabase, tmp_path: Path) -> None:
    with serving(data_dir=tmp_path / "served", settings=url_of(database)):
        refused = transfer(data_dir, database)
    assert refused.code == 3
    assert "Another engine works on the database" in refused.json["error"]["message"]


def test_source_that_is_not_sound_is_refused(data_dir: Path, database: PostgresDatabase) -> None:
    with closing(sqlite3.connect(data_dir / "journal.db", isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER journal_refuses_update")
        connection.execute("UPDATE journal SET events = CAST(events || x'00' AS BLOB) WHERE sequence = 10")
    refused = transfer(data_dir, database)
    assert refused.code == 1
    assert "The source is not sound" in refused.json["error"]["message"]
    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT count(*) FROM exchange.transfer").fetchone() == (0,)


def test_database_that_is_not_migrated_is_refused(data_dir: Path, server: PostgresServer) -> None:
    with postgres_database(server, is_migrated=False) as empty:
        refused = run("transfer", "--to", empty.owner_url, data_dir=data_dir)
    assert refused.code == 1
    assert "run `waiver migrate`" in refused.json["error"]["message"]


def test_server_without_the_address_does_not_start_on_what_was_moved(
    data_dir: Path, database: PostgresDatabase
) -> None:
    assert transfer(data_dir, database).code == 0
    refused = run("account", "list", data_dir=data_dir)
    assert refused.code == 3
    assert "was transferred to postgresql://127.0.0.1" in refused.stderr
    assert run("migrate", "--check", data_dir=data_dir).json["is_current"] is True


def test_exchange_that_was_moved_is_not_moved_elsewhere(tmp_path: Path, server: PostgresServer) -> None:
    old = tmp_path / "old"
    assert run("account", "create", "--name", "eve", data_dir=old).code == 0
    with postgres_database(server) as first, postgres_database(server) as second:
        assert transfer(old, first).code == 0

        refused = transfer(old, second)

        assert refused.code == 1
        message = refused.json["error"]["message"]
        assert "was transferred to postgresql://127.0.0.1" in message
        assert (old / "moved").read_text(encoding="utf-8").strip() in message
        with psycopg.connect(second.url) as connection:
            assert connection.execute("SELECT count(*) FROM exchange.journal").fetchone() == (0,)
