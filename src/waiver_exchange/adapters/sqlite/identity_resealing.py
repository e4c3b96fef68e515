"""Changing the data key and the master key of the file of names and keys."""

import sqlite3
from typing import Final

from waiver_exchange.adapters.encryption.values import ValueCipher
from waiver_exchange.adapters.sqlite.identity_file import empty_log
from waiver_exchange.adapters.sqlite.identity_keys import (
    SEALED_TABLES,
    SealedTable,
    add_data_key,
    destroy_data_keys,
    list_data_keys,
    place_of,
    rewrap_keys,
)
from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread, in_transaction
from waiver_exchange.application.personal_data_ports import DataKeyStatus, DataKeyStore

# Of one transaction: other writes wait some milliseconds for it at most.
BATCH_ROWS: Final = 200


class SqliteDataKeys(DataKeyStore):
    """A `DataKeyStore`. How far it is shows in the values themselves, so that a crash costs nothing."""

    def __init__(self, file: IdentityThread) -> None:
        """Take the file."""
        self._file = file
        self._table = 0
        self._after = 0

    async def rotate_data_key(self) -> int:
        """Make a new data key and seal with it from now on. Raises `IdentityError`."""
        number = await self._file.run_alone(self._rotate)
        self._table = self._after = 0
        return number

    async def reseal_some(self) -> bool:
        """Seal the next rows that an older key seals; True until no older key is left. Raises `IdentityError`."""
        if not self._file.cipher.is_changing:
            return False
        if self._table < len(SEALED_TABLES):
            table = SEALED_TABLES[self._table]
            after = self._after
            last = await self._file.change(
                lambda connection: _reseal(connection, table, cipher=self._file.cipher, after=after), then=int
            )
            self._table, self._after = (self._table, last) if last else (self._table + 1, 0)
            return True
        await self._file.run_alone(self._destroy)
        self._table = self._after = 0
        return self._file.cipher.is_changing

    async def data_key_status(self) -> DataKeyStatus:
        """Return how far it is, counted. Raises `IdentityError`."""
        return await self._file.read(lambda connection: _status(connection, head=self._file.cipher.head))

    async def rewrap_data_keys(self, new_master_key: bytes) -> int:
        """Wrap all keys with another master key. Raises `IdentityError`."""
        before = self._file.master_key

        def rewrap(connection: sqlite3.Connection) -> int:
            return rewrap_keys(connection, master_key=before, new_master_key=new_master_key)

        def remember(count: int) -> int:
            self._file.master_key = new_master_key
            return count

        count = await self._file.change(rewrap, then=remember)
        await self._file.run_alone(empty_log)  # what the old master key opens is gone from the log too
        return count

    def _rotate(self, connection: sqlite3.Connection) -> int:
        number = in_transaction(connection, lambda _: add_data_key(connection, master_key=self._file.master_key))
        self._file.new_cipher(connection)
        return number

    def _destroy(self, connection: sqlite3.Connection) -> None:
        """Destroy the older keys, unless something is still sealed with one."""
        cipher = self._file.cipher
        if any(_count_stale(connection, table, head=cipher.head) for table in SEALED_TABLES):
            return
        in_transaction(connection, lambda _: destroy_data_keys(connection, but=cipher.current))
        empty_log(connection)
        self._file.new_cipher(connection)


def _reseal(connection: sqlite3.Connection, table: SealedTable, *, cipher: ValueCipher, after: int) -> int:
    """Seal the next rows of a table anew where it is needed; return the last one's row number, 0 at the end."""
    names = ", ".join(table.columns)
    rows = connection.execute(
        f"SELECT rowid, {table.key}, {names} FROM {table.table} WHERE rowid > ? ORDER BY rowid LIMIT ?",  # noqa: S608 - our own names
        (after, BATCH_ROWS),
    ).fetchall()
    for number, key, *values in rows:
        for column, sealed in zip(table.columns, values, strict=True):
            if sealed is None or sealed.startswith(cipher.head):
                continue
            place = place_of(table.table, column, key)
            connection.execute(
                f"UPDATE {table.table} SET {column} = ? WHERE rowid = ?",  # noqa: S608 - our own names
                (cipher.seal(cipher.open(sealed, place), place), number),
            )
    return int(rows[-1][0]) if rows else 0


def _count_stale(connection: sqlite3.Connection, table: SealedTable, *, head: bytes) -> int:
    """Return how many values of a table an older key seals."""
    (count,) = connection.execute(
        f"SELECT {_sum(table, f'substr({{}}, 1, {len(head)}) <> ?')} FROM {table.table}",  # noqa: S608 - our own names
        [head] * len(table.columns),
    ).fetchone()
    return int(count)


def _count(connection: sqlite3.Connection, table: SealedTable) -> int:
    (count,) = connection.execute(f"SELECT {_sum(table, '{} IS NOT NULL')} FROM {table.table}").fetchone()  # noqa: S608 - our own names
    return int(count)


def _sum(table: SealedTable, condition: str) -> str:
    return " + ".join(f"coalesce(sum({condition.format(column)}), 0)" for column in table.columns)


def _status(connection: sqlite3.Connection, *, head: bytes) -> DataKeyStatus:
    keys = list_data_keys(connection)
    current, created_at_ns = keys[-1]
    return DataKeyStatus(
        current=current,
        created_at_ns=created_at_ns,
        keys=tuple(number for number, _ in keys),
        values=sum(_count(connection, table) for table in SEALED_TABLES),
        stale_values=sum(_count_stale(connection, table, head=head) for table in SEALED_TABLES),
    )
