import doctest
from datetime import UTC, datetime, timedelta

import pytest

from waiver_exchange.client import timestamps
from waiver_exchange.client.timestamps import Timestamp, time_text


def test_its_examples_are_true() -> None:
    assert doctest.testmod(timestamps).failed == 0


def test_nanoseconds_survive_and_text_comes_back() -> None:
    text = "2026-09-07T00:20:00.000000007Z"
    moment = Timestamp.parse(text)
    assert moment.text == text
    assert moment.ns % 1_000_000_000 == 7
    assert Timestamp.of_ns(moment.ns).text == text


def test_another_zone_is_the_same_moment() -> None:
    assert Timestamp.parse("2026-09-07T02:20:00.5+02:00") == Timestamp.parse("2026-09-07T00:20:00.500000000Z")


def test_it_is_a_datetime_to_the_microsecond() -> None:
    moment = Timestamp.parse("2026-09-07T00:20:00.123456789Z")
    assert moment == datetime(2026, 9, 7, 0, 20, 0, 123456, tzinfo=UTC)
    assert (moment + timedelta(seconds=1)).ns == moment.ns // 1000 * 1000 + 1_000_000_000


@pytest.mark.parametrize("text", ["", "2026-09-07", "2026-09-07T00:20:00", "2026-09-07T00:20:00.0000000001Z", "soon"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        Timestamp.parse(text)


def test_a_request_wants_a_zone() -> None:
    assert time_text(datetime(2026, 9, 7, tzinfo=UTC)) == "2026-09-07T00:00:00Z"
    assert time_text("now-ish") == "now-ish"
    with pytest.raises(ValueError, match="zone"):
        time_text(datetime(2026, 9, 7))  # noqa: DTZ001 - the mistake it is about
