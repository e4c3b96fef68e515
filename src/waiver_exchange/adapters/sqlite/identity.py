"""Names and API keys in a SQLite file of their own: they may have to be forgotten, the journal never is."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread
from waiver_exchange.application.identity_changes import AccountKept, IdentityChange, KeyGone, KeyKept, RatesKept
from waiver_exchange.application.identity_memory.accounts import KnownAccounts
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.ports import ApiKey, IdentityStore, RequestRates

# Of an account; without a bound, a program that makes and revokes keys would fill the memory.
REVOKED_KEYS_KEPT: Final = 100

_Values = tuple[int | str | bytes | None, ...]


class SqliteIdentityStore(KnownAccounts, IdentityStore):
    """An `IdentityStore` that keeps everything in memory too, because every request asks it."""

    def __init__(self, file: IdentityThread, memory: IdentityMemory) -> None:
        """Read the names and keys; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._file = file
        self._memory = memory
        for change in file.load(lambda: list(_load(file))):
            self.apply(change)
        memory.join(self)

    @property
    def problem(self) -> str | None:
        """Why the newest change of names, keys, people or sessions could not be stored."""
        return self._file.problem

    async def check_writable(self) -> None:
        """Try to store something that changes nothing. Raises `IdentityError`."""
        await self._file.check_writable()

    async def add_account(self, *, account: int, name: str, opened_at_ns: int) -> None:
        """Keep an account's name durably, unless it has one, with the time at which it was opened.

        Raises `IdentityError`.
        """
        sealed = self._file.seal(name, table="accounts", column="name", row=account)

        def add(connection: sqlite3.Connection) -> bool:
            # Two tabs of one person who signs in for the first time both come here.
            statement = "INSERT INTO accounts VALUES (?, ?, ?) ON CONFLICT (account) DO NOTHING"
            return connection.execute(statement, (account, sealed, opened_at_ns)).rowcount == 1

        def remember(is_added: bool) -> None:  # noqa: FBT001 - passed on from the thread
            if is_added:
                self._memory.apply(AccountKept(account=account, name=name, opened_at_ns=opened_at_ns))

        await self._file.change(add, then=remember)

    async def add_key(self, key: ApiKey) -> None:
        """Keep a key durably. Raises `IdentityError`."""
        times = (key.last_used_at_ns, key.revoked_at_ns)
        values = (key.key_id, key.account, key.secret_hash, key.created_at_ns, key.name, scopes_text(key.scopes))
        statement = "INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        await self._write(statement, [(*values, *times)], then=lambda: [KeyKept(key=key)])

    async def rename_key(self, key_id: str, *, name: str) -> ApiKey:
        """Give a key another name durably and return it. Raises `IdentityError`."""

        def renamed() -> list[IdentityChange]:
            return [KeyKept(key=replace(self._keys[key_id], name=name))]

        await self._write("UPDATE api_keys SET name = ? WHERE key_id = ?", [(name, key_id)], then=renamed)
        return self._with_use(key_id)

    async def revoke_key(self, key_id: str, *, at_ns: int) -> ApiKey:
        """End a key durably and return it; of an account's revoked keys only the newest are kept.

        Raises `IdentityError`.
        """

        def ended() -> list[IdentityChange]:
            return [KeyKept(key=replace(self._keys[key_id], revoked_at_ns=at_ns))]

        await self._write("UPDATE api_keys SET revoked_at_ns = ? WHERE key_id = ?", [(at_ns, key_id)], then=ended)
        revoked = self._with_use(key_id)
        await self._forget_revoked(revoked.account)
        return revoked

    async def store_uses(self) -> None:
        """Keep the last uses that were noted since the last time. Raises `IdentityError`."""
        rows = [(at_ns, key_id) for key_id, at_ns in self.take_uses()]
        if rows:
            await self._write("UPDATE api_keys SET last_used_at_ns = ? WHERE key_id = ?", rows, then=_nothing)

    async def set_rates(self, *, account: int, rates: RequestRates) -> None:
        """Keep an account's own limits durably. Raises `IdentityError`."""
        statement = "INSERT OR REPLACE INTO account_rates VALUES (?, ?, ?, ?, ?)"
        await self._write(statement, [(account, *rates)], then=lambda: [RatesKept(account=account, rates=rates)])

    async def close(self) -> None:
        """Finish pending writes and close the file; closing again does nothing."""
        await self._file.close()

    async def _forget_revoked(self, account: int) -> None:
        revoked = [key for key in self.list_keys(account) if not key.is_usable]
        revoked.sort(key=_revoked_at_ns)
        gone = [key.key_id for key in revoked[:-REVOKED_KEYS_KEPT]]
        if gone:
            rows = [(key_id,) for key_id in gone]
            statement = "DELETE FROM api_keys WHERE key_id = ?"
            await self._write(statement, rows, then=lambda: [KeyGone(key_id=key_id) for key_id in gone])

    async def _write(
        self, statement: str, rows: Sequence[_Values], *, then: Callable[[], Sequence[IdentityChange]]
    ) -> None:
        """Run a statement for each row in one transaction, and bring memory up to date with what `then` returns."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(statement, rows)

        await self._file.change(write, then=lambda _: self._memory.apply(*then()))


def scopes_text(scopes: frozenset[str]) -> str:
    """Return scopes as they are stored."""
    return " ".join(sorted(scopes))


def _load(file: IdentityThread) -> Iterator[IdentityChange]:
    connection = file.connection
    accounts = connection.execute("SELECT account, name, opened_at_ns FROM accounts ORDER BY account").fetchall()
    for account, sealed, opened_at_ns in accounts:
        name = None if sealed is None else file.open(sealed, table="accounts", column="name", row=account)
        yield AccountKept(account=account, name=name, opened_at_ns=opened_at_ns)
    keys = connection.execute(
        "SELECT key_id, account, secret_hash, created_at_ns, name, scopes, last_used_at_ns, revoked_at_ns "
        "FROM api_keys ORDER BY created_at_ns, key_id"
    )
    for row in keys:
        yield KeyKept(key=_key_of(row))
    for account, *of_account in connection.execute("SELECT * FROM account_rates"):
        yield RatesKept(account=account, rates=RequestRates(*of_account))


def _key_of(row: tuple[str, int, bytes, int, str, str, int, int]) -> ApiKey:
    key_id, account, secret_hash, created_at_ns, name, scopes, last_used_at_ns, revoked_at_ns = row
    return ApiKey(
        key_id=key_id,
        account=account,
        secret_hash=secret_hash,
        created_at_ns=created_at_ns,
        name=name,
        scopes=frozenset(scopes.split()),
        last_used_at_ns=last_used_at_ns,
        revoked_at_ns=revoked_at_ns,
    )


def _revoked_at_ns(key: ApiKey) -> int:
    return key.revoked_at_ns


def _nothing() -> list[IdentityChange]:
    return []
