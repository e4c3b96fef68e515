"""Migrations on a real PostgreSQL."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer, running_postgres
from waiver_exchange.adapters.migrations.compatibility import SchemaError
from waiver_exchange.adapters.migrations.lines import LINES
from waiver_exchange.adapters.migrations.postgres import check_database, migrate_database, pending_revisions


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def empty(server: PostgresServer) -> Iterator[PostgresDatabase]:
    with postgres_database(server, is_migrated=False) as made:
        yield made


@pytest.fixture
def database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    with postgres_database(server) as made:
        yield made


def test_an_empty_database_is_brought_up_once(empty: PostgresDatabase) -> None:
    every = [revision for line in LINES for revision in line.revisions]
    assert pending_revisions(empty.owner_url) == every
    with pytest.raises(SchemaError, match="run `waiver migrate`"):
        check_database(empty.owner_url)
    told: list[str] = []

    assert migrate_database(empty.owner_url, report=told.append) == every
    assert migrate_database(empty.owner_url) == []

    assert len(told) == 2 * len(every)
    assert pending_revisions(empty.url) == []
    assert check_database(empty.url) == []


def test_a_copy_of_the_template_has_one_row_of_leadership_and_no_journal(database: PostgresDatabase) -> None:
    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT epoch FROM exchange.leadership").fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM exchange.journal").fetchone() == (0,)
