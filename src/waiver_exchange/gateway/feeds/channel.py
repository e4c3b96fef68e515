"""What a channel is to the hub: it collects what happened, and says it once for everybody."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from waiver_exchange.gateway.feeds.pushes import frame_of

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME_SECONDS: Final = 0.015
# The number in a channel's key that stands for all markets.
ALL: Final = 0

# A kind, and the number of a market or account.
ChannelKey = tuple[str, int]


class Subscriber(Protocol):
    """Somebody who gets pushes."""

    @property
    def is_congested(self) -> bool:
        """Whether it reads too slowly: it gets nothing now, and a snapshot when it has caught up."""

    def may_read(self) -> bool:
        """Return whether it may be told what is private, asked each time that it would be."""

    def send(self, frames: bytes) -> None:
        """Send frames, one or several joined."""


class Channel(ABC):
    """One channel and who is subscribed to it.

    `fresh` have everything that was said so far; `stale` wait for a snapshot. What was put aside is said after
    `delay_seconds`; at once when that is 0. `is_private` needs an account.
    """

    delay_seconds: ClassVar[float] = FRAME_SECONDS
    is_private: ClassVar[bool] = False

    def __init__(self, name: str, *, key: ChannelKey) -> None:
        """Begin without subscribers."""
        self.name = name.encode()
        self.key = key
        # Set by the hub, which says only once that a channel cannot speak.
        self.is_failing = False
        # Set by the hub: what a channel calls that has something to say later than it was asked.
        self.on_ready: Callable[[Channel], None] = _nobody
        self.fresh: dict[Subscriber, None] = {}
        self.stale: dict[Subscriber, None] = {}

    def open(self) -> None:  # noqa: B027 - most need nothing
        """The first subscriber came."""

    def close(self) -> None:  # noqa: B027 - most need nothing
        """The last subscriber has gone."""

    @abstractmethod
    def take_pushes(self) -> list[bytes]:
        """Return what was put aside as pushes, and put nothing aside any more."""

    @abstractmethod
    def snapshot(self) -> list[bytes] | None:
        """Return pushes that say all there is, as of the last push; None when it cannot be said yet."""

    def add(self, subscriber: Subscriber) -> None:
        """Have a subscriber get a snapshot, then everything."""
        self.fresh.pop(subscriber, None)
        self.stale[subscriber] = None

    def discard(self, subscriber: Subscriber) -> None:
        """Tell a subscriber no more."""
        self.fresh.pop(subscriber, None)
        self.stale.pop(subscriber, None)

    def begin_again(self) -> None:
        """Have everybody get a snapshot, because pushes may be missing."""
        self.stale |= self.fresh
        self.fresh.clear()

    @property
    def is_empty(self) -> bool:
        """Whether nobody is subscribed."""
        return not self.fresh and not self.stale

    def speak(self, out: dict[Subscriber, list[bytes]]) -> None:
        """Add what was put aside, and the snapshots that are due, to what goes out."""
        pushes = self.take_pushes()
        if pushes and self.fresh:
            frame = frame_of(pushes)
            for subscriber in list(self.fresh):
                if subscriber.is_congested:
                    del self.fresh[subscriber]
                    self.stale[subscriber] = None
                elif not self.is_private or subscriber.may_read():
                    out.setdefault(subscriber, []).append(frame)
        if self.stale:
            self._bring_up_to_date(out)

    def _bring_up_to_date(self, out: dict[Subscriber, list[bytes]]) -> None:
        waiting = [
            subscriber
            for subscriber in self.stale
            if not subscriber.is_congested and (not self.is_private or subscriber.may_read())
        ]
        snapshot = self.snapshot() if waiting else None
        if snapshot is None:
            return
        frame = frame_of(snapshot) if snapshot else b""
        for subscriber in waiting:
            del self.stale[subscriber]
            self.fresh[subscriber] = None
            if frame:
                out.setdefault(subscriber, []).append(frame)


def _nobody(channel: Channel) -> None:
    """Tell nobody: the channel belongs to no hub."""
