"""Keys that sign access tokens, in the file of names and keys; their private halves are sealed."""

import sqlite3
from dataclasses import replace

from waiver_exchange.adapters.sqlite.identity_keys import place_of
from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread
from waiver_exchange.application.identity_changes import SigningKeyGone, SigningKeyKept
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.identity_memory.signing_keys import KnownSigningKeys
from waiver_exchange.application.identity_ports import SigningKey, SigningKeyStore


class SqliteSigningKeys(KnownSigningKeys, SigningKeyStore):
    """A `SigningKeyStore` that keeps everything in memory too."""

    def __init__(self, file: IdentityThread, memory: IdentityMemory) -> None:
        """Read the keys; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._file = file
        self._memory = memory
        self._keys = file.load(self._load)
        memory.join(self)

    async def add_signing_key(self, key: SigningKey) -> None:
        """Keep a key, sealed. Raises `IdentityError`."""

        def add(connection: sqlite3.Connection) -> None:
            sealed = self._file.cipher.seal(key.private_key, place_of("signing_keys", "private_key", key.kid))
            values = (key.kid, key.algorithm, sealed, key.created_at_ns, key.retired_at_ns)
            connection.execute("INSERT INTO signing_keys VALUES (?, ?, ?, ?, ?)", values)

        await self._file.change(add, then=lambda _: self._memory.apply(SigningKeyKept(key=key)))

    async def retire_signing_key(self, kid: str, *, at_ns: int) -> None:
        """Keep that a key signs no more; the first time counts. Raises `IdentityError`."""

        def retire(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE signing_keys SET retired_at_ns = ? WHERE kid = ? AND retired_at_ns = 0", (at_ns, kid)
            )

        def remember(_: None) -> None:
            key = self._keys.get(kid)
            if key is not None and not key.retired_at_ns:
                self._memory.apply(SigningKeyKept(key=replace(key, retired_at_ns=at_ns)))

        await self._file.change(retire, then=remember)

    async def forget_signing_key(self, kid: str) -> None:
        """Destroy a key. Raises `IdentityError`."""

        def forget(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM signing_keys WHERE kid = ?", (kid,))

        await self._file.change(forget, then=lambda _: self._memory.apply(SigningKeyGone(kid=kid)))

    def _load(self) -> dict[str, SigningKey]:
        rows = self._file.connection.execute(
            "SELECT kid, algorithm, private_key, created_at_ns, retired_at_ns FROM signing_keys"
        )
        return {
            kid: SigningKey(
                kid=kid,
                algorithm=algorithm,
                private_key=self._file.cipher.open(private_key, place_of("signing_keys", "private_key", kid)),
                created_at_ns=created_at_ns,
                retired_at_ns=retired_at_ns,
            )
            for kid, algorithm, private_key, created_at_ns, retired_at_ns in rows
        }
