"""What the account was worth over time, window by window."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from litestar import Response, get

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.queries import EquityPoint, Interval
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.gateway.alpaca import query
from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.data.answers import data_answer
from waiver_exchange.gateway.alpaca.errors import invalid
from waiver_exchange.gateway.alpaca.times import local_time, parse_time
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

_DAY_NS: Final = 86_400 * NANOSECONDS_PER_SECOND
_DAYS: Final = {"D": 1, "W": 7, "M": 31, "A": 366}
_PERIOD: Final = re.compile(r"([0-9]{1,4})([DWMA])", re.ASCII)
_PERIOD_DEFAULT: Final = "1M"
_PERIOD_DAYS_MAX: Final = 40 * 366
_INTERVALS: Final[dict[str, Interval]] = {"1Min": "1m", "5Min": "5m", "15Min": "15m", "1H": "1h", "1D": "1d"}
_NAMES: Final = {name.lower(): name for name in _INTERVALS}
_DAILY: Final = "1D"
_MINUTE_DAYS: Final = 7
_QUARTER_DAYS: Final = 30
_INTRADAY_DAYS: Final = 31
_HOUR_NS: Final = 3_600 * NANOSECONDS_PER_SECOND
# The longest of each: a day has 25 hours when clocks are set back.
_STEP_NS: Final = {
    "1Min": _HOUR_NS // 60,
    "5Min": _HOUR_NS // 12,
    "15Min": _HOUR_NS // 4,
    "1H": _HOUR_NS,
    "1D": 25 * _HOUR_NS,
}
_POINTS_MAX: Final = 2_100
_REPORTING: Final = ("market_hours", "extended_hours", "continuous")
_RATIO_STEP: Final = Decimal("0.00000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when, in windows of which size; `is_reset_daily` begins the profit of each day at zero."""

    start_ns: int
    end_ns: int
    timeframe: str
    is_reset_daily: bool


