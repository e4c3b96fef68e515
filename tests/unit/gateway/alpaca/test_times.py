"""Every way in which clients write a time."""

from zoneinfo import ZoneInfo

import pytest

from waiver_exchange.gateway.alpaca.times import TIME_NS_MAX, parse_time

NEW_YORK = ZoneInfo("America/New_York")
NOON_NS = 1_735_732_800_000_000_000  # 2025-01-01T12:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-01T12:00:00Z",
        "2025-01-01t12:00:00z",
        "2025-01-01T12:00:00+00:00",
        "2025-01-01T12:00:00 00:00",
        "2025-01-01T07:00:00-05:00",
        "2025-01-01T07:00:00-0500",
        "2025-01-01T12:00:00.000000000Z",
        "2025-01-01T12:00:00",
        "2025-01-01 12:00:00",
        "2025-01-01T12:00Z",
    ],
)
def test_one_moment_in_many_forms(text: str) -> None:
    assert parse_time(text, zone=NEW_YORK) == NOON_NS


@pytest.mark.parametrize(
    ("fraction", "nanoseconds"), [("1", 100_000_000), ("123456789", 123_456_789), ("0000000019", 1), ("0" * 30, 0)]
)
def test_a_fraction_is_exact_to_the_nanosecond(fraction: str, nanoseconds: int) -> None:
    assert parse_time(f"2025-01-01T12:00:00.{fraction}Z", zone=NEW_YORK) == NOON_NS + nanoseconds


def test_a_date_is_a_whole_day_of_the_exchange() -> None:
    begins, ends = (parse_time("2025-01-01", zone=NEW_YORK, is_end=is_end) for is_end in (False, True))
    assert begins == NOON_NS - 7 * 3_600_000_000_000
    assert ends == begins + 24 * 3_600_000_000_000 - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2025-13-01",
        "2025-02-30T00:00:00Z",
        "2025-01-01T25:00:00Z",
        "2025-01-01T12:00:00+99:99",
        "1735732800",
        "2025-01-01T12:00:00.Z",
        "\uff12\uff10\uff12\uff15-01-01",
    ],
)
def test_what_is_no_time(text: str) -> None:
    assert parse_time(text, zone=NEW_YORK) is None


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("0001-01-01", 0),
        ("0001-01-01T00:00:00+23:59", 0),
        ("1969-12-31T00:00:00Z", 0),
        ("9999-12-31T23:59:59Z", TIME_NS_MAX),
    ],
)
def test_what_lies_far_away_is_as_good_as_the_edge(text: str, time_ns: int) -> None:
    assert parse_time(text, zone=NEW_YORK) in {time_ns, None}


def test_a_day_that_cannot_be_counted_is_none() -> None:
    assert parse_time("9999-12-31", zone=NEW_YORK, is_end=True) is None
