"""A SQLite file as the database of a thread: its commits are answered or not done."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from waiver_exchange.adapters.sql.database import SqlDatabase
from waiver_exchange.adapters.sqlite.errors import explain_failure


class SqliteDatabase(SqlDatabase):
    """A file that is opened once; `opens` returns a connection to it that begins no transaction by itself."""

    def __init__(self, path: Path, *, opens: Callable[[], sqlite3.Connection]) -> None:
        """Open nothing yet."""
        self.place = str(path)
        self.work_seconds_max = None  # a file answers
        self._path = path
        self._engine = create_engine("sqlite://", creator=opens, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def connect(self) -> Connection:
        """Return a connection."""
        return self._engine.connect()

    def begin(self, connection: Connection) -> None:
        """Begin with the lock on the file, so that nothing that was read is old when it is changed."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def mark(self, connection: Connection, token: bytes) -> None:
        """Leave nothing."""

    def has_mark(self, connection: Connection, token: bytes) -> bool:
        """Return False: a commit that failed was not done."""
        del connection, token
        return False

    def is_lost(self, connection: Connection, error: BaseException) -> bool:
        """Return False: a file is not lost."""
        del connection, error
        return False

    def cut(self, connection: Connection) -> None:
        """Interrupt what runs; nothing calls it, because nothing is given up."""
        driver = connection.connection.driver_connection
        if driver is not None:
            driver.interrupt()

    def probe(self, connection: Connection) -> None:
        """Write the head of the file as it is, which goes through its log as any change does."""
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        connection.exec_driver_sql(f"PRAGMA user_version = {int(version)}")

    def sweep(self, connection: Connection) -> None:
        """Bring everything into the file and cut its write-ahead log to nothing."""
        driver = connection.connection.driver_connection
        if driver is not None:
            empty_log(driver)

    def explain(self, error: Exception, *, action: str) -> str:
        """Return a sentence for the operator."""
        cause = getattr(error, "orig", None) or error
        return explain_failure(cause, action=action, path=self._path)


def empty_log(connection: sqlite3.Connection) -> None:
    """Bring everything into the file and cut its write-ahead log to nothing. Raises `sqlite3.Error`."""
    with closing(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")) as cursor:
        cursor.fetchall()
