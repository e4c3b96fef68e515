"""What came of a command: its row in the journal, as the one who sent it gets it."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from waiver_exchange.application.ports import JournalRow
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain import codes
from waiver_exchange.domain.events import CommandRefused, Event, OrderDenied, decode_events
from waiver_exchange.domain.refusals import RefusalReason

_WORD: Final = 8
_NEW_ORDER_WORD: Final = 4
_REFUSALS: Final = frozenset({codes.ORDER_DENIED, codes.COMMAND_REFUSED})


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

    def order_id(self) -> int:
        """Return the order that a command of an order's owner led to, of a replacement the new one.

        It reads the words where they stand, because every order comes by here. Raises `RefusedError` for a refusal.
        """
        events = self.row.events
        kind = events[0]
        if kind in _REFUSALS:
            self.first_event()
        at = _WORD * (_NEW_ORDER_WORD if kind == codes.ORDER_REPLACED else 1)
        return int.from_bytes(events[at : at + _WORD], "little")
