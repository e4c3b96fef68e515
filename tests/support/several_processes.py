"""The acceptance tests on several processes and PostgreSQL: `TEST_WORKERS=2 pytest tests/acceptance/...`.

Each data directory gets a database of its own, which every command on that directory is told of.
"""

import atexit
import os
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final

from tests.support.postgres_database import postgres_database
from tests.support.postgres_server import PostgresServer, running_postgres

WORKERS: Final = int(os.environ.get("TEST_WORKERS", "0"))

_held: Final = ExitStack()
atexit.register(_held.close)


def settings_of(data_dir: Path, *, workers: int = WORKERS) -> dict[str, str]:
    """Return the settings that several processes on a data directory need; none for one process."""
    return {"WAIVER_DATABASE_URL": _url_of(data_dir), "WAIVER_WORKERS": str(workers)} if workers else {}


@cache
def postgres() -> PostgresServer:
    """Return the server of all these databases."""
    return _held.enter_context(running_postgres())


@cache
def _url_of(data_dir: Path) -> str:
    del data_dir  # it only says for whom
    return _held.enter_context(postgres_database(postgres())).url
