"""What is read of the ledger: pages, an account's fills, and what it had and what shares cost at many times."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any, Final, NamedTuple, get_args

from sqlalchemy import Connection, Select, bindparam, select, tuple_
from sqlalchemy.dialects import sqlite

from waiver_exchange.adapters.sqlite import read_model_schema as schema
from waiver_exchange.adapters.sqlite.read_model_reads import find_trades, merged, order_fill_queries, trade_bounds
from waiver_exchange.application.selections import FillSelection, LedgerSelection, TradeSelection
from waiver_exchange.domain.codes import OPERATOR
from waiver_exchange.projections.state import LedgerMovement, MovementKind, TradeView

_DIALECT: Final = sqlite.dialect(paramstyle="named")
_key_of: Final = itemgetter(0, 1)
_first_of: Final = itemgetter(0)
_KINDS: Final = frozenset(get_args(MovementKind))
_LAST_NS: Final = 2**63 - 1


class _Point(NamedTuple):
    """Something that changed at a time; of two at one time the one with the higher place came later."""

    time_ns: int
    place: tuple[int, int]
    value: int


def list_movements(connection: Connection, selection: LedgerSelection, *, limit: int) -> list[LedgerMovement]:
    """Return the first `limit` movements of a selection, in its order."""
    with connection.begin():
        markets = [0, *_markets_of(connection, selection.account)]
        times = _times_around(connection, selection)
        queries = movement_queries(selection, markets=markets, times=times)
        found = merged(connection, queries, key=_key_of, is_ascending=selection.is_ascending, limit=limit)
        return list(starmap(LedgerMovement, found))


def movement_queries(
    selection: LedgerSelection, *, markets: Iterable[int], times: tuple[int, int]
) -> Iterator[Select[Any]]:
    """Yield the queries for what went from an account and what came to it, between two times, both included.

    One for each market and side, or, when trades are not wanted, for each kind and side.
    """
    table = schema.movements
    query = _between(select(table), times, is_ascending=selection.is_ascending)
    place = tuple_(table.c.sequence, table.c.line)
    if selection.after is not None:
        query = query.where(place > selection.after)
    if selection.before is not None:
        query = query.where(place < selection.before)
    for account in (table.c.from_account, table.c.to_account):
        if "trade" in selection.kinds:
            for market in markets:
                of_market = query.where(account == selection.account, table.c.market == market)
                yield (
                    of_market if set(selection.kinds) == _KINDS else of_market.where(table.c.kind.in_(selection.kinds))
                )
        else:
            for kind in selection.kinds:
                yield query.where(account == selection.account, table.c.kind == kind, schema.IS_NO_TRADE)


def list_fills(connection: Connection, selection: FillSelection, *, limit: int) -> list[TradeView]:
    """Return the first `limit` trades of a selection, in its order."""
    trades, is_ascending = selection.trades, selection.trades.is_ascending
    with connection.begin():
        if selection.order_id is not None:
            queries = order_fill_queries(selection, bounds=trade_bounds(connection, trades))
            found = merged(connection, queries, key=_first_of, is_ascending=is_ascending, limit=limit)
            return list(starmap(TradeView, found))
        markets = [trades.market] if trades.market is not None else _markets_of(connection, selection.account)
        times = _times_of_trades(connection, trades)
        queries = fill_queries(selection, markets=markets, times=times)
        places = merged(connection, queries, key=_first_of, is_ascending=is_ascending, limit=limit)
    found_trades = find_trades(connection, [trade_id for (trade_id,) in places])
    return sorted(found_trades, key=_first_of, reverse=not is_ascending)


def fill_queries(selection: FillSelection, *, markets: Iterable[int], times: tuple[int, int]) -> Iterator[Select[Any]]:
    """Yield the queries for the trades of an account, which are where shares went from it or came to it by trade."""
    table, trades = schema.movements, selection.trades
    query = _between(select(table.c.trade_id), times, is_ascending=trades.is_ascending).where(table.c.kind == "trade")
    if trades.after_trade is not None:
        query = query.where(table.c.trade_id > trades.after_trade)
    if trades.before_trade is not None:
        query = query.where(table.c.trade_id < trades.before_trade)
    for account in (table.c.from_account, table.c.to_account):
        for market in markets:
            yield query.where(account == selection.account, table.c.market == market)


def _between(query: Select[Any], times: tuple[int, int], *, is_ascending: bool) -> Select[Any]:
    table = schema.movements
    first_ns, last_ns = times
    key = (table.c.time_ns, table.c.sequence, table.c.line)
    query = query.where(table.c.time_ns >= first_ns, table.c.time_ns <= last_ns)
    return query.order_by(*(key if is_ascending else [column.desc() for column in key]))


def _markets_of(connection: Connection, account: int) -> list[int]:
    """Return the markets of which an account ever had shares; the operator issued those of all."""
    table = schema.markets if account == OPERATOR else schema.holdings
    query = select(table.c.market)
    if account != OPERATOR:
        query = query.where(schema.holdings.c.account == account)
    return list(connection.execute(query).scalars())


def _times_around(connection: Connection, selection: LedgerSelection) -> tuple[int, int]:
    """Return times, both included, between which the selection lies: what is before a place is not later than it."""
    sequence, time = schema.movements.c.sequence, schema.movements.c.time_ns
    first, last = _included(selection.start_ns, selection.end_ns)
    if selection.after is not None:
        at = select(time).where(sequence <= selection.after[0]).order_by(sequence.desc()).limit(1)
        first = max(first, connection.execute(at).scalar() or 0)
    if selection.before is not None:
        at = select(time).where(sequence >= selection.before[0]).order_by(sequence).limit(1)
        last = min(last, connection.execute(at).scalar() or _LAST_NS)
    return first, last


def _times_of_trades(connection: Connection, trades: TradeSelection) -> tuple[int, int]:
    trade_id, time = schema.trades.c.trade_id, schema.trades.c.time_ns
    first, last = _included(trades.start_ns, trades.end_ns)
    if trades.after_trade is not None:
        at = select(time).where(trade_id <= trades.after_trade).order_by(trade_id.desc()).limit(1)
        first = max(first, connection.execute(at).scalar() or 0)
    if trades.before_trade is not None:
        at = select(time).where(trade_id >= trades.before_trade).order_by(trade_id).limit(1)
        last = min(last, connection.execute(at).scalar() or _LAST_NS)
    return first, last


def _included(start_ns: int | None, end_ns: int | None) -> tuple[int, int]:
    return start_ns or 0, _LAST_NS if end_ns is None else end_ns - 1


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
