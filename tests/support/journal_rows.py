"""Rows of a journal made by hand or by the reference engine, for what folds and stores them."""

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from tests.model.reference_engine import ReferenceEngine
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import Command, decode_command, encode_command
from waiver_exchange.domain.events import EVENT_TYPES, Event

_KINDS: Final = {event_type: kind for kind, event_type in EVENT_TYPES.items()}


class FoldableRow(NamedTuple):
    """The part of a journal row that the projections read."""

    sequence: int
    time_ns: int
    command: bytes
    events: bytes


def encode_events(events: Iterable[Event]) -> bytes:
    """Return events as the journal holds them."""
    words: list[int] = []
    for event in events:
        words += (_KINDS[type(event)] | (len(event) + 1) << codes.HEADER_WORDS_SHIFT, *event)
    return struct.pack(f"<{len(words)}q", *words)


class HandMadeJournal:
    """Numbers and stamps rows whose events a test writes out."""

    def __init__(self) -> None:
        self.sequence = 0

    def row(self, command: Command, *events: Event, time_ns: int | None = None) -> FoldableRow:
        self.sequence += 1
        time_ns = self.sequence * 1_000 if time_ns is None else time_ns
        return FoldableRow(self.sequence, time_ns, encode_command(command, time_ns=time_ns), encode_events(events))


class EngineJournal:
    """Rows as the reference engine answers commands."""

    def __init__(self) -> None:
        self.engine = ReferenceEngine()
        self.sequence = 0

    def rows(self, commands: Iterable[bytes]) -> Iterator[FoldableRow]:
        for command in commands:
            self.sequence += 1
            events = encode_events(self.engine.execute(command))
            yield FoldableRow(self.sequence, decode_command(command).time_ns, command, events)

    def row(self, command: Command, *, time_ns: int | None = None) -> FoldableRow:
        time_ns = (self.sequence + 1) * 1_000 if time_ns is None else time_ns
        return next(self.rows([encode_command(command, time_ns=time_ns)]))
