"""The lines on a PostgreSQL database: what is pending, bringing it up as its owner, checking it as anybody."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from waiver_exchange.adapters.migrations.access import Roles, find_excess, lay_rights, prepare_roles
from waiver_exchange.adapters.migrations.compatibility import (
    NO_SCHEMA,
    OLDEST_PROGRAM_DDL,
    OLDEST_PROGRAM_TABLE,
    VERSION_TABLE,
    SchemaError,
    SchemaState,
    check_state,
)
from waiver_exchange.adapters.migrations.lines import LINES, Line, Revision
from waiver_exchange.adapters.migrations.views import drop_views

SERVER_VERSION_MIN: Final = 15
# The same for every version of the program: two of them must not collide either. It spells "WXMG".
LOCK_KEY: Final = 0x57584D47
LOCK_WAIT_SECONDS: Final = 60.0
_LOCK_POLL_SECONDS: Final = 0.2
_CONNECT_SECONDS_MAX: Final = 10


class DatabaseUnreachableError(Exception):
    """The database could not be reached or refused a statement; the message says why, without the password."""


class MigrationInProgressError(Exception):
    """Another `waiver migrate` has the database; the message says what to do."""


def migrate_database(
    owner_url: str,
    *,
    roles: Roles | None = None,
    lines: Sequence[Line] = LINES,
    report: Callable[[str], None] = lambda _: None,
    lock_wait_seconds: float = LOCK_WAIT_SECONDS,
) -> list[Revision]:
    """Bring a database up to this program's revisions, as its owner, and lay everybody's rights; return what was run.

    Interrupted, it can be run again. Raises `SchemaError`, `RolesMissingError`, `MigrationInProgressError`,
    `DatabaseUnreachableError`.
    """
    with _connected(owner_url, is_owner=True) as connection:
        _check_server(connection)
        _take_lock(connection, seconds=lock_wait_seconds, report=report)
        chosen = roles or Roles()
        prepare_roles(connection, chosen)
        try:
            run = _run_lines(connection, owner_url, lines=lines, report=report)
        except BaseException:
            # Who looks at views keeps them, also where a revision failed.
            with suppress(psycopg.Error):
                connection.rollback()
                lay_rights(connection, chosen)
            raise
        lay_rights(connection, chosen)
        for warning in find_excess(connection, chosen):
            report(warning)
        return run


def _run_lines(
    connection: psycopg.Connection, owner_url: str, *, lines: Sequence[Line], report: Callable[[str], None]
) -> list[Revision]:
    """Apply what each line lacks, while there is no view: one holds on to the columns that it shows."""
    run: list[Revision] = []
    for line in lines:
        state = _read_state(connection, line)
        if state.oldest_program > line.head:
            check_state(state, line=line, place="the database")
        behind = line.behind(state.revision)
        _prepare_schema(connection, line)
        if behind:
            from waiver_exchange.adapters.migrations.postgres_running import run_on_schema  # noqa: PLC0415 - slow

            drop_views(connection)
            connection.commit()
            run_on_schema(owner_url, line=line, revisions=behind, report=report)
        run += behind
    return run


def pending_revisions(url: str, *, lines: Sequence[Line] = LINES) -> list[Revision]:
    """Return what a database lacks, as anybody who may read it. Raises `DatabaseUnreachableError`."""
    with _connected(url) as connection:
        return [revision for line in lines for revision in line.behind(_read_state(connection, line).revision)]


def check_database(url: str, *, lines: Sequence[Line] = LINES, is_served: bool = True) -> list[Revision]:
    """Check that this program runs on a database; return what it lacks though it runs. Blocks for some milliseconds.

    With `is_served` it may not be one into which a transfer has not come to its end. Raises `SchemaError`,
    `DatabaseUnreachableError`.
    """
    with _connected(url) as connection:
        _check_server(connection)
        states = {line.name: _read_state(connection, line) for line in lines}
        if all(states[line.name] == NO_SCHEMA for line in lines):
            raise SchemaError("The database holds no exchange yet: run `waiver migrate`.")
        for line in lines:
            check_state(states[line.name], line=line, place="the database")
        if is_served and _has_unfinished_transfer(connection):
            raise SchemaError("A transfer into this database has not come to its end: run `waiver transfer` again.")
        return [revision for line in lines for revision in line.behind(states[line.name].revision)]


def place_of(url: str) -> str:
    """Return where a database is, without user and password."""
    address = urlsplit(url)
    return f"postgresql://{address.netloc.rpartition('@')[2] or 'localhost'}{address.path}"


@contextmanager
def _connected(url: str, *, is_owner: bool = False) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(
            url, connect_timeout=_CONNECT_SECONDS_MAX, application_name="waiver migrate"
        ) as connection:
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        hint = " Migrations need the owner of the database: name it in WAIVER_DATABASE_OWNER_URL." if is_owner else ""
        raise DatabaseUnreachableError(f"PostgreSQL refused: {str(error).strip()}.{hint}") from error
    except psycopg.Error as error:
        if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
            # Of libpq about the address, of which it quotes a part that may be of the password.
            raise DatabaseUnreachableError("The address of the database cannot be read.") from None
        raise DatabaseUnreachableError(f"PostgreSQL refused or was not reached: {str(error).strip()}") from error


def _check_server(connection: psycopg.Connection) -> None:
    version = connection.info.server_version // 10_000
    if version < SERVER_VERSION_MIN:
        raise SchemaError(f"The database server is PostgreSQL {version}; {SERVER_VERSION_MIN} or later is needed.")


def _take_lock(connection: psycopg.Connection, *, seconds: float, report: Callable[[str], None]) -> None:
    """Take the lock of migrations for as long as the connection lives."""
    end = time.monotonic() + seconds
    is_first = True
    while connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone() != (True,):
        if time.monotonic() >= end:
            raise MigrationInProgressError(
                "Another `waiver migrate` is at work on this database; wait for its end, and run this again."
            )
        if is_first:
            report("another `waiver migrate` is at work on this database; waiting for its end")
        is_first = False
        connection.rollback()
        time.sleep(_LOCK_POLL_SECONDS)
    connection.commit()


def _read_state(connection: psycopg.Connection, line: Line) -> SchemaState:
    found = connection.execute(
        "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename IN (%s, %s)",
        (line.name, VERSION_TABLE, OLDEST_PROGRAM_TABLE),
    ).fetchone()
    if found != (2,):
        return NO_SCHEMA
    schema = sql.Identifier(line.name)
    row = connection.execute(
        sql.SQL("SELECT version_num::integer, revision FROM {}.{}, {}.{}").format(
            schema, sql.Identifier(VERSION_TABLE), schema, sql.Identifier(OLDEST_PROGRAM_TABLE)
        )
    ).fetchone()
    connection.rollback()
    return NO_SCHEMA if row is None else SchemaState(revision=row[0], oldest_program=row[1])


def _has_unfinished_transfer(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT 1 FROM exchange.transfer WHERE finished_at IS NULL").fetchone() is not None


def _prepare_schema(connection: psycopg.Connection, line: Line) -> None:
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(line.name)))
    connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(line.name)))
    connection.execute(OLDEST_PROGRAM_DDL)
    connection.commit()
