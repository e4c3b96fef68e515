"""Passkeys beside names and keys; their names are sealed."""

from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, Row, Update, delete, select, update

from waiver_exchange.adapters.sql.columns import has_inserted, insert_into
from waiver_exchange.adapters.sql.identity.schema import passkeys
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.application.identity_changes import PasskeyGone, PasskeyKept
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.identity_memory.passkeys import KnownPasskeys
from waiver_exchange.application.identity_ports import Passkey, PasskeyStore

_PASSKEYS: Final = "passkeys"
_Row = Row[bytes, str, bytes, int, bytes, str, bool, int, int]


class SqlPasskeys(KnownPasskeys, PasskeyStore):
    """A `PasskeyStore` that keeps everything in memory too."""

    def __init__(self, vault: Vault, memory: IdentityMemory) -> None:
        """Read the passkeys; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._vault = vault
        self._memory = memory
        for passkey in vault.load(self._load):
            self.apply(PasskeyKept(passkey=passkey))
        memory.join(self)

    async def add_passkey(self, passkey: Passkey) -> bool:
        """Keep a passkey; False when its credential id is known already. Raises `IdentityError`."""

        def add(connection: Connection) -> bool:
            row = {
                "credential_id": passkey.credential_id,
                "person_id": passkey.person_id,
                "public_key": passkey.public_key,
                "sign_count": passkey.sign_count,
                "name": self._seal_name(passkey),
                "transports": " ".join(passkey.transports),
                "is_backed_up": passkey.is_backed_up,
                "created_at_ns": passkey.created_at_ns,
                "last_used_at_ns": passkey.last_used_at_ns,
            }
            return has_inserted(connection, insert_into(connection, passkeys).values(row))

        def remember(is_added: bool) -> bool:  # noqa: FBT001 - passed on from the thread
            if is_added:
                self._memory.apply(PasskeyKept(passkey=passkey))
            return is_added

        return await self._vault.change(add, then=remember)

    async def note_passkey_use(self, credential_id: bytes, *, sign_count: int, at_ns: int) -> None:
        """Keep the counter that a passkey showed. Raises `IdentityError`."""

        def note(connection: Connection) -> None:
            connection.execute(_of(credential_id).values(sign_count=sign_count, last_used_at_ns=at_ns))

        def remember(_: None) -> None:
            passkey = self._passkeys.get(credential_id)
            if passkey is not None:
                used = replace(passkey, sign_count=sign_count, last_used_at_ns=at_ns)
                self._memory.apply(PasskeyKept(passkey=used))

        await self._vault.change(note, then=remember)

    async def rename_passkey(self, credential_id: bytes, *, name: str) -> Passkey:
        """Give a passkey another name. Raises `LookupError`, `IdentityError`."""
        named = replace(self._passkeys[credential_id], name=name)

        def rename(connection: Connection) -> None:
            connection.execute(_of(credential_id).values(name=self._seal_name(named)))

        def remember(_: None) -> Passkey:
            self._memory.apply(PasskeyKept(passkey=replace(self._passkeys[credential_id], name=name)))
            return self._passkeys[credential_id]

        return await self._vault.change(rename, then=remember)

    async def remove_passkey(self, credential_id: bytes) -> bool:
        """Forget a passkey; return whether there was one. Raises `IdentityError`."""

        def remove(connection: Connection) -> None:
            connection.execute(delete(passkeys).where(passkeys.c.credential_id == credential_id))

        def remember(_: None) -> bool:
            was_there = credential_id in self._passkeys
            self._memory.apply(PasskeyGone(credential_id=credential_id))
            return was_there

        return await self._vault.change(remove, then=remember)

    def _seal_name(self, passkey: Passkey) -> bytes:
        return self._vault.seal(passkey.name, table=_PASSKEYS, column="name", row=passkey.credential_id)

    def _load(self, connection: Connection) -> list[Passkey]:
        return [self._passkey_of(row) for row in connection.execute(select(passkeys))]

    def _passkey_of(self, row: _Row) -> Passkey:
        credential_id, person_id, public_key, sign_count, name, transports, is_backed_up, created_at_ns, used_at_ns = (
            row
        )
        return Passkey(
            credential_id=credential_id,
            person_id=person_id,
            public_key=public_key,
            sign_count=sign_count,
            name=self._vault.open(name, table=_PASSKEYS, column="name", row=credential_id),
            transports=tuple(transports.split()),
            is_backed_up=is_backed_up,
            created_at_ns=created_at_ns,
            last_used_at_ns=used_at_ns,
        )


def _of(credential_id: bytes) -> Update:
    return update(passkeys).where(passkeys.c.credential_id == credential_id)
