"""A clock that stands still until a test moves it."""

from waiver_exchange.application.ports import Clock

START_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000


class FakeClock(Clock):
    """Time is `now`; set it forwards or backwards."""

    def __init__(self, now: int = START_NS) -> None:
        self.now = now

    def now_ns(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move the time by seconds, backwards below 0."""
        self.now += int(seconds * SECOND_NS)
