"""Names and API keys in a SQLite file of their own: they may have to be forgotten, the journal never is."""

import asyncio
import os
import sqlite3
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES, explain_failure
from waiver_exchange.application.ports import ApiKey, IdentityError, IdentityStore


class SqliteIdentityStore(IdentityStore):
    """An `IdentityStore` that keeps everything in memory too, because every request asks it."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it (mode 0600); blocks for some milliseconds. Raises `IdentityError`."""
        self._path = path
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="identity")
        try:
            self._connection = self._executor.submit(_connect, path).result()
            self._names, self._opened_at_ns, self._keys = self._executor.submit(_load, self._connection).result()
        except (*SQLITE_FAILURES, OSError) as error:
            self._executor.shutdown()
            raise IdentityError(explain_failure(error, action="open the names and keys", path=path)) from error
        self._numbers: dict[str, int] = {}
        for account, name in self._names.items():
            self._numbers.setdefault(name, account)

    async def add_account(self, *, account: int, name: str, opened_at_ns: int) -> None:
        """Keep an account's name durably, with the journal's time at which it was opened. Raises `IdentityError`."""
        await self._write("INSERT INTO accounts VALUES (?, ?, ?)", (account, name, opened_at_ns))
        self._names[account] = name
        self._opened_at_ns[account] = opened_at_ns
        self._numbers.setdefault(name, account)

    async def add_key(self, key: ApiKey) -> None:
        """Keep a key durably. Raises `IdentityError`."""
        await self._write(
            "INSERT INTO api_keys VALUES (?, ?, ?, ?)", (key.key_id, key.account, key.secret_hash, key.created_at_ns)
        )
        self._keys[key.key_id] = key

    def find_key(self, key_id: str) -> ApiKey | None:
        """Return a key that may be used, from memory."""
        return self._keys.get(key_id)

    def find_name(self, account: int) -> str | None:
        """Return an account's name, from memory."""
        return self._names.get(account)

    def list_accounts(self) -> Iterable[tuple[int, int]]:
        """Return every account with the journal's time (UNIX nanoseconds) at which it was opened, from memory."""
        return self._opened_at_ns.items()

    def find_account(self, name: str) -> int | None:
        """Return the first account of a name, from memory."""
        return self._numbers.get(name)

    async def close(self) -> None:
        """Finish pending writes and close the file; closing again does nothing."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        try:
            self._executor.submit(self._connection.close).result()
        except RuntimeError:  # closed before
            return
        self._executor.shutdown()

    async def _write(self, statement: str, values: tuple[int | str | bytes, ...]) -> None:
        work = self._connection.execute
        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, work, statement, values)
        except sqlite3.Error as error:
            raise IdentityError(explain_failure(error, action="write names and keys", path=self._path)) from error


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(files("waiver_exchange.adapters.sqlite").joinpath("identity.sql").read_text("utf-8"))
    return connection


def _load(connection: sqlite3.Connection) -> tuple[dict[int, str], dict[int, int], dict[str, ApiKey]]:
    names = dict(connection.execute("SELECT account, name FROM accounts ORDER BY account"))
    opened_at_ns = dict(connection.execute("SELECT account, opened_at_ns FROM accounts ORDER BY account"))
    keys = {
        key_id: ApiKey(key_id=key_id, account=account, secret_hash=secret_hash, created_at_ns=created_at_ns)
        for key_id, account, secret_hash, created_at_ns in connection.execute(
            "SELECT key_id, account, secret_hash, created_at_ns FROM api_keys"
        )
    }
    return names, opened_at_ns, keys
