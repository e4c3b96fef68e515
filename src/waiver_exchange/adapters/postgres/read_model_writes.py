"""How changes get into PostgreSQL: by COPY, which is the quickest way there is and costs the sender the least.

Facts are copied into their tables. What may be known already is copied into temporary tables and written from there in
one statement each. That is exactly once, because the transaction begins by taking the checkpoint's row for itself.
"""

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from waiver_exchange.adapters.sql import read_model_reads as reads
from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.adapters.sql.read_model_rows import (
    WRITINGS,
    Writing,
    changed_columns,
    check_follows,
    checkpoint_row,
    empty_checkpoint_row,
)
from waiver_exchange.projections.changes import ReadModelChanges

# Which version of the program filled the tables; one row. An SQLite file has a number for that in its head.
content_metadata: Final = MetaData()
content: Final = Table(
    "content",
    content_metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)
_CONTENT_ID: Final = 1


def read_version(connection: Connection) -> int | None:
    """Return by which version the tables were filled, None when they never were; in the caller's transaction."""
    found: int | None = connection.execute(select(content.c.version)).scalar()
    return found


def empty(connection: Connection) -> None:
    """Leave only the checkpoint of an exchange in which nothing happened; in the caller's transaction."""
    names = ", ".join(table.name for table in (*schema.metadata.sorted_tables, content))
    connection.exec_driver_sql(f"TRUNCATE {names}")
    connection.execute(insert(content), {"id": _CONTENT_ID, "version": schema.SCHEMA_VERSION})
    connection.execute(insert(schema.exchange), _exchange_values(empty_checkpoint_row()))


def store_changes(connection: Connection, changes: ReadModelChanges, *, seconds_max: float) -> None:
    """Write changes and the checkpoint in one transaction, or nothing when they are there. Raises `ReadModelError`."""
    with connection.begin():
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(seconds_max * 1_000)}")
        # Whoever else stores waits here, and then finds the checkpoint moved.
        at = select(schema.exchange.c.sequence, schema.exchange.c.time_ns).with_for_update()
        checkpoint, stored_ns = connection.execute(at).one()
        check_follows(changes, checkpoint=checkpoint)
        if checkpoint == changes.sequence:
            return
        for writing in WRITINGS:
            rows = writing.rows(changes)
            if rows:
                _write(connection, writing, rows)
        connection.execute(update(schema.exchange), _exchange_values(checkpoint_row(changes)))
        reads.drop_old_quotes(connection, before_ns=stored_ns, now_ns=changes.time_ns)


def set_up_staging(connection: psycopg.Connection, _record: object) -> None:
    """Make the temporary tables of a new connection; a commit empties them."""
    for writing in WRITINGS:
        if not writing.is_fact:
            name = writing.table.name
            connection.execute(f"CREATE TEMPORARY TABLE staged_{name} (LIKE {name}) ON COMMIT DELETE ROWS")
    connection.commit()


def _write(connection: Connection, writing: Writing, rows: Sequence[Sequence[Any]]) -> None:
    driver: psycopg.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    name = writing.table.name
    with driver.cursor() as cursor:
        _copy(cursor, name if writing.is_fact else f"staged_{name}", writing.table, rows)
        if not writing.is_fact:
            cursor.execute(_UPSERTS[name])


def _copy(cursor: psycopg.Cursor, name: str, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    columns = ", ".join(table.columns.keys())
    with cursor.copy(f"COPY {name} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types([_type_of(column) for column in table.columns])
        for row in rows:
            copy.write_row(row)


def _type_of(column: Column[Any]) -> str:
    kinds = ((BigInteger, "int8"), (Integer, "int4"), (Boolean, "bool"), (Text, "text"))
    return next(name for kind, name in kinds if isinstance(column.type, kind))


def _build_upsert(writing: Writing) -> str:
    table = writing.table
    staged = Table(f"staged_{table.name}", MetaData(), *(Column(c.name, c.type) for c in table.columns))
    statement = insert_or_update(table).from_select(table.columns.keys(), select(staged))
    values = {name: statement.excluded[name] for name in changed_columns(writing)}
    upsert = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)
    return str(upsert.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


_UPSERTS: Final = {writing.table.name: _build_upsert(writing) for writing in WRITINGS if not writing.is_fact}


def _exchange_values(row: Sequence[Any]) -> dict[str, Any]:
    values = dict(zip(schema.exchange.columns.keys(), row, strict=True))
    return values | {"is_halted": bool(values["is_halted"])}
