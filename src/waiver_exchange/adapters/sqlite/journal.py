"""The journal in one SQLite file: one writing thread, group commit by one INSERT, reads beside it."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Final, TypeVar

from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES, explain_failure, primary_code
from waiver_exchange.adapters.sqlite.journal_file import open_reader, open_writer
from waiver_exchange.application.ports import Journal, JournalError, JournalRow, PlainRow

_T = TypeVar("_T")

STATEMENT_ROWS_MAX: Final = 256
# As much as a batch of 256 rows with keys writes, each to a page of the index of its own.
PROBE_BYTES: Final = 1 << 20

_SELECT: Final = "SELECT sequence, time_ns, account, key, command, events, chain FROM journal"
_LAST: Final = f"{_SELECT} ORDER BY sequence DESC LIMIT 1"
_READ: Final = f"{_SELECT} WHERE sequence > ? ORDER BY sequence LIMIT ?"
# Statements for 1, 2, 4, ... 256 rows or keys stay prepared. One INSERT of many rows is 2-4 times faster than
# executemany, one IN list 2-3 times faster than a SELECT for each key.
_SIZES: Final = tuple(1 << power for power in range(STATEMENT_ROWS_MAX.bit_length()))
_INSERT: Final = "INSERT INTO journal (sequence, time_ns, account, key, command, events, chain) VALUES"
_INSERTS: Final = {size: f"{_INSERT} {', '.join(['(?, ?, ?, ?, ?, ?, ?)'] * size)}" for size in _SIZES}
_FINDS: Final = {size: f"{_SELECT} WHERE key IN ({', '.join('?' * size)})" for size in _SIZES}
# Failures that SQLite meets before it has written the last page of a transaction: nothing of it can come back.
_FAILURES_BEFORE_COMMIT: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_READONLY}
)


class SqliteJournal(Journal):
    """A `Journal` in a SQLite file, durable (WAL, synchronous=FULL) when `append` returns.

    `append` runs on a thread of its own. Reads run in the caller's thread on a read-only connection, because they take
    microseconds; use them from one thread at a time. Built by `open`.
    """

    def __init__(self, *, path: Path, reader: sqlite3.Connection, writer: "_Writer | None") -> None:
        """Take connections that are open and checked; `writer` is None for a journal that is only read."""
        self._path = path
        # A column that was changed to text is to be read and found wrong, not to fail as text.
        reader.text_factory = bytes
        self._reader: sqlite3.Connection | None = reader
        self._writer = writer

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> "SqliteJournal":
        """Open the journal, creating the file (mode 0600) unless it is `read_only`. Blocks for some milliseconds.

        Raises `JournalError` when the file cannot be opened, is damaged, belongs to another program or was written by a
        newer version.
        """
        writer = None if read_only else _Writer(path)
        try:
            return cls(path=path, reader=open_reader(path), writer=writer)
        except BaseException:
            if writer is not None:
                writer.close()
            raise

    async def append(self, rows: Sequence[JournalRow]) -> None:
        """Write rows in one transaction; they are durable when this returns.

        Raises `JournalError`: then read back before writing again. That first read makes the answer final: it drops
        whatever the failed write left in the log, so that nothing of it can come back after a crash.
        """
        writer = self._open_writer()
        if rows:
            await self._settle()
            await writer.run(lambda: writer.write(rows))

    async def last(self) -> JournalRow | None:
        """Return the newest row, or None for an empty journal. Raises `JournalError`."""
        rows = await self._query(_LAST, ())
        return rows[0] if rows else None

    async def read(self, *, after: int, limit: int) -> list[JournalRow]:
        """Return up to `limit` rows with a sequence above `after`, in order. Raises `JournalError`."""
        return await self._query(_READ, (after, limit))

    async def read_plain(self, *, after: int, limit: int) -> list[PlainRow]:
        """Return the same rows as `read`, for going through many of them. Raises `JournalError`."""
        return await self._query_plain(_READ, (after, limit))

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, JournalRow]:
        """Return the durable rows that carry one of the keys. Raises `JournalError`."""
        found: dict[bytes, JournalRow] = {}
        for start in range(0, len(keys), STATEMENT_ROWS_MAX):
            part = keys[start : start + STATEMENT_ROWS_MAX]
            size = 1 << (len(part) - 1).bit_length()
            padding = [part[-1]] * (size - len(part))  # the same key twice in an IN list is the same question
            for row in await self._query(_FINDS[size], (*part, *padding)):
                if row.key is not None:
                    found[row.key] = row
        return found

    async def find_damage(self) -> str | None:
        """Return the first fault that SQLite finds in the file, its index on keys included, or None; reads all of it.

        Raises `JournalError`.
        """
        await self._settle()
        if self._reader is None:
            raise JournalError(f"The journal {self._path} is closed.")
        try:
            ((verdict,),) = self._reader.execute("PRAGMA integrity_check(1)").fetchall()
        except sqlite3.Error as error:
            raise JournalError(explain_failure(error, action="check the journal", path=self._path)) from error
        return None if verdict == b"ok" else f"the journal file is damaged: {verdict.decode(errors='replace')}"

    async def check_writable(self) -> None:
        """Write a megabyte that is no row and remove it, which leaves that room for a batch. Raises `JournalError`."""
        writer = self._open_writer()
        await self._settle()
        await writer.run(writer.probe)

    async def watch(self, suspect: Callable[[JournalError], None]) -> None:  # noqa: ARG002 - as the protocol has it
        """Wait for ever: the lock of the data directory keeps others out, and a file does not go away by itself."""
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """Finish pending writes and close the file; closing again does nothing. Raises `JournalError`."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
            if self._writer is not None:
                await asyncio.get_running_loop().run_in_executor(None, self._writer.close)

    def _open_writer(self) -> "_Writer":
        if self._reader is None or self._writer is None:
            raise JournalError(f"The journal {self._path} is closed or open for reading only; nothing was written.")
        return self._writer

    async def _settle(self) -> None:
        if self._writer is not None and not self._writer.is_settled:
            await self._writer.run(self._writer.settle)

    async def _query(self, sql: str, parameters: Sequence[int | bytes]) -> list[JournalRow]:
        return list(map(JournalRow._make, await self._query_plain(sql, parameters)))

    async def _query_plain(self, sql: str, parameters: Sequence[int | bytes]) -> list[PlainRow]:
        await self._settle()
        if self._reader is None:
            raise JournalError(f"The journal {self._path} is closed.")
        try:
            # All rows at once: an open cursor would hold back the checkpoint.
            return self._reader.execute(sql, parameters).fetchall()
        except SQLITE_FAILURES as error:
            raise JournalError(explain_failure(error, action="read the journal", path=self._path)) from error