@get("/v2/account/portfolio/history")
async def show_portfolio_history(request: AnyRequest) -> Response[bytes]:
    """Return equity and profit at the end of each window, labelled by its beginning."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    given = query.query_of(request)
    span = _span_of(exchange, given)
    # One window more than is shown, because a window's worth is that at the beginning of the next one.
    points = await exchange.queries.equity_history(
        account=account,
        start_ns=span.start_ns,
        end_ns=span.end_ns + _STEP_NS[span.timeframe],
        interval=_INTERVALS[span.timeframe],
    )
    shown = sum(point.time_ns < span.end_ns for point in points)
    return data_answer(_body(exchange, points[: shown + 1], span=span, cashflow=given.get("cashflow_types", "NONE")))


HISTORY_HANDLERS: Final = (show_portfolio_history,)


def _body(exchange: Exchange, points: Sequence[EquityPoint], *, span: Span, cashflow: str) -> dict[str, object]:
    starts, ends = points[:-1], points[1:]
    bases = _bases(exchange, points, span)
    invested = [_invested(base, end) for base, end in zip(bases, ends, strict=True)]
    profits = [end.equity_micros - base for base, end in zip(invested, ends, strict=True)]
    first = starts[0] if starts else None
    body: dict[str, object] = {
        "timestamp": [point.time_ns // NANOSECONDS_PER_SECOND for point in starts],
        "equity": [_dollars(point.equity_micros) for point in ends],
        "profit_loss": [_dollars(profit) for profit in profits],
        "profit_loss_pct": [_ratio(profit, base) for profit, base in zip(profits, invested, strict=True)],
        "base_value": _dollars(first.equity_micros) if first else None,
        "timeframe": span.timeframe,
    }
    if first is not None:
        body["base_value_asof"] = local_time(first.time_ns, zone=exchange.zone).date().isoformat()
    if cashflow.upper() == "ALL" or "CSD" in cashflow.upper().split(","):
        deposits = [
            _dollars(end.deposits_micros - start.deposits_micros) for start, end in zip(starts, ends, strict=True)
        ]
        body["cashflow"] = {"CSD": deposits}
    return body


def _bases(exchange: Exchange, points: Sequence[EquityPoint], span: Span) -> list[EquityPoint]:
    """Return for each window the point that its profit is counted from."""
    bases: list[EquityPoint] = []
    days = [local_time(point.time_ns, zone=exchange.zone).date() for point in points]
    for at, point in enumerate(points[:-1]):
        is_new = at == 0 or (span.is_reset_daily and days[at] != days[at - 1])
        bases.append(point if is_new else bases[-1])
    return bases


def _invested(base: EquityPoint, end: EquityPoint) -> int:
    """Return what would be there without profit or loss: the worth at the base, and what was given since."""
    return base.equity_micros + end.invested_micros - base.invested_micros


def _span_of(exchange: Exchange, given: query.Query) -> Span:
    start_ns, end_ns = _given_bounds(exchange, given)
    period = given.get("period")
    if period is not None and start_ns is not None and end_ns is not None:
        raise invalid("period, start and end are mutually exclusive: give two of them at most")
    length_ns = _length_ns(period or _PERIOD_DEFAULT)
    now_ns = exchange.clock.now_ns()
    if end_ns is None:
        end_ns = now_ns if start_ns is None or period is None else min(start_ns + length_ns, now_ns)
    end_ns = min(end_ns, now_ns)
    if start_ns is None:
        start_ns = end_ns - length_ns
    start_ns = max(0, start_ns)
    query.word(given, "intraday_reporting", allowed=_REPORTING, default="market_hours")
    query.flag(given, "extended_hours")
    reset = query.word(given, "pnl_reset", allowed=("per_day", "no_reset"), default="per_day")
    timeframe = _timeframe_of(given, length_ns=max(0, end_ns - start_ns))
    return Span(
        start_ns=start_ns,
        end_ns=end_ns,
        timeframe=timeframe,
        is_reset_daily=reset == "per_day" and timeframe != _DAILY,
    )


def _given_bounds(exchange: Exchange, given: query.Query) -> tuple[int | None, int | None]:
    start_ns = query.time_ns(given, "start", zone=exchange.zone)
    if start_ns is None:
        start_ns = query.time_ns(given, "date_start", zone=exchange.zone)
    end_ns = query.time_ns(given, "end", zone=exchange.zone)
    last_day = query.day(given, "date_end")
    if end_ns is None and last_day is not None:
        end_ns = parse_time((last_day + timedelta(days=1)).isoformat(), zone=exchange.zone)
    return start_ns, end_ns


def _length_ns(period: str) -> int:
    found = _PERIOD.fullmatch(period.upper())
    days = int(found[1]) * _DAYS[found[2]] if found else 0
    if not 1 <= days <= _PERIOD_DAYS_MAX:
        raise invalid("invalid period: expected a number and one of D, W, M, A, such as 1M")
    return days * _DAY_NS


def _timeframe_of(given: query.Query, *, length_ns: int) -> str:
    days = length_ns // _DAY_NS
    asked = given.get("timeframe")
    if asked is None:
        wanted = "1Min" if days < _MINUTE_DAYS else "15Min" if days < _QUARTER_DAYS else _DAILY
        names = list(_INTERVALS)
        return next(name for name in names[names.index(wanted) :] if name == _DAILY or _has_room(name, length_ns))
    timeframe = _NAMES.get(asked.lower())
    if timeframe is None:
        raise invalid(f"invalid timeframe: must be one of {', '.join(_INTERVALS)}")
    if timeframe != _DAILY and days > _INTRADAY_DAYS:
        raise invalid(f"invalid timeframe: {timeframe} goes with at most {_INTRADAY_DAYS} days")
    if timeframe != _DAILY and not _has_room(timeframe, length_ns):
        raise invalid(f"invalid timeframe: {timeframe} makes more than {_POINTS_MAX} points of this period")
    return timeframe


def _has_room(timeframe: str, length_ns: int) -> bool:
    return length_ns <= _POINTS_MAX * _STEP_NS[timeframe]


def _dollars(micros: int) -> Decimal:
    return Decimal(micros).scaleb(-6)


def _ratio(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(_RATIO_STEP, rounding=ROUND_HALF_EVEN) if whole else None
