"""Compare the read model in PostgreSQL, row by row, with one that was just built from the journal. Changes neither."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
from psycopg import IsolationLevel, sql
from sqlalchemy import Table

from waiver_exchange.adapters.postgres.failures import explain_failure
from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.adapters.sql.comparing import first_difference
from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES
from waiver_exchange.projections.changes import ReadModelError

_SCHEMA: Final = "read_model"
_FETCH_ROWS: Final = 10_000
_CONNECT_SECONDS_MAX: Final = 5
_ACTION: Final = "compare the read model in PostgreSQL"


class KeptPostgresReadModel:
    """A read model as it was at one moment, whatever a running server writes to it meanwhile.

    The one transaction that sees that moment lasts until `close`; the server cleans nothing up that is newer.
    """

    def __init__(self, url: str) -> None:
        """Look at the tables; `sequence` is their checkpoint, 0 when there is none or another version filled them.

        What another version filled is built anew by the next start, so it is no difference. Raises `ReadModelError`.
        """
        try:
            self._connection = psycopg.connect(
                url, connect_timeout=_CONNECT_SECONDS_MAX, application_name="waiver verify"
            )
        except psycopg.Error as error:
            raise ReadModelError(explain_failure(error, action=_ACTION)) from error
        try:
            self.sequence = self._begin()
        except psycopg.Error as error:
            self.close()
            raise ReadModelError(explain_failure(error, action=_ACTION)) from error

    def difference_from(self, rebuilt: Path) -> str | None:
        """Return the first row that this read model or the rebuilt one at the same checkpoint has alone, or None.

        Raises `ReadModelError`.
        """
        with closing(sqlite3.connect(f"file:{quote(str(rebuilt))}?mode=ro", uri=True)) as other:
            try:
                for table in schema.metadata.sorted_tables:
                    query = _query_of(table)
                    found = first_difference(self._rows(query), other.execute(query), table=table.name)
                    if found is not None:
                        return f"the read model in PostgreSQL, {found}"
            except psycopg.Error as error:
                raise ReadModelError(explain_failure(error, action=_ACTION)) from error
            except SQLITE_FAILURES as error:
                raise ReadModelError(
                    f"The read model that was built to compare with cannot be read. ({error})"
                ) from error
        return None

    def close(self) -> None:
        """Let go of the database; closing again does nothing."""
        self._connection.close()

    def _begin(self) -> int:
        self._connection.isolation_level = IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True
        # The journal is gone through in between, which takes minutes.
        self._connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        self._connection.execute("SET LOCAL statement_timeout = 0")
        self._connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(_SCHEMA)))
        found = self._connection.execute(
            "SELECT sequence FROM exchange, content WHERE version = %s", (schema.SCHEMA_VERSION,)
        )
        row = found.fetchone()
        return 0 if row is None else int(row[0])

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        with self._connection.cursor("compared") as cursor:
            cursor.itersize = _FETCH_ROWS
            cursor.execute(query.encode())
            yield from cursor


def _query_of(table: Table) -> str:
    names = ", ".join(column.name for column in table.columns)
    key = ", ".join(column.name for column in table.primary_key)
    return f"SELECT {names} FROM {table.name} ORDER BY {key}"  # noqa: S608 - names of the schema
