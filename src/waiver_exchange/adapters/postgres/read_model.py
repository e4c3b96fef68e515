"""The read model's store on PostgreSQL, in a schema of its own.

It is never a place of truth. Tables that another version of the program filled are emptied, and the caller folds the
journal into them again. The schema is made by migrations.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url

from waiver_exchange.adapters.postgres.failures import explain_failure
from waiver_exchange.adapters.postgres.read_model_writes import empty, read_version, set_up_staging, store_changes
from waiver_exchange.adapters.postgres.threads import FAILURES, DatabaseThreads
from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.adapters.sql.read_model_history import SqlReadModelReads
from waiver_exchange.adapters.sql.read_model_rows import count_rows, load_state
from waiver_exchange.projections.changes import ReadModelChanges, ReadModelError
from waiver_exchange.projections.state import ReadModelState

SCHEMA: Final = "read_model"
READERS: Final = 4
READ_SECONDS_MAX: Final = 10
# A start reads what is open and held, a restart behind a long outage stores what gathered.
LOAD_SECONDS_MAX: Final = 300
STORE_SECONDS_MAX: Final = 20
# What gathered while the database was away is stored at once and takes its time, here ten times what was measured.
STORE_ROWS_PER_SECOND_MIN: Final = 5_000
_CONNECT_SECONDS_MAX: Final = 5
# The server gives up first, so that a statement that is too slow costs no connection.
_GRACE_SECONDS: Final = 2

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class PostgresReadModel(SqlReadModelReads):
    """Implements `application.ports.ReadModelStore`; one connection writes and a few read.

    What was stored before a read was asked for is seen by it. Nothing connects before the first call. Every method
    raises `ReadModelError` when the database is away or too slow, and works again by itself when it is back.
    """

    def __init__(
        self,
        url: str,
        *,
        is_read_only: bool = False,
        readers: int = READERS,
        read_seconds_max: float = READ_SECONDS_MAX,
        store_seconds_max: float = STORE_SECONDS_MAX,
    ) -> None:
        """Use the database at an address; `is_read_only` is for processes that look at what another one stores."""
        self._is_read_only = is_read_only
        self._is_prepared = False
        self._url = url
        self._store_seconds_max = store_seconds_max
        self._readers = DatabaseThreads(
            build_reading_engine(url, connections=readers, seconds_max=read_seconds_max),
            count=readers,
            name="read-model-reads",
            seconds_max=read_seconds_max + _GRACE_SECONDS,
        )
        self._writer = DatabaseThreads(
            _build_writing_engine(url, seconds_max=store_seconds_max),
            count=1,
            name="read-model",
            seconds_max=store_seconds_max + _GRACE_SECONDS,
        )

    async def load(self) -> ReadModelState:
        """Return the state as of the checkpoint, empty when the tables had to be emptied."""
        if not self._is_read_only:
            await self._prepare()
        try:
            return await self._load()
        except (LookupError, TypeError, ValueError, exc.InvalidRequestError) as error:
            if self._is_read_only:
                raise ReadModelError(f"The read model is damaged; restart the engine process. ({error})") from error
            why = f"it is damaged (a row is missing or is not what it should be: {error})"
        await _guard(self._writer.run(lambda connection: _empty(connection, why)))
        return await self._load()

    async def store(self, changes: ReadModelChanges) -> None:
        """Write changes and the checkpoint in one transaction; on an error nothing of them is written.

        Storing the same changes again changes nothing. Raises `ReadModelError` also when changes are missing between
        the checkpoint and these, or another process stored some of them.
        """
        if self._is_read_only:
            raise ReadModelError("This process only reads the read model.")
        await self._prepare()
        more = count_rows(changes) / STORE_ROWS_PER_SECOND_MIN
        seconds_max = self._store_seconds_max + more
        await _guard(
            self._writer.run(
                lambda connection: store_changes(connection, changes, seconds_max=seconds_max), more_seconds=more
            )
        )

    async def close(self) -> None:
        """Finish what is waiting and give the connections back."""
        await self._readers.close()
        await self._writer.close()

    async def _load(self) -> ReadModelState:
        """Load on a connection of its own, which may take longer than a page."""
        engine = build_reading_engine(self._url, connections=1, seconds_max=LOAD_SECONDS_MAX)
        loading = DatabaseThreads(engine, count=1, name="read-model-load", seconds_max=LOAD_SECONDS_MAX)
        try:
            return await _guard(loading.run(_load))
        finally:
            await loading.close()

    async def _read(self, work: Callable[[Connection], Result]) -> Result:
        return await _guard(self._readers.run(work))

    async def _prepare(self) -> None:
        if not self._is_prepared:
            await _guard(self._writer.run(_prepare))
            self._is_prepared = True


async def _guard(working: Awaitable[Result]) -> Result:
    try:
        return await working
    except (TimeoutError, *FAILURES) as error:
        raise ReadModelError(explain(error)) from error


def explain(error: BaseException) -> str:
    """Return a sentence for the operator."""
    cause = getattr(error, "orig", None) or error
    return explain_failure(cause, action="use the read model in PostgreSQL")


def build_reading_engine(url: str, *, connections: int, seconds_max: float) -> Engine:
    """Return an engine whose transactions each see one moment and write nothing."""
    engine = _build_engine(url, connections=connections, seconds_max=seconds_max)
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _build_writing_engine(url: str, *, seconds_max: float) -> Engine:
    engine = _build_engine(url, connections=1, seconds_max=seconds_max)
    event.listen(engine, "connect", set_up_staging)
    return engine


def _build_engine(url: str, *, connections: int, seconds_max: float) -> Engine:
    settings = {
        "search_path": SCHEMA,
        "jit": "off",  # it takes longer than any page
        "statement_timeout": f"{int(seconds_max * 1_000)}",
        # A process that stopped in the middle must not keep the checkpoint's row for ever.
        "idle_in_transaction_session_timeout": "60000",
        "lock_timeout": f"{int(seconds_max * 1_000)}",
    }
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=connections,
        max_overflow=0,
        connect_args={
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            "connect_timeout": _CONNECT_SECONDS_MAX,
            "application_name": "waiver read model",
        },
    )


def _prepare(connection: Connection) -> None:
    """See that the tables are of this version. Empties them when they are not, which the journal fills again."""
    with connection.begin():
        version = read_version(connection)
        if version is None:
            empty(connection)
    if version not in {None, schema.SCHEMA_VERSION}:
        _empty(connection, f"it was filled by version {version}, and this program's is {schema.SCHEMA_VERSION}")


def _empty(connection: Connection, why: str) -> None:
    _log.warning("the read model in PostgreSQL is filled from the journal again: %s", why)
    with connection.begin():
        empty(connection)


def _load(connection: Connection) -> ReadModelState:
    with connection.begin():
        version = read_version(connection)
        if version is None:
            return ReadModelState()
        if version != schema.SCHEMA_VERSION:
            raise ReadModelError(
                f"The read model was filled by version {version}, and this program's is {schema.SCHEMA_VERSION}: start "
                "the engine process of this version first."
            )
        return load_state(connection)
