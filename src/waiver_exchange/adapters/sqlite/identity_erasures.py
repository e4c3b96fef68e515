"""Forgetting a person in the file of names and keys: every row, and the bytes that the rows left."""

import sqlite3
from dataclasses import replace

from waiver_exchange.adapters.sqlite.identity_file import empty_log
from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread
from waiver_exchange.application.identity_changes import ErasureKept, PersonErased
from waiver_exchange.application.identity_memory.erasures import KnownErasures
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.personal_data_ports import Erasure, ErasureStore


class SqliteErasures(KnownErasures, ErasureStore):
    """An `ErasureStore`; what it removes, the other stores forget in memory in the same step."""

    def __init__(self, file: IdentityThread, memory: IdentityMemory) -> None:
        """Read the erasures; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._file = file
        self._memory = memory
        self._erasures = file.load(lambda: _load(file.connection))
        memory.join(self)

    async def begin_erasure(self, account: int, *, person_id: str, at_ns: int, was_frozen: bool) -> Erasure:
        """Keep that the person of an account has to be forgotten. Raises `IdentityError`."""

        def begin(connection: sqlite3.Connection) -> Erasure:
            connection.execute(
                "INSERT INTO erasures VALUES (?, ?, ?, 0, ?) ON CONFLICT DO NOTHING",
                (account, person_id, at_ns, was_frozen),
            )
            return _load(connection)[account]

        return await self._file.change(begin, then=self._remember)

    async def remove_person(self, account: int) -> None:
        """Remove every row about the person of an account, and every trace of it. Raises `IdentityError`."""
        erasure = self._erasures[account]
        await self._file.change(
            lambda connection: _remove(connection, erasure),
            then=lambda _: self._memory.apply(PersonErased(erasure=erasure)),
        )
        await self._file.run_alone(empty_log)

    async def finish_erasure(self, account: int, *, at_ns: int) -> Erasure:
        """Keep that nothing is left. Raises `IdentityError`."""

        def finish(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE erasures SET finished_at_ns = ? WHERE account = ? AND finished_at_ns = 0", (at_ns, account)
            )

        def remember(_: None) -> Erasure:
            known = self._erasures[account]
            return known if known.finished_at_ns else self._remember(replace(known, finished_at_ns=at_ns))

        return await self._file.change(finish, then=remember)

    def _remember(self, erasure: Erasure) -> Erasure:
        self._memory.apply(ErasureKept(erasure=erasure))
        return erasure


def _remove(connection: sqlite3.Connection, erasure: Erasure) -> None:
    account, of_person = erasure.account, (erasure.person_id,)
    # Only to know it again: who was forgotten is granted no cash a second time, and frozen, does not come back.
    connection.execute(
        "INSERT INTO erased_logins SELECT login_index, ? FROM logins WHERE person_id = ? "
        "ON CONFLICT DO UPDATE SET was_frozen = MAX(was_frozen, excluded.was_frozen)",
        (erasure.was_frozen, *of_person),
    )
    connection.execute(
        "DELETE FROM refresh_tokens WHERE session_id IN (SELECT session_id FROM sessions WHERE person_id = ?)",
        of_person,
    )
    for statement in (
        "DELETE FROM sessions WHERE person_id = ?",
        "DELETE FROM passkeys WHERE person_id = ?",
        "DELETE FROM logins WHERE person_id = ?",
        "DELETE FROM people WHERE person_id = ?",
    ):
        connection.execute(statement, of_person)
    for statement in (
        "DELETE FROM notes WHERE account = ?",
        "DELETE FROM api_keys WHERE account = ?",
        "DELETE FROM account_rates WHERE account = ?",
        "UPDATE accounts SET name = NULL WHERE account = ?",
    ):
        connection.execute(statement, (account,))


def _load(connection: sqlite3.Connection) -> dict[int, Erasure]:
    rows = connection.execute("SELECT account, person_id, started_at_ns, finished_at_ns, was_frozen FROM erasures")
    return {
        account: Erasure(
            account=account,
            person_id=person_id,
            started_at_ns=started_at_ns,
            finished_at_ns=finished_at_ns,
            was_frozen=bool(was_frozen),
        )
        for account, person_id, started_at_ns, finished_at_ns, was_frozen in rows
    }
