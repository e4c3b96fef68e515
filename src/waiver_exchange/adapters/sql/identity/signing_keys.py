"""Keys that sign access tokens, beside names and keys; their private halves are sealed."""

from dataclasses import replace

from sqlalchemy import Connection, delete, insert, select, update

from waiver_exchange.adapters.sql.identity.data_keys import place_of
from waiver_exchange.adapters.sql.identity.schema import signing_keys
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.application.identity_changes import SigningKeyGone, SigningKeyKept
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.identity_memory.signing_keys import KnownSigningKeys
from waiver_exchange.application.identity_ports import SigningKey, SigningKeyStore


class SqlSigningKeys(KnownSigningKeys, SigningKeyStore):
    """A `SigningKeyStore` that keeps everything in memory too."""

    def __init__(self, vault: Vault, memory: IdentityMemory) -> None:
        """Read the keys; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._vault = vault
        self._memory = memory
        self._keys = vault.load(self._load)
        memory.join(self)

    async def add_signing_key(self, key: SigningKey) -> None:
        """Keep a key, sealed. Raises `IdentityError`."""

        def add(connection: Connection) -> None:
            sealed = self._vault.cipher.seal(key.private_key, place_of("signing_keys", "private_key", key.kid))
            row = {
                "kid": key.kid,
                "algorithm": key.algorithm,
                "private_key": sealed,
                "created_at_ns": key.created_at_ns,
                "retired_at_ns": key.retired_at_ns,
            }
            connection.execute(insert(signing_keys), row)

        await self._vault.change(add, then=lambda _: self._memory.apply(SigningKeyKept(key=key)))

    async def retire_signing_key(self, kid: str, *, at_ns: int) -> None:
        """Keep that a key signs no more; the first time counts. Raises `IdentityError`."""

        def retire(connection: Connection) -> None:
            signing = (signing_keys.c.kid == kid, signing_keys.c.retired_at_ns == 0)
            connection.execute(update(signing_keys).where(*signing).values(retired_at_ns=at_ns))

        def remember(_: None) -> None:
            key = self._keys.get(kid)
            if key is not None and not key.retired_at_ns:
                self._memory.apply(SigningKeyKept(key=replace(key, retired_at_ns=at_ns)))

        await self._vault.change(retire, then=remember)

    async def forget_signing_key(self, kid: str) -> None:
        """Destroy a key. Raises `IdentityError`."""

        def forget(connection: Connection) -> None:
            connection.execute(delete(signing_keys).where(signing_keys.c.kid == kid))

        await self._vault.change(forget, then=lambda _: self._memory.apply(SigningKeyGone(kid=kid)))

    def _load(self, connection: Connection) -> dict[str, SigningKey]:
        rows = connection.execute(select(signing_keys))
        return {
            kid: SigningKey(
                kid=kid,
                algorithm=algorithm,
                private_key=self._vault.cipher.open(private_key, place_of("signing_keys", "private_key", kid)),
                created_at_ns=created_at_ns,
                retired_at_ns=retired_at_ns,
            )
            for kid, algorithm, private_key, created_at_ns, retired_at_ns in rows
        }
