"""Where bars begin."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from waiver_exchange.gateway.alpaca.data.timeframes import Timeframe, bucket_of, parse_timeframe

NEW_YORK = ZoneInfo("America/New_York")


def _ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000


def _text(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).isoformat()


@pytest.mark.parametrize(
    ("text", "timeframe"),
    [
        ("1Min", Timeframe(1, "minute")),
        ("1min", Timeframe(1, "minute")),
        ("59T", Timeframe(59, "minute")),
        ("1Hour", Timeframe(1, "hour")),
        ("1H", Timeframe(1, "hour")),
        ("23Hour", Timeframe(23, "hour")),
        ("1Day", Timeframe(1, "day")),
        ("1D", Timeframe(1, "day")),
        ("1Week", Timeframe(1, "week")),
        ("1W", Timeframe(1, "week")),
        ("1Month", Timeframe(1, "month")),
        ("12M", Timeframe(12, "month")),
    ],
)
def test_the_names_that_clients_send(text: str, timeframe: Timeframe) -> None:
    assert parse_timeframe(text) == timeframe


@pytest.mark.parametrize(
    "text",
    ["", "Min", "0Min", "60Min", "24Hour", "2Day", "2Week", "5Month", "1m", "1Year", "-1Min", "1 Min", "\uff11Min"],
)
def test_what_is_no_timeframe(text: str) -> None:
    assert parse_timeframe(text) is None


@pytest.mark.parametrize(
    ("timeframe", "start", "end"),
    [
        ("1Min", "2026-11-22T15:06:00+00:00", "2026-11-22T15:07:00+00:00"),
        ("5Min", "2026-11-22T15:05:00+00:00", "2026-11-22T15:10:00+00:00"),
        ("7Min", "2026-11-22T15:02:00+00:00", "2026-11-22T15:09:00+00:00"),
        ("1Hour", "2026-11-22T15:00:00+00:00", "2026-11-22T16:00:00+00:00"),
        ("4Hour", "2026-11-22T13:00:00+00:00", "2026-11-22T17:00:00+00:00"),
        ("1Day", "2026-11-22T05:00:00+00:00", "2026-11-23T05:00:00+00:00"),
        ("1Week", "2026-11-16T05:00:00+00:00", "2026-11-23T05:00:00+00:00"),
        ("1Month", "2026-11-01T04:00:00+00:00", "2026-12-01T05:00:00+00:00"),
        ("4Month", "2026-09-01T04:00:00+00:00", "2027-01-01T05:00:00+00:00"),
        ("12Month", "2026-01-01T05:00:00+00:00", "2027-01-01T05:00:00+00:00"),
    ],
)
def test_the_bucket_of_a_sunday_morning(timeframe: str, start: str, end: str) -> None:
    wanted = parse_timeframe(timeframe)
    assert wanted is not None
    bucket = bucket_of(_ns("2026-11-22T15:06:16+00:00"), wanted, zone=NEW_YORK)
    assert (_text(bucket.start_ns), _text(bucket.end_ns)) == (start, end)


def test_the_last_bucket_of_a_day_ends_with_it() -> None:
    bucket = bucket_of(_ns("2026-11-23T04:59:59+00:00"), Timeframe(7, "hour"), zone=NEW_YORK)
    assert (_text(bucket.start_ns), _text(bucket.end_ns)) == ("2026-11-23T02:00:00+00:00", "2026-11-23T05:00:00+00:00")


def test_a_day_has_the_length_that_the_clocks_give_it() -> None:
    bucket = bucket_of(_ns("2026-11-01T12:00:00+00:00"), Timeframe(1, "day"), zone=NEW_YORK)
    assert bucket.end_ns - bucket.start_ns == 25 * 3_600_000_000_000
