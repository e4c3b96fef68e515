"""Names and API keys in a SQLite file of their own: they may have to be forgotten, the journal never is."""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES, explain_failure
from waiver_exchange.adapters.sqlite.identity_file import load_identity, open_identity, scopes_text
from waiver_exchange.application.ports import ApiKey, IdentityError, IdentityStore, RequestRates

# Of an account; without a bound, a program that makes and revokes keys would fill the memory.
REVOKED_KEYS_KEPT: Final = 100

_Values = tuple[int | str | bytes | None, ...]


class SqliteIdentityStore(IdentityStore):
    """An `IdentityStore` that keeps everything in memory too, because every request asks it."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it (mode 0600); blocks for some milliseconds. Raises `IdentityError`."""
        self._path = path
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="identity")
        try:
            self._connection = self._executor.submit(open_identity, path).result()
            loaded = self._executor.submit(load_identity, self._connection).result()
        except (*SQLITE_FAILURES, OSError) as error:
            self._executor.shutdown()
            raise IdentityError(explain_failure(error, action="open the names and keys", path=path)) from error
        except IdentityError:
            self._executor.shutdown()
            raise
        self._names, self._opened_at_ns, self._keys, self._rates = loaded
        self._keys_of: dict[int, dict[str, None]] = {}
        for key in self._keys.values():
            self._keys_of.setdefault(key.account, {})[key.key_id] = None
        self._uses: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        for account, name in self._names.items():
            self._numbers.setdefault(name, account)

    async def add_account(self, *, account: int, name: str, opened_at_ns: int) -> None:
        """Keep an account's name durably, with the journal's time at which it was opened. Raises `IdentityError`."""
        await self._write("INSERT INTO accounts VALUES (?, ?, ?)", [(account, name, opened_at_ns)])
        self._names[account] = name
        self._opened_at_ns[account] = opened_at_ns
        self._numbers.setdefault(name, account)

    async def add_key(self, key: ApiKey) -> None:
        """Keep a key durably. Raises `IdentityError`."""
        times = (key.last_used_at_ns, key.revoked_at_ns)
        values = (key.key_id, key.account, key.secret_hash, key.created_at_ns, key.name, scopes_text(key.scopes))
        await self._write("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(*values, *times)])
        self._keys[key.key_id] = key
        self._keys_of.setdefault(key.account, {})[key.key_id] = None

    async def rename_key(self, key_id: str, *, name: str) -> ApiKey:
        """Give a key another name durably and return it. Raises `IdentityError`."""
        await self._write("UPDATE api_keys SET name = ? WHERE key_id = ?", [(name, key_id)])
        self._keys[key_id] = replace(self._keys[key_id], name=name)
        return self._with_use(key_id)

    async def revoke_key(self, key_id: str, *, at_ns: int) -> ApiKey:
        """End a key durably and return it; of an account's revoked keys only the newest are kept.

        Raises `IdentityError`.
        """
        await self._write("UPDATE api_keys SET revoked_at_ns = ? WHERE key_id = ?", [(at_ns, key_id)])
        self._keys[key_id] = replace(self._keys[key_id], revoked_at_ns=at_ns)
        revoked = self._with_use(key_id)
        await self._forget_revoked(revoked.account)
        return revoked

    def find_key(self, key_id: str) -> ApiKey | None:
        """Return a key that may be used, from memory; its last use is that of the store."""
        key = self._keys.get(key_id)
        return key if key is not None and not key.revoked_at_ns else None

    def list_keys(self, account: int) -> list[ApiKey]:
        """Return an account's keys with their last uses, also the revoked ones, oldest first, from memory."""
        return [self._with_use(key_id) for key_id in self._keys_of.get(account, ())]

    def note_use(self, key_id: str, *, at_ns: int) -> None:
        """Remember in memory that a key was used."""
        self._uses[key_id] = at_ns

    async def store_uses(self) -> None:
        """Keep the last uses that were noted since the last time. Raises `IdentityError`."""
        uses, self._uses = self._uses, {}
        known = {key_id: at_ns for key_id, at_ns in uses.items() if key_id in self._keys}
        if not known:
            return
        for key_id, at_ns in known.items():
            self._keys[key_id] = replace(self._keys[key_id], last_used_at_ns=at_ns)
        rows = [(at_ns, key_id) for key_id, at_ns in known.items()]
        await self._write("UPDATE api_keys SET last_used_at_ns = ? WHERE key_id = ?", rows)

    async def set_rates(self, *, account: int, rates: RequestRates) -> None:
        """Keep an account's own limits durably. Raises `IdentityError`."""
        await self._write("INSERT OR REPLACE INTO account_rates VALUES (?, ?, ?)", [(account, *rates)])
        self._rates[account] = rates

    def find_rates(self, account: int) -> RequestRates | None:
        """Return an account's own limits, from memory."""
        return self._rates.get(account)

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

    def _with_use(self, key_id: str) -> ApiKey:
        key = self._keys[key_id]
        used_at_ns = self._uses.get(key_id)
        return key if used_at_ns is None else replace(key, last_used_at_ns=used_at_ns)

    async def _forget_revoked(self, account: int) -> None:
        revoked = [key for key in self.list_keys(account) if not key.is_usable]
        revoked.sort(key=_revoked_at_ns)
        gone = [key.key_id for key in revoked[:-REVOKED_KEYS_KEPT]]
        if not gone:
            return
        await self._write("DELETE FROM api_keys WHERE key_id = ?", [(key_id,) for key_id in gone])
        for key_id in gone:
            self._keys.pop(key_id, None)
            self._keys_of[account].pop(key_id, None)

    async def _write(self, statement: str, rows: Sequence[_Values]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, _write_rows, self._connection, statement, rows)
        except sqlite3.Error as error:
            raise IdentityError(explain_failure(error, action="write names and keys", path=self._path)) from error


def _write_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[_Values]) -> None:
    """Run a statement for each row in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(statement, rows)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _revoked_at_ns(key: ApiKey) -> int:
    return key.revoked_at_ns
