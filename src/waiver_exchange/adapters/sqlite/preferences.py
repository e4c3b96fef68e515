"""Account settings and watchlists in a SQLite file of their own."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES, explain_failure
from waiver_exchange.application.identity_changes import SettingsGone, SettingsKept
from waiver_exchange.application.identity_memory.settings import KnownSettings
from waiver_exchange.application.ports import AccountSettings, PreferencesError, PreferencesStore, Watchlist

_T = TypeVar("_T")
_R = TypeVar("_R")
# Numbers are given once, also after the newest watchlist was removed.
_NEXT_NUMBER: Final = "SELECT COALESCE(MAX(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'watchlists'"
_SELECT: Final = (
    "SELECT number, name, symbols, created_at_ns, updated_at_ns FROM watchlists WHERE account = ? ORDER BY number"
)

_STORE_WATCHLIST: Final = (
    "INSERT INTO watchlists VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET "
    "name = excluded.name, symbols = excluded.symbols, updated_at_ns = excluded.updated_at_ns"
)


class SqlitePreferencesStore(KnownSettings, PreferencesStore):
    """A `PreferencesStore` with the settings in memory too, because every order asks for them.

    One thread does all the work, so that changes come one after the other.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, creating it (mode 0600); blocks for some milliseconds. Raises `PreferencesError`."""
        super().__init__()
        self._path = path
        self._under_way: set[asyncio.Task[object]] = set()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="preferences")
        try:
            self._connection = self._executor.submit(_connect, path).result()
            self._settings = self._executor.submit(_load, self._connection).result()
        except (*SQLITE_FAILURES, OSError, msgspec.DecodeError) as error:
            self._executor.shutdown()
            raise PreferencesError(explain_failure(error, action="open the preferences", path=path)) from error

    async def change_settings(
        self, account: int, change: Callable[[AccountSettings], AccountSettings]
    ) -> AccountSettings:
        """Keep what `change` makes of an account's settings, durably. Raises `PreferencesError`."""

        def work() -> AccountSettings:
            # Not from memory, which follows a change before this one only when its caller goes on.
            changed = change(_settings_of(self._connection, account))
            self._connection.execute(
                "INSERT OR REPLACE INTO account_settings VALUES (?, ?)", (account, msgspec.json.encode(changed))
            )
            return changed

        def remember(changed: AccountSettings) -> AccountSettings:
            self.apply(SettingsKept(account=account, settings=changed))
            return changed

        return await self._change(work, then=remember)

    async def list_watchlists(self, account: int) -> list[Watchlist]:
        """Return an account's watchlists in the order of their making. Raises `PreferencesError`."""
        return await self._run(lambda: _watchlists(self._connection, account))

    async def change_watchlists(self, account: int, change: Callable[[list[Watchlist], int], Watchlist]) -> Watchlist:
        """Keep the watchlist that `change` returns, durably. Raises `PreferencesError`."""

        def work() -> Watchlist:
            (number,) = self._connection.execute(_NEXT_NUMBER).fetchone()
            changed = change(_watchlists(self._connection, account), number)
            self._connection.execute(
                _STORE_WATCHLIST,
                (
                    changed.number,
                    account,
                    changed.name,
                    msgspec.json.encode(changed.symbols),
                    changed.created_at_ns,
                    changed.updated_at_ns,
                ),
            )
            return changed

        return await self._run(work)

    async def remove_watchlist(self, account: int, number: int) -> bool:
        """Forget a watchlist; return whether there was one. Raises `PreferencesError`."""
        statement = "DELETE FROM watchlists WHERE account = ? AND number = ?"
        return await self._run(lambda: self._connection.execute(statement, (account, number)).rowcount > 0)

    async def forget(self, account: int) -> None:
        """Forget an account's settings and watchlists, and every trace of them. Raises `PreferencesError`."""

        def work() -> None:
            self._connection.execute("DELETE FROM watchlists WHERE account = ?", (account,))
            self._connection.execute("DELETE FROM account_settings WHERE account = ?", (account,))
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        await self._change(work, then=lambda _: self.apply(SettingsGone(account=account)))

    async def close(self) -> None:
        """Finish pending writes and close the file; closing again does nothing."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        try:
            self._executor.submit(self._connection.close).result()
        except RuntimeError:  # closed before
            return
        self._executor.shutdown()

    async def _change(self, work: Callable[[], _T], *, then: Callable[[_T], _R]) -> _R:
        """Do work, then bring memory up to date, also when the caller is cancelled meanwhile."""

        async def change() -> _R:
            return then(await self._run(work))

        task = asyncio.create_task(change())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _run(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except SQLITE_FAILURES as error:
            message = explain_failure(error, action="use the preferences", path=self._path)
            raise PreferencesError(message) from error


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # what is forgotten leaves no bytes
    connection.executescript(files("waiver_exchange.adapters.sqlite").joinpath("preferences.sql").read_text("utf-8"))
    return connection


def _load(connection: sqlite3.Connection) -> dict[int, AccountSettings]:
    rows = connection.execute("SELECT account, settings FROM account_settings")
    return {account: msgspec.json.decode(settings, type=AccountSettings) for account, settings in rows}


def _settings_of(connection: sqlite3.Connection, account: int) -> AccountSettings:
    found = connection.execute("SELECT settings FROM account_settings WHERE account = ?", (account,)).fetchone()
    return AccountSettings() if found is None else msgspec.json.decode(found[0], type=AccountSettings)


def _watchlists(connection: sqlite3.Connection, account: int) -> list[Watchlist]:
    return [
        Watchlist(
            number=number,
            account=account,
            name=name,
            symbols=msgspec.json.decode(symbols, type=tuple[str, ...]),
            created_at_ns=created_at_ns,
            updated_at_ns=updated_at_ns,
        )
        for number, name, symbols, created_at_ns, updated_at_ns in connection.execute(_SELECT, (account,))
    ]
