"""Passkeys in memory."""

from collections.abc import Iterable

from waiver_exchange.application.identity_changes import IdentityChange, PasskeyGone, PasskeyKept, PersonErased
from waiver_exchange.application.identity_ports import Passkey


class KnownPasskeys:
    """The reading half of a `PasskeyStore`."""

    def __init__(self) -> None:
        """Know none."""
        self._passkeys: dict[bytes, Passkey] = {}
        # Asked at every request of an operator: nobody walks through everybody's.
        self._of_person: dict[str, dict[bytes, None]] = {}

    def find_passkey(self, credential_id: bytes) -> Passkey | None:
        """Return a passkey, from memory."""
        return self._passkeys.get(credential_id)

    def list_passkeys(self, person_id: str) -> list[Passkey]:
        """Return a person's passkeys, oldest first, from memory."""
        own = [self._passkeys[credential_id] for credential_id in self._of_person.get(person_id, ())]
        return sorted(own, key=lambda passkey: passkey.created_at_ns)

    def apply(self, change: IdentityChange) -> None:
        """Take over a change of a passkey."""
        match change:
            case PasskeyKept(passkey=passkey):
                self._passkeys[passkey.credential_id] = passkey
                self._of_person.setdefault(passkey.person_id, {})[passkey.credential_id] = None
            case PasskeyGone(credential_id=credential_id):
                self._drop(credential_id)
            case PersonErased(erasure=erasure):
                for credential_id in list(self._of_person.get(erasure.person_id, ())):
                    self._drop(credential_id)

    def dump(self) -> Iterable[IdentityChange]:
        """Return what there is, as the changes that lead to it."""
        return [PasskeyKept(passkey=passkey) for passkey in self._passkeys.values()]

    def _drop(self, credential_id: bytes) -> None:
        passkey = self._passkeys.pop(credential_id, None)
        if passkey is not None:
            own = self._of_person[passkey.person_id]
            del own[credential_id]
            if not own:
                del self._of_person[passkey.person_id]
