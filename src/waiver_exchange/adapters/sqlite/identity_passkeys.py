"""Passkeys in the file of names and keys; their names are sealed."""

import sqlite3
from dataclasses import replace
from typing import Final

from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread
from waiver_exchange.application.identity_changes import PasskeyGone, PasskeyKept
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.identity_memory.passkeys import KnownPasskeys
from waiver_exchange.application.identity_ports import Passkey, PasskeyStore

_PASSKEYS: Final = "passkeys"
_COLUMNS: Final = (
    "credential_id, person_id, public_key, sign_count, name, transports, is_backed_up, created_at_ns, last_used_at_ns"
)
_Row = tuple[bytes, str, bytes, int, bytes, str, int, int, int]


class SqlitePasskeys(KnownPasskeys, PasskeyStore):
    """A `PasskeyStore` that keeps everything in memory too."""

    def __init__(self, file: IdentityThread, memory: IdentityMemory) -> None:
        """Read the passkeys; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._file = file
        self._memory = memory
        for passkey in file.load(self._load):
            self.apply(PasskeyKept(passkey=passkey))
        memory.join(self)

    async def add_passkey(self, passkey: Passkey) -> bool:
        """Keep a passkey; False when its credential id is known already. Raises `IdentityError`."""

        def add(connection: sqlite3.Connection) -> bool:
            values = (
                passkey.credential_id,
                passkey.person_id,
                passkey.public_key,
                passkey.sign_count,
                self._seal_name(passkey),
                " ".join(passkey.transports),
                passkey.is_backed_up,
                passkey.created_at_ns,
                passkey.last_used_at_ns,
            )
            added = connection.execute(
                f"INSERT INTO passkeys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",  # noqa: S608 - our own columns
                values,
            )
            return added.rowcount == 1

        def remember(is_added: bool) -> bool:  # noqa: FBT001 - passed on from the thread
            if is_added:
                self._memory.apply(PasskeyKept(passkey=passkey))
            return is_added

        return await self._file.change(add, then=remember)

    async def note_passkey_use(self, credential_id: bytes, *, sign_count: int, at_ns: int) -> None:
        """Keep the counter that a passkey showed. Raises `IdentityError`."""

        def note(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE passkeys SET sign_count = ?, last_used_at_ns = ? WHERE credential_id = ?",
                (sign_count, at_ns, credential_id),
            )

        def remember(_: None) -> None:
            passkey = self._passkeys.get(credential_id)
            if passkey is not None:
                used = replace(passkey, sign_count=sign_count, last_used_at_ns=at_ns)
                self._memory.apply(PasskeyKept(passkey=used))

        await self._file.change(note, then=remember)

    async def rename_passkey(self, credential_id: bytes, *, name: str) -> Passkey:
        """Give a passkey another name. Raises `LookupError`, `IdentityError`."""
        named = replace(self._passkeys[credential_id], name=name)

        def rename(connection: sqlite3.Connection) -> None:
            values = (self._seal_name(named), credential_id)
            connection.execute("UPDATE passkeys SET name = ? WHERE credential_id = ?", values)

        def remember(_: None) -> Passkey:
            self._memory.apply(PasskeyKept(passkey=replace(self._passkeys[credential_id], name=name)))
            return self._passkeys[credential_id]

        return await self._file.change(rename, then=remember)

    async def remove_passkey(self, credential_id: bytes) -> bool:
        """Forget a passkey; return whether there was one. Raises `IdentityError`."""

        def remove(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM passkeys WHERE credential_id = ?", (credential_id,))

        def remember(_: None) -> bool:
            was_there = credential_id in self._passkeys
            self._memory.apply(PasskeyGone(credential_id=credential_id))
            return was_there

        return await self._file.change(remove, then=remember)

    def _seal_name(self, passkey: Passkey) -> bytes:
        return self._file.seal(passkey.name, table=_PASSKEYS, column="name", row=passkey.credential_id)

    def _load(self) -> list[Passkey]:
        rows = self._file.connection.execute(f"SELECT {_COLUMNS} FROM passkeys")  # noqa: S608 - our own columns
        return [self._passkey_of(row) for row in rows]

    def _passkey_of(self, row: _Row) -> Passkey:
        credential_id, person_id, public_key, sign_count, name, transports, is_backed_up, created_at_ns, used_at_ns = (
            row
        )
        return Passkey(
            credential_id=credential_id,
            person_id=person_id,
            public_key=public_key,
            sign_count=sign_count,
            name=self._file.open(name, table=_PASSKEYS, column="name", row=credential_id),
            transports=tuple(transports.split()),
            is_backed_up=bool(is_backed_up),
            created_at_ns=created_at_ns,
            last_used_at_ns=used_at_ns,
        )
