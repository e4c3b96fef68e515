"""One PostgreSQL for the tests of a process, started when the first one asks for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer, running_postgres

MakeDatabase = Callable[[], PostgresDatabase]


@pytest.fixture(scope="session")
def shared_server() -> Iterator[PostgresServer]:
    # What is lost with the power is not asked here.
    with running_postgres(fsync="off") as server:
        yield server


@pytest.fixture
def make_database(shared_server: PostgresServer) -> Iterator[MakeDatabase]:
    """Make databases that last as long as the test."""
    with ExitStack() as made:
        yield lambda: made.enter_context(postgres_database(shared_server))
