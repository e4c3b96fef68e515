"""A schema of a PostgreSQL database as the database of a thread, through psycopg.

A commit whose answer was lost is read back by a token that it left in the schema's one row for that: reading waits for
the lock on the row, so that the transaction has ended, whichever way, before anything is said about it.
"""

import os
import socket
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, func, select, text, update
from sqlalchemy.pool import NullPool

from waiver_exchange.adapters.postgres.failures import explain_failure
from waiver_exchange.adapters.sql.columns import Bytes
from waiver_exchange.adapters.sql.database import SqlDatabase

CONNECT_SECONDS_MAX: Final = 5
STATEMENT_SECONDS_MAX: Final = 5
LOCK_SECONDS_MAX: Final = 3
WORK_SECONDS_MAX: Final = 10.0
# A sweep writes the tables anew while nobody else uses them.
SWEEP_SECONDS_MAX: Final = 60
_SESSION: Final = {
    "synchronous_commit": "on",  # whatever the role or the database was given by default
    "statement_timeout": f"{STATEMENT_SECONDS_MAX}s",
    "lock_timeout": f"{LOCK_SECONDS_MAX}s",
    "idle_in_transaction_session_timeout": "10s",
    "default_transaction_isolation": "read committed",
    "jit": "off",
}
# A machine that is gone says nothing: it is noticed within 11 seconds.
_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 11_000,
}

# The one row that every transaction of a schema's writer changes.
last_change: Final = Table(
    "last_change",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("token", Bytes, nullable=False),
)
_FENCE: Final = text("SELECT 1 FROM exchange.leadership WHERE id = 1 AND holder = :holder FOR SHARE")


class SchemaDatabase(SqlDatabase):
    """One schema, which migrations made; with a `holder`, only while that engine leads may anything be changed."""

    def __init__(self, url: str, *, schema: str, holder: str | None = None) -> None:
        """Connect to nothing yet."""
        self.place = f"{_place_of(url)}, schema {schema}"
        self.work_seconds_max = WORK_SECONDS_MAX
        self._url = url
        self._schema = schema
        self._holder = holder
        # The address is given to libpq as it is, which knows more forms than SQLAlchemy does.
        engine = create_engine("postgresql+psycopg://", creator=self._connect, poolclass=NullPool)
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT", schema_translate_map={None: schema})

    def connect(self) -> Connection:
        """Return a connection whose commits are durable; blocks for `CONNECT_SECONDS_MAX` at most."""
        return self._engine.connect()

    def begin(self, connection: Connection) -> None:
        """Begin a transaction, as the engine that leads."""
        connection.exec_driver_sql("BEGIN")
        if self._holder is not None and connection.execute(_FENCE, {"holder": self._holder}).first() is None:
            raise OtherEngineError

    def mark(self, connection: Connection, token: bytes) -> None:
        """Leave a token in the schema's last change."""
        connection.execute(update(last_change).values(token=token))

    def has_mark(self, connection: Connection, token: bytes) -> bool:
        """Return whether the last change left this token; waits for one that is under way."""
        connection.exec_driver_sql("BEGIN")
        try:
            found = connection.execute(select(last_change.c.token).with_for_update()).scalar()
        finally:
            connection.exec_driver_sql("ROLLBACK")
        return found == token

    def is_lost(self, connection: Connection, error: BaseException) -> bool:
        """Return whether the connection is over."""
        if connection.invalidated or getattr(error, "connection_invalidated", False):
            return True
        driver = connection.connection.driver_connection
        return not isinstance(driver, psycopg.Connection) or driver.closed or driver.broken

    def cut(self, connection: Connection) -> None:
        """End the connection's way to the server: who waits for it is told that it is over."""
        try:
            driver = connection.connection.driver_connection
            if isinstance(driver, psycopg.Connection):
                with socket.socket(fileno=os.dup(driver.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)
        except (psycopg.Error, OSError):  # it is over already
            return

    def probe(self, connection: Connection) -> None:
        """Write nothing: the token that every transaction leaves is a write."""

    def sweep(self, connection: Connection) -> None:
        """Have the owner's function write the schema's tables anew, without what was deleted or replaced."""
        connection.exec_driver_sql(f"SET statement_timeout = '{SWEEP_SECONDS_MAX}s'")
        try:
            connection.execute(select(getattr(func, self._schema).sweep()))
        finally:
            if not self.is_lost(connection, AssertionError()):
                connection.exec_driver_sql(f"SET statement_timeout = '{STATEMENT_SECONDS_MAX}s'")

    def explain(self, error: Exception, *, action: str) -> str:
        """Return a sentence for the operator."""
        if isinstance(error, OtherEngineError):
            return f"Could not {action} in {self.place}: another engine leads by now, and this one ends."
        return explain_failure(getattr(error, "orig", None) or error, action=f"{action} in {self.place}")

    def _connect(self) -> psycopg.Connection:
        session = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in _SESSION.items())
        given = str(conninfo_to_dict(self._url).get("options") or "")
        return psycopg.connect(
            self._url,
            options=f"{given} {session}".strip(),
            connect_timeout=CONNECT_SECONDS_MAX,
            application_name=f"waiver {self._schema}",
            **_KEEPALIVE,
        )


def _place_of(url: str) -> str:
    """Return how an address of whatever form is called in a message: without user and password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "the database of WAIVER_DATABASE_URL"
    return f"{parts.get('host') or 'localhost'}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"


class OtherEngineError(OSError):
    """Another engine leads on the database by now."""
