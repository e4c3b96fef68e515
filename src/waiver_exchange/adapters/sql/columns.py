"""Bytes as they are, and inserting with a rule for what is there already, on both databases."""

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import UserDefinedType


class Bytes(UserDefinedType[bytes]):
    """A column of bytes that are handed on as the driver gives them.

    SQLite keeps any type in any column: who opens a sealed value finds out what is no bytes.
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:  # noqa: ANN401 - the library's own signature
        """Return its name in PostgreSQL."""
        return "BYTEA"


def insert_into(connection: Connection, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """Return an insert that can be given an ON CONFLICT, in the form of the connection's database."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def has_inserted(connection: Connection, statement: "postgresql.Insert | sqlite.Insert") -> bool:
    """Run an insert of one row that does nothing on a conflict; return whether it was inserted."""
    done = connection.execute(statement.on_conflict_do_nothing(), execution_options={"preserve_rowcount": True})
    return done.rowcount == 1
