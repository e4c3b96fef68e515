"""Bars of any timeframe, put together of the exchange's candles of a minute, an hour or a day.

Empty buckets have no bar. One request goes through a bounded number of candles: when they are used up, its page ends
early and the next one goes on.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.queries import Candle, Interval
from waiver_exchange.gateway.alpaca.codec import Moment, dollars, shares
from waiver_exchange.gateway.alpaca.data.paging import Part
from waiver_exchange.gateway.alpaca.data.timeframes import Bucket, Timeframe, Unit, bucket_of
from waiver_exchange.gateway.alpaca.market_bodies import BarBody, volume_weighted

# More than the longest bar is made of (366 days, 59 minutes), so that every page gets somewhere.
CANDLES_MAX: Final = 20_000
_CANDLES_READ: Final = 5_000
_CANDLES_EACH: Final[dict[Unit, int]] = {"minute": 1, "hour": 1, "day": 1, "week": 7, "month": 31}


class Span(NamedTuple):
    """A stretch of time from `start_ns` until before `end_ns`, read forwards or backwards."""

    start_ns: int
    end_ns: int
    is_ascending: bool


# Returns up to `limit` candles of an interval that begin in a span, in its order.
ReadCandles = Callable[[Interval, Span, int], Awaitable[Sequence[Candle]]]


def candles_of(exchange: Exchange, symbol: str) -> ReadCandles:
    """Return what reads the candles of a market."""

    async def read(interval: Interval, span: Span, limit: int) -> Sequence[Candle]:
        candles = await exchange.queries.candles(
            symbol=symbol,
            interval=interval,
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            limit=limit,
            is_ascending=span.is_ascending,
        )
        return candles or ()

    return read


async def bar_at(exchange: Exchange, symbol: str, time_ns: int, *, interval: Interval) -> BarBody | None:
    """Return the bar of the minute or day that holds a time, or None when nothing traded in it."""
    timeframe = Timeframe(1, "minute" if interval == "1m" else "day")
    bucket = bucket_of(time_ns, timeframe, zone=exchange.zone)
    candles = await candles_of(exchange, symbol)(interval, Span(*bucket, is_ascending=True), 1)
    return bar_body(candles, start_ns=bucket.start_ns) if candles else None


async def newest_days(exchange: Exchange, symbol: str, *, limit: int) -> list[BarBody]:
    """Return the newest days on which a market traded, newest first."""
    candles = await exchange.queries.candles(symbol=symbol, interval="1d", limit=limit)
    return [bar_body([candle], start_ns=candle.time_ns) for candle in candles or ()]


def interval_of(timeframe: Timeframe) -> Interval:
    """Return the longest candle that every bar of a timeframe is made of."""
    if timeframe.unit == "minute":
        return "15m" if timeframe.amount % 15 == 0 else "5m" if timeframe.amount % 5 == 0 else "1m"
    return "1h" if timeframe.unit == "hour" else "1d"


def span_of(
    timeframe: Timeframe, *, start_ns: int, end_ns: int, is_ascending: bool, cursor: int | None, zone: ZoneInfo
) -> Span:
    """Return what has to be read for the bars that begin from `start_ns` to `end_ns`, from the cursor's bar on.

    Of days and longer bars the one that `start_ns` lies in is among them: a day is named by its date, not by its hour.
    """
    first = bucket_of(start_ns, timeframe, zone=zone)
    begin = first.end_ns if timeframe.is_intraday and first.start_ns < start_ns else first.start_ns
    end = bucket_of(end_ns, timeframe, zone=zone).end_ns
    if cursor is not None and is_ascending:
        begin = max(begin, bucket_of(cursor, timeframe, zone=zone).start_ns)
    elif cursor is not None:
        end = min(end, bucket_of(cursor, timeframe, zone=zone).end_ns)
    return Span(begin, end, is_ascending)


async def read_bars(
    read: ReadCandles, timeframe: Timeframe, span: Span, *, limit: int, zone: ZoneInfo
) -> Part[BarBody]:
    """Return up to `limit` bars of a span; the cursor lies in the first one that is left out."""
    groups: list[_Group] = []
    count = 0
    each = _CANDLES_EACH[timeframe.unit] * timeframe.amount
    while span.start_ns < span.end_ns:
        wanted = min(_CANDLES_READ, CANDLES_MAX - count, (limit + 1 - len(groups)) * each + 1)
        candles = await read(interval_of(timeframe), span, wanted)
        for candle in candles:
            if not groups or not groups[-1].bucket.start_ns <= candle.time_ns < groups[-1].bucket.end_ns:
                if len(groups) == limit:
                    return Part(_bars(groups), candle.time_ns)
                groups.append(_Group(bucket_of(candle.time_ns, timeframe, zone=zone), []))
            groups[-1].candles.append(candle)
        count += len(candles)
        if len(candles) < wanted:
            break
        if count == CANDLES_MAX:
            # The last bar may lack candles: the next page begins with it.
            return Part(_bars(groups[:-1]), groups[-1].bucket.start_ns)
        span = _behind(candles[-1], span)
    return Part(_bars(groups), None)


class _Group(NamedTuple):
    bucket: Bucket
    candles: list[Candle]


def _behind(last: Candle, span: Span) -> Span:
    if span.is_ascending:
        return span._replace(start_ns=last.time_ns + 1)
    return span._replace(end_ns=last.time_ns)


def _bars(groups: Sequence[_Group]) -> list[BarBody]:
    return [bar_body(sorted(candles, key=_time), start_ns=bucket.start_ns) for bucket, candles in groups]


def bar_body(candles: Sequence[Candle], *, start_ns: int) -> BarBody:
    """Return the bar of some candles, earliest first."""
    volume_units = sum(candle.volume_units for candle in candles)
    return BarBody(
        t=Moment(start_ns),
        o=dollars(candles[0].open_cents),
        h=dollars(max(candle.high_cents for candle in candles)),
        l=dollars(min(candle.low_cents for candle in candles)),
        c=dollars(candles[-1].close_cents),
        v=shares(volume_units),
        n=sum(candle.trades for candle in candles),
        vw=volume_weighted(value_micros=sum(candle.value_micros for candle in candles), volume_units=volume_units),
    )


def _time(candle: Candle) -> int:
    return candle.time_ns
