"""The account's activities: fills, their fees, and what else moved its cash or shares, by pages."""

import heapq
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final

from litestar import Response, get

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.queries import FillsFilter
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.gateway.alpaca import query
from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.activity_bodies import (
    Activity,
    Place,
    Token,
    fee_activity,
    fill_activity,
    token_of,
)
from waiver_exchange.gateway.alpaca.errors import invalid
from waiver_exchange.gateway.alpaca.times import parse_time
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

PAGE_MAX: Final = 100
_READ_AT_ONCE: Final = 500
_FILL: Final = "FILL"
_QUOTED_MAX: Final = 40
# All of Alpaca's; most of them never happen here.
_TYPES: Final = frozenset(
    {"FILL", "ACATC", "ACATS", "CFEE", "CSD", "CSR", "CSW", "DIV", "DIVCGL", "DIVCGS", "DIVFEE", "DIVFT", "DIVNRA"}
    | {"DIVROC", "DIVTW", "DIVTXEX", "FEE", "INT", "INTNRA", "INTTW", "JNL", "JNLC", "JNLS", "MA", "MEM", "NC", "OCT"}
    | {"OPASN", "OPCA", "OPCSH", "OPEXC", "OPEXP", "OPTRD", "OPXRC", "PTC", "PTR", "REORG", "SC", "SSO", "SSP", "SWP"}
    | {"VOF", "WH", "XSP"}
)
_GROUPS: Final = {"TRANS": frozenset({"CSD", "CSW"}), "MISC": frozenset({"JNL", "JNLC", "JNLS", "MEM"})}
_CATEGORIES: Final = {"trade_activity": frozenset({_FILL}), "non_trade_activity": _TYPES - {_FILL}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which activities a page shows."""

    types: frozenset[str]
    order_id: int | None
    after_ns: int | None
    until_ns: int | None
    is_ascending: bool
    token: Token | None
    limit: int


@get("/v2/account/activities")
async def list_activities(request: AnyRequest) -> Response[bytes]:
    """Return activities of all types, of `activity_types`, or of a `category`."""
    account = caller_of(request).account
    given = query.query_of(request)
    names, category = query.words(given, "activity_types"), given.get("category")
    if names is not None and category is not None:
        raise invalid("activity_types and category are mutually exclusive")
    if category is not None and category not in _CATEGORIES:
        raise invalid(f"invalid category {category[:_QUOTED_MAX]!a}: must be one of {', '.join(_CATEGORIES)}")
    types = _CATEGORIES[category] if category is not None else _TYPES if names is None else _types_of(names)
    return answer(await _page(exchange_of(request), account=account, wanted=_wanted(request, given, types)))


@get("/v2/account/activities/{activity_type:str}")
async def list_activities_of_type(request: AnyRequest) -> Response[bytes]:
    """Return activities of one type."""
    account = caller_of(request).account
    given = query.query_of(request)
    types = _types_of([request.path_params["activity_type"]])
    return answer(await _page(exchange_of(request), account=account, wanted=_wanted(request, given, types)))


ACTIVITY_HANDLERS: Final = (list_activities, list_activities_of_type)


async def _page(exchange: Exchange, *, account: int, wanted: Wanted) -> list[dict[str, object]]:
    fills = await _fills(exchange, account=account, wanted=wanted)
    together = heapq.merge(fills, key=_place_of, reverse=not wanted.is_ascending)
    return [activity.body for activity in islice(together, wanted.limit)]


async def _fills(exchange: Exchange, *, account: int, wanted: Wanted) -> list[Activity]:
    """Return fills and their fees, as many as the page may need, in its order."""
    if not wanted.types & {_FILL, "FEE"}:
        return []
    fills_filter = FillsFilter(
        order_id=wanted.order_id,
        after_ns=wanted.after_ns,
        until_ns=wanted.until_ns,
        is_ascending=wanted.is_ascending,
    )
    found: list[Activity] = []
    cursor = _cursor_of(wanted)
    while len(found) < wanted.limit:
        page = await exchange.queries.fills_page(
            account=account, filter=fills_filter, cursor=cursor, limit=_READ_AT_ONCE
        )
        for fill in page.items:
            symbol = exchange.state.markets[fill.trade.market].symbol
            activities = [fill_activity(fill, symbol=symbol)]
            if fill.fee_micros:
                activities.append(fee_activity(fill, symbol=symbol, zone=exchange.zone))
            found += activities if wanted.is_ascending else activities[::-1]
        found = [activity for activity in found if _is_wanted(activity, wanted)]
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _cursor_of(wanted: Wanted) -> int | None:
    """Return the trade beside that of the token, so that its own trade is looked at again: for its fee."""
    if wanted.token is None or not wanted.token.trade_id:
        return None
    return wanted.token.trade_id + (-1 if wanted.is_ascending else 1)


def _is_wanted(activity: Activity, wanted: Wanted) -> bool:
    return activity.body["activity_type"] in wanted.types and _is_beyond(activity.place, wanted)


def _is_beyond(place: Place, wanted: Wanted) -> bool:
    """Return whether a place lies behind the token, in the order of the page."""
    token = wanted.token
    if token is None:
        return True
    if token.trade_id and place.trade_id:
        here, there = (place.trade_id, place.rank), (token.trade_id, token.rank)
    else:
        here, there = (place.sequence, place.rank), (token.sequence, token.rank)
    return here > there if wanted.is_ascending else here < there


def _place_of(activity: Activity) -> Place:
    return activity.place


def _types_of(names: list[str]) -> frozenset[str]:
    types: set[str] = set()
    for name in names:
        if name in _GROUPS:
            types |= _GROUPS[name]
        elif name in _TYPES:
            types.add(name)
        else:
            raise invalid(f"invalid activity type {name[:_QUOTED_MAX]!a}")
    return frozenset(types)


def _wanted(request: AnyRequest, given: query.Query, types: frozenset[str]) -> Wanted:
    zone = exchange_of(request).zone
    after_ns, until_ns = query.time_ns(given, "after", zone=zone), query.time_ns(given, "until", zone=zone)
    day = query.day(given, "date")
    if day is not None:
        # The whole day: after its last moment's predecessor, until the next one begins.
        starts_ns = parse_time(day.isoformat(), zone=zone) or 0
        after_ns, until_ns = starts_ns - 1, parse_time((day + timedelta(days=1)).isoformat(), zone=zone)
    token_text = given.get("page_token")
    token = None if token_text is None else token_of(token_text)
    if token_text is not None and token is None:
        raise invalid(f"invalid page_token {token_text[:_QUOTED_MAX]!a}: expected the id of an activity")
    order_text = given.get("order_id")
    order_id = None if order_text is None else from_uuid(IdKind.order, order_text) or 0
    return Wanted(
        types=types if order_text is None else types & {_FILL},
        order_id=order_id,
        after_ns=after_ns,
        until_ns=until_ns,
        is_ascending=query.word(given, "direction", allowed=("asc", "desc"), default="desc") == "asc",
        token=token,
        limit=query.whole_number(given, "page_size", default=PAGE_MAX, largest=PAGE_MAX),
    )
