"""Changing the data key and the master key of what is sealed."""

from typing import Any, Final

from sqlalchemy import Connection, Table, func, select, update

from waiver_exchange.adapters.encryption.values import ValueCipher
from waiver_exchange.adapters.sql.identity.data_keys import (
    SEALED_TABLES,
    add_data_key,
    destroy_data_keys,
    list_data_keys,
    place_of,
    rewrap_keys,
    sealed_columns,
)
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.application.personal_data_ports import DataKeyStatus, DataKeyStore

# Of one transaction: other writes wait some milliseconds for it at most.
BATCH_ROWS: Final = 200


class SqlDataKeys(DataKeyStore):
    """A `DataKeyStore`. How far it is shows in the values themselves, so that a crash costs nothing."""

    def __init__(self, vault: Vault) -> None:
        """Take the vault."""
        self._vault = vault
        self._table = 0
        self._after: Any = None

    async def rotate_data_key(self) -> int:
        """Make a new data key and seal with it from now on. Raises `IdentityError`."""
        master_key = self._vault.master_key
        number = await self._vault.change(lambda connection: add_data_key(connection, master_key=master_key), then=int)
        await self._vault.run_alone(self._vault.new_cipher)
        self._begin()
        return number

    async def reseal_some(self) -> bool:
        """Seal the next rows that an older key seals; True until no older key is left. Raises `IdentityError`."""
        if not self._vault.cipher.is_changing:
            return False
        if self._table < len(SEALED_TABLES):
            table, after = SEALED_TABLES[self._table], self._after
            last = await self._vault.change(
                lambda connection: _reseal(connection, table, cipher=self._vault.cipher, after=after), then=_same
            )
            self._table, self._after = (self._table, last) if last is not None else (self._table + 1, None)
            return True
        await self._destroy()
        self._begin()
        return self._vault.cipher.is_changing

    async def data_key_status(self) -> DataKeyStatus:
        """Return how far it is, counted. Raises `IdentityError`."""
        return await self._vault.read(lambda connection: _status(connection, head=self._vault.cipher.head))

    async def rewrap_data_keys(self, new_master_key: bytes) -> int:
        """Wrap all keys with another master key. Raises `IdentityError`."""
        before = self._vault.master_key

        def rewrap(connection: Connection) -> int:
            return rewrap_keys(connection, master_key=before, new_master_key=new_master_key)

        def remember(count: int) -> int:
            self._vault.master_key = new_master_key
            return count

        count = await self._vault.change(rewrap, then=remember)
        await self._vault.sweep_if_possible()  # what the old master key opens is gone from the files too
        return count

    def _begin(self) -> None:
        self._table = 0
        self._after = None

    async def _destroy(self) -> None:
        """Destroy the older keys, unless something is still sealed with one."""
        cipher = self._vault.cipher

        def destroy(connection: Connection) -> bool:
            if any(_count_stale(connection, table, head=cipher.head) for table in SEALED_TABLES):
                return False
            destroy_data_keys(connection, but=cipher.current)
            return True

        if await self._vault.change(destroy, then=_same):
            await self._vault.run_alone(self._vault.new_cipher)
            await self._vault.sweep_if_possible()


def _reseal(connection: Connection, table: Table, *, cipher: ValueCipher, after: Any) -> Any:  # noqa: ANN401 - a key
    """Seal the next rows of a table anew where it is needed; return the last one's key, None at the end."""
    (key,) = table.primary_key.columns
    names = sealed_columns(table)
    query = select(key, *(table.c[name] for name in names)).order_by(key).limit(BATCH_ROWS)
    rows = connection.execute(query if after is None else query.where(key > after)).all()
    for row, *values in rows:
        anew = {
            name: cipher.seal(cipher.open(sealed, place), place)
            for name, sealed in zip(names, values, strict=True)
            if sealed is not None and not sealed.startswith(cipher.head)
            for place in (place_of(table.name, name, row),)
        }
        if anew:
            connection.execute(update(table).where(key == row).values(anew))
    return rows[-1][0] if rows else None


def _count_stale(connection: Connection, table: Table, *, head: bytes) -> int:
    """Return how many values of a table an older key seals."""
    return sum(
        connection.execute(
            select(func.count()).select_from(table).where(func.substr(table.c[name], 1, len(head)) != head)
        ).scalar_one()
        for name in sealed_columns(table)
    )


def _count(connection: Connection, table: Table) -> int:
    return sum(connection.execute(select(func.count(table.c[name]))).scalar_one() for name in sealed_columns(table))


def _status(connection: Connection, *, head: bytes) -> DataKeyStatus:
    keys = list_data_keys(connection)
    current, created_at_ns = keys[-1]
    return DataKeyStatus(
        current=current,
        created_at_ns=created_at_ns,
        keys=tuple(number for number, _ in keys),
        values=sum(_count(connection, table) for table in SEALED_TABLES),
        stale_values=sum(_count_stale(connection, table, head=head) for table in SEALED_TABLES),
    )


def _same(done: Any) -> Any:  # noqa: ANN401 - whatever it was
    return done
