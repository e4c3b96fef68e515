"""Copy the tables of a part of an exchange from one database into another, whole or not at all, and compare them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import (
    Boolean,
    Connection,
    Engine,
    MetaData,
    NullPool,
    Table,
    create_engine,
    func,
    insert,
    inspect,
    select,
    text,
)

COPY_ROWS: Final = 1_000
# What a database says of itself, and not of the exchange.
_OF_THE_SCHEMA: Final = frozenset({"alembic_version", "oldest_program"})
# What numbers the rows of a table in PostgreSQL; SQLite does it itself.
_COUNTERS: Final = {"watchlists": "watchlist_numbers"}
_DIGESTS: Final = 1 << 256
_Row = tuple[object, ...]


class TablesDifferError(Exception):
    """The two databases do not have the same tables and columns; the message names the first that differs."""


class TableFacts(NamedTuple):
    """What two copies of a table have to agree in; the digest is over its rows in any order."""

    rows: int
    digest: str


def sqlite_engine(path: str) -> Engine:
    """Return an engine on a SQLite file that is only read."""
    return create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", poolclass=NullPool)


def postgres_engine(url: str, *, schema: str) -> Engine:
    """Return an engine on a schema of a PostgreSQL database."""
    import psycopg  # noqa: PLC0415 - only where there is one

    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, options=f"-c search_path={schema}", application_name="waiver transfer"),
        poolclass=NullPool,
    )


def read_tables(connection: Connection) -> dict[str, Table]:
    """Return the tables of a database by their names, those that others refer to first."""
    metadata = MetaData()
    names = [name for name in inspect(connection).get_table_names() if name not in _OF_THE_SCHEMA]
    metadata.reflect(connection, only=names, resolve_fks=False)
    return {table.name: table for table in metadata.sorted_tables}


def check_same_tables(source: dict[str, Table], target: dict[str, Table], *, but: Sequence[str] = ()) -> None:
    """Check that each table of the source is in the target with the same columns. Raises `TablesDifferError`."""
    for name, table in source.items():
        if name in but:
            continue
        if name not in target:
            raise TablesDifferError(f"the target has no table {name}")
        ours, theirs = {column.name for column in table.columns}, {column.name for column in target[name].columns}
        if ours != theirs:
            raise TablesDifferError(f"table {name} differs in {', '.join(sorted(ours ^ theirs))}")


def copy_tables(source: Connection, target: Connection, *, report: Callable[[str], None] = lambda _: None) -> None:
    """Put the rows of every table of the source in place of the target's, in one transaction of the target.

    Raises `TablesDifferError`, and what SQLAlchemy raises: then the target is as it was.
    """
    ours, theirs = read_tables(source), read_tables(target)
    check_same_tables(ours, theirs)
    target.rollback()  # the look at the tables has begun a transaction
    with target.begin():
        for name in ours:
            target.execute(theirs[name].delete())
        for name, table in ours.items():
            count = 0
            for rows in _batches(source, table):
                target.execute(insert(theirs[name]), [_values(theirs[name], table, row) for row in rows])
                count += len(rows)
            _set_counter(source, target, table)
            report(f"{name}: {count:,} rows")


def describe_tables(connection: Connection) -> dict[str, TableFacts]:
    """Return the number of rows and a digest of every table."""
    facts = {}
    for name, table in read_tables(connection).items():
        names = table.columns.keys()
        total, count = 0, 0
        for rows in _batches(connection, table):
            count += len(rows)
            for row in rows:
                # By the columns' names and as a sum, because the databases may have columns and rows in another order.
                known = repr(sorted(zip(names, map(_plain, row), strict=True))).encode()
                total += int.from_bytes(hashlib.sha256(known).digest())
        facts[name] = TableFacts(rows=count, digest=f"{total % _DIGESTS:064x}")
    return facts


def count_rows(connection: Connection) -> dict[str, int]:
    """Return the number of rows of every table."""
    tables = read_tables(connection)
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in tables.items()
    }


def _batches(connection: Connection, table: Table) -> Iterator[list[_Row]]:
    """Yield the rows of a table, some at a time."""
    result = connection.execution_options(yield_per=COPY_ROWS).execute(select(table))
    for rows in result.partitions(COPY_ROWS):
        yield [tuple(row) for row in rows]


def _values(target: Table, source: Table, row: _Row) -> dict[str, object]:
    """Return a row for the target; SQLite keeps what is true or false as a number."""
    return {
        name: bool(value) if isinstance(target.columns[name].type, Boolean) and value is not None else value
        for name, value in zip(source.columns.keys(), row, strict=True)
    }


def _plain(value: object) -> object:
    """Return a value as both databases have it."""
    if isinstance(value, bool):
        return int(value)
    return bytes(value) if isinstance(value, memoryview | bytearray) else value


def _set_counter(source: Connection, target: Connection, table: Table) -> None:
    """Let what numbers the rows go on behind the newest number that was ever given, also of a removed row."""
    counter = _COUNTERS.get(table.name)
    if counter is None or target.dialect.name != "postgresql":
        return
    newest = source.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table.name}).scalar()
    if newest:
        target.execute(text("SELECT setval(:counter, :newest)"), {"counter": counter, "newest": newest})
