"""Today's journal as the old program on the schema of the next one: every test of the contract on expanded tables."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.contract.test_journal import *  # noqa: F403 - the contract itself
from tests.contract.test_journal import JournalStorage, SqliteStorage
from tests.support.revision_chain import EXPAND_EVERYTHING, longer_line
from waiver_exchange.adapters.migrations.lines import EXCHANGE
from waiver_exchange.adapters.migrations.sqlite import bring_up
from waiver_exchange.adapters.sqlite.journal_file import open_writer


@pytest.fixture
def storage(tmp_path: Path) -> JournalStorage:  # type: ignore[no-redef]  # instead of the contract's own
    path, folder = tmp_path / "journal.db", tmp_path / "revisions"
    folder.mkdir()
    with closing(open_writer(path)):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        bring_up(connection, line=longer_line(EXCHANGE, folder, (EXPAND_EVERYTHING, 1)), path=path)
    return SqliteStorage(path)
