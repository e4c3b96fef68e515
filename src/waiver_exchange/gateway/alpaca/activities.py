"""The account's activities: fills, their fees, and what else moved its cash or shares, by pages."""

import heapq
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Final

from litestar import Response, get

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.queries import FillsFilter, LedgerFilter, ledger_cursor
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.gateway.alpaca import query
from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.activity_bodies import (
    POSTED_KINDS,
    Activity,
    Place,
    fill_activity,
    name_of,
    posting_activity,
    posting_of,
    trade_of,
    type_of,
    types_of,
)
from waiver_exchange.gateway.alpaca.errors import invalid
from waiver_exchange.gateway.alpaca.times import parse_time
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

PAGE_MAX: Final = 100
# So many more are read at once, because those that share the time of the token come again.
_SHARING_A_TIME: Final = 16
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
    limit: int
    is_ascending: bool
    order_id: int | None = None
    after_ns: int | None = None
    until_ns: int | None = None
    token: str | None = None
    start: Place | None = None


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
    """Return the page: what the two sources have of it, merged by place."""
    start = await _start_of(exchange, account=account, wanted=wanted)
    if start is not None:
        wanted = _behind(start, wanted)
    sources = [
        await _gather(_fills(exchange, account=account, wanted=wanted), wanted),
        await _gather(_postings(exchange, account=account, wanted=wanted), wanted),
    ]
    together = heapq.merge(*sources, key=_place_of, reverse=not wanted.is_ascending)
    return [activity.body for activity in islice(together, wanted.limit)]


async def _start_of(exchange: Exchange, *, account: int, wanted: Wanted) -> Activity | None:
    """Return the activity that the page continues behind. Raises `AlpacaError` when the account has none such."""
    if wanted.token is None:
        return None
    trade_id, posting = trade_of(wanted.token), posting_of(wanted.token)
    everything = Wanted(types=_TYPES, is_ascending=True, limit=1)
    if trade_id is not None:
        source = _fills(exchange, account=account, wanted=everything, cursor=trade_id - 1)
    elif posting is not None:
        source = _postings(exchange, account=account, wanted=everything, cursor=ledger_cursor(*posting) - 1)
    else:
        raise invalid(f"invalid page_token {wanted.token[:_QUOTED_MAX]!a}: expected the id of an activity")
    found = await _gather(source, everything)
    if not found or name_of(str(found[0].body["id"])) != name_of(wanted.token):
        raise invalid(f"invalid page_token {wanted.token[:_QUOTED_MAX]!a}: the account has no such activity")
    return found[0]


async def _gather(source: AsyncGenerator[Activity, None], wanted: Wanted) -> list[Activity]:
    """Return as many activities of a source as the page can show."""
    found: list[Activity] = []
    async with aclosing(source):
        async for activity in source:
            if not _is_behind(activity.place, wanted):
                continue
            found.append(activity)
            if len(found) == wanted.limit:
                break
    return found


def _is_behind(place: Place, wanted: Wanted) -> bool:
    if wanted.start is None:
        return True
    return place > wanted.start if wanted.is_ascending else place < wanted.start


async def _fills(
    exchange: Exchange, *, account: int, wanted: Wanted, cursor: int | None = None
) -> AsyncGenerator[Activity, None]:
    """Yield the account's fills, in the order of the page."""
    if _FILL not in wanted.types:
        return
    fills_filter = FillsFilter(
        order_id=wanted.order_id,
        after_ns=wanted.after_ns,
        until_ns=wanted.until_ns,
        is_ascending=wanted.is_ascending,
    )
    while True:
        page = await exchange.queries.fills_page(
            account=account, filter=fills_filter, cursor=cursor, limit=wanted.limit + _SHARING_A_TIME
        )
        for fill in page.items:
            yield fill_activity(fill, symbol=exchange.state.markets[fill.trade.market].symbol)
        cursor = page.next_cursor
        if cursor is None:
            return


async def _postings(
    exchange: Exchange, *, account: int, wanted: Wanted, cursor: int | None = None
) -> AsyncGenerator[Activity, None]:
    """Yield what else moved the account's cash and shares, in the order of the page."""
    kinds = tuple(kind for kind in POSTED_KINDS if types_of(kind) & wanted.types)
    if not kinds or wanted.order_id is not None:
        return
    ledger_filter = LedgerFilter(
        kinds=kinds,
        start_ns=None if wanted.after_ns is None else wanted.after_ns + 1,
        end_ns=wanted.until_ns,
        is_ascending=wanted.is_ascending,
    )
    while True:
        page = await exchange.queries.ledger_page(
            account=account, filter=ledger_filter, cursor=cursor, limit=wanted.limit + _SHARING_A_TIME
        )
        for line in page.items:
            if type_of(line) not in wanted.types:
                continue
            symbol = exchange.state.markets[line.market].symbol if line.market else None
            yield posting_activity(line, symbol=symbol, zone=exchange.zone)
        cursor = page.next_cursor
        if cursor is None:
            return


def _behind(start: Activity, wanted: Wanted) -> Wanted:
    """Return what is wanted behind an activity; rows before it are passed over by their time, which a commit shares."""
    if wanted.is_ascending:
        return replace(wanted, start=start.place, after_ns=max(start.time_ns - 1, wanted.after_ns or 0))
    until_ns = start.time_ns + 1
    return replace(wanted, start=start.place, until_ns=min(until_ns, wanted.until_ns or until_ns))


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
    order_text = given.get("order_id")
    order_id = None if order_text is None else from_uuid(IdKind.order, order_text) or 0
    return Wanted(
        types=types if order_text is None else types & {_FILL},
        order_id=order_id,
        after_ns=after_ns,
        until_ns=until_ns,
        is_ascending=query.word(given, "direction", allowed=("asc", "desc"), default="desc") == "asc",
        token=given.get("page_token"),
        limit=query.whole_number(given, "page_size", default=PAGE_MAX, largest=PAGE_MAX),
    )
