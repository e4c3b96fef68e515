"""Passkeys in the file of names and keys; their names are sealed."""

import sqlite3
from dataclasses import replace
from typing import Final

from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread
from waiver_exchange.application.identity_ports import Passkey, PasskeyStore

_PASSKEYS: Final = "passkeys"
_COLUMNS: Final = (
    "credential_id, person_id, public_key, sign_count, name, transports, is_backed_up, created_at_ns, last_used_at_ns"
)
_Row = tuple[bytes, str, bytes, int, bytes, str, int, int, int]


class SqlitePasskeys(PasskeyStore):
    """A `PasskeyStore` that keeps everything in memory too."""

    def __init__(self, file: IdentityThread) -> None:
        """Read the passkeys; blocks for some milliseconds. Raises `IdentityError`."""
        self._file = file
        self._passkeys = file.load(self._load)
        # Asked at every request of an operator: nobody walks through everybody's.
        self._of_person: dict[str, dict[bytes, None]] = {}
        for passkey in self._passkeys.values():
            self._of_person.setdefault(passkey.person_id, {})[passkey.credential_id] = None

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
                self._passkeys[passkey.credential_id] = passkey
                self._of_person.setdefault(passkey.person_id, {})[passkey.credential_id] = None
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
                self._passkeys[credential_id] = replace(passkey, sign_count=sign_count, last_used_at_ns=at_ns)

        await self._file.change(note, then=remember)

    async def rename_passkey(self, credential_id: bytes, *, name: str) -> Passkey:
        """Give a passkey another name. Raises `LookupError`, `IdentityError`."""
        named = replace(self._passkeys[credential_id], name=name)

        def rename(connection: sqlite3.Connection) -> None:
            values = (self._seal_name(named), credential_id)
            connection.execute("UPDATE passkeys SET name = ? WHERE credential_id = ?", values)

        def remember(_: None) -> Passkey:
            self._passkeys[credential_id] = replace(self._passkeys[credential_id], name=name)
            return self._passkeys[credential_id]

        return await self._file.change(rename, then=remember)

    async def remove_passkey(self, credential_id: bytes) -> bool:
        """Forget a passkey; return whether there was one. Raises `IdentityError`."""

        def remove(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM passkeys WHERE credential_id = ?", (credential_id,))

        return await self._file.change(remove, then=lambda _: self._drop(credential_id))

    def find_passkey(self, credential_id: bytes) -> Passkey | None:
        """Return a passkey, from memory."""
        return self._passkeys.get(credential_id)

    def list_passkeys(self, person_id: str) -> list[Passkey]:
        """Return a person's passkeys, oldest first, from memory."""
        own = [self._passkeys[credential_id] for credential_id in self._of_person.get(person_id, ())]
        return sorted(own, key=lambda passkey: passkey.created_at_ns)

    def forget(self, person_id: str) -> None:
        """Forget in memory the passkeys of a person who was removed from the file."""
        for passkey in self.list_passkeys(person_id):
            self._drop(passkey.credential_id)

    def _drop(self, credential_id: bytes) -> bool:
        passkey = self._passkeys.pop(credential_id, None)
        if passkey is None:
            return False
        own = self._of_person[passkey.person_id]
        del own[credential_id]
        if not own:
            del self._of_person[passkey.person_id]
        return True

    def _seal_name(self, passkey: Passkey) -> bytes:
        return self._file.seal(passkey.name, table=_PASSKEYS, column="name", row=passkey.credential_id)

    def _load(self) -> dict[bytes, Passkey]:
        rows = self._file.connection.execute(f"SELECT {_COLUMNS} FROM passkeys")  # noqa: S608 - our own columns
        return {row[0]: self._passkey_of(row) for row in rows}

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
