"""People and their logins beside names and keys; names and addresses are sealed."""

from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, Row, insert, select, update

from waiver_exchange.adapters.sql.columns import has_inserted, insert_into
from waiver_exchange.adapters.sql.identity.schema import erased_logins, logins, people
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.application.identity_changes import IdentityChange, PersonErased, PersonKept
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.identity_memory.people import KnownPeople
from waiver_exchange.application.identity_ports import Login, PeopleStore, Person
from waiver_exchange.application.personal_data_ports import Erasure

_PEOPLE: Final = "people"
_LOGINS: Final = "logins"


class SqlPeople(KnownPeople, PeopleStore):
    """A `PeopleStore` that keeps people in memory too; of logins only the index is there."""

    def __init__(self, vault: Vault, memory: IdentityMemory) -> None:
        """Read everybody; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._vault = vault
        self._memory = memory
        for person in vault.load(self._load_people):
            self.apply(PersonKept(person=person))
        self._logins = vault.load(_load_logins)
        self._erased = vault.load(_load_erased)
        memory.join(self)

    async def add_person(self, person: Person, login: Login) -> Person:
        """Keep a person with the first login, or return who has the login. Raises `IdentityError`."""
        index = self._index_of(login.issuer, login.subject)

        def add(connection: Connection) -> str | None:
            if not self._insert_login(connection, login, index=index):
                query = select(logins.c.person_id).where(logins.c.login_index == index)
                return str(connection.execute(query).scalar_one())
            row = {
                "person_id": person.person_id,
                "account": person.account or None,
                "display_name": self._seal(person, "display_name"),
                "email": self._seal(person, "email"),
                "created_at_ns": person.created_at_ns,
            }
            connection.execute(insert(people), row)
            return None

        def remember(known: str | None) -> Person:
            if known is not None:
                return self._people[known]
            self._logins[index] = person.person_id
            return self._remember(person)

        return await self._vault.change(add, then=remember)

    async def add_login(self, login: Login) -> bool:
        """Keep one more login of a person; False when somebody has it already. Raises `IdentityError`."""
        index = self._index_of(login.issuer, login.subject)

        def remember(is_added: bool) -> bool:  # noqa: FBT001 - passed on from the thread
            if is_added:
                self._logins[index] = login.person_id
            return is_added

        return await self._vault.change(
            lambda connection: self._insert_login(connection, login, index=index), then=remember
        )

    async def link_account(self, person_id: str, *, account: int) -> Person:
        """Join a person to an account for good. Raises `LookupError`, `IdentityError`."""
        person = self._people[person_id]
        if self._numbers.get(account, person_id) != person_id or person.account not in {0, account}:
            raise LookupError(f"person {person_id} or account {account} is linked otherwise")

        def link(connection: Connection) -> None:
            connection.execute(update(people).where(people.c.person_id == person_id).values(account=account))

        return await self._vault.change(
            link, then=lambda _: self._remember(replace(self._people[person_id], account=account))
        )

    async def change_person(self, person_id: str, *, display_name: str, email: str) -> Person:
        """Keep what the provider says of a person now. Raises `LookupError`, `IdentityError`."""
        changed = replace(self._people[person_id], display_name=display_name, email=email)

        def change(connection: Connection) -> None:
            sealed = {column: self._seal(changed, column) for column in ("display_name", "email")}
            connection.execute(update(people).where(people.c.person_id == person_id).values(sealed))

        def remember(_: None) -> Person:
            return self._remember(replace(self._people[person_id], display_name=display_name, email=email))

        return await self._vault.change(change, then=remember)

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

        def read(connection: Connection) -> list[Login]:
            query = select(logins).where(logins.c.person_id == person_id).order_by(logins.c.created_at_ns)
            return [self._login_of(row) for row in connection.execute(query)]

        return await self._vault.read(read)

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
        return self._vault.cipher.index_of(issuer, subject)

    def _seal(self, person: Person, column: str) -> bytes:
        return self._vault.seal(getattr(person, column), table=_PEOPLE, column=column, row=person.person_id)

    def _insert_login(self, connection: Connection, login: Login, *, index: bytes) -> bool:
        row = {
            "login_index": index,
            "person_id": login.person_id,
            "provider": login.provider,
            "issuer": self._vault.seal(login.issuer, table=_LOGINS, column="issuer", row=index),
            "subject": self._vault.seal(login.subject, table=_LOGINS, column="subject", row=index),
            "created_at_ns": login.created_at_ns,
        }
        return has_inserted(connection, insert_into(connection, logins).values(row))

    def _login_of(self, row: Row[bytes, str, str, bytes, bytes, int]) -> Login:
        index, person_id, provider, issuer, subject, created_at_ns = row
        return Login(
            person_id=person_id,
            issuer=self._vault.open(issuer, table=_LOGINS, column="issuer", row=index),
            subject=self._vault.open(subject, table=_LOGINS, column="subject", row=index),
            provider=provider,
            created_at_ns=created_at_ns,
        )

    def _load_people(self, connection: Connection) -> list[Person]:
        rows = connection.execute(select(people).order_by(people.c.created_at_ns, people.c.person_id))
        return [
            Person(
                person_id=person_id,
                account=account or 0,
                display_name=self._vault.open(display_name, table=_PEOPLE, column="display_name", row=person_id),
                email=self._vault.open(email, table=_PEOPLE, column="email", row=person_id),
                created_at_ns=created_at_ns,
            )
            for person_id, account, display_name, email, created_at_ns in rows
        ]


def _load_erased(connection: Connection) -> dict[bytes, bool]:
    return dict(connection.execute(select(erased_logins)).all())


def _load_logins(connection: Connection) -> dict[bytes, str]:
    return dict(connection.execute(select(logins.c.login_index, logins.c.person_id)).all())
