"""Times as Alpaca's clients write them in a query, and in zones."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND

# A raw `+` of an offset arrives as a space, and some clients separate date and time by one.
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
    r"(?:\.([0-9]{1,30}))?([Zz]|[+\- ][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECOND_DIGITS: Final = 9
TIME_NS_MAX: Final = 2**62
NS_PER_MICROSECOND: Final = 1_000


def parse_time(text: str, *, zone: ZoneInfo, is_end: bool = False) -> int | None:
    """Return UNIX nanoseconds, or None for what is no time; a date is the beginning of its day in `zone`, or the end.

    A time before 1970 is as good as 1970, one after 2116 as good as 2116: there are no events on either side.
    """
    moment = _parse_date(text, zone=zone, is_end=is_end) if _DATE.fullmatch(text) else _parse_moment(text)
    return None if moment is None else max(0, min(TIME_NS_MAX, moment))


def _parse_date(text: str, *, zone: ZoneInfo, is_end: bool) -> int | None:
    try:
        day = date.fromisoformat(text)
        begins = datetime.combine(day + timedelta(days=int(is_end)), time.min, tzinfo=zone)
        return _since_epoch(begins) - int(is_end)
    except (ValueError, OverflowError):
        return None


def _parse_moment(text: str) -> int | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    offset = (found[4] or "Z").upper().replace(" ", "+")
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{offset}")
        seconds = _since_epoch(moment)
    except (ValueError, OverflowError):
        return None
    # What is finer than a nanosecond is cut off.
    fraction = (found[3] or "")[:_NANOSECOND_DIGITS].ljust(_NANOSECOND_DIGITS, "0")
    return seconds + int(fraction)


def _since_epoch(moment: datetime) -> int:
    # In whole numbers: a float of nanoseconds since 1970 would be off by hundreds of them.
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(seconds=1) * NANOSECONDS_PER_SECOND


def parse_date(text: str) -> date | None:
    """Return the date of `YYYY-MM-DD`, or None for what is no date."""
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def local_time(time_ns: int, *, zone: ZoneInfo) -> datetime:
    """Return UNIX nanoseconds in a zone, in whole microseconds."""
    return (_EPOCH + timedelta(microseconds=time_ns // NS_PER_MICROSECOND)).astimezone(zone)
