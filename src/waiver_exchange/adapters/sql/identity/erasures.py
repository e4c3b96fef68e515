"""Forgetting a person beside names and keys: every row, and the bytes that the rows left."""

from dataclasses import replace

from sqlalchemy import Connection, delete, or_, select, update

from waiver_exchange.adapters.sql.columns import insert_into
from waiver_exchange.adapters.sql.identity.schema import (
    account_rates,
    accounts,
    api_keys,
    erased_logins,
    erasures,
    logins,
    notes,
    passkeys,
    people,
    refresh_tokens,
    sessions,
)
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.application.identity_changes import ErasureKept, PersonErased
from waiver_exchange.application.identity_memory.erasures import KnownErasures
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.personal_data_ports import Erasure, ErasureStore


class SqlErasures(KnownErasures, ErasureStore):
    """An `ErasureStore`; what it removes, the other stores forget in memory in the same step."""

    def __init__(self, vault: Vault, memory: IdentityMemory) -> None:
        """Read the erasures; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._vault = vault
        self._memory = memory
        self._erasures = vault.load(_load)
        memory.join(self)

    async def begin_erasure(self, account: int, *, person_id: str, at_ns: int, was_frozen: bool) -> Erasure:
        """Keep that the person of an account has to be forgotten. Raises `IdentityError`."""

        def begin(connection: Connection) -> Erasure:
            row = {
                "account": account,
                "person_id": person_id,
                "started_at_ns": at_ns,
                "finished_at_ns": 0,
                "was_frozen": was_frozen,
            }
            connection.execute(insert_into(connection, erasures).values(row).on_conflict_do_nothing())
            return _load(connection)[account]

        return await self._vault.change(begin, then=self._remember)

    async def remove_person(self, account: int) -> None:
        """Remove every row about the person of an account, and every trace of it. Raises `IdentityError`."""
        erasure = self._erasures[account]
        await self._vault.change(
            lambda connection: _remove(connection, erasure),
            then=lambda _: self._memory.apply(PersonErased(erasure=erasure)),
        )
        await self._vault.sweep()

    async def finish_erasure(self, account: int, *, at_ns: int) -> Erasure:
        """Keep that nothing is left. Raises `IdentityError`."""

        def finish(connection: Connection) -> None:
            begun = (erasures.c.account == account, erasures.c.finished_at_ns == 0)
            connection.execute(update(erasures).where(*begun).values(finished_at_ns=at_ns))

        def remember(_: None) -> Erasure:
            known = self._erasures[account]
            return known if known.finished_at_ns else self._remember(replace(known, finished_at_ns=at_ns))

        return await self._vault.change(finish, then=remember)

    def _remember(self, erasure: Erasure) -> Erasure:
        self._memory.apply(ErasureKept(erasure=erasure))
        return erasure


def _remove(connection: Connection, erasure: Erasure) -> None:
    account, person_id = erasure.account, erasure.person_id
    _remember_logins(connection, erasure)
    own = select(sessions.c.session_id).where(sessions.c.person_id == person_id)
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.session_id.in_(own)))
    for table in (sessions, passkeys, logins, people):
        connection.execute(delete(table).where(table.c.person_id == person_id))
    for table in (notes, api_keys, account_rates):
        connection.execute(delete(table).where(table.c.account == account))
    connection.execute(update(accounts).where(accounts.c.account == account).values(name=None))


def _remember_logins(connection: Connection, erasure: Erasure) -> None:
    """Keep the hashes of logins: who was forgotten is granted no cash a second time, and frozen, does not come back."""
    found = connection.execute(select(logins.c.login_index).where(logins.c.person_id == erasure.person_id)).scalars()
    rows = [{"login_index": index, "was_frozen": erasure.was_frozen} for index in found]
    if rows:
        statement = insert_into(connection, erased_logins)
        was_frozen = or_(erased_logins.c.was_frozen, statement.excluded.was_frozen)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["login_index"], set_={"was_frozen": was_frozen}), rows
        )


def _load(connection: Connection) -> dict[int, Erasure]:
    return {row.account: Erasure(**row) for row in connection.execute(select(erasures)).mappings()}
