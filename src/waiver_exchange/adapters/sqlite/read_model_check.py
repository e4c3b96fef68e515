"""Compare a read model's file, row by row, with one that was just built from the journal. Changes neither."""

import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.adapters.sql.comparing import first_difference
from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES

_TABLES: Final = tuple(table for table in schema.metadata.sorted_tables)


class KeptSqliteReadModel:
    """A read model as it is now, whatever a running server writes to it meanwhile."""

    def __init__(self, path: Path) -> None:
        """Look at the file; `sequence` is its checkpoint, 0 when there is none or it cannot be read at all.

        What cannot be read is built anew by the next start, so it is no difference.
        """
        self._connection: sqlite3.Connection | None = None
        self.sequence = 0
        if not path.exists():
            return
        try:
            self._connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
            self._connection.execute("BEGIN")
            row = self._connection.execute("SELECT sequence FROM exchange").fetchone()
        except SQLITE_FAILURES:
            self.close()
            return
        self.sequence = int(row[0]) if row else 0

    def difference_from(self, rebuilt: Path) -> str | None:
        """Return the first row that this read model or the rebuilt one at the same checkpoint has alone, or None."""
        if self._connection is None:
            return None
        with sqlite3.connect(f"file:{quote(str(rebuilt))}?mode=ro", uri=True, isolation_level=None) as other:
            for table in _TABLES:
                found = _table_difference(self._connection, other, table.name, [c.name for c in table.columns])
                if found is not None:
                    return found
        return None

    def close(self) -> None:
        """Let go of the file; closing again does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _table_difference(
    kept: sqlite3.Connection, rebuilt: sqlite3.Connection, table: str, columns: list[str]
) -> str | None:
    names = ", ".join(f'"{name}"' for name in columns)
    # Both sides come in the order of the first columns, which are the key.
    query = f"SELECT {names} FROM {table} ORDER BY {names}"  # noqa: S608 - names of the schema
    try:
        found = first_difference(kept.execute(query), rebuilt.execute(query), table=table)
    except SQLITE_FAILURES as error:
        return f"read_model.db, table {table}: it cannot be read ({error})"
    return None if found is None else f"read_model.db, {found}"
