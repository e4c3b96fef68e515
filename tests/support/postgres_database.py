"""A freshly migrated database for each test: a template is migrated once for a server, and copied (some 50 ms)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final

import psycopg
from psycopg import sql

from tests.support.postgres_server import ADMINISTRATOR, PostgresServer
from waiver_exchange.adapters.migrations.access import Roles
from waiver_exchange.adapters.migrations.postgres import migrate_database

OWNER: Final = "waiver_owner"
ROLES: Final = Roles()
_TEMPLATE: Final = "waiver_template"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresDatabase:
    """A database of the test's own; the server trusts everybody, so no address holds a password."""

    server: PostgresServer
    name: str

    @property
    def url(self) -> str:
        """Its address for the service."""
        return self.server.url_of(self.name, user=ROLES.service)

    @property
    def owner_url(self) -> str:
        """Its address for migrations."""
        return self.server.url_of(self.name, user=OWNER)

    @property
    def reader_url(self) -> str:
        """Its address for who looks at views only."""
        return self.server.url_of(self.name, user=ROLES.reader)

    @property
    def administrator_url(self) -> str:
        """Its address for a superuser, who plays faults."""
        return self.server.url_of(self.name, user=ADMINISTRATOR)


@contextmanager
def postgres_database(server: PostgresServer, *, is_migrated: bool = True) -> Iterator[PostgresDatabase]:
    """Give a database for the block; `server` is one of `running_postgres`, best one for a whole module.

        @pytest.fixture(scope="module")
        def server() -> Iterator[PostgresServer]:
            with running_postgres() as running:
                yield running

        @pytest.fixture
        def database(server: PostgresServer) -> Iterator[PostgresDatabase]:
            with postgres_database(server) as made:
                yield made

    Not migrated it is empty and belongs to the owner role.
    """
    template = _migrated_template(server) if is_migrated else "template0"
    name = server.create_database(template=template, owner=_owner(server))
    try:
        yield PostgresDatabase(server=server, name=name)
    finally:
        _drop(server, name)


@cache
def _owner(server: PostgresServer) -> str:
    """Make the owner's role, once for a server."""
    server.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(sql.Identifier(OWNER)))
    return OWNER


@cache
def _migrated_template(server: PostgresServer) -> str:
    """Make the template, once for a server."""
    server.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 OWNER {}").format(
            sql.Identifier(_TEMPLATE), sql.Identifier(_owner(server))
        )
    )
    migrate_database(server.url_of(_TEMPLATE, user=OWNER), roles=ROLES)
    return _TEMPLATE


def _drop(server: PostgresServer, name: str) -> None:
    """Drop it, unless the test has left the server dead: its folder goes anyway."""
    try:
        server.drop_database(name)
    except psycopg.OperationalError:
        return
