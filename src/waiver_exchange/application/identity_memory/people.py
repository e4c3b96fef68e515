"""People in memory; their logins are the store's alone, which signs people in."""

from collections.abc import Iterable, Sequence

from waiver_exchange.application.identity_changes import IdentityChange, PersonErased, PersonKept
from waiver_exchange.application.identity_ports import Person


class KnownPeople:
    """The reading half of a `PeopleStore`, without logins."""

    def __init__(self) -> None:
        """Know nobody."""
        self._people: dict[str, Person] = {}
        self._numbers: dict[int, str] = {}

    def find_person(self, person_id: str) -> Person | None:
        """Return a person, from memory."""
        return self._people.get(person_id)

    def find_person_of(self, account: int) -> Person | None:
        """Return the person of an account, from memory."""
        person_id = self._numbers.get(account)
        return None if person_id is None else self._people[person_id]

    def list_people(self) -> Sequence[Person]:
        """Return everybody in the order of their coming, from memory."""
        return list(self._people.values())

    def apply(self, change: IdentityChange) -> None:
        """Take over a change of a person."""
        match change:
            case PersonKept(person=person):
                self._people[person.person_id] = person
                if person.account:
                    self._numbers[person.account] = person.person_id
            case PersonErased(erasure=erasure):
                gone = self._people.pop(erasure.person_id, None)
                if gone is not None:
                    self._numbers.pop(gone.account, None)

    def dump(self) -> Iterable[IdentityChange]:
        """Return what there is, as the changes that lead to it."""
        return [PersonKept(person=person) for person in self._people.values()]
