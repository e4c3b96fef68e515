"""Bring what an exchange keeps up to this program, wherever it keeps it."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.migrations.access import Roles
from waiver_exchange.adapters.migrations.compatibility import SchemaError
from waiver_exchange.adapters.migrations.lines import EXCHANGE, IDENTITY, PREFERENCES, Revision
from waiver_exchange.adapters.migrations.postgres import migrate_database, pending_revisions, place_of
from waiver_exchange.adapters.migrations.sqlite import check_file, read_state
from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES, explain_failure
from waiver_exchange.bootstrap.backend import open_backend
from waiver_exchange.config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrations:
    """What a database lacks, or what was done to it; `place` names it without a password."""

    place: str
    revisions: list[Revision] = field(default_factory=list)


def roles_of(settings: Settings, *, service: str | None, reader: str | None) -> Roles:
    """Return the names of the roles: those given, or the user in the service's address, or the usual ones."""
    address = urlsplit(settings.database_url)
    defaults = Roles()
    name = unquote(address.username or "")
    password = unquote(address.password or "") if service in {None, name} else ""
    return Roles(
        service=service or name or defaults.service,
        reader=reader or defaults.reader,
        service_password=password or None,
    )


def migrate_postgres(owner_url: str, *, roles: Roles, report: Callable[[str], None]) -> Migrations:
    """Bring a PostgreSQL database up as its owner. Raises what `migrate_database` raises."""
    return Migrations(place=place_of(owner_url), revisions=migrate_database(owner_url, roles=roles, report=report))


def pending_in_postgres(url: str) -> Migrations:
    """Return what a PostgreSQL database lacks, as its owner or as the service. Raises `DatabaseUnreachableError`."""
    return Migrations(place=place_of(url), revisions=pending_revisions(url))


async def migrate_data_directory(settings: Settings) -> Migrations:
    """Bring the files of a data directory up; the caller holds its lock. Raises what `open_backend` raises."""
    found = await asyncio.to_thread(pending_in_data_directory, settings)
    backend = await open_backend(settings)  # whoever opens a file for writing brings it up
    await backend.close()
    return found


def pending_in_data_directory(settings: Settings) -> Migrations:
    """Return what the files of a data directory lack, also while a server uses them. Raises `SchemaError`."""
    directory = DataDirectory(settings.data_dir)
    files = ((EXCHANGE, directory.journal), (IDENTITY, directory.identity), (PREFERENCES, directory.preferences))
    found = Migrations(place=str(settings.data_dir))
    for line, path in files:
        if not path.exists():
            continue
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                check_file(connection, line=line, path=path)
                state = read_state(connection)
        except SQLITE_FAILURES as error:
            raise SchemaError(explain_failure(error, action="read", path=path)) from error
        found.revisions.extend(line.behind(0 if state is None else state.revision))
    return found
