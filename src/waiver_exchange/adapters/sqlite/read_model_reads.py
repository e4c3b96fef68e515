"""Pages of the read model's history, each read by an index from its first row and no further than its last."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice, starmap
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, Select, bindparam, select
from sqlalchemy.dialects import sqlite

from waiver_exchange.adapters.sqlite import read_model_schema as schema
from waiver_exchange.application.selections import OrderSelection
from waiver_exchange.domain import codes
from waiver_exchange.projections.state import OrderView

_DIALECT: Final = sqlite.dialect(paramstyle="named")
_first: Final = itemgetter(0)
Found = Row[Any]


def list_orders(connection: Connection, selection: OrderSelection, *, limit: int) -> list[OrderView]:
    """Return the first `limit` orders of a selection, in its order."""
    with connection.begin():
        bounds = _order_bounds(connection, selection)
        queries = order_queries(selection, bounds=bounds)
        found = merged(connection, queries, key=_first, is_ascending=selection.is_ascending, limit=limit)
        return list(starmap(OrderView, found))


def order_queries(selection: OrderSelection, *, bounds: tuple[int | None, int | None]) -> Iterator[Select[Any]]:
    """Yield the queries, one for each market or one for all, whose rows together are the selection.

    `bounds` are the lowest and the highest order id, both excluded.
    """
    table = schema.orders
    query = select(table).where(table.c.account == selection.account)
    lowest, highest = bounds
    if lowest is not None:
        query = query.where(table.c.order_id > lowest)
    if highest is not None:
        query = query.where(table.c.order_id < highest)
    if selection.is_open is not None:
        query = query.where(schema.IS_OPEN if selection.is_open else schema.IS_CLOSED)
    if selection.side is not None:
        query = query.where(table.c.terms.op("&")(codes.TERMS_FIELD_MASK) == selection.side)
    query = query.order_by(table.c.order_id if selection.is_ascending else table.c.order_id.desc())
    if selection.markets is None:
        yield query
    else:
        yield from (query.where(table.c.market == market) for market in selection.markets)


def _order_bounds(connection: Connection, selection: OrderSelection) -> tuple[int | None, int | None]:
    key, time = schema.orders.c.order_id, schema.orders.c.created_at_ns
    lowest, highest = selection.after_order, selection.before_order
    if selection.after_ns is not None:
        first = first_key_at(connection, key=key, time=time, at_ns=selection.after_ns + 1)
        lowest = first - 1 if lowest is None else max(lowest, first - 1)
    if selection.until_ns is not None:
        first = first_key_at(connection, key=key, time=time, at_ns=selection.until_ns)
        highest = first if highest is None else min(highest, first)
    return lowest, highest


def first_key_at(connection: Connection, *, key: Column[int], time: Column[int], at_ns: int) -> int:
    """Return the lowest number that no row of an earlier time has as its key, in about 50 steps at most.

    Keys grow with time, so no index of times is needed: the rows' own order is one.
    """
    step = select(key, time).where(key >= bindparam("key")).order_by(key)
    text = str(step.compile(dialect=_DIALECT))
    newest = connection.execute(select(key).order_by(key.desc()).limit(1)).scalar()
    low, high = 0, 0 if newest is None else newest + 1
    while low < high:
        middle = (low + high) // 2
        # The first row only: SQLite makes each when it is fetched.
        found = connection.exec_driver_sql(text, {"key": middle}).first()
        if found is None or found[1] >= at_ns:
            high = middle
        else:
            low = found[0] + 1
    return low


def merged(
    connection: Connection,
    queries: Iterable[Select[Any]],
    *,
    key: Callable[[Found], Any],
    is_ascending: bool,
    limit: int,
) -> list[Found]:
    """Return the first rows of all queries together, by the key, which is the order of each query too.

    No more rows are read than are returned, and one of each query.
    """
    with ExitStack() as stack:
        results = [stack.enter_context(connection.execute(query.limit(limit))) for query in queries]
        return list(islice(heapq.merge(*results, key=key, reverse=not is_ascending), limit))
