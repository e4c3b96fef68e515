"""The first rows of several queries together, each of which an index answers in the same order."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import islice
from operator import ge, gt, itemgetter, le, lt
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy import union_all as union_of

Market = int | ColumnElement[int]
Build = Callable[[Sequence[Market] | None], Iterable[Select[Any]]]

# As many rows of one market are read at first, however many markets there are.
_MARKET_ROWS_MIN: Final = 8
_MORE: Final = 8


class Index(NamedTuple):
    """What an index alone knows of the rows that are wanted, filters left out that it does not know.

    `build` makes the queries for `time`, the column by which the index is ordered within a market.
    """

    time: Column[int]
    build: Build


class _Page(NamedTuple):
    """How rows are ordered and how many are wanted."""

    key_columns: int
    is_ascending: bool
    limit: int


def merged(
    connection: Connection,
    build: Build,
    *,
    markets: Sequence[int] | None,
    key_columns: int,
    is_ascending: bool,
    limit: int,
    index: Index | None = None,
) -> list[Sequence[Any]]:
    """Return the first `limit` rows of all queries that `build` makes for the markets, or of those without any.

    The first `key_columns` columns are the key by which every query is ordered; no row is in two of them.
    """
    if connection.dialect.name == "postgresql":
        page = _Page(key_columns, is_ascending, limit)
        if index is not None and markets is not None and len(markets) > 1:
            return _merged_by_times(connection, build, index, markets, page)
        return _merged_by_the_server(connection, build, markets, page)
    with ExitStack() as stack:
        results = [stack.enter_context(connection.execute(query.limit(limit))) for query in build(markets)]
        # No more rows are read than are returned, and one of each query.
        key = itemgetter(*range(key_columns))
        return list(islice(heapq.merge(*results, key=key, reverse=not is_ascending), limit))


def _merged_by_times(
    connection: Connection, build: Build, index: Index, markets: Sequence[int], page: _Page
) -> list[Sequence[Any]]:
    """Ask the indexes alone how far the wanted rows reach, then read these and no others.

    Who trades everything would otherwise have thousands of rows read for a page of a hundred. Where filters leave too
    few of the rows within reach, it goes on from there, further each time.
    """
    found: list[Sequence[Any]] = []
    passed: int | None = None
    step = page.limit
    while True:
        left = _with_bound(index.build, index.time, passed, is_after=page.is_ascending, includes=False)
        times = _merged_by_the_server(connection, left, markets, _Page(1, page.is_ascending, step))
        reach = times[-1][0] if len(times) >= step else None
        rows = _with_bound(build, index.time, passed, is_after=page.is_ascending, includes=False)
        rows = _with_bound(rows, index.time, reach, is_after=not page.is_ascending, includes=True)
        wanted = page._replace(limit=page.limit - len(found))
        found += _merged_by_the_server(connection, rows, markets, wanted, at_first=page.limit)
        if reach is None or len(found) >= page.limit:
            return found
        passed, step = reach, step * _MORE


def _with_bound(build: Build, time: Column[int], at: int | None, *, is_after: bool, includes: bool) -> Build:
    """Return what makes the same queries for the rows behind or before a time; without one all of them."""
    if at is None:
        return build
    compare = (ge if includes else gt) if is_after else (le if includes else lt)
    condition = compare(time, at)
    return lambda markets: (query.where(condition) for query in build(markets))


def _merged_by_the_server(
    connection: Connection, build: Build, markets: Sequence[int] | None, page: _Page, *, at_first: int | None = None
) -> list[Sequence[Any]]:
    """Read a few rows of each market at first; where all of a market's rows were needed, there may be more: again."""
    few = page.limit if markets is None else max(_MARKET_ROWS_MIN, 2 * page.limit // max(1, len(markets)))
    count = min(page.limit, at_first or few)
    while True:
        statement = _first_of_each(build, markets, count)
        if statement is None:
            return []
        found = statement.subquery("found")
        keys = list(found.c)[2 : 2 + page.key_columns]
        query = select(found).order_by(*(keys if page.is_ascending else [key.desc() for key in keys]))
        rows = connection.execute(query.limit(page.limit)).all()
        needed = Counter(map(itemgetter(0, 1), rows))
        if count >= page.limit or max(needed.values(), default=0) < count:
            return [row[2:] for row in rows]
        count = min(page.limit, count * _MORE)


def _first_of_each(build: Build, markets: Sequence[int] | None, count: int) -> Any:  # noqa: ANN401 - of many columns
    """Return the first rows of each query and market, with both in front; None when there is no query.

    The markets are a list in the statement, so that it is one statement and one plan however many there are.
    """
    if markets is None:
        firsts = [query.limit(count).subquery(f"of_{number}") for number, query in enumerate(build(None))]
        parts = [
            select(_number(number), literal(0).label("at_market"), *first.c) for number, first in enumerate(firsts)
        ]
    else:
        of = (
            func.unnest(literal(list(markets), ARRAY(Integer)))
            .table_valued("market", name="markets_of")
            .render_derived()
        )
        parts = []
        for number, query in enumerate(build([of.c.market])):
            first = query.limit(count).lateral(f"of_{number}")
            part = select(_number(number), of.c.market.label("at_market"), *first.c)
            parts.append(part.select_from(of.join(first, true())))
    return union_of(*parts) if parts else None


def _number(number: int) -> ColumnElement[int]:
    return literal_column(str(number), Integer).label("query_number")
