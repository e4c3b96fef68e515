"""The one connection to the file of names and keys, in a thread of its own, and the cipher of its sealed columns."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from waiver_exchange.adapters.encryption.envelope import WrongMasterKeyError
from waiver_exchange.adapters.encryption.values import SealedValueError, ValueCipher
from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES, explain_failure
from waiver_exchange.adapters.sqlite.identity_file import open_identity
from waiver_exchange.adapters.sqlite.identity_keys import load_cipher, place_of
from waiver_exchange.application.ports import IdentityError

_OPENING: Final = "open the names and keys"
_WRITING: Final = "write names and keys"
_READING: Final = "read names and keys"
_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_R = TypeVar("_R")


class IdentityThread:
    """Runs what the stores of one file want, one after the other, each change in a transaction.

    `master_key` is the one that wraps the data keys now; `problem` says why the newest change could not be stored.
    """

    def __init__(self, path: Path, *, master_key: bytes) -> None:
        """Open the file, creating it (mode 0600); blocks for some milliseconds. Raises `IdentityError`."""
        self.path = path
        self.master_key = master_key
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="identity")
        self.problem: str | None = None
        self._under_way: set[asyncio.Task[object]] = set()
        try:
            self._connection = self.load(lambda: open_identity(path, master_key=master_key))
            self._cipher = self.load(lambda: load_cipher(self._connection, master_key=master_key))
        except BaseException:
            self._executor.shutdown()
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for functions that run in the thread."""
        return self._connection

    @property
    def cipher(self) -> ValueCipher:
        """The cipher with the data keys of the last commit."""
        return self._cipher

    def seal(self, text: str, *, table: str, column: str, row: int | str | bytes) -> bytes:
        """Return a text sealed for its place."""
        return self._cipher.seal(text.encode(), place_of(table, column, row))

    def open(self, sealed: bytes, *, table: str, column: str, row: int | str | bytes) -> str:
        """Return the text sealed for a place. Raises `SealedValueError`."""
        return self._cipher.open(sealed, place_of(table, column, row)).decode()

    def load(self, work: Callable[[], _T]) -> _T:
        """Do work in the thread while the exchange is being opened, and wait for it. Raises `IdentityError`."""
        try:
            return self._executor.submit(work).result()
        except WrongMasterKeyError as error:
            raise IdentityError(
                f"Could not {_OPENING} {self.path}: they were encrypted under another master key. Bring back the one "
                "that was there (WAIVER_MASTER_KEY, its file, or master_key in the directory of secrets); after "
                "`waiver secrets rewrap` it is the new one."
            ) from error
        except SealedValueError as error:
            raise IdentityError(f"Could not {_OPENING} {self.path}: {error}; restore a backup.") from error
        except (*SQLITE_FAILURES, OSError) as error:
            raise IdentityError(explain_failure(error, action=_OPENING, path=self.path)) from error

    def new_cipher(self, connection: sqlite3.Connection) -> None:
        """Take the data keys as they are in the file; for the thread, behind a commit."""
        self._cipher = load_cipher(connection, master_key=self.master_key)

    async def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what work reads in the thread. Raises `IdentityError`."""
        return await self._run(work, action=_READING)

    async def change(self, work: Callable[[sqlite3.Connection], _T], *, then: Callable[[_T], _R]) -> _R:
        """Do work in a transaction, then bring memory up to date, and return what that gives.

        Memory follows the file even when the caller is cancelled meanwhile. Raises `IdentityError`.
        """
        task = asyncio.create_task(self._change(work, then))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def run_alone(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do work in the thread outside of a transaction. Raises `IdentityError`."""
        return await self._run(work, action=_WRITING)

    async def close(self) -> None:
        """Finish pending writes and close the file; closing again does nothing."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await asyncio.get_running_loop().run_in_executor(None, self.close_now)

    def close_now(self) -> None:
        """Close the file from any thread; closing again does nothing."""
        try:
            self._executor.submit(self._connection.close).result()
        except RuntimeError:  # closed before
            return
        self._executor.shutdown()

    async def check_writable(self) -> None:
        """Write what is there already, and end or renew the problem with it. Raises `IdentityError`."""

        def write(connection: sqlite3.Connection) -> None:
            # Goes through the file's log as any change does, and changes nothing.
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            connection.execute(f"PRAGMA user_version = {int(version)}")

        await self.change(write, then=lambda _: None)

    async def _change(self, work: Callable[[sqlite3.Connection], _T], then: Callable[[_T], _R]) -> _R:
        try:
            done = await self._run(lambda connection: in_transaction(connection, work), action=_WRITING)
        except IdentityError as error:
            if self.problem is None:
                _log.error("names and keys cannot be stored; it is tried again: %s", error)
            self.problem = str(error)
            raise
        if self.problem is not None:
            _log.warning("names and keys can be stored again")
            self.problem = None
        return then(done)

    async def _run(self, work: Callable[[sqlite3.Connection], _T], *, action: str) -> _T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, work, self._connection)
        except SQLITE_FAILURES as error:
            raise IdentityError(explain_failure(error, action=action, path=self.path)) from error
        except SealedValueError as error:
            raise IdentityError(f"Could not {action} {self.path}: {error}; restore a backup.") from error


def in_transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], _T]) -> _T:
    """Do work and commit it, or leave everything as it was. Raises what work raises, `sqlite3.Error`."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return done
