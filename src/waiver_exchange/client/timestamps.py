"""Moments as the exchange says them: to the nanosecond, which Python's `datetime` does not hold."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Self

_TEXT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS: Final = 9
_NS_PER_MICROSECOND: Final = 1_000


class Timestamp(datetime):
    """A `datetime` in UTC that also knows its UNIX nanoseconds; it compares to the microsecond, `ns` to the last digit.

    >>> moment = Timestamp.parse("2026-09-07T00:20:00.123456789Z")
    >>> moment.microsecond, moment.ns
    (123456, 1788740400123456789)
    >>> moment.text
    '2026-09-07T00:20:00.123456789Z'
    """

    _nanosecond: int = 0  # beyond the microseconds; what arithmetic returns has none

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the moment of an RFC 3339 text with its zone. Raises `ValueError`."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:60]!r} is no RFC 3339 time with a zone")
        nanoseconds = int((found[2] or "").ljust(_DIGITS, "0"))
        whole = datetime.fromisoformat(found[1] + found[3]).astimezone(UTC)
        return cls._of(whole, nanoseconds)

    @classmethod
    def of_ns(cls, ns: int) -> Self:
        """Return the moment of UNIX nanoseconds."""
        seconds, nanoseconds = divmod(ns, 1_000_000_000)
        return cls._of(_EPOCH + timedelta(seconds=seconds), nanoseconds)

    @classmethod
    def _of(cls, whole: datetime, nanoseconds: int) -> Self:
        microsecond, rest = divmod(nanoseconds, _NS_PER_MICROSECOND)
        moment = cls(
            whole.year, whole.month, whole.day, whole.hour, whole.minute, whole.second, microsecond, tzinfo=UTC
        )
        moment._nanosecond = rest
        return moment

    @property
    def ns(self) -> int:
        """UNIX time in nanoseconds."""
        whole: datetime = self
        microseconds = (whole - _EPOCH) // timedelta(microseconds=1)
        return microseconds * _NS_PER_MICROSECOND + self._nanosecond

    @property
    def text(self) -> str:
        """The moment as the exchange writes it, and reads it in a request."""
        fraction = self.microsecond * _NS_PER_MICROSECOND + self._nanosecond
        return f"{self.astimezone(UTC).isoformat()[:19]}.{fraction:09d}Z"


def time_text(moment: datetime | str) -> str:
    """Return a moment as a request says it; a text goes as it is. Raises `ValueError` without a zone."""
    if isinstance(moment, str):
        return moment
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone: datetime.now(tz=UTC), not datetime.now()")
    return moment.text if isinstance(moment, Timestamp) else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
