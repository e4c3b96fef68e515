"""Today's journal as the old program on the schema of the next one: every test of the contract on expanded tables."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.contract.test_journal import *  # noqa: F403 - the contract itself
from tests.contract.test_journal import JournalStorage, PostgresStorage, SqliteStorage
from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer
from tests.support.revision_chain import EXPAND_EVERYTHING, longer_line
from waiver_exchange.adapters.migrations.lines import EXCHANGE, Line
from waiver_exchange.adapters.migrations.postgres import migrate_database
from waiver_exchange.adapters.migrations.sqlite import bring_up
from waiver_exchange.adapters.sqlite.journal_file import open_writer


@pytest.fixture(scope="module")
def next_line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    return longer_line(EXCHANGE, tmp_path_factory.mktemp("revisions"), (EXPAND_EVERYTHING, 1))


@pytest.fixture(scope="module")
def next_database(shared_server: PostgresServer, next_line: Line) -> Iterator[PostgresDatabase]:
    with postgres_database(shared_server) as database:
        migrate_database(database.owner_url, lines=[next_line])
        yield database


@pytest.fixture(scope="module")
def next_file(tmp_path_factory: pytest.TempPathFactory, next_line: Line) -> Path:
    path = tmp_path_factory.mktemp("next") / "journal.db"
    with closing(open_writer(path)) as connection:
        bring_up(connection, line=next_line, path=path)
    return path


@pytest.fixture(params=["sqlite", "postgres"])  # type: ignore[no-redef]  # instead of the contract's own
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, next_database: PostgresDatabase, next_file: Path
) -> Iterator[JournalStorage]:
    if request.param == "sqlite":
        shutil.copy(next_file, tmp_path)
        yield SqliteStorage(tmp_path / next_file.name)
        return
    # One database for all of them: making another takes longer than most of the tests.
    with psycopg.connect(next_database.administrator_url) as connection:
        connection.execute("SET session_replication_role TO replica")  # past the trigger that keeps the journal
        connection.execute("TRUNCATE exchange.journal")
    yield PostgresStorage(next_database)
