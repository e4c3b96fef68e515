"""The keys that sign access tokens, in memory."""

from collections.abc import Iterable

from waiver_exchange.application.identity_changes import IdentityChange, SigningKeyGone, SigningKeyKept
from waiver_exchange.application.identity_ports import SigningKey


class KnownSigningKeys:
    """The reading half of a `SigningKeyStore`."""

    def __init__(self) -> None:
        """Know none."""
        self._keys: dict[str, SigningKey] = {}

    def list_signing_keys(self) -> list[SigningKey]:
        """Return the keys that are kept, oldest first, from memory."""
        return sorted(self._keys.values(), key=lambda key: key.created_at_ns)

    def apply(self, change: IdentityChange) -> None:
        """Take over a change of a key."""
        match change:
            case SigningKeyKept(key=key):
                self._keys[key.kid] = key
            case SigningKeyGone(kid=kid):
                self._keys.pop(kid, None)

    def dump(self) -> Iterable[IdentityChange]:
        """Return what there is, as the changes that lead to it."""
        return [SigningKeyKept(key=key) for key in self._keys.values()]
