"""Clock and calendar of a market that never closes; its days end at midnight, in the exchange's zone."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get

from waiver_exchange.gateway.alpaca import query
from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.errors import invalid
from waiver_exchange.gateway.alpaca.times import local_time
from waiver_exchange.gateway.rest.answers import JSON, answer
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

# Five years; a client that wants more asks again.
CALENDAR_DAYS_MAX: Final = 1_830
_DEFAULT_DAYS: Final = 366
_DATE_TYPES: Final = ("trading", "settlement")
_ONE_DAY: Final = timedelta(days=1)
# Clients sleep until one of the two; nothing really closes.
_PAUSE: Final = timedelta(seconds=1)


@get("/v2/clock")
async def show_clock(request: AnyRequest) -> Response[bytes]:
    """Return the time, and the end of the day as the next close."""
    caller_of(request)
    exchange = exchange_of(request)
    now = local_time(exchange.clock.now_ns(), zone=exchange.zone)
    next_close = _midnight(now.date() + _ONE_DAY, exchange.zone)
    body = {
        "timestamp": now.isoformat(timespec="microseconds"),
        # A halt is minutes, and clients would sleep until the next open: assets and the stream tell of halts.
        "is_open": True,
        "next_open": (next_close + _PAUSE).isoformat(),
        "next_close": next_close.isoformat(),
    }
    return answer(body)


@get("/v2/calendar")
async def show_calendar(request: AnyRequest) -> Response[bytes]:
    """Return the days from `start` to `end`: all of them, from midnight to the last minute."""
    caller_of(request)
    exchange = exchange_of(request)
    given = query.query_of(request)
    query.word(given, "date_type", allowed=_DATE_TYPES, default="trading")
    start, end = query.day(given, "start"), query.day(given, "end")
    today = local_time(exchange.clock.now_ns(), zone=exchange.zone).date()
    if start is None:
        start = min(today, end or today) - timedelta(days=_DEFAULT_DAYS)
    if end is None:
        end = max(today, start) + timedelta(days=_DEFAULT_DAYS)
    days = (end - start).days + 1
    if days > CALENDAR_DAYS_MAX:
        raise invalid(f"invalid end: at most {CALENDAR_DAYS_MAX} days after start")
    listed = b",".join([_day(start + timedelta(days=number)) for number in range(days)])
    return Response(b"[" + listed + b"]", media_type=JSON, status_code=200)


# Bots ask for the same years again and again.
@lru_cache(maxsize=4 * CALENDAR_DAYS_MAX)
def _day(day: date) -> bytes:
    fields = {
        "date": day.isoformat(),
        "open": "00:00",
        "close": "23:59",
        "session_open": "0000",
        "session_close": "2359",
        "settlement_date": day.isoformat(),
    }
    return msgspec.json.encode(fields)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


CLOCK_HANDLERS: Final = (show_clock, show_calendar)
