"""The lines on SQLite files: stamped when their frozen scripts have run, then brought up by revisions."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from waiver_exchange.adapters.migrations.compatibility import (
    NO_SCHEMA,
    OLDEST_PROGRAM_DDL,
    OLDEST_PROGRAM_TABLE,
    OLDEST_PROGRAM_UPSERT,
    VERSION_TABLE,
    SchemaState,
    check_state,
)
from waiver_exchange.adapters.migrations.lines import Line

# What a file's user_version becomes when a revision took something away that older programs need: those of before there
# were revisions then say that the file was written by a newer version.
CONTRACTED_USER_VERSION: Final = 1_000_000
_FIRST: Final = 1
_STAMP: Final = (
    # As Alembic makes it.
    "CREATE TABLE alembic_version (version_num VARCHAR(32) CONSTRAINT alembic_version_pkc PRIMARY KEY NOT NULL)",
    "INSERT INTO alembic_version (version_num) VALUES ('0001')",
    OLDEST_PROGRAM_DDL,
    OLDEST_PROGRAM_UPSERT.format(_FIRST),
)


def read_state(connection: sqlite3.Connection) -> SchemaState | None:
    """Return what a file says of itself; None when it was never stamped. Raises `sqlite3.Error`."""
    with closing(connection.execute("SELECT name FROM sqlite_master WHERE name = ?", (VERSION_TABLE,))) as cursor:
        if cursor.fetchone() is None:
            return None
    query = f"SELECT CAST(version_num AS INTEGER), revision FROM {VERSION_TABLE}, {OLDEST_PROGRAM_TABLE}"  # noqa: S608 - our own names
    with closing(connection.execute(query)) as cursor:
        found = cursor.fetchone()
    return NO_SCHEMA if found is None else SchemaState(revision=int(found[0]), oldest_program=int(found[1]))


def check_file(connection: sqlite3.Connection, *, line: Line, path: Path) -> None:
    """Check that this program may read a file as it is. Raises `SchemaError`, `sqlite3.Error`."""
    state = read_state(connection)
    if state is not None:
        check_state(state, line=line, place=str(path))


def bring_up(
    connection: sqlite3.Connection, *, line: Line, path: Path, report: Callable[[str], None] = lambda _: None
) -> None:
    """Stamp a file that the line's frozen scripts made or brought up, and run the revisions that it lacks.

    The connection has `isolation_level=None` and no transaction under way; others wait meanwhile. Raises `SchemaError`
    for a file of a newer program, `sqlite3.Error`.
    """
    state = read_state(connection)
    if state is None:
        state = _stamp(connection)
    if state.oldest_program > line.head:
        check_state(state, line=line, place=str(path))
    behind = line.behind(state.revision)
    if behind:
        from waiver_exchange.adapters.migrations.sqlite_running import run_on_file  # noqa: PLC0415 - slow to load

        run_on_file(connection, line=line, revisions=behind, report=report)


def _stamp(connection: sqlite3.Connection) -> SchemaState:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _STAMP:
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return SchemaState(revision=_FIRST, oldest_program=_FIRST)
