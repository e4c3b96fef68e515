"""The journal in PostgreSQL: group commit by one statement that only the leading engine can write with."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg

from waiver_exchange.adapters.postgres.connecting import Channel, explained, place_of
from waiver_exchange.adapters.postgres.leadership import Leadership, session_name
from waiver_exchange.application.ports import FencedError, Journal, JournalError, JournalRow, PlainRow

HEARTBEAT_SECONDS: Final = 2.0
# As much as a batch of 256 rows with keys writes, each to a page of the index of its own.
PROBE_BYTES: Final = 1 << 20
CHECK_SECONDS_MAX: Final = 3_600.0
_WRITING: Final = "journal"

# The share of the leadership's row is held until the commit: raising the epoch waits for it, and a statement that comes
# later finds no row of its epoch and writes nothing. READ COMMITTED looks at the row again after it waited.
_INSERT: Final = """
WITH fence AS MATERIALIZED (SELECT 1 FROM exchange.leadership WHERE id = 1 AND epoch = $1 FOR SHARE)
INSERT INTO exchange.journal (sequence, time_ns, account, key, command, events, chain)
SELECT given.* FROM fence, unnest(
    $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[]
) AS given
"""
_SELECT: Final = "SELECT sequence, time_ns, account, key, command, events, chain FROM exchange.journal"
_LAST: Final = f"{_SELECT} ORDER BY sequence DESC LIMIT 1"
_READ: Final = f"{_SELECT} WHERE sequence > $1 ORDER BY sequence LIMIT $2"
_FIND: Final = f"{_SELECT} WHERE key = ANY($1::bytea[])"
_FENCE: Final = "SELECT 1 FROM exchange.leadership WHERE id = 1 AND epoch = $1 FOR SHARE"
_HOLDER: Final = "SELECT holder FROM exchange.leadership WHERE id = 1"
_PROBE: Final = "INSERT INTO exchange.journal_probe (id, content) VALUES (1, $1)"
_CHECKSUM_FAILURES: Final = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
# The same of the rows and of the index: how many keys there are, and a digest of them all.
_KEYS: Final = """
SELECT count(*), coalesce(bit_xor(hashtextextended(encode(key, 'hex'), 0)), 0) FROM exchange.journal
WHERE key IS NOT NULL
"""


class PostgresJournal(Journal):
    """A `Journal` in PostgreSQL, durable (synchronous_commit=on) when `append` returns. Built by `open`.

    Writing, finding keys and reading have a connection each, which is opened again after it was lost.
    """

    def __init__(self, url: str, *, leadership: Leadership | None) -> None:
        """Take the address of a database that is migrated; without `leadership` it is only read."""
        self._url = url
        self.leadership = leadership
        run = leadership.run if leadership is not None else "reader"
        self._writing = Channel(url, name=session_name(_WRITING, run=run))
        self._finding = Channel(url, name=session_name("keys", run=run))
        self._reading = Channel(url, name=session_name("reads", run=run))
        self._is_settled = True
        self._is_closed = False
        self._renewing: asyncio.Task[None] | None = None
        self._suspect: Callable[[JournalError], None] = _suspect_nothing

    @classmethod
    async def open(cls, url: str, *, read_only: bool = False) -> "PostgresJournal":
        """Open the journal, as its only writer unless it is `read_only`. Raises `SecondEngineError`, `JournalError`.

        The lead is held from here on until `close`, however long it takes until somebody watches.
        """
        leadership = None if read_only else await Leadership.take(url)
        journal = cls(url, leadership=leadership)
        if leadership is not None:
            journal._renewing = asyncio.create_task(journal._renew_for_good(leadership))
        try:
            await journal.last()
        except BaseException:
            await journal.close()
            raise
        return journal

    async def append(self, rows: Sequence[JournalRow]) -> None:
        """Write rows in one transaction; they are durable when this returns.

        Raises `FencedError`, and `JournalError`: then read back before writing again. That first read makes the answer
        final: nothing that was sent before can write any more when it returns.
        """
        leadership = self._check_open_for_writing()
        if not rows:
            return
        async with self._changing(leadership):
            statement = await self._writing.prepared(_INSERT)
            await statement.fetch(leadership.epoch, *zip(*rows, strict=True))
            if statement.get_statusmsg() != f"INSERT 0 {len(rows)}":
                raise FencedError(await (await self._writing.connection()).fetchval(_HOLDER))

    async def last(self) -> JournalRow | None:
        """Return the newest row, or None for an empty journal. Raises `JournalError`."""
        rows = await self._query(self._reading, _LAST)
        return JournalRow._make(rows[0]) if rows else None

    async def read(self, *, after: int, limit: int) -> list[JournalRow]:
        """Return up to `limit` rows with a sequence above `after`, in order. Raises `JournalError`."""
        return list(map(JournalRow._make, await self._query(self._reading, _READ, after, limit)))

    async def read_plain(self, *, after: int, limit: int) -> list[PlainRow]:
        """Return the same rows as `read`, for going through many of them. Raises `JournalError`."""
        return list(map(tuple, await self._query(self._reading, _READ, after, limit)))

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, JournalRow]:
        """Return the durable rows that carry one of the keys. Raises `JournalError`."""
        if not keys:
            return {}
        return {row["key"]: JournalRow._make(row) for row in await self._query(self._finding, _FIND, keys)}

    async def find_damage(self) -> str | None:
        """Return whether pages failed their checksums, or the index on keys differs from the rows; reads all of it.

        Raises `JournalError`.
        """
        await self._settle()
        with explained(action="check the journal", url=self._url):
            async with self._reading.use():
                connection = await self._reading.connection()
                if await connection.fetchval(_CHECKSUM_FAILURES):
                    return "the database server found pages that are damaged: see its log, and restore a backup"
                from_rows = await _keys(connection, without="enable_indexscan, enable_indexonlyscan, enable_bitmapscan")
                from_index = await _keys(connection, without="enable_seqscan")
        return None if from_rows == from_index else "the index on keys is not that of the rows: REINDEX it"

    async def check_writable(self) -> None:
        """Write a megabyte that is no row and remove it, as the engine that leads. Raises as `append` does."""
        leadership = self._check_open_for_writing()
        async with self._changing(leadership):
            connection = await self._writing.connection()
            async with connection.transaction():
                if await connection.fetchval(_FENCE, leadership.epoch) is None:
                    raise FencedError(await connection.fetchval(_HOLDER))
                await connection.execute(_PROBE, bytes(PROBE_BYTES))
                await connection.execute("TRUNCATE exchange.journal_probe")

    async def watch(self, suspect: Callable[[JournalError], None]) -> None:
        """Tell `suspect` for good when the database cannot be reached while nobody asks it.

        Raises `FencedError` when another engine leads by now.
        """
        self._check_open_for_writing()
        self._suspect = suspect
        if self._renewing is not None:
            await asyncio.shield(self._renewing)

    async def close(self) -> None:
        """Finish pending writes and close the connections; closing again does nothing."""
        self._is_closed = True
        for channel in (self._writing, self._finding, self._reading):
            await channel.close()
        if self.leadership is not None:
            await self.leadership.close()
        # Only now, because renewing that is broken off leaves the lock for the server to give back.
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError, FencedError):
                await self._renewing

    async def _renew_for_good(self, leadership: Leadership) -> None:
        """Hold the lead until the task is cancelled. Raises `FencedError`, which a later `watch` raises too."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if not await leadership.renew() and not self._is_closed:
                try:
                    await self.last()
                except JournalError as error:
                    self._suspect(error)

    def _check_open_for_writing(self) -> Leadership:
        if self.leadership is None or self._is_closed:
            raise JournalError(
                f"The journal in {place_of(self._url)} is closed or open for reading only; nothing was written."
            )
        return self.leadership

    @asynccontextmanager
    async def _changing(self, leadership: Leadership) -> AsyncIterator[None]:
        """Have the writing connection for the block; after a failure nobody knows what became of it, until settled."""
        with explained(action="write the journal", url=self._url):
            async with self._writing.use():
                await self._settle_alone(leadership)
                try:
                    yield
                except BaseException:
                    self._is_settled = False
                    raise

    async def _settle(self) -> None:
        """Make the outcome of a failed write final. Raises `FencedError`, `JournalError`."""
        if self._is_settled or self.leadership is None:
            return
        with explained(action="settle a write to the journal", url=self._url):
            async with self._writing.use():
                await self._settle_alone(self.leadership)

    async def _settle_alone(self, leadership: Leadership) -> None:
        if not self._is_settled:
            await leadership.raise_epoch(await self._writing.connection(), purpose=_WRITING)
            self._is_settled = True

    async def _query(self, channel: Channel, sql: str, *parameters: object) -> list[asyncpg.Record]:
        await self._settle()
        if self._is_closed:
            raise JournalError(f"The journal in {place_of(self._url)} is closed.")
        with explained(action="read the journal", url=self._url):
            async with channel.use():
                return await (await channel.prepared(sql)).fetch(*parameters)


def _suspect_nothing(_: JournalError) -> None:
    """Take what is told before anybody watches: whoever opens an exchange asks the journal himself."""


async def _keys(connection: asyncpg.Connection, *, without: str) -> tuple[object, ...]:
    """Return how many keys there are and a digest of them, read without some ways of reading."""
    async with connection.transaction():
        for setting in ("statement_timeout = 0", *(f"{name} = off" for name in without.split(", "))):
            await connection.execute(f"SET LOCAL {setting}")
        ((*found,),) = await connection.fetch(_KEYS, timeout=CHECK_SECONDS_MAX)
        return tuple(found)
