"""Bars of every timeframe out of candles, forwards and backwards, by pages that get somewhere."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from waiver_exchange.application.queries import Candle, Interval
from waiver_exchange.gateway.alpaca.data import bars
from waiver_exchange.gateway.alpaca.data.bars import Span, interval_of, read_bars, span_of
from waiver_exchange.gateway.alpaca.data.timeframes import Timeframe, bucket_of, parse_timeframe
from waiver_exchange.gateway.alpaca.market_bodies import BarBody

NEW_YORK = ZoneInfo("America/New_York")
SECOND = 1_000_000_000
LENGTHS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600}


def _ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


NOON = _ns("2026-11-22T17:00:00+00:00")


class Candles:
    """Candles of a market that traded 1 share each minute, a cent higher each time; those of a day are whole days."""

    def __init__(self, minutes: Sequence[int]) -> None:
        self.minutes = minutes
        self.asked: list[tuple[Interval, int]] = []

    async def read(self, interval: Interval, span: Span, limit: int) -> list[Candle]:
        self.asked.append((interval, limit))
        groups: dict[int, list[int]] = {}
        for minute in self.minutes:
            groups.setdefault(self._start(interval, NOON + minute * 60 * SECOND), []).append(minute)
        found = [_candle(start, group) for start, group in groups.items() if span.start_ns <= start < span.end_ns]
        return (found if span.is_ascending else found[::-1])[:limit]

    def _start(self, interval: Interval, time_ns: int) -> int:
        if interval == "1d":
            return bucket_of(time_ns, Timeframe(1, "day"), zone=NEW_YORK).start_ns
        return time_ns - time_ns % (LENGTHS[interval] * SECOND)


def _candle(start: int, minutes: Sequence[int]) -> Candle:
    prices = [1_000 + minute for minute in minutes]
    return Candle(
        time_ns=start,
        open_cents=prices[0],
        high_cents=max(prices),
        low_cents=min(prices),
        close_cents=prices[-1],
        volume_units=10_000 * len(prices),
        value_micros=10_000 * sum(prices),
        trades=len(prices),
    )


def _timeframe(text: str) -> Timeframe:
    timeframe = parse_timeframe(text)
    assert timeframe is not None
    return timeframe


async def _walk(
    candles: Candles, text: str, *, start_ns: int, end_ns: int, limit: int, is_ascending: bool = True
) -> list[BarBody]:
    timeframe, cursor = _timeframe(text), None
    found: list[BarBody] = []
    for _ in range(1_000):
        span = span_of(
            timeframe, start_ns=start_ns, end_ns=end_ns, is_ascending=is_ascending, cursor=cursor, zone=NEW_YORK
        )
        part = await read_bars(candles.read, timeframe, span, limit=limit, zone=NEW_YORK)
        assert len(part.items) <= limit
        found += part.items
        if part.cursor is None:
            return found
        cursor = part.cursor
    pytest.fail("the pages do not end")


@pytest.mark.parametrize("limit", [1, 2, 3, 1_000])
@pytest.mark.parametrize("is_ascending", [True, False])
async def test_minutes_are_put_together(limit: int, is_ascending: bool) -> None:  # noqa: FBT001
    candles = Candles([0, 1, 4, 5, 12, 13])
    found = await _walk(
        candles, "5Min", start_ns=NOON, end_ns=NOON + 3_600 * SECOND, limit=limit, is_ascending=is_ascending
    )
    found.sort(key=lambda bar: bar.t.time_ns)
    assert [(bar.t.time_ns - NOON) // SECOND for bar in found] == [0, 300, 600]
    first = found[0]
    assert (first.o, first.h, first.l, first.c) == (
        Decimal("10.00"),
        Decimal("10.04"),
        Decimal("10.00"),
        Decimal("10.04"),
    )
    assert (first.v, first.n, first.vw) == (3, 3, Decimal("10.016667"))


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("1Min", "1m"),
        ("7Min", "1m"),
        ("5Min", "5m"),
        ("10Min", "5m"),
        ("15Min", "15m"),
        ("30Min", "15m"),
        ("1Hour", "1h"),
        ("4Hour", "1h"),
        ("1Day", "1d"),
        ("1Week", "1d"),
        ("6Month", "1d"),
    ],
)
def test_the_longest_candle_that_fits_is_read(text: str, interval: str) -> None:
    assert interval_of(_timeframe(text)) == interval


@pytest.mark.parametrize("is_ascending", [True, False])
@pytest.mark.parametrize("text", ["7Min", "30Min", "3Hour", "1Day", "1Week", "1Month"])
async def test_nothing_is_lost_or_counted_twice(text: str, is_ascending: bool) -> None:  # noqa: FBT001
    minutes = list(range(0, 4_000, 3))
    for limit in (1, 5, 10_000):
        found = await _walk(
            Candles(minutes),
            text,
            start_ns=NOON - 86_400 * SECOND,
            end_ns=NOON + 4_000 * 60 * SECOND,
            limit=limit,
            is_ascending=is_ascending,
        )
        assert sum(bar.n for bar in found) == len(minutes)
        times = [bar.t.time_ns for bar in found]
        assert times == sorted(set(times), reverse=not is_ascending)


async def test_a_bar_belongs_to_a_range_when_it_begins_in_it() -> None:
    candles = Candles(range(10))
    found = await _walk(candles, "1Min", start_ns=NOON + 61 * SECOND, end_ns=NOON + 180 * SECOND, limit=10)
    assert [(bar.t.time_ns - NOON) // SECOND for bar in found] == [120, 180]
    found = await _walk(candles, "1Min", start_ns=NOON + 60 * SECOND, end_ns=NOON + 60 * SECOND, limit=10)
    assert [(bar.t.time_ns - NOON) // SECOND for bar in found] == [60]


@pytest.mark.parametrize("text", ["1Day", "1Week", "1Month"])
async def test_a_day_is_named_by_its_date(text: str) -> None:
    found = await _walk(Candles([0]), text, start_ns=NOON - SECOND, end_ns=NOON + SECOND, limit=10)
    assert len(found) == 1
    assert found[0].t.time_ns < NOON


@pytest.mark.parametrize("is_ascending", [True, False])
async def test_one_request_goes_through_a_bounded_number_of_candles(
    monkeypatch: pytest.MonkeyPatch,
    is_ascending: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(bars, "CANDLES_MAX", 100)
    monkeypatch.setattr(bars, "_CANDLES_READ", 30)
    candles = Candles(range(1_000))
    timeframe = Timeframe(59, "minute")
    span = span_of(
        timeframe,
        start_ns=NOON,
        end_ns=NOON + 1_000 * 60 * SECOND,
        is_ascending=is_ascending,
        cursor=None,
        zone=NEW_YORK,
    )
    part = await read_bars(candles.read, timeframe, span, limit=1_000, zone=NEW_YORK)
    assert 0 < len(part.items) < 3
    assert part.cursor is not None
    assert [limit for _, limit in candles.asked] == [30, 30, 30, 10]
    found = await _walk(
        Candles(range(1_000)),
        "59Min",
        start_ns=NOON - 60 * 60 * SECOND,
        end_ns=NOON + 1_000 * 60 * SECOND,
        limit=1_000,
        is_ascending=is_ascending,
    )
    assert sum(bar.n for bar in found) == 1_000


async def test_an_empty_span_asks_nobody() -> None:
    candles = Candles([0])
    assert await _walk(candles, "1Min", start_ns=NOON + SECOND, end_ns=NOON + 2 * SECOND, limit=10) == []
    assert candles.asked == []
