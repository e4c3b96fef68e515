"""The clock of the machine."""

import time

from waiver_exchange.application.ports import Clock


class SystemClock(Clock):
    """The system's own clock; it jumps when the machine's time is set."""

    def now_ns(self) -> int:
        """Return UNIX time in nanoseconds."""
        return time.time_ns()
