"""The first rows of several queries together, each of which an index answers in the same order."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import islice
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Connection, Integer, Select, func, literal, literal_column, select, true
from sqlalchemy import union_all as union_of

Market = int | ColumnElement[int]
Build = Callable[[Sequence[Market] | None], Iterable[Select[Any]]]

# As many rows of one market are read at first, however many markets there are.
_MARKET_ROWS_MIN: Final = 8
_MORE: Final = 8


def merged(
    connection: Connection,
    build: Build,
    *,
    markets: Sequence[int] | None,
    key_columns: int,
    is_ascending: bool,
    limit: int,
) -> list[Sequence[Any]]:
    """Return the first `limit` rows of all queries that `build` makes for the markets, or of those without any.

    The first `key_columns` columns are the key by which every query is ordered; no row is in two of them.
    """
    if connection.dialect.name == "postgresql":
        return _merged_by_the_server(connection, build, markets, key_columns, is_ascending=is_ascending, limit=limit)
    with ExitStack() as stack:
        results = [stack.enter_context(connection.execute(query.limit(limit))) for query in build(markets)]
        # No more rows are read than are returned, and one of each query.
        key = itemgetter(*range(key_columns))
        return list(islice(heapq.merge(*results, key=key, reverse=not is_ascending), limit))


def _merged_by_the_server(
    connection: Connection,
    build: Build,
    markets: Sequence[int] | None,
    key_columns: int,
    *,
    is_ascending: bool,
    limit: int,
) -> list[Sequence[Any]]:
    """Read a few rows of each market at first; where all of a market's rows were needed, there may be more: again."""
    count = limit if markets is None else min(limit, max(_MARKET_ROWS_MIN, 2 * limit // max(1, len(markets))))
    while True:
        statement = _first_of_each(build, markets, count)
        if statement is None:
            return []
        found = statement.subquery("found")
        keys = [column if is_ascending else column.desc() for column in list(found.c)[2 : 2 + key_columns]]
        rows = connection.execute(select(found).order_by(*keys).limit(limit)).all()
        needed = Counter(map(itemgetter(0, 1), rows))
        if count >= limit or max(needed.values(), default=0) < count:
            return [row[2:] for row in rows]
        count = min(limit, count * _MORE)


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
