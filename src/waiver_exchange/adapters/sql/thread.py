"""One connection in a thread of its own: what several stores want, one after the other, each change a transaction.

A connection that was lost is opened again by the next who needs it. When it is lost during a commit, nobody knows
whether that was done: every transaction leaves a token, and the next connection reads it back before anything else.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from waiver_exchange.adapters.sql.database import SqlDatabase

# UnicodeDecodeError comes from a damaged SQLite file, whose names are quoted in a message that Python cannot decode.
FAILURES: Final = (DBAPIError, OSError, UnicodeDecodeError)
# What is asked meanwhile of a database that is away is refused without asking it again.
RECONNECT_SECONDS: Final = 1.0
# So long somebody waits to learn what became of a commit; later it is read back by whoever comes next.
READ_BACK_SECONDS_MAX: Final = 5.0
_READ_BACK_PAUSE_SECONDS: Final = 0.2
_TOKEN_BYTES: Final = 16
_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_R = TypeVar("_R")


class Actions(NamedTuple):
    """What completes "Could not" in messages, such as `write names and keys`."""

    opening: str
    writing: str
    reading: str


class CommitUnknownError(Exception):
    """A commit got no answer and could not be read back yet; whatever became of it, memory will follow."""


class _Unanswered(NamedTuple):
    """A commit without an answer, and what is to be done when it turns out that it was done."""

    token: bytes
    follow: Callable[[], object]


class SqlThread:
    """Runs what the stores of one database want. `error` is what its methods raise for an operating failure."""

    failures: tuple[type[Exception], ...] = (*FAILURES, CommitUnknownError)

    def __init__(self, database: SqlDatabase, *, name: str, actions: Actions, error: type[Exception]) -> None:
        """Connect; blocks for some milliseconds. Raises `error`."""
        self.database = database
        self._actions = actions
        self._error = error
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._under_way: set[asyncio.Task[object]] = set()
        self._connection: Connection | None = None
        self._refused: tuple[float, Exception] | None = None
        self._unanswered: _Unanswered | None = None
        try:
            self.load(lambda _: None)
        except BaseException:
            self._executor.shutdown()
            raise

    def load(self, work: Callable[[Connection], _T]) -> _T:
        """Do work in the thread and in a transaction while the exchange is being opened, and wait. Raises `error`."""
        try:
            return self._executor.submit(self._transact, work, _nothing).result()
        except self.failures as error:
            raise self.failure(error, action=self._actions.opening) from error

    async def read(self, work: Callable[[Connection], _T]) -> _T:
        """Return what work reads in the thread. Raises `error`."""
        return await self._run(self._actions.reading, lambda: self._do(work))

    async def run_alone(self, work: Callable[[Connection], _T]) -> _T:
        """Do work in the thread outside of a transaction. Raises `error`."""
        return await self._run(self._actions.writing, lambda: self._do(work))

    async def change(self, work: Callable[[Connection], _T], *, then: Callable[[_T], _R]) -> _R:
        """Do work in a transaction, then bring memory up to date, and return what that gives.

        Memory follows the database even when the caller is cancelled meanwhile, and when an answer was lost: then
        `error` is raised, and should it turn out that the change was made, memory follows as soon as that is known.
        Work may be done twice, when the connection was lost before its commit. Raises `error`.
        """
        task = asyncio.create_task(self._change(work, then))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def sweep(self) -> None:
        """Remove from the files what was deleted or replaced. Raises `error`."""
        await self.run_alone(self.database.sweep)

    async def close(self) -> None:
        """Finish what is under way and close the connection; closing again does nothing."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await asyncio.get_running_loop().run_in_executor(None, self.close_now)

    def close_now(self) -> None:
        """Close the connection from any thread; closing again does nothing."""
        try:
            self._executor.submit(self._disconnect).result()
        except RuntimeError:  # closed before
            return
        self._executor.shutdown()

    def failure(self, error: Exception, *, action: str) -> Exception:
        """Return what is raised for a failure."""
        if isinstance(error, CommitUnknownError):
            return self._error(
                f"Could not {action} in {self.database.place}: the connection was lost before the answer came, and it "
                "is not known yet whether it was done; look before you do it again."
            )
        return self._error(self.database.explain(error, action=action))

    def noted(self, error: Exception | None) -> None:
        """Be told how a change ended; for those who keep that in mind."""

    async def _change(self, work: Callable[[Connection], _T], then: Callable[[_T], _R]) -> _R:
        loop = asyncio.get_running_loop()

        def follow(done: _T) -> None:
            loop.call_soon_threadsafe(then, done)

        try:
            done = await self._run(self._actions.writing, lambda: self._transact(work, follow))
        except self._error as error:
            self.noted(error)
            raise
        self.noted(None)
        return then(done)

    async def _run(self, action: str, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except self.failures as error:
            raise self.failure(error, action=action) from error

    # From here on: in the thread.

    def _do(self, work: Callable[[Connection], _T]) -> _T:
        for is_last in (False, True):
            connection = self._connected()
            try:
                with self._bounded(connection):
                    return work(connection)
            except Exception as error:
                if not self._drop_if_lost(connection, error) or is_last:
                    raise
        raise AssertionError

    def _transact(self, work: Callable[[Connection], _T], follow: Callable[[_T], object]) -> _T:
        for is_last in (False, True):
            connection, token = self._connected(), os.urandom(_TOKEN_BYTES)
            try:
                with self._bounded(connection):
                    self.database.begin(connection)
                    done = work(connection)
                    self.database.mark(connection, token)
            except BaseException as error:
                if not self._give_up(connection, error) or is_last:
                    raise
            else:
                self._commit(connection, _Unanswered(token, partial(follow, done)))
                return done
        raise AssertionError

    def _commit(self, connection: Connection, commit: _Unanswered) -> None:
        try:
            with self._bounded(connection):
                connection.exec_driver_sql("COMMIT")
        except FAILURES as error:
            if not self._give_up(connection, error) or not self._was_done(commit):
                raise

    def _was_done(self, commit: _Unanswered) -> bool:
        """Return whether a commit that got no answer was done. Raises `CommitUnknownError` when nobody can tell yet."""
        self._unanswered = commit
        end = time.monotonic() + READ_BACK_SECONDS_MAX
        while True:
            try:
                return self._read_back(self._opened())
            except FAILURES as error:
                _log.warning("a commit got no answer; it is read back: %s", type(error).__name__)
                if time.monotonic() >= end:
                    raise CommitUnknownError from error
                time.sleep(_READ_BACK_PAUSE_SECONDS)

    def _read_back(self, connection: Connection) -> bool:
        """Return whether the commit without an answer was done, of which then nobody asks again."""
        commit = self._unanswered
        if commit is None:
            return False
        try:
            with self._bounded(connection):
                was_done = self.database.has_mark(connection, commit.token)
        except FAILURES as error:
            self._drop_if_lost(connection, error)
            raise
        self._unanswered = None
        return was_done

    def _connected(self) -> Connection:
        """Return the connection, opened if need be, with nothing unknown behind it. Raises one of `FAILURES`."""
        if self._refused is not None and time.monotonic() < self._refused[0]:
            raise self._refused[1]
        connection = self._opened()
        commit = self._unanswered
        if commit is not None and self._read_back(connection):
            commit.follow()
        return connection

    def _opened(self) -> Connection:
        if self._connection is None:
            try:
                self._connection = self.database.connect()
            except FAILURES as error:
                self._refused = (time.monotonic() + RECONNECT_SECONDS, error)
                raise
            self._refused = None
        return self._connection

    def _give_up(self, connection: Connection, error: BaseException) -> bool:
        """Leave everything as it was before a transaction; return whether the connection was lost."""
        if self._drop_if_lost(connection, error):
            return True
        try:
            connection.exec_driver_sql("ROLLBACK")
        except DBAPIError as failed:  # SQLite has ended some transactions by itself
            self._drop_if_lost(connection, failed)
        return False

    def _drop_if_lost(self, connection: Connection, error: BaseException) -> bool:
        is_lost = self.database.is_lost(connection, error)
        if is_lost:
            self._disconnect()
        return is_lost

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except FAILURES:
                _log.debug("a connection could not be closed in order", exc_info=True)

    @contextmanager
    def _bounded(self, connection: Connection) -> Iterator[None]:
        """Cut the connection when the block takes too long, which ends it with a failure."""
        seconds = self.database.work_seconds_max
        if seconds is None:
            yield
            return
        timer = threading.Timer(seconds, self.database.cut, (connection,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _nothing(_: object) -> None:
    pass
