"""What all reads work with."""

from typing import Final
from zoneinfo import ZoneInfo

from waiver_exchange.application.ports import Journal, ReadModelStore
from waiver_exchange.application.queries.intervals import Intervals
from waiver_exchange.application.queries.settled import SettledReads, StoredReads
from waiver_exchange.application.queries.turns import Turns
from waiver_exchange.projections.state import ReadModelState

# More items than any page shows; a caller that asks for more gets this many.
PAGE_ITEMS_MAX: Final = 10_000


class Reads:
    """The sources of the reads."""

    def __init__(
        self,
        *,
        state: ReadModelState,
        store: ReadModelStore,
        journal: Journal,
        zone: ZoneInfo,
        settled: SettledReads | None = None,
    ) -> None:
        """Read the state that a projector keeps current, the store that its changes go to, and the journal.

        Days are those of the zone. What will not change any more is read through `settled`, which may keep it.
        """
        self._state = state
        self._store = store
        self.settled: SettledReads = settled or StoredReads(store)
        self._journal = journal
        self._zone = zone
        self._days = Intervals("1d", zone=zone)
        self._closes: dict[int, tuple[int, int]] = {}
        self._turns = Turns()
