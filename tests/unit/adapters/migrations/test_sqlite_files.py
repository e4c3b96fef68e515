"""The revisions on SQLite files: of before there were any, of now, and of the next programs."""

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from tests.support.revision_chain import EXPAND_EVERYTHING, longer_line
from waiver_exchange.adapters.migrations.compatibility import SchemaError, SchemaState
from waiver_exchange.adapters.migrations.lines import EXCHANGE, Line
from waiver_exchange.adapters.migrations.sqlite import CONTRACTED_USER_VERSION, bring_up, check_file, read_state
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.application.ports import JournalError

NEXT = EXCHANGE.head + 1
CONTRACT = 'op.drop_table("journal_probe")'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal as the programs of before revisions made it."""
    made = tmp_path / "journal.db"
    schema = resources.files("waiver_exchange.adapters.sqlite").joinpath("journal.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(made)) as connection:
        connection.executescript(schema)
        connection.execute("INSERT INTO journal VALUES (1, 1, 0, NULL, x'', x'', zeroblob(32))")
        connection.commit()
    return made


def _bring_up(path: Path, line: Line) -> SchemaState | None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        bring_up(connection, line=line, path=path)
        return read_state(connection)


async def test_file_of_before_revisions_is_stamped_when_it_is_opened_for_writing(path: Path) -> None:
    reader = SqliteJournal.open(path, read_only=True)
    await reader.close()
    with closing(sqlite3.connect(path)) as connection:
        assert read_state(connection) is None

    journal = SqliteJournal.open(path)
    assert len(await journal.read(after=0, limit=10)) == 1
    await journal.close()

    with closing(sqlite3.connect(path)) as connection:
        assert read_state(connection) == SchemaState(revision=1, oldest_program=1)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


async def test_old_program_opens_an_expanded_file(path: Path, tmp_path: Path) -> None:
    new = longer_line(EXCHANGE, tmp_path, (EXPAND_EVERYTHING, 1))
    assert _bring_up(path, new) == SchemaState(revision=NEXT, oldest_program=1)
    journal = SqliteJournal.open(path)
    assert len(await journal.read(after=0, limit=10)) == 1
    await journal.close()


def test_old_program_refuses_a_contracted_file(path: Path, tmp_path: Path) -> None:
    _bring_up(path, longer_line(EXCHANGE, tmp_path, (EXPAND_EVERYTHING, 1), (CONTRACT, NEXT)))
    for read_only in (True, False):
        with pytest.raises(JournalError, match="install the newer version"):
            SqliteJournal.open(path, read_only=read_only)
    with closing(sqlite3.connect(path)) as connection:
        # What programs of before revisions look at: "it was written by a newer version: install that one".
        assert connection.execute("PRAGMA user_version").fetchone() == (CONTRACTED_USER_VERSION,)


def test_reader_of_a_program_that_needs_more_says_what_to_do(path: Path, tmp_path: Path) -> None:
    _bring_up(path, EXCHANGE)
    new = longer_line(EXCHANGE, tmp_path, (EXPAND_EVERYTHING, 1), oldest_schema=NEXT)
    with closing(sqlite3.connect(path)) as connection, pytest.raises(SchemaError, match="run `waiver migrate`"):
        check_file(connection, line=new, path=path)


def test_revision_that_fails_leaves_nothing_and_is_run_again(path: Path, tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    broken = longer_line(EXCHANGE, tmp_path, (f"{EXPAND_EVERYTHING}\nraise ValueError", 1))
    with pytest.raises(ValueError):  # noqa: PT011 - the revision's own
        _bring_up(path, broken)
    with closing(sqlite3.connect(path)) as connection:
        assert read_state(connection) == SchemaState(revision=1, oldest_program=1)
        assert "added_later" not in [name for _, name, *_ in connection.execute("PRAGMA table_info(journal)")]
    good = longer_line(EXCHANGE, tmp_path / "good", (EXPAND_EVERYTHING, 1))
    assert _bring_up(path, good) == SchemaState(revision=NEXT, oldest_program=1)
