"""Names, API keys and limits of accounts: apart from the journal, because they may have to be forgotten."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Final

from sqlalchemy import Connection, Executable, Row, bindparam, delete, insert, select, update

from waiver_exchange.adapters.sql.columns import has_inserted, insert_into
from waiver_exchange.adapters.sql.identity.schema import account_rates, accounts, api_keys
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.application.identity_changes import AccountKept, IdentityChange, KeyGone, KeyKept, RatesKept
from waiver_exchange.application.identity_memory.accounts import KnownAccounts
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.ports import ApiKey, IdentityStore, RequestRates

# Of an account; without a bound, a program that makes and revokes keys would fill the memory.
REVOKED_KEYS_KEPT: Final = 100

_OF_KEY: Final = update(api_keys).where(api_keys.c.key_id == bindparam("of_key"))


class SqlIdentityStore(KnownAccounts, IdentityStore):
    """An `IdentityStore` that keeps everything in memory too, because every request asks it."""

    def __init__(self, vault: Vault, memory: IdentityMemory) -> None:
        """Read the names and keys; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._vault = vault
        self._memory = memory
        for change in vault.load(lambda connection: list(_load(connection, vault))):
            self.apply(change)
        memory.join(self)

    @property
    def problem(self) -> str | None:
        """Why the newest change of names, keys, people or sessions could not be stored."""
        return self._vault.problem

    async def check_writable(self) -> None:
        """Try to store something that changes nothing. Raises `IdentityError`."""
        await self._vault.check_writable()

    async def add_account(self, *, account: int, name: str, opened_at_ns: int) -> None:
        """Keep an account's name durably, unless it has one, with the time at which it was opened.

        Raises `IdentityError`.
        """
        sealed = self._vault.seal(name, table="accounts", column="name", row=account)

        def add(connection: Connection) -> bool:
            # Two tabs of one person who signs in for the first time both come here.
            row = {"account": account, "name": sealed, "opened_at_ns": opened_at_ns}
            return has_inserted(connection, insert_into(connection, accounts).values(row))

        def remember(is_added: bool) -> None:  # noqa: FBT001 - passed on from the thread
            if is_added:
                self._memory.apply(AccountKept(account=account, name=name, opened_at_ns=opened_at_ns))

        await self._vault.change(add, then=remember)

    async def add_key(self, key: ApiKey) -> None:
        """Keep a key durably. Raises `IdentityError`."""
        row = asdict(key) | {"scopes": " ".join(sorted(key.scopes))}
        await self._write(insert(api_keys), [row], then=lambda: [KeyKept(key=key)])

    async def rename_key(self, key_id: str, *, name: str) -> ApiKey:
        """Give a key another name durably and return it. Raises `IdentityError`."""

        def renamed() -> list[IdentityChange]:
            return [KeyKept(key=replace(self._keys[key_id], name=name))]

        await self._write(_OF_KEY.values(name=name), [{"of_key": key_id}], then=renamed)
        return self._with_use(key_id)

    async def revoke_key(self, key_id: str, *, at_ns: int) -> ApiKey:
        """End a key durably and return it; of an account's revoked keys only the newest are kept.

        Raises `IdentityError`.
        """

        def ended() -> list[IdentityChange]:
            return [KeyKept(key=replace(self._keys[key_id], revoked_at_ns=at_ns))]

        await self._write(_OF_KEY.values(revoked_at_ns=at_ns), [{"of_key": key_id}], then=ended)
        revoked = self._with_use(key_id)
        await self._forget_revoked(revoked.account)
        return revoked

    async def store_uses(self) -> None:
        """Keep the last uses that were noted since the last time. Raises `IdentityError`."""
        rows = [{"of_key": key_id, "at_ns": at_ns} for key_id, at_ns in self.take_uses()]
        if rows:
            await self._write(_OF_KEY.values(last_used_at_ns=bindparam("at_ns")), rows, then=_nothing)

    async def set_rates(self, *, account: int, rates: RequestRates) -> None:
        """Keep an account's own limits durably. Raises `IdentityError`."""

        def keep(connection: Connection) -> None:
            chosen = rates._asdict()
            statement = insert_into(connection, account_rates).values(account=account, **chosen)
            connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=chosen))

        await self._vault.change(keep, then=lambda _: self._memory.apply(RatesKept(account=account, rates=rates)))

    async def close(self) -> None:
        """Finish pending writes and close the file; closing again does nothing."""
        await self._vault.close()

    async def _forget_revoked(self, account: int) -> None:
        revoked = [key for key in self.list_keys(account) if not key.is_usable]
        revoked.sort(key=_revoked_at_ns)
        gone = [key.key_id for key in revoked[:-REVOKED_KEYS_KEPT]]
        if gone:
            rows = [{"of_key": key_id} for key_id in gone]
            statement = delete(api_keys).where(api_keys.c.key_id == bindparam("of_key"))
            await self._write(statement, rows, then=lambda: [KeyGone(key_id=key_id) for key_id in gone])

    async def _write(
        self,
        statement: Executable,
        rows: Sequence[Mapping[str, object]],
        *,
        then: Callable[[], Sequence[IdentityChange]],
    ) -> None:
        """Run a statement for each row in one transaction, and bring memory up to date with what `then` returns."""

        def write(connection: Connection) -> None:
            connection.execute(statement, rows)

        await self._vault.change(write, then=lambda _: self._memory.apply(*then()))


def _load(connection: Connection, vault: Vault) -> Iterator[IdentityChange]:
    for account, sealed, opened_at_ns in connection.execute(select(accounts).order_by(accounts.c.account)):
        name = None if sealed is None else vault.open(sealed, table="accounts", column="name", row=account)
        yield AccountKept(account=account, name=name, opened_at_ns=opened_at_ns)
    for row in connection.execute(select(api_keys).order_by(api_keys.c.created_at_ns, api_keys.c.key_id)):
        yield KeyKept(key=_key_of(row))
    for account, *of_account in connection.execute(select(account_rates)):
        yield RatesKept(account=account, rates=RequestRates(*of_account))


def _key_of(row: Row[str, int, bytes, int, str, str, int, int]) -> ApiKey:
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
