"""Names and API keys in a SQLite file of their own: they may have to be forgotten, the journal never is."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread
from waiver_exchange.application.ports import ApiKey, IdentityStore, RequestRates

# Of an account; without a bound, a program that makes and revokes keys would fill the memory.
REVOKED_KEYS_KEPT: Final = 100

_Values = tuple[int | str | bytes | None, ...]


class _Loaded(NamedTuple):
    names: dict[int, str]
    opened_at_ns: dict[int, int]
    keys: dict[str, ApiKey]
    rates: dict[int, RequestRates]


class SqliteIdentityStore(IdentityStore):
    """An `IdentityStore` that keeps everything in memory too, because every request asks it."""

    def __init__(self, file: IdentityThread) -> None:
        """Read the names and keys; blocks for some milliseconds. Raises `IdentityError`."""
        self._file = file
        self._names, self._opened_at_ns, self._keys, self._rates = file.load(lambda: _load(file))
        self._keys_of: dict[int, dict[str, None]] = {}
        for key in self._keys.values():
            self._keys_of.setdefault(key.account, {})[key.key_id] = None
        self._uses: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        for account, name in self._names.items():
            self._numbers.setdefault(name, account)

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
                self._names[account] = name
                self._opened_at_ns[account] = opened_at_ns
                self._numbers.setdefault(name, account)

        await self._file.change(add, then=remember)

    async def add_key(self, key: ApiKey) -> None:
        """Keep a key durably. Raises `IdentityError`."""

        def remember() -> None:
            self._keys[key.key_id] = key
            self._keys_of.setdefault(key.account, {})[key.key_id] = None

        times = (key.last_used_at_ns, key.revoked_at_ns)
        values = (key.key_id, key.account, key.secret_hash, key.created_at_ns, key.name, scopes_text(key.scopes))
        await self._write("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(*values, *times)], then=remember)

    async def rename_key(self, key_id: str, *, name: str) -> ApiKey:
        """Give a key another name durably and return it. Raises `IdentityError`."""

        def remember() -> None:
            self._keys[key_id] = replace(self._keys[key_id], name=name)

        await self._write("UPDATE api_keys SET name = ? WHERE key_id = ?", [(name, key_id)], then=remember)
        return self._with_use(key_id)

    async def revoke_key(self, key_id: str, *, at_ns: int) -> ApiKey:
        """End a key durably and return it; of an account's revoked keys only the newest are kept.

        Raises `IdentityError`.
        """

        def remember() -> None:
            self._keys[key_id] = replace(self._keys[key_id], revoked_at_ns=at_ns)

        await self._write("UPDATE api_keys SET revoked_at_ns = ? WHERE key_id = ?", [(at_ns, key_id)], then=remember)
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
        await self._write("UPDATE api_keys SET last_used_at_ns = ? WHERE key_id = ?", rows, then=_nothing)

    async def set_rates(self, *, account: int, rates: RequestRates) -> None:
        """Keep an account's own limits durably. Raises `IdentityError`."""

        def remember() -> None:
            self._rates[account] = rates

        statement = "INSERT OR REPLACE INTO account_rates VALUES (?, ?, ?, ?, ?)"
        await self._write(statement, [(account, *rates)], then=remember)

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
        await self._file.close()

    def forget(self, account: int) -> None:
        """Forget in memory what was removed from the file of an account; when it was opened stays."""
        name = self._names.pop(account, None)
        if name is not None and self._numbers.get(name) == account:
            del self._numbers[name]
            heir = next((other for other, known in self._names.items() if known == name), None)
            if heir is not None:
                self._numbers[name] = heir
        for key_id in self._keys_of.pop(account, ()):
            del self._keys[key_id]
            self._uses.pop(key_id, None)
        self._rates.pop(account, None)

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

        def remember() -> None:
            for key_id in gone:
                self._keys.pop(key_id, None)
                self._keys_of[account].pop(key_id, None)

        await self._write("DELETE FROM api_keys WHERE key_id = ?", [(key_id,) for key_id in gone], then=remember)

    async def _write(self, statement: str, rows: Sequence[_Values], *, then: Callable[[], None]) -> None:
        """Run a statement for each row in one transaction, and `then` bring memory up to date."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(statement, rows)

        await self._file.change(write, then=lambda _: then())


def scopes_text(scopes: frozenset[str]) -> str:
    """Return scopes as they are stored."""
    return " ".join(sorted(scopes))


def _load(file: IdentityThread) -> _Loaded:
    connection = file.connection
    accounts = connection.execute("SELECT account, name, opened_at_ns FROM accounts ORDER BY account").fetchall()
    names = {
        account: file.open(name, table="accounts", column="name", row=account)
        for account, name, _ in accounts
        if name is not None
    }
    keys = connection.execute(
        "SELECT key_id, account, secret_hash, created_at_ns, name, scopes, last_used_at_ns, revoked_at_ns "
        "FROM api_keys ORDER BY created_at_ns, key_id"
    )
    rates = connection.execute("SELECT * FROM account_rates")
    return _Loaded(
        names=names,
        opened_at_ns={account: opened_at_ns for account, _, opened_at_ns in accounts},
        keys={row[0]: _key_of(row) for row in keys},
        rates={account: RequestRates(*of_account) for account, *of_account in rates},
    )


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


def _nothing() -> None:
    pass
