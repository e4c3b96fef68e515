"""The intervals of candles and of equity: minutes and hours of UTC; four hours and days of the exchange's zone.

A day begins at midnight in the zone and ends at the next one, 23 or 25 hours later when clocks change; four hours begin
at 0, 4, 8, 12, 16 and 20 o'clock of it.
"""

from datetime import datetime, timedelta
from typing import Final, Literal, final
from zoneinfo import ZoneInfo

from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.projections.candles import HOUR_NS, MINUTE_NS

Interval = Literal["1m", "5m", "15m", "1h", "4h", "1d"]

_FIXED_NS: Final = {"1m": MINUTE_NS, "5m": 5 * MINUTE_NS, "15m": 15 * MINUTE_NS, "1h": HOUR_NS}
_HOURS: Final = {"4h": 4, "1d": 24}
_WHOLE_HOUR: Final = timedelta(hours=1)
_STEPS_MAX: Final = 4


@final
class Intervals:
    """The buckets of one interval; all times are UNIX nanoseconds."""

    def __init__(self, interval: Interval, *, zone: ZoneInfo) -> None:
        """Use the zone's days."""
        self.name = interval
        self._zone = zone
        self._step_ns = _FIXED_NS.get(interval, 0)
        self._hours = _HOURS.get(interval, 0)

    def start_of(self, time_ns: int) -> int:
        """Return when the bucket of a time begins."""
        if self._step_ns:
            return time_ns - time_ns % self._step_ns
        wall = self._wall_start(time_ns)
        start = _first_moment(wall)
        # A wall clock that jumps over the beginning, or comes by it twice.
        return start if start <= time_ns else _first_moment(wall - timedelta(hours=self._hours))

    def next_after(self, start_ns: int) -> int:
        """Return when the bucket behind the one that begins at a time begins."""
        if self._step_ns:
            return start_ns + self._step_ns
        wall = self._wall_start(start_ns)
        following = start_ns
        for _ in range(_STEPS_MAX):
            if following > start_ns:
                break
            wall += timedelta(hours=self._hours)
            following = _first_moment(wall)
        return following

    def first_from(self, time_ns: int) -> int:
        """Return the first beginning of a bucket at or after a time."""
        start = self.start_of(time_ns)
        return start if start == time_ns else self.next_after(start)

    def source_minutes(self, *, start_ns: int, end_ns: int) -> int:
        """Return how long the stored candles are (1 or 60 minutes) of which these buckets are made in a range."""
        if self._step_ns:
            return 60 if self._step_ns == HOUR_NS else 1
        years = {datetime.fromtimestamp(ns // NANOSECONDS_PER_SECOND, self._zone).year for ns in (start_ns, end_ns)}
        offsets = [
            datetime(year, month, 1, tzinfo=self._zone).utcoffset() or timedelta() for year in years for month in (1, 7)
        ]
        return 1 if any(offset % _WHOLE_HOUR for offset in offsets) else 60

    def _wall_start(self, time_ns: int) -> datetime:
        """Return when the bucket begins by the clock on the wall; so does adding to it count."""
        local = datetime.fromtimestamp(time_ns // NANOSECONDS_PER_SECOND, self._zone)
        hour = local.hour // self._hours * self._hours
        return datetime(local.year, local.month, local.day, hour, tzinfo=self._zone)


def _first_moment(wall: datetime) -> int:
    return int(wall.timestamp()) * NANOSECONDS_PER_SECOND
