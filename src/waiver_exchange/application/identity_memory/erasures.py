"""Who has to be forgotten, or was, in memory."""

from collections.abc import Iterable

from waiver_exchange.application.identity_changes import ErasureKept, IdentityChange
from waiver_exchange.application.personal_data_ports import Erasure


class KnownErasures:
    """The reading half of an `ErasureStore`."""

    def __init__(self) -> None:
        """Know none."""
        self._erasures: dict[int, Erasure] = {}

    def find_erasure(self, account: int) -> Erasure | None:
        """Return the erasure of an account, from memory."""
        return self._erasures.get(account)

    def list_erasures(self) -> list[Erasure]:
        """Return all erasures in the order of their beginning, from memory."""
        return sorted(self._erasures.values(), key=lambda erasure: erasure.started_at_ns)

    def apply(self, change: IdentityChange) -> None:
        """Take over a change of an erasure."""
        match change:
            case ErasureKept(erasure=erasure):
                self._erasures[erasure.account] = erasure

    def dump(self) -> Iterable[IdentityChange]:
        """Return what there is, as the changes that lead to it."""
        return [ErasureKept(erasure=erasure) for erasure in self._erasures.values()]
