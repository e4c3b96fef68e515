"""Connections to PostgreSQL that give up in bounded time, and sentences for what goes wrong on them."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import asyncpg

from waiver_exchange.adapters.postgres.failures import SENTENCES
from waiver_exchange.application.ports import JournalError

if TYPE_CHECKING:
    from asyncpg.prepared_stmt import PreparedStatement

CONNECT_SECONDS_MAX: Final = 5.0
# The server gives a statement up first, so that its outcome is told; the client only when nothing is heard any more.
STATEMENT_SECONDS_MAX: Final = 5.0
ANSWER_SECONDS_MAX: Final = 7.0
LOCK_SECONDS_MAX: Final = 3.0
CLOSE_SECONDS_MAX: Final = 2.0

# Times in milliseconds unless named otherwise. Whatever the role or the database was given by default, a commit is
# durable; a client that is gone is noticed within 11 seconds although its machine says nothing; statements are prepared
# once and planned once.
_SESSION: Final = {
    "synchronous_commit": "on",
    "statement_timeout": str(int(STATEMENT_SECONDS_MAX * 1_000)),
    "lock_timeout": str(int(LOCK_SECONDS_MAX * 1_000)),
    "idle_in_transaction_session_timeout": "10000",
    "tcp_keepalives_idle": "5",  # seconds, as the next one
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "11000",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}

# What asyncpg raises: of the server, of its own accord, of the system, and when time is up (an OSError too).
POSTGRES_FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

_SENTENCES: Final = SENTENCES | {
    "57014": f"the database server took longer than {STATEMENT_SECONDS_MAX:.0f} s; look at its load and its disk",
    "55P03": f"another session held a lock for more than {LOCK_SECONDS_MAX:.0f} s; look at pg_stat_activity",
}


async def connect(
    url: str, *, name: str, session: Mapping[str, str] | None = None, answer_seconds_max: float = ANSWER_SECONDS_MAX
) -> asyncpg.Connection:
    """Return a connection for one purpose, which `name` tells to those who look at the server's sessions.

    `session` are more settings of it. Raises one of `POSTGRES_FAILURES`.
    """
    return await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS_MAX,
        command_timeout=answer_seconds_max,
        server_settings={**_SESSION, **(session or {}), "application_name": name},
    )


class Channel:
    """One connection for one purpose: opened when it is needed, and again after it was lost or something failed on it.

    Who uses it does so inside of `use`.
    """

    def __init__(self, url: str, *, name: str, session: Mapping[str, str] | None = None) -> None:
        """Take the address; nothing is opened yet."""
        self._url = url
        self._name = name
        self._session = session
        self._connection: asyncpg.Connection | None = None
        self._prepared: dict[str, PreparedStatement[asyncpg.Record]] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[None]:
        """Have the connection alone for the block, in the order in which it was asked for; a failure breaks it off."""
        async with self._lock:
            try:
                yield
            except BaseException:
                self._drop()
                raise

    async def connection(self) -> asyncpg.Connection:
        """Return the connection, opened if need be. Raises one of `POSTGRES_FAILURES`."""
        if self._connection is None or self._connection.is_closed():
            self._drop()
            self._connection = await connect(self._url, name=self._name, session=self._session)
        return self._connection

    async def prepared(self, sql: str) -> "PreparedStatement[asyncpg.Record]":
        """Return a statement that is prepared once for each connection. Raises one of `POSTGRES_FAILURES`."""
        connection = await self.connection()
        statement = self._prepared.get(sql)
        if statement is None:
            statement = self._prepared[sql] = await connection.prepare(sql)
        return statement

    async def close(self) -> None:
        """Close the connection in order, after what is under way."""
        async with self._lock:
            connection, self._connection = self._connection, None
            self._prepared.clear()
            if connection is not None:
                await close(connection)

    def _drop(self) -> None:
        """Break the connection off, whatever is under way on it."""
        connection, self._connection = self._connection, None
        self._prepared.clear()
        if connection is not None:
            connection.terminate()


async def close(connection: asyncpg.Connection) -> None:
    """Close a connection in order if the server still hears it, and break it off if not."""
    try:
        await connection.close(timeout=CLOSE_SECONDS_MAX)
    except POSTGRES_FAILURES:
        connection.terminate()


def place_of(url: str) -> str:
    """Return how an address is called in a message: without user and password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"


@contextmanager
def explained(*, action: str, url: str) -> Iterator[None]:
    """Raise a `JournalError` for what goes wrong in the block; `action` completes "could not", as `write the journal`.

    Its sentence is for the operator and holds no password.
    """
    try:
        yield
    except POSTGRES_FAILURES as error:
        raise JournalError(
            f"Could not {action} in {place_of(url)}: {_sentence(error)}. ({str(error) or type(error).__name__})"
        ) from error


def _sentence(error: Exception) -> str:
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        if code.startswith("08"):
            return "the connection to the database server was lost"
        return _SENTENCES.get(code, "the database server refused it")
    if isinstance(error, TimeoutError):
        return "the database server did not answer in time; look at its load, its disk and the network"
    if isinstance(error, OSError):
        return "the database server cannot be reached; check that it runs and the network"
    return "the connection to the database server was lost"
