"""The timeframes of bars and where their buckets begin.

Minutes and hours are counted from midnight in the exchange's zone and start anew each day; days begin at that midnight,
weeks on Monday, groups of months with January.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND

Unit = Literal["minute", "hour", "day", "week", "month"]

_TIMEFRAME: Final = re.compile(r"([0-9]{1,2})([A-Za-z]{1,5})", re.ASCII)
_UNITS: Final[dict[str, Unit]] = {
    "min": "minute",
    "t": "minute",
    "hour": "hour",
    "h": "hour",
    "day": "day",
    "d": "day",
    "week": "week",
    "w": "week",
    "month": "month",
}
_AMOUNTS: Final[dict[Unit, frozenset[int]]] = {
    "minute": frozenset(range(1, 60)),
    "hour": frozenset(range(1, 24)),
    "day": frozenset({1}),
    "week": frozenset({1}),
    "month": frozenset({1, 2, 3, 4, 6, 12}),
}
_SECONDS: Final[dict[Unit, int]] = {"minute": 60, "hour": 3_600}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = 12


class Timeframe(NamedTuple):
    """The length of a bar."""

    amount: int
    unit: Unit

    @property
    def is_intraday(self) -> bool:
        """Whether several bars make a day."""
        return self.unit in _SECONDS


class Bucket(NamedTuple):
    """The time of one bar: from `start_ns` until before `end_ns`."""

    start_ns: int
    end_ns: int


def parse_timeframe(text: str) -> Timeframe | None:
    """Return the timeframe that `5Min`, `1H`, `1Day` or `3Month` names, or None."""
    found = _TIMEFRAME.fullmatch(text)
    if found is None:
        return None
    # A single M is a month; minutes have no single letter but T.
    unit: Unit | None = "month" if found[2] == "M" else _UNITS.get(found[2].lower())
    amount = int(found[1])
    return Timeframe(amount, unit) if unit is not None and amount in _AMOUNTS[unit] else None


def bucket_of(time_ns: int, timeframe: Timeframe, *, zone: ZoneInfo) -> Bucket:
    """Return the bucket that a time falls into."""
    moment = _EPOCH + timedelta(seconds=time_ns // NANOSECONDS_PER_SECOND)
    today = moment.astimezone(zone).date()
    if timeframe.is_intraday:
        return _part_of_day(time_ns, timeframe, today=today, zone=zone)
    first, following = _days(today, timeframe)
    return Bucket(midnight_ns(first, zone=zone), midnight_ns(following, zone=zone))


def midnight_ns(day: date, *, zone: ZoneInfo) -> int:
    """Return when a day begins, in UNIX nanoseconds."""
    begins = datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
    return (begins - _EPOCH) // timedelta(seconds=1) * NANOSECONDS_PER_SECOND


def _part_of_day(time_ns: int, timeframe: Timeframe, *, today: date, zone: ZoneInfo) -> Bucket:
    begins = midnight_ns(today, zone=zone)
    ends = midnight_ns(today + timedelta(days=1), zone=zone)
    length = timeframe.amount * _SECONDS[timeframe.unit] * NANOSECONDS_PER_SECOND
    start = begins + (time_ns - begins) // length * length
    return Bucket(start, min(start + length, ends))


def _days(today: date, timeframe: Timeframe) -> tuple[date, date]:
    if timeframe.unit == "day":
        return today, today + timedelta(days=1)
    if timeframe.unit == "week":
        monday = today - timedelta(days=today.weekday())
        return monday, monday + timedelta(days=7)
    month = (today.month - 1) // timeframe.amount * timeframe.amount
    years, following = divmod(month + timeframe.amount, _MONTHS)
    return date(today.year, month + 1, 1), date(today.year + years, following + 1, 1)
