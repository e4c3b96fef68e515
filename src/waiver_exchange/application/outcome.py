"""What came of a command: its row in the journal, as the one who sent it gets it."""

from collections.abc import Iterator
from typing import NamedTuple

from waiver_exchange.application.ports import JournalRow
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.events import CommandRefused, Event, OrderDenied, decode_events
from waiver_exchange.domain.refusals import RefusalReason


class Outcome(NamedTuple):
    """A durable row and whether it is the outcome of an earlier sending of the same command."""

    row: JournalRow
    is_repetition: bool

    def events(self) -> Iterator[Event]:
        """Yield the events in order."""
        return decode_events(self.row.events)

    def first_event(self) -> Event:
        """Return the first event. Raises `RefusedError` when it is a refusal."""
        event = next(self.events())
        if isinstance(event, OrderDenied | CommandRefused):
            raise RefusedError(RefusalReason.of(event.reason), required=event.required, available=event.available)
        return event
