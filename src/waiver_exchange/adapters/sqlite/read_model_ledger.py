"""The ledger in the read model: pages of it, and what an account had and what shares cost at many times."""

from collections.abc import Iterator, Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select, tuple_
from sqlalchemy.dialects import sqlite

from waiver_exchange.adapters.sqlite import read_model_schema as schema
from waiver_exchange.adapters.sqlite.read_model_reads import first_key_at, merged
from waiver_exchange.application.selections import LedgerSelection
from waiver_exchange.projections.state import LedgerMovement

_DIALECT: Final = sqlite.dialect(paramstyle="named")
_key_of: Final = itemgetter(0, 1)
_Place = tuple[int, int]


class _Point(NamedTuple):
    """Something that changed at a time; of two at one time the one with the higher place came later."""

    time_ns: int
    place: _Place
    value: int


def list_movements(connection: Connection, selection: LedgerSelection, *, limit: int) -> list[LedgerMovement]:
    """Return the first `limit` movements of a selection, in its order."""
    with connection.begin():
        bounds = _bounds(connection, selection)
        queries = movement_queries(selection, bounds=bounds)
        found = merged(connection, queries, key=_key_of, is_ascending=selection.is_ascending, limit=limit)
        return list(starmap(LedgerMovement, found))


def movement_queries(
    selection: LedgerSelection, *, bounds: tuple[_Place | None, _Place | None]
) -> Iterator[Select[Any]]:
    """Yield the queries for what went from an account and what came to it, of each kind, between two places."""
    table = schema.movements
    place = tuple_(table.c.sequence, table.c.line)
    query = select(table)
    lowest, highest = bounds
    if lowest is not None:
        query = query.where(place > lowest)
    if highest is not None:
        query = query.where(place < highest)
    order = (table.c.sequence, table.c.line)
    query = query.order_by(*(order if selection.is_ascending else [column.desc() for column in order]))
    for account in (table.c.from_account, table.c.to_account):
        for kind in selection.kinds:
            yield query.where(account == selection.account, table.c.kind == kind)


def _bounds(connection: Connection, selection: LedgerSelection) -> tuple[_Place | None, _Place | None]:
    key, time = schema.movements.c.sequence, schema.movements.c.time_ns
    lowest, highest = selection.after, selection.before
    if selection.start_ns is not None:
        first = (first_key_at(connection, key=key, time=time, at_ns=selection.start_ns), -1)
        lowest = first if lowest is None else max(lowest, first)
    if selection.end_ns is not None:
        first = (first_key_at(connection, key=key, time=time, at_ns=selection.end_ns), -1)
        highest = first if highest is None else min(highest, first)
    return lowest, highest


def list_balances(connection: Connection, *, account: int, market: int, times_ns: Sequence[int]) -> list[int]:
    """Return what an account had of cash (market 0) or shares before each of the ascending times."""
    with connection.begin():
        values = {"account": account, "market": market}
        gone, come = (_last_before(connection, query, values, times_ns) for query in BALANCE_QUERIES)
        return [max(points).value for points in zip(gone, come, strict=True)]


def list_closes(connection: Connection, *, market: int, times_ns: Sequence[int]) -> list[int]:
    """Return the price of the last trade before each of the ascending times, which begin minutes; 0 for none."""
    with connection.begin():
        values = {"minutes": 1, "market": market}
        return [point.value for point in _last_before(connection, CLOSE_QUERY, values, times_ns)]


def _balance_query(account: Any, balance: Any) -> Select[Any]:  # noqa: ANN401 - columns of any type
    table = schema.movements
    key = (table.c.time_ns, table.c.sequence, table.c.line)
    query = select(*key, balance).where(account == bindparam("account"), table.c.market == bindparam("market"))
    return query.order_by(*[column.desc() for column in key]).where(table.c.time_ns < bindparam("time"))


def _close_query() -> Select[Any]:
    table = schema.candles
    key = (table.c.time_ns, table.c.minutes, table.c.market)
    query = select(*key, table.c.close_cents).where(
        table.c.minutes == bindparam("minutes"), table.c.market == bindparam("market")
    )
    return query.order_by(table.c.time_ns.desc()).where(table.c.time_ns < bindparam("time"))


BALANCE_QUERIES: Final = (
    _balance_query(schema.movements.c.from_account, schema.movements.c.from_balance),
    _balance_query(schema.movements.c.to_account, schema.movements.c.to_balance),
)
CLOSE_QUERY: Final = _close_query()
_NOTHING: Final = _Point(-1, (-1, -1), 0)


def _last_before(
    connection: Connection, query: Select[Any], values: dict[str, int], times_ns: Sequence[int]
) -> list[_Point]:
    """Return the last point before each time; where nothing changed between two times, nothing is looked up."""
    text = str(query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))
    found: list[_Point] = []
    for time_ns in reversed(times_ns):
        if not found or time_ns <= found[-1].time_ns:
            # The first row only: SQLite makes each when it is fetched.
            row = connection.exec_driver_sql(text, {**values, "time": time_ns}).first()
            found.append(_NOTHING if row is None else _Point(row[0], (row[1], row[2]), row[3]))
        else:
            found.append(found[-1])
    return found[::-1]
