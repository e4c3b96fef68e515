"""Where intervals begin and end: in UTC up to the hour, in the exchange's zone from four hours on."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from waiver_exchange.application.queries.intervals import Interval, Intervals

NEW_YORK = ZoneInfo("America/New_York")
SECOND = 10**9
HOUR = 3_600 * SECOND


def ns(text: str, zone: ZoneInfo | None = None) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.replace(tzinfo=zone or UTC).timestamp()) * SECOND


@pytest.mark.parametrize(("interval", "start"), [("1m", "12:34"), ("5m", "12:30"), ("15m", "12:30"), ("1h", "12:00")])
def test_short_intervals_are_those_of_utc(interval: Interval, start: str) -> None:
    intervals = Intervals(interval, zone=NEW_YORK)

    assert intervals.start_of(ns("2026-11-01T12:34:56") + 7) == ns(f"2026-11-01T{start}:00")
    assert intervals.first_from(ns(f"2026-11-01T{start}:00")) == ns(f"2026-11-01T{start}:00")


@pytest.mark.parametrize(
    ("day", "next_day", "hours"),
    [("2026-09-07", "2026-09-08", 24), ("2026-03-08", "2026-03-09", 23), ("2026-11-01", "2026-11-02", 25)],
)
def test_days_begin_at_midnight_in_the_zone_whatever_the_clocks_do(day: str, next_day: str, hours: int) -> None:
    days = Intervals("1d", zone=NEW_YORK)
    midnight, following = ns(day, NEW_YORK), ns(next_day, NEW_YORK)

    assert following - midnight == hours * HOUR
    assert days.next_after(midnight) == following
    for hour in range(hours):
        assert days.start_of(midnight + hour * HOUR + 17) == midnight
    assert days.start_of(following) == following
    assert days.first_from(midnight + 1) == following


@pytest.mark.parametrize("day", ["2026-09-07", "2026-03-08", "2026-11-01"])
def test_a_day_has_six_times_four_hours_by_the_clock_on_the_wall(day: str) -> None:
    fours = Intervals("4h", zone=NEW_YORK)
    start = ns(day, NEW_YORK)
    for hour in (0, 4, 8, 12, 16, 20):
        assert start == ns(f"{day}T{hour:02}:00:00", NEW_YORK)
        assert fours.start_of(fours.next_after(start) - 1) == start
        start = fours.next_after(start)
    assert start == Intervals("1d", zone=NEW_YORK).next_after(ns(day, NEW_YORK))


@pytest.mark.parametrize("name", ["America/New_York", "Asia/Kolkata", "America/Havana", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("interval", ["4h", "1d"])
def test_buckets_follow_one_another_through_a_year_in_any_zone(name: str, interval: Interval) -> None:
    intervals = Intervals(interval, zone=ZoneInfo(name))
    time = intervals.start_of(ns("2026-01-01T12:00:00"))
    while time < ns("2027-01-02T00:00:00"):
        following = intervals.next_after(time)
        assert time < following <= time + 26 * HOUR
        for moment in (time, (time + following) // 2, following - SECOND):
            assert intervals.start_of(moment) == time
        time = following


def test_stored_minutes_serve_where_midnight_is_no_whole_hour_of_utc() -> None:
    def source(interval: Interval, name: str) -> int:
        intervals = Intervals(interval, zone=ZoneInfo(name))
        return intervals.source_minutes(start_ns=ns("2026-01-01"), end_ns=ns("2026-08-01"))

    assert [source(interval, "America/New_York") for interval in ("1m", "5m", "15m", "1h", "4h", "1d")] == [
        *[1, 1, 1],
        *[60, 60, 60],
    ]
    assert source("1d", "Asia/Kolkata") == source("4h", "Australia/Lord_Howe") == 1
    assert source("1h", "Asia/Kolkata") == 60
