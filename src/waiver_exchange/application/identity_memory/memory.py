"""The parts of one memory: what changes is applied to all of them, and told to whoever watches."""

from collections.abc import Callable, Iterable
from typing import Protocol

from waiver_exchange.application.identity_changes import IdentityChange

# Told all that changed in one step. It is called in the event loop, in the step in which memory is brought up to date,
# and neither waits nor raises.
Listener = Callable[[tuple[IdentityChange, ...]], None]


class Part(Protocol):
    """One part of what is known."""

    def apply(self, change: IdentityChange) -> None:
        """Take a change over that is of this part; any other changes nothing."""

    def dump(self) -> Iterable[IdentityChange]:
        """Return what there is, as the changes that lead to it."""


class IdentityMemory:
    """All parts of one store's memory, or of a replica of it."""

    def __init__(self) -> None:
        """Begin without parts."""
        self._parts: list[Part] = []
        self._listeners: list[Listener] = []

    def join(self, part: Part) -> None:
        """Apply changes to this part too from now on."""
        self._parts.append(part)

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Tell a listener of every change from now on; return what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def apply(self, *changes: IdentityChange) -> None:
        """Bring memory up to date and tell who watches."""
        for change in changes:
            for part in self._parts:
                part.apply(change)
        if changes:
            for listener in tuple(self._listeners):
                listener(changes)

    def dump(self) -> list[IdentityChange]:
        """Return everything there is, as the changes that lead to it from nothing."""
        return [change for part in self._parts for change in part.dump()]
