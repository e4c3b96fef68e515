"""What the asking account was worth over time."""

from typing import Final

import msgspec

from waiver_exchange.application.queries import EquityPoint, Interval
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.money import format_money
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import parameters
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.gateway.rest.formats import Money, Time
from waiver_exchange.gateway.rest.parameters import END, START, invalid
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer

_R = RefusalReason
POINTS_MAX: Final = 2_100
_DAY_NS: Final = 86_400 * NANOSECONDS_PER_SECOND
_INTERVALS: Final[dict[str, Interval]] = {"1m": "1m", "5m": "5m", "15m": "15m", "1h": "1h", "1d": "1d"}
_STEP_NS: Final = {
    "1m": 60 * NANOSECONDS_PER_SECOND,
    "5m": 300 * NANOSECONDS_PER_SECOND,
    "15m": 900 * NANOSECONDS_PER_SECOND,
    "1h": 3_600 * NANOSECONDS_PER_SECOND,
    "1d": 25 * 3_600 * NANOSECONDS_PER_SECOND,  # the longest day: clocks are set back
}
_PERIODS: Final = {"1D": 1, "1W": 7, "1M": 30, "3M": 91, "1A": 365}
_ALL: Final = "all"
_STEP_OF: Final = {"1D": "5m", "1W": "1h", "1M": "1h", "3M": "1d", "1A": "1d", _ALL: "1d"}

_PERIOD: Final = parameters.optional_word(
    "period", (*_PERIODS, _ALL), description="How far back; a day when neither this nor `start` is given."
)
_INTERVAL: Final = parameters.optional_word(
    "interval", _INTERVALS, description="The time between two points; by default it goes with the period."
)


class EquityPointBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the account was worth at a time, and the profit since the first point; what was given to it is none."""

    time: Time
    equity: Money
    cash: Money
    profit: Money


class EquityBody(msgspec.Struct, frozen=True, kw_only=True):
    """Points in time, oldest first; without an `end` the last one is now."""

    items: list[EquityPointBody]


async def _list_equity(call: Call) -> Answer:
    start_ns, end_ns, interval = _range_of(call)
    is_until_now = call[END] is None
    points = await call.exchange.queries.equity_history(
        account=call.account,
        start_ns=start_ns,
        # What an interval that is not over begins with next is, so far, what is now.
        end_ns=end_ns + (_STEP_NS[interval] if is_until_now else 0),
        interval=_INTERVALS[interval],
    )
    if is_until_now:
        points = _until(points, end_ns - 1)
    return json_answer(EquityBody(items=[_point_body(point, first=points[0]) for point in points]))


def _until(points: list[EquityPoint], now_ns: int) -> list[EquityPoint]:
    """Return the points with that of the interval which is not over as of now."""
    past = [point for point in points if point.time_ns < now_ns]
    return [*past, *(point._replace(time_ns=now_ns) for point in points[len(past) : len(past) + 1])]


def _range_of(call: Call) -> tuple[int, int, str]:
    account = call.exchange.state.accounts.get(call.account)
    if account is None:
        raise RefusedError(_R.account_not_found)
    period, start_ns = call[_PERIOD], call[START]
    if period is not None and start_ns is not None:
        raise invalid("period", expected="no start beside it")
    end_ns = min(call[END] or call.exchange.clock.now_ns() + 1, call.exchange.clock.now_ns() + 1)
    if start_ns is None:
        days = _PERIODS.get(period or "1D")
        start_ns = 0 if days is None else end_ns - days * _DAY_NS
    start_ns = max(start_ns, account.opened_at_ns)
    interval = call[_INTERVAL] or (_STEP_OF[period or "1D"] if call[START] is None else "1h")
    if end_ns - start_ns > POINTS_MAX * _STEP_NS[interval]:
        raise invalid("interval", expected=f"a longer one: {POINTS_MAX} points at most")
    return start_ns, end_ns, interval


def _point_body(point: EquityPoint, *, first: EquityPoint) -> EquityPointBody:
    profit = (point.equity_micros - point.invested_micros) - (first.equity_micros - first.invested_micros)
    return EquityPointBody(
        time=format_time(point.time_ns),
        equity=format_money(point.equity_micros),
        cash=format_money(point.cash_micros),
        profit=format_money(profit),
    )


EQUITY_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/account/equity",
        name="listEquity",
        summary="Show what the account was worth over time.",
        tag="account",
        handler=_list_equity,
        answer=EquityBody,
        parameters=(_PERIOD, START, END, _INTERVAL),
        refusals=(_R.account_not_found, _R.history_is_unavailable, _R.exchange_is_busy),
    ),
)
