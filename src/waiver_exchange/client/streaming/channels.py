"""Who reads which channel, and how the pushes of each are read."""

from collections.abc import Callable
from types import GenericAlias
from typing import TypeVar, cast

from waiver_exchange.client.streaming.frames import Frame
from waiver_exchange.client.streaming.subscription import Sink
from waiver_exchange.client.wire import decode

T = TypeVar("T")


class Channels:
    """The readers of one stream; a channel has as many as want it."""

    def __init__(self) -> None:
        """Begin without any."""
        self._sinks: dict[str, list[Sink]] = {}

    @property
    def names(self) -> list[str]:
        """The channels that somebody reads."""
        return list(self._sinks)

    @property
    def sinks(self) -> list[Sink]:
        """All readers."""
        return [sink for sinks in self._sinks.values() for sink in sinks]

    def of(self, channel: str) -> list[Sink]:
        """Return the readers of a channel; a list of its own, since one may leave while it is gone through."""
        return list(self._sinks.get(channel, ()))

    def add(self, channel: str, sink: Sink) -> bool:
        """Add a reader and return whether it is the channel's first."""
        sinks = self._sinks.setdefault(channel, [])
        sinks.append(sink)
        return len(sinks) == 1

    def remove(self, sink: Sink) -> str | None:
        """Remove a reader; return the channel when nobody reads it now."""
        for channel, sinks in self._sinks.items():
            if sink in sinks:
                sinks.remove(sink)
                if sinks:
                    return None
                del self._sinks[channel]
                return channel
        return None


def reader_of(kind: type[T]) -> Callable[[Frame], list[T]]:
    """Return how a channel's pushes are read, whether each holds one item or several."""
    many = cast("type[list[T]]", GenericAlias(list, (kind,)))

    def read(push: Frame) -> list[T]:
        data = push.data
        return decode(data, many) if bytes(data).startswith(b"[") else [decode(data, kind)]

    return read
