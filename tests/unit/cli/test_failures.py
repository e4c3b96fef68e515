"""What kept an exchange from being opened has the name of the place that is to be looked at."""

from dataclasses import replace
from pathlib import Path

import pytest

from waiver_exchange.adapters.files.data_directory import DataDirectoryError
from waiver_exchange.application.ports import IdentityError, JournalBrokenError, JournalError, PreferencesError
from waiver_exchange.cli.failures import opening_failure
from waiver_exchange.config import Settings
from waiver_exchange.projections.changes import ReadModelError

FILES = Settings(data_dir=Path("data"))
DATABASE = replace(FILES, database_url="postgresql://waiver_service@db/waiver")


@pytest.mark.parametrize("kind", [IdentityError, JournalBrokenError, JournalError, PreferencesError, ReadModelError])
def test_a_store_that_cannot_be_used_is_looked_for_where_it_is(kind: type[Exception]) -> None:
    assert opening_failure(kind("away"), FILES).code == "data_directory_unusable"
    failure = opening_failure(kind("away"), DATABASE)
    assert (failure.code, failure.message, failure.exit_code) == ("database_unusable", "away", 3)


def test_the_data_directory_is_none_of_the_database() -> None:
    assert opening_failure(DataDirectoryError("full"), DATABASE).code == "data_directory_unusable"
