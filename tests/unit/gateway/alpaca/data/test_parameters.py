"""What a request for market data asks for when it says little."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from waiver_exchange.gateway.alpaca.data.paging import Place, token_of
from waiver_exchange.gateway.alpaca.data.parameters import names_of, parse_range
from waiver_exchange.gateway.alpaca.errors import AlpacaError

NEW_YORK = ZoneInfo("America/New_York")
SECOND = 1_000_000_000


def _ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


NOW = _ns("2026-11-22T15:06:16")


def test_nothing_said_is_today_until_now() -> None:
    wanted = parse_range({}, now_ns=NOW, zone=NEW_YORK)
    assert wanted == (_ns("2026-11-22T05:00:00"), NOW, 1_000, True, None)


def test_an_end_alone_is_its_day() -> None:
    wanted = parse_range({"end": "2026-07-04"}, now_ns=NOW, zone=NEW_YORK)
    assert (wanted.start_ns, wanted.end_ns) == (_ns("2026-07-04T04:00:00"), _ns("2026-07-05T04:00:00") - 1)


def test_everything_said_is_taken() -> None:
    query = {
        "start": "2026-01-01T00:00:00Z",
        "end": "2026-01-01T00:00:00Z",
        "limit": "10000",
        "sort": "DESC",
        "page_token": token_of(Place("MAHOMES", 7)),
        "feed": "sip",
        "adjustment": "all",
    }
    moment = _ns("2026-01-01T00:00:00")
    wanted = parse_range(query, now_ns=NOW, zone=NEW_YORK)
    assert wanted == (moment, moment, 10_000, False, Place("MAHOMES", 7))


def test_a_start_in_the_future_is_an_empty_range() -> None:
    wanted = parse_range({"start": "2026-11-23T00:00:00Z"}, now_ns=NOW, zone=NEW_YORK)
    assert wanted.start_ns == wanted.end_ns == _ns("2026-11-23T00:00:00")


def test_an_end_before_the_start_is_a_mistake() -> None:
    with pytest.raises(AlpacaError, match="end should not be before start") as refused:
        parse_range({"start": "2026-11-23", "end": "2026-11-22"}, now_ns=NOW, zone=NEW_YORK)
    assert refused.value.status == 400


def test_names_are_sorted_and_each_is_taken_once() -> None:
    names = names_of({"symbols": "B, A,B,A/USD"}, is_pair_allowed=True)
    assert names == ["A", "A/USD", "B"]
    with pytest.raises(AlpacaError, match="invalid symbol: A/USD"):
        names_of({"symbols": "B,A,B,A/USD"}, is_pair_allowed=False)
