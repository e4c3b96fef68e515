"""Expand, migrate, contract on a real PostgreSQL: today's program is the old one, revisions of the test are the new."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer, running_postgres
from tests.support.revision_chain import EXPAND_EVERYTHING, longer_line
from waiver_exchange.adapters.migrations.compatibility import SchemaError
from waiver_exchange.adapters.migrations.lines import EXCHANGE, READ_MODEL, Line
from waiver_exchange.adapters.migrations.postgres import (
    LOCK_KEY,
    DatabaseUnreachableError,
    MigrationInProgressError,
    check_database,
    migrate_database,
    pending_revisions,
)

NEXT = EXCHANGE.head + 1
# Moves rows in batches and tells of each, as a long revision does.
MOVE_ROWS = 'report("moved 2 of 2 rows")\nop.execute("UPDATE snapshots SET added_later = \'moved\'")'
CONTRACT = 'op.drop_column("snapshots", "state")'
SLOW = 'op.execute("INSERT INTO journal_probe SELECT 1, chain FROM journal")\nop.execute("SELECT pg_sleep(60)")'


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    with postgres_database(server) as made:
        with psycopg.connect(made.url) as connection:
            connection.execute("INSERT INTO exchange.journal VALUES (1, 1, 0, NULL, '', '', sha256(''))")
        yield made


def test_old_program_starts_on_an_expanded_schema(database: PostgresDatabase, tmp_path: Path) -> None:
    told: list[str] = []
    new = longer_line(EXCHANGE, tmp_path, (EXPAND_EVERYTHING, 1), (MOVE_ROWS, 1))

    done = migrate_database(database.owner_url, lines=[new], report=told.append)

    assert [revision.number for revision in done] == [NEXT, NEXT + 1]
    assert "moved 2 of 2 rows" in told
    assert check_database(database.url, lines=[EXCHANGE]) == []
    assert pending_revisions(database.url, lines=[EXCHANGE]) == []
    assert migrate_database(database.owner_url, lines=[EXCHANGE]) == []


def test_old_program_refuses_a_contracted_schema(database: PostgresDatabase, tmp_path: Path) -> None:
    new = longer_line(EXCHANGE, tmp_path, (EXPAND_EVERYTHING, 1), (CONTRACT, NEXT))
    migrate_database(database.owner_url, lines=[new])
    sentence = f"needs a program that knows revision {NEXT}; this one knows {EXCHANGE.head}: install the newer version"
    with pytest.raises(SchemaError, match=sentence):
        check_database(database.url, lines=[EXCHANGE])
    with pytest.raises(SchemaError, match=sentence):
        migrate_database(database.owner_url, lines=[EXCHANGE])
    assert check_database(database.url, lines=[new]) == []


def test_new_program_runs_on_the_old_schema_until_it_is_migrated(database: PostgresDatabase, tmp_path: Path) -> None:
    new = longer_line(EXCHANGE, tmp_path, (EXPAND_EVERYTHING, 1))
    assert [revision.number for revision in check_database(database.url, lines=[new])] == [NEXT]


def test_new_program_that_needs_the_new_schema_says_what_to_do(database: PostgresDatabase, tmp_path: Path) -> None:
    new = longer_line(EXCHANGE, tmp_path, (EXPAND_EVERYTHING, 1), oldest_schema=NEXT)
    with pytest.raises(SchemaError, match="run `waiver migrate`"):
        check_database(database.url, lines=[new])
    migrate_database(database.owner_url, lines=[new])
    assert check_database(database.url, lines=[new]) == []


def test_two_runs_do_not_collide(database: PostgresDatabase) -> None:
    told: list[str] = []
    with psycopg.connect(database.owner_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
        with pytest.raises(MigrationInProgressError, match="wait for its end"):
            migrate_database(database.owner_url, report=told.append, lock_wait_seconds=0.0)
    assert migrate_database(database.owner_url) == []


def test_revision_that_fails_leaves_nothing(database: PostgresDatabase, tmp_path: Path) -> None:
    new = longer_line(EXCHANGE, tmp_path, (EXPAND_EVERYTHING, 1), (f"{CONTRACT}\nraise ValueError", 1))
    with pytest.raises(ValueError):  # noqa: PT011 - the revision's own
        migrate_database(database.owner_url, lines=[new])
    assert [revision.number for revision in pending_revisions(database.url, lines=[new])] == [NEXT + 1]
    with psycopg.connect(database.url) as connection:
        connection.execute("SELECT state FROM exchange.snapshots")


def test_run_that_was_killed_is_run_again(database: PostgresDatabase, tmp_path: Path) -> None:
    for name in ("slow", "quick"):
        (tmp_path / name).mkdir()
    slow = longer_line(EXCHANGE, tmp_path / "slow", (SLOW, 1))
    quick = longer_line(EXCHANGE, tmp_path / "quick", (SLOW.replace("60", "0"), 1))

    _kill_in_the_middle(database, slow)

    assert [revision.number for revision in migrate_database(database.owner_url, lines=[quick])] == [NEXT]
    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT id FROM exchange.journal_probe").fetchall() == [(1,)]


def _kill_in_the_middle(database: PostgresDatabase, line: Line) -> None:
    """Run a migration in a process of its own and kill it while its statement sleeps."""
    script = (
        "from pathlib import Path\n"
        "from waiver_exchange.adapters.migrations.lines import Line\n"
        "from waiver_exchange.adapters.migrations.postgres import migrate_database\n"
        f"migrate_database({database.owner_url!r}, lines=[Line(name={line.name!r}, folder=Path({str(line.folder)!r}))])"
    )
    process = subprocess.Popen([sys.executable, "-c", script])  # noqa: S603 - our own
    try:
        with psycopg.connect(database.administrator_url, autocommit=True) as connection:
            _wait_for(
                connection,
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()",
                1,
            )
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            _wait_for(connection, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'waiver_owner'", 0)
    finally:
        process.kill()
        process.wait(10)


def _wait_for(connection: psycopg.Connection, query: str, count: int) -> None:
    for _ in range(300):
        if connection.execute(query.encode()).fetchone() == (count,):
            return
        connection.execute("SELECT pg_sleep(0.1)")
    pytest.fail(f"still not {count}: {query}")


VIEW_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'reporting'"
DROP_SHOWN = 'op.drop_column("quotes", "bid_cents")'


def view_columns(database: PostgresDatabase) -> list[str]:
    with psycopg.connect(database.administrator_url) as connection:
        return sorted(name for (name,) in connection.execute(VIEW_COLUMNS).fetchall())


def test_a_column_that_a_view_shows_can_go(database: PostgresDatabase, tmp_path: Path) -> None:
    before = view_columns(database)
    new = longer_line(READ_MODEL, tmp_path, (DROP_SHOWN, READ_MODEL.head + 1))

    migrate_database(database.owner_url, lines=[new])

    before.remove("bid_cents")
    assert view_columns(database) == before
    with psycopg.connect(database.reader_url) as connection:
        connection.execute("SELECT * FROM reporting.quotes")


def test_views_stay_when_a_revision_fails(database: PostgresDatabase, tmp_path: Path) -> None:
    before = view_columns(database)
    new = longer_line(READ_MODEL, tmp_path, (f"{DROP_SHOWN}\nop.execute('SELECT 1 / 0')", READ_MODEL.head + 1))

    with pytest.raises(DatabaseUnreachableError):
        migrate_database(database.owner_url, lines=[new])

    assert view_columns(database) == before
    with psycopg.connect(database.reader_url) as connection:
        connection.execute("SELECT * FROM reporting.quotes")
