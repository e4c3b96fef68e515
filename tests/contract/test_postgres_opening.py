"""What stays open when an exchange on PostgreSQL cannot be opened as a whole: nothing; and what its end says."""

from pathlib import Path

import psycopg
import pytest

from tests.contract.conftest import MakeDatabase
from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer
from waiver_exchange.adapters.postgres.leadership import SecondEngineError
from waiver_exchange.application.ports import (
    IdentityError,
    JournalError,
    PreferencesError,
    UnfitJournalError,
    WrongJournalError,
)
from waiver_exchange.bootstrap import exchange, open_exchange, postgres
from waiver_exchange.bootstrap.backend import open_journal
from waiver_exchange.cli.failures import opening_failure
from waiver_exchange.cli.serving.engine import exit_code_of
from waiver_exchange.config import Settings

SESSIONS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
AND application_name LIKE 'waiver %'
"""


_Part = tuple[object, str, Exception]


@pytest.fixture
def database(make_database: MakeDatabase) -> PostgresDatabase:
    return make_database()


def settings_of(database: PostgresDatabase, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, database_url=database.url)


def failing(error: Exception) -> object:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


async def is_left_alone(database: PostgresDatabase) -> bool:
    """Whether nobody is connected any more; the server may need a moment to notice."""
    async with await psycopg.AsyncConnection.connect(database.administrator_url, autocommit=True) as connection:
        for _ in range(200):
            found = await (await connection.execute(SESSIONS)).fetchone()
            if found == (0,):
                return True
            await connection.execute("SELECT pg_sleep(0.05)")
    return False


@pytest.mark.parametrize(
    "failing_part",
    [
        (postgres, "open_identity_stores", IdentityError("no")),
        (postgres, "open_preferences_store", PreferencesError("no")),
        (exchange, "recover_engine", JournalError("no")),
        (exchange, "check_identity", IdentityError("no")),
    ],
)
async def test_what_was_opened_before_is_closed(
    database: PostgresDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing_part: tuple[object, str, Exception],
) -> None:
    place, name, error = failing_part
    settings = settings_of(database, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(place, name, failing(error))
        with pytest.raises(type(error), match="no"):
            await open_exchange(settings)
    assert await is_left_alone(database)
    await (await open_exchange(settings)).close()


async def test_an_exchange_in_files_is_not_passed_over_for_an_empty_database(
    database: PostgresDatabase, tmp_path: Path
) -> None:
    await (await open_journal(Settings(data_dir=tmp_path), read_only=False)).close()
    with pytest.raises(WrongJournalError, match="waiver transfer"):
        await open_journal(settings_of(database, tmp_path), read_only=False)
    assert await is_left_alone(database)


async def test_a_database_without_tables_is_for_the_operator_to_mend(
    shared_server: PostgresServer, tmp_path: Path
) -> None:
    with (
        postgres_database(shared_server, is_migrated=False) as bare,
        pytest.raises(UnfitJournalError, match="waiver migrate"),
    ):
        await open_journal(settings_of(bare, tmp_path), read_only=False)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WrongJournalError("another exchange"), 2),
        (UnfitJournalError("no tables"), 3),
        (SecondEngineError(holder="another", place="there"), 76),
        (JournalError("no answer"), 75),
        (IdentityError("no answer"), 75),
    ],
)
def test_an_engine_says_whether_to_start_it_again(error: Exception, code: int) -> None:
    failure = opening_failure(error, Settings(data_dir=Path("data")))
    failure.__cause__ = error
    assert exit_code_of(failure) == code
