"""The parameters of market data requests: what is wrong with one is a 400 here, and a 422 on trading routes.

Parameters that mean nothing on this exchange (feed, adjustment, asof, currency, ...) are ignored.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from waiver_exchange.gateway.alpaca import query as queries
from waiver_exchange.gateway.alpaca.data.paging import Place, place_of
from waiver_exchange.gateway.alpaca.data.timeframes import Timeframe, bucket_of, parse_timeframe
from waiver_exchange.gateway.alpaca.errors import INVALID, AlpacaError, invalid
from waiver_exchange.gateway.alpaca.query import Query
from waiver_exchange.gateway.alpaca.symbols import own_symbol
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

LIMIT_DEFAULT: Final = 1_000
LIMIT_MAX: Final = 10_000
_QUOTED_MAX: Final = 40
_DAY: Final = Timeframe(1, "day")
_ASCENDING: Final = "asc"
_SORTS: Final = (_ASCENDING, "desc")


class Range(NamedTuple):
    """A stretch of time, both ends included, and how much of it is wanted from where in which order."""

    start_ns: int
    end_ns: int
    limit: int
    is_ascending: bool
    place: Place | None


@contextmanager
def _bad_request() -> Iterator[None]:
    try:
        yield
    except AlpacaError as error:
        raise AlpacaError(HTTPStatus.BAD_REQUEST, INVALID, error.message) from error


def query_of(request: AnyRequest) -> Query:
    """Return the parameters that are set. Raises `AlpacaError`."""
    with _bad_request():
        return queries.query_of(request)


def names_of(query: Query, *, is_pair_allowed: bool) -> list[str]:
    """Return the names of `symbols`, sorted, each once. Raises `AlpacaError`."""
    value = query.get("symbols")
    with _bad_request():
        if value is None:
            raise invalid("symbols is required")
        names = sorted({name.strip() for name in value.split(",")})
    for name in names:
        check_name(name, is_pair_allowed=is_pair_allowed)
    return names


def check_name(name: str, *, is_pair_allowed: bool) -> None:
    """Raise `AlpacaError` for what is no symbol."""
    with _bad_request():
        if own_symbol(name, is_pair_allowed=is_pair_allowed) is None:
            raise invalid(f"invalid symbol: {name[:_QUOTED_MAX]}")


def range_of(request: AnyRequest) -> Range:
    """Return the range that is asked for. Raises `AlpacaError`."""
    exchange = exchange_of(request)
    return parse_range(query_of(request), now_ns=exchange.clock.now_ns(), zone=exchange.zone)


def parse_range(query: Query, *, now_ns: int, zone: ZoneInfo) -> Range:
    """Return the range that is asked for: of the day of its end unless it has a start. Raises `AlpacaError`."""
    with _bad_request():
        start_ns = queries.time_ns(query, "start", zone=zone)
        end_ns = queries.time_ns(query, "end", zone=zone, is_end=True)
        if end_ns is None:
            # A clock that is ahead of ours asks for what is still to come: that is nothing, and nobody's mistake.
            end_ns = max(now_ns, start_ns or 0)
        if start_ns is None:
            start_ns = bucket_of(end_ns, _DAY, zone=zone).start_ns
        if start_ns > end_ns:
            raise invalid("end should not be before start")
        return Range(
            start_ns,
            end_ns,
            limit=queries.whole_number(query, "limit", default=LIMIT_DEFAULT, largest=LIMIT_MAX),
            is_ascending=queries.word(query, "sort", allowed=_SORTS, default=_ASCENDING) == _ASCENDING,
            place=_place(query),
        )


def timeframe_of(request: AnyRequest) -> Timeframe:
    """Return the length of the bars. Raises `AlpacaError`."""
    value = query_of(request).get("timeframe", "1Min")
    timeframe = parse_timeframe(value)
    with _bad_request():
        if timeframe is None:
            raise invalid(f"invalid timeframe: {value[:_QUOTED_MAX]}")
    return timeframe


def word_of(query: Query, name: str, *, allowed: tuple[str, ...], default: str) -> str:
    """Return one of some words. Raises `AlpacaError`."""
    with _bad_request():
        return queries.word(query, name, allowed=allowed, default=default)


def top_of(query: Query, *, default: int, largest: int) -> int:
    """Return how many a leaderboard has. Raises `AlpacaError`."""
    with _bad_request():
        return queries.whole_number(query, "top", default=default, largest=largest)


def _place(query: Query) -> Place | None:
    value = query.get("page_token")
    if value is None:
        return None
    place = place_of(value)
    if place is None:
        raise invalid("invalid page_token")
    return place
