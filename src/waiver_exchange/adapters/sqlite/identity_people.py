"""People and their logins in the file of names and keys; names and addresses are sealed."""

import sqlite3
from dataclasses import replace
from typing import Final

from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread
from waiver_exchange.application.identity_changes import IdentityChange, PersonErased, PersonKept
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.identity_memory.people import KnownPeople
from waiver_exchange.application.identity_ports import Login, PeopleStore, Person
from waiver_exchange.application.personal_data_ports import Erasure

_PEOPLE: Final = "people"
_LOGINS: Final = "logins"


class SqlitePeople(KnownPeople, PeopleStore):
    """A `PeopleStore` that keeps people in memory too; of logins only the index is there."""

    def __init__(self, file: IdentityThread, memory: IdentityMemory) -> None:
        """Read everybody; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._file = file
        self._memory = memory
        for person in file.load(self._load_people):
            self.apply(PersonKept(person=person))
        self._logins = file.load(self._load_logins)
        self._erased = file.load(self._load_erased)
        memory.join(self)

    async def add_person(self, person: Person, login: Login) -> Person:
        """Keep a person with the first login, or return who has the login. Raises `IdentityError`."""
        index = self._index_of(login.issuer, login.subject)

        def add(connection: sqlite3.Connection) -> str | None:
            if not self._insert_login(connection, login, index=index):
                (known,) = connection.execute("SELECT person_id FROM logins WHERE login_index = ?", (index,)).fetchone()
                return str(known)
            sealed = (self._seal(person, "display_name"), self._seal(person, "email"))
            values = (person.person_id, person.account or None, *sealed, person.created_at_ns)
            connection.execute("INSERT INTO people VALUES (?, ?, ?, ?, ?)", values)
            return None

        def remember(known: str | None) -> Person:
            if known is not None:
                return self._people[known]
            self._logins[index] = person.person_id
            return self._remember(person)

        return await self._file.change(add, then=remember)

    async def add_login(self, login: Login) -> bool:
        """Keep one more login of a person; False when somebody has it already. Raises `IdentityError`."""
        index = self._index_of(login.issuer, login.subject)

        def remember(is_added: bool) -> bool:  # noqa: FBT001 - passed on from the thread
            if is_added:
                self._logins[index] = login.person_id
            return is_added

        return await self._file.change(
            lambda connection: self._insert_login(connection, login, index=index), then=remember
        )

    async def link_account(self, person_id: str, *, account: int) -> Person:
        """Join a person to an account for good. Raises `LookupError`, `IdentityError`."""
        person = self._people[person_id]
        if self._numbers.get(account, person_id) != person_id or person.account not in {0, account}:
            raise LookupError(f"person {person_id} or account {account} is linked otherwise")

        def link(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE people SET account = ? WHERE person_id = ?", (account, person_id))

        return await self._file.change(
            link, then=lambda _: self._remember(replace(self._people[person_id], account=account))
        )

    async def change_person(self, person_id: str, *, display_name: str, email: str) -> Person:
        """Keep what the provider says of a person now. Raises `LookupError`, `IdentityError`."""
        changed = replace(self._people[person_id], display_name=display_name, email=email)

        def change(connection: sqlite3.Connection) -> None:
            values = (self._seal(changed, "display_name"), self._seal(changed, "email"), person_id)
            connection.execute("UPDATE people SET display_name = ?, email = ? WHERE person_id = ?", values)

        def remember(_: None) -> Person:
            return self._remember(replace(self._people[person_id], display_name=display_name, email=email))

        return await self._file.change(change, then=remember)

    def find_by_login(self, *, issuer: str, subject: str) -> Person | None:
        """Return who signs in with this login, from memory."""
        person_id = self._logins.get(self._index_of(issuer, subject))
        return None if person_id is None else self._people[person_id]

    def was_erased(self, *, issuer: str, subject: str) -> bool:
        """Return whether somebody with this login was forgotten, from memory."""
        return self._index_of(issuer, subject) in self._erased

    def was_frozen(self, *, issuer: str, subject: str) -> bool:
        """Return whether somebody with this login was forgotten while frozen, from memory."""
        return self._erased.get(self._index_of(issuer, subject), False)

    async def list_logins(self, person_id: str) -> list[Login]:
        """Return a person's logins, oldest first. Raises `IdentityError`."""

        def read(connection: sqlite3.Connection) -> list[Login]:
            rows = connection.execute(
                "SELECT login_index, person_id, provider, issuer, subject, created_at_ns FROM logins "
                "WHERE person_id = ? ORDER BY created_at_ns",
                (person_id,),
            )
            return [self._login_of(row) for row in rows]

        return await self._file.read(read)

    def apply(self, change: IdentityChange) -> None:
        """Take over a change of a person; with one who was erased the logins are known as those of a forgotten one."""
        super().apply(change)
        match change:
            case PersonErased(erasure=erasure):
                self._forget_logins(erasure)

    def _forget_logins(self, erasure: Erasure) -> None:
        for index in [index for index, owner in self._logins.items() if owner == erasure.person_id]:
            del self._logins[index]
            self._erased[index] = self._erased.get(index, False) or erasure.was_frozen

    def _remember(self, person: Person) -> Person:
        self._memory.apply(PersonKept(person=person))
        return person

    def _index_of(self, issuer: str, subject: str) -> bytes:
        return self._file.cipher.index_of(issuer, subject)

    def _seal(self, person: Person, column: str) -> bytes:
        return self._file.seal(getattr(person, column), table=_PEOPLE, column=column, row=person.person_id)

    def _insert_login(self, connection: sqlite3.Connection, login: Login, *, index: bytes) -> bool:
        issuer, subject = (
            self._file.seal(getattr(login, column), table=_LOGINS, column=column, row=index)
            for column in ("issuer", "subject")
        )
        values = (index, login.person_id, login.provider, issuer, subject, login.created_at_ns)
        added = connection.execute("INSERT INTO logins VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)
        return added.rowcount == 1

    def _login_of(self, row: tuple[bytes, str, str, bytes, bytes, int]) -> Login:
        index, person_id, provider, issuer, subject, created_at_ns = row
        return Login(
            person_id=person_id,
            issuer=self._file.open(issuer, table=_LOGINS, column="issuer", row=index),
            subject=self._file.open(subject, table=_LOGINS, column="subject", row=index),
            provider=provider,
            created_at_ns=created_at_ns,
        )

    def _load_people(self) -> list[Person]:
        rows = self._file.connection.execute(
            "SELECT person_id, account, display_name, email, created_at_ns FROM people "
            "ORDER BY created_at_ns, person_id"
        )
        return [
            Person(
                person_id=person_id,
                account=account or 0,
                display_name=self._file.open(display_name, table=_PEOPLE, column="display_name", row=person_id),
                email=self._file.open(email, table=_PEOPLE, column="email", row=person_id),
                created_at_ns=created_at_ns,
            )
            for person_id, account, display_name, email, created_at_ns in rows
        ]

    def _load_erased(self) -> dict[bytes, bool]:
        rows = self._file.connection.execute("SELECT login_index, was_frozen FROM erased_logins")
        return {index: bool(was_frozen) for index, was_frozen in rows}

    def _load_logins(self) -> dict[bytes, str]:
        return dict(self._file.connection.execute("SELECT login_index, person_id FROM logins"))
