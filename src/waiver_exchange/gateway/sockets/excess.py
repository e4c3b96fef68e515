"""When a client that was refused because it asks too often is sent away: when it goes on for long."""

from typing import Final, final

# 4000 to 4999 are the application's own.
CLOSE_TOO_MANY: Final = 4029
TOO_MANY: Final = "Too many messages for too long."
EXCESS_MAX: Final = 2_000
EXCESS_SECONDS: Final = 10.0


@final
class Excess:
    """What one connection sent beyond its rate, counted in windows of `EXCESS_SECONDS`."""

    __slots__ = ("_began_at", "_count", "_max")

    def __init__(self, excess_max: int = EXCESS_MAX) -> None:
        """Bear with so much in each window."""
        self._max = excess_max
        self._began_at = 0.0
        self._count = 0

    def is_too_much(self, now: float) -> bool:
        """Count one message more, at a time in seconds, and return whether these were too many."""
        if now - self._began_at > EXCESS_SECONDS:
            self._began_at = now
            self._count = 0
        self._count += 1
        return self._count > self._max
