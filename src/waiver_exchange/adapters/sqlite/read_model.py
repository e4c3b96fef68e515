"""The read model's store on SQLite: history that outgrows memory, written behind the fold.

It is never a place of truth. A file that is lost, damaged or of another version is replaced by an empty one, and the
caller folds the journal into it again.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import NullPool

from waiver_exchange.adapters.sql import read_model_reads as reads
from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.adapters.sql.read_model_history import SqlReadModelReads
from waiver_exchange.adapters.sql.read_model_rows import (
    WRITINGS,
    Writing,
    changed_columns,
    check_follows,
    checkpoint_row,
    empty_checkpoint_row,
    load_state,
    read_checkpoint,
)
from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES, explain_failure, primary_code
from waiver_exchange.projections.changes import ReadModelChanges, ReadModelError
from waiver_exchange.projections.state import ReadModelState

Result = TypeVar("Result")

_LOG: Final = logging.getLogger(__name__)
# What lies in the disk, another program or our rows; every other failure lies in the file, which can be made again.
_PASSING_CODES: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CONSTRAINT,
    }
)
_FAILURES: Final = (exc.DBAPIError, OSError, UnicodeDecodeError)


def build_write(writing: Writing) -> str:
    """Return the statement that writes one row, new or known, with a place for each column in order.

    SQLite writes every index of a column that is set, whether its value changes or not: hence only what can change. It
    is built once and given tuples, because naming every value of every row costs more than SQLite's own work.
    """
    statement = insert(writing.table)
    if writing.is_fact:
        return str(statement.on_conflict_do_nothing().compile(dialect=sqlite.dialect()))
    values = {name: statement.excluded[name] for name in changed_columns(writing)}
    upsert = statement.on_conflict_do_update(index_elements=list(writing.table.primary_key), set_=values)
    return str(upsert.compile(dialect=sqlite.dialect()))


_WRITES: Final = tuple((build_write(writing), writing.rows) for writing in WRITINGS)
_WRITE_EXCHANGE: Final = build_write(Writing(schema.exchange, lambda changes: [checkpoint_row(changes)]))


class SqliteReadModel(SqlReadModelReads):
    """Implements `application.ports.ReadModelStore` in one file, which one thread writes and another one reads.

    Each has a connection of its own, so that storing never waits for somebody who reads much. What was stored before a
    read was asked for is seen by it. The file is opened at the first call. Every method raises `ReadModelError` when
    the disk fails.
    """

    def __init__(self, path: Path) -> None:
        """Use the file at `path`, which is made when it does not exist; its folder must."""
        self._path = path
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-model")
        self._reads_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-model-reads")
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._reader: Connection | None = None

    async def load(self) -> ReadModelState:
        """Return the state as of the checkpoint, empty when the file had to be replaced."""
        return await self._run(self._load)

    async def checkpoint(self) -> int:
        """Return the sequence of the last row that was stored; 0 for an empty file.

        One beyond the journal's end means that an older journal was put back: call `reset` and fold from the start.
        """
        return await self._run(_read_checkpoint)

    async def store(self, changes: ReadModelChanges) -> None:
        """Write changes and the checkpoint in one transaction; on an error nothing of them is written.

        Storing the same changes again does no harm. Raises `ReadModelError` also when changes are missing between the
        checkpoint and these.
        """
        await self._run(lambda connection: _store(connection, changes))

    async def close(self) -> None:
        """Finish what is waiting and give the file back."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reads_executor, self._close_reader)
        await loop.run_in_executor(self._executor, self._close)
        self._reads_executor.shutdown()
        self._executor.shutdown()

    async def _run(self, work: Callable[[Connection], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._guard, work)

    async def _read(self, work: Callable[[Connection], Result]) -> Result:
        if self._connection is None:
            await self._run(lambda _: None)
        return await asyncio.get_running_loop().run_in_executor(self._reads_executor, self._guard_read, work)

    def _guard_read(self, work: Callable[[Connection], Result]) -> Result:
        try:
            return work(self._open_reader())
        except _FAILURES as error:
            raise ReadModelError(self._explain(error)) from error

    def _open_reader(self) -> Connection:
        # Another engine than before means another file: the old one was replaced.
        if self._engine is None:
            raise ReadModelError(f"The read model {self._path} is closed.")
        if self._reader is None or self._reader.engine is not self._engine:
            self._close_reader()
            self._reader = self._engine.connect()
            self._reader.exec_driver_sql("PRAGMA query_only = ON")
            self._reader.rollback()
        return self._reader

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _guard(self, work: Callable[[Connection], Result]) -> Result:
        try:
            return work(self._open())
        except _FAILURES as error:
            raise ReadModelError(self._explain(error)) from error

    def _explain(self, error: Exception) -> str:
        cause = _cause_of(error)
        if _is_damage(error):
            return (
                f"The read model {self._path} is damaged: stop the server, delete the file and start again; it is then "
                f"filled from the journal. ({cause})"
            )
        if isinstance(cause, sqlite3.Error | OSError):
            return explain_failure(cause, action="use the read model", path=self._path)
        return f"Could not use the read model {self._path}. ({error})"

    def _open(self) -> Connection:
        if self._connection is not None:
            return self._connection
        if not self._path.exists() or self._path.stat().st_size == 0:
            return self._create()
        try:
            connection = self._connect()
            why = _find_fault(connection)
        except (exc.DBAPIError, UnicodeDecodeError) as error:
            if not _is_damage(error):
                raise
            why = f"it is damaged ({_cause_of(error)})"
        else:
            if why is None:
                return connection
        return self._replace(why)

    def _connect(self) -> Connection:
        # Made here so that only its owner may read it; SQLite gives the files beside it the same mode.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        self._engine = _build_engine(self._path)
        self._connection = self._engine.connect()
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._engine is not None:
            self._engine.dispose()
        self._connection = self._engine = None

    def _replace(self, why: str) -> Connection:
        """Start with an empty file. What is thrown away can be folded from the journal again."""
        _LOG.warning("the read model %s is filled from the journal again: %s", self._path, why)
        return self._create()

    def _create(self) -> Connection:
        self._close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        connection = self._connect()
        with connection.begin():
            schema.metadata.create_all(connection)
            connection.exec_driver_sql(_WRITE_EXCHANGE, empty_checkpoint_row())
            connection.exec_driver_sql(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")
        return connection

    def _load(self, connection: Connection) -> ReadModelState:
        try:
            return _load_state(connection)
        except exc.DBAPIError as error:
            if not _is_damage(error):
                raise
            why = f"it is damaged ({_cause_of(error)})"
        except (LookupError, TypeError, ValueError, exc.InvalidRequestError) as error:
            why = f"it is damaged (a row is missing or is not what it should be: {error})"
        return _load_state(self._replace(why))


def _build_engine(path: Path) -> Engine:
    # Transactions are begun by us: the driver's own rules for beginning one leave out DDL.
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args={"isolation_level": None}
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        # The last transactions may be lost with the power; the fold then starts a little earlier.
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _cause_of(error: Exception) -> BaseException:
    """Return what sqlite3 raised, inside what SQLAlchemy made of it."""
    return (error.orig or error) if isinstance(error, exc.DBAPIError) else error


def _is_damage(error: Exception) -> bool:
    cause = _cause_of(error)
    # Without a code it is Python's own complaint about text that is none.
    return isinstance(cause, SQLITE_FAILURES) and primary_code(cause) not in _PASSING_CODES


def _find_fault(connection: Connection) -> str | None:
    """Return why the file cannot be used as it is, or None."""
    with connection.begin():
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version != schema.SCHEMA_VERSION:
        return f"its tables are of version {version}, this program's of version {schema.SCHEMA_VERSION}"
    return None


def _read_checkpoint(connection: Connection) -> int:
    with connection.begin():
        return read_checkpoint(connection)


def _load_state(connection: Connection) -> ReadModelState:
    with connection.begin():
        return load_state(connection)


def _store(connection: Connection, changes: ReadModelChanges) -> None:
    with connection.begin():
        checkpoint, stored_ns = connection.execute(select(schema.exchange.c.sequence, schema.exchange.c.time_ns)).one()
        check_follows(changes, checkpoint=checkpoint)
        for statement, rows_of in _WRITES:
            rows = rows_of(changes)
            if rows:
                connection.exec_driver_sql(statement, list(rows))
        connection.exec_driver_sql(_WRITE_EXCHANGE, checkpoint_row(changes))
        reads.drop_old_quotes(connection, before_ns=stored_ns, now_ns=changes.time_ns)