class _Writer:
    """The only connection that writes, and the only thread that touches it.

    A thread and a queue of its own: an executor's way there and back costs 0.05 ms more, a twelfth of a commit.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._works: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # Opened here and used on the thread alone from then on.
        self._connection = open_writer(path)
        self._thread = Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()
        self._is_closed = False
        self.is_settled = True

    async def run(self, work: Callable[[], _T]) -> _T:
        """Run work on the thread, after the work that waits there already. Raises `JournalError`."""
        if self._is_closed:
            raise JournalError(f"The journal {self._path} is closed; nothing was written.")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_T] = loop.create_future()

        def work_and_report() -> None:
            report: Callable[[], None]
            try:
                report = partial(_set_result, done, work())
            except BaseException as error:  # noqa: BLE001 -- raised where it is awaited
                report = partial(_set_exception, done, error)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(report)

        self._works.put(work_and_report)
        try:
            return await done
        except SQLITE_FAILURES as error:
            raise JournalError(explain_failure(error, action="write the journal", path=self._path)) from error

    def _work(self) -> None:
        while (work := self._works.get()) is not None:
            work()

    def write(self, rows: Sequence[JournalRow]) -> None:
        """Insert rows, all or none; on the thread."""
        try:
            if len(rows) in _INSERTS:
                self._insert(rows)  # a statement alone is a transaction of its own
            else:
                self._insert_in_parts(rows)
        except BaseException as error:
            self.is_settled = primary_code(error) in _FAILURES_BEFORE_COMMIT
            raise

    def settle(self) -> None:
        """Make the outcome of a failed write final; on the thread.

        A write whose last step failed (its fsync) can stand complete in the log, unseen by every reader, and recovery
        after a crash would take it for committed. Moving what is committed into the file and cutting the log to
        nothing removes it; on a full disk that waits for free space as large as the log.
        """
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        is_blocked, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_blocked:
            raise JournalError(
                f"Could not settle a failed write to the journal {self._path}: another program is reading or writing "
                "the file; close it and try again."
            )
        self.is_settled = True

    def probe(self) -> None:
        """Write and remove what a large batch needs, in the log and in the file; on the thread."""
        self._connection.execute(
            "INSERT OR REPLACE INTO journal_probe (id, content) VALUES (1, zeroblob(?))", (PROBE_BYTES,)
        )
        self._connection.execute("DELETE FROM journal_probe")
        # Gives the log's part of the disk back; where a reader is in the way, a later checkpoint does.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Finish what waits, end the thread and close the connection; blocks. Raises `JournalError`."""
        self._is_closed = True
        self._works.put(None)
        self._thread.join()
        try:
            self._connection.close()
        except SQLITE_FAILURES as error:
            raise JournalError(explain_failure(error, action="close the journal", path=self._path)) from error

    def _insert(self, rows: Sequence[JournalRow]) -> None:
        self._connection.execute(_INSERTS[len(rows)], list(chain.from_iterable(rows)))

    def _insert_in_parts(self, rows: Sequence[JournalRow]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            start = 0
            while start < len(rows):
                size = min(STATEMENT_ROWS_MAX, 1 << (len(rows) - start).bit_length() - 1)
                self._insert(rows[start : start + size])
                start += size
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _set_result(done: asyncio.Future[_T], result: _T) -> None:
    if not done.cancelled():
        done.set_result(result)


def _set_exception(done: asyncio.Future[_T], error: BaseException) -> None:
    if not done.cancelled():
        done.set_exception(error)
