"""What is read of the ledger: pages, an account's fills, and what it had and what shares cost at many times."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any, Final, get_args

from sqlalchemy import Connection, Select, TextClause, func, select, text, tuple_

from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.adapters.sql.merging import Index, Market, merged
from waiver_exchange.adapters.sql.read_model_reads import find_trades, order_fill_queries, trade_bounds
from waiver_exchange.application.selections import FillSelection, LedgerSelection, TradeSelection
from waiver_exchange.domain.codes import OPERATOR
from waiver_exchange.projections.state import LedgerMovement, MovementKind, TradeView

_first_of: Final = itemgetter(0)
_KINDS: Final = frozenset(get_args(MovementKind))
_LAST_NS: Final = 2**63 - 1


def list_movements(connection: Connection, selection: LedgerSelection, *, limit: int) -> list[LedgerMovement]:
    """Return the first `limit` movements of a selection, in its order."""
    with connection.begin():
        has_trades = "trade" in selection.kinds
        times = _times_around(connection, selection)
        found = merged(
            connection,
            lambda markets: movement_queries(selection, markets=markets, times=times),
            markets=[0, *_markets_of(connection, selection.account)] if has_trades else None,
            key_columns=2,
            is_ascending=selection.is_ascending,
            limit=limit,
            index=_index(selection.account, times, is_ascending=selection.is_ascending),
        )
        return list(starmap(LedgerMovement, found))


def movement_queries(
    selection: LedgerSelection, *, markets: Iterable[Market] | None, times: tuple[int, int]
) -> Iterator[Select[Any]]:
    """Yield the queries for what went from an account and what came to it, between two times, both included.

    One for each market and side, or, when trades are not wanted and `markets` is None, for each kind and side.
    """
    table = schema.movements
    query = _between(select(table), times, is_ascending=selection.is_ascending)
    place = tuple_(table.c.sequence, table.c.line)
    if selection.after is not None:
        query = query.where(place > selection.after)
    if selection.before is not None:
        query = query.where(place < selection.before)
    for account in (table.c.from_account, table.c.to_account):
        if markets is not None:
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
    with connection.begin():
        if selection.order_id is None:
            return _list_fills_of_account(connection, selection, limit)
        bounds = trade_bounds(connection, selection.trades)
        found = merged(
            connection,
            lambda _: order_fill_queries(selection, bounds=bounds),
            markets=None,
            key_columns=1,
            is_ascending=selection.trades.is_ascending,
            limit=limit,
        )
        return list(starmap(TradeView, found))


def _list_fills_of_account(connection: Connection, selection: FillSelection, limit: int) -> list[TradeView]:
    trades, is_ascending = selection.trades, selection.trades.is_ascending
    times = _times_of_trades(connection, trades)
    found = merged(
        connection,
        lambda markets: fill_queries(selection, markets=markets or (), times=times),
        markets=[trades.market] if trades.market is not None else _markets_of(connection, selection.account),
        key_columns=1,
        is_ascending=is_ascending,
        limit=limit,
        index=_index(selection.account, times, is_ascending=is_ascending),
    )
    found_trades = find_trades(connection, [trade_id for (trade_id,) in found])
    return sorted(found_trades, key=_first_of, reverse=not is_ascending)


def fill_queries(
    selection: FillSelection, *, markets: Iterable[Market], times: tuple[int, int]
) -> Iterator[Select[Any]]:
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


def _index(account: int, times: tuple[int, int], *, is_ascending: bool) -> Index:
    """Return the queries for the times of all that went from an account and came to it."""
    table = schema.movements
    at = table.c.time_ns
    query = select(at).where(at >= times[0], at <= times[1]).order_by(at if is_ascending else at.desc())

    def build(markets: Iterable[Market] | None) -> Iterator[Select[Any]]:
        for side in (table.c.from_account, table.c.to_account):
            yield from (query.where(side == account, table.c.market == market) for market in markets or ())

    return Index(time=at, build=build)


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


def list_balances(
    connection: Connection, *, account: int, market: int, times_ns: Sequence[int], until_sequence: int
) -> list[int]:
    """Return what an account had of cash (market 0) or shares before each of the times, up to a row of the journal."""
    values = {"account": account, "market": market, "until": until_sequence}
    return _values_before(connection, balances_statement(connection.dialect.name), values, times_ns)


def list_closes(connection: Connection, *, market: int, times_ns: Sequence[int]) -> list[int]:
    """Return the price of the last trade before each of the times, which begin minutes; 0 for none."""
    return _values_before(connection, closes_statement(connection.dialect.name), {"market": market}, times_ns)


def sum_shares_moved(
    connection: Connection, *, account: int, market: int, start_ns: int, after_sequence: int, until_sequence: int
) -> tuple[int, int, int]:
    """Return the shares that came to an account, their value by price, and those that went, between two rows."""
    table = schema.movements
    of_market = select(func.coalesce(func.sum(table.c.amount), 0)).where(
        table.c.market == market,
        table.c.time_ns >= start_ns,
        table.c.sequence > after_sequence,
        table.c.sequence <= until_sequence,
    )
    value = func.coalesce(func.sum(table.c.amount * table.c.price_cents), 0)
    with connection.begin():
        came = connection.execute(of_market.add_columns(value).where(table.c.to_account == account)).one()
        gone = connection.execute(of_market.where(table.c.from_account == account)).scalar_one()
    # PostgreSQL counts sums in a type without bounds, for which Python has decimals.
    return int(came[0]), int(came[1]), int(gone)


# One statement for a series: however long the history is, each time costs one look into each index, and while SQLite
# looks, the interpreter is free for others. Each database has a name of its own for a list of numbers.
_TIMES: Final = {
    "sqlite": "json_each(:times) AS at",
    "postgresql": "unnest(CAST(:times AS bigint[])) AS at(value)",
}
_BALANCES: Final = """\
SELECT coalesce((
  SELECT balance FROM (
    SELECT * FROM (
      SELECT time_ns, sequence, line, from_balance AS balance FROM movements
      WHERE from_account = :account AND market = :market AND time_ns < at.value AND sequence <= :until
      ORDER BY time_ns DESC, sequence DESC, line DESC LIMIT 1) AS gone
    UNION ALL
    SELECT * FROM (
      SELECT time_ns, sequence, line, to_balance FROM movements
      WHERE to_account = :account AND market = :market AND time_ns < at.value AND sequence <= :until
      ORDER BY time_ns DESC, sequence DESC, line DESC LIMIT 1) AS come
    ORDER BY time_ns DESC, sequence DESC, line DESC LIMIT 1) AS last
), 0) FROM """
_CLOSES: Final = """\
SELECT coalesce((
  SELECT close_cents FROM candles
  WHERE minutes = 1 AND market = :market AND time_ns < at.value
  ORDER BY time_ns DESC LIMIT 1
), 0) FROM """


def balances_statement(database: str) -> TextClause:
    """Return the statement that reads balances at many times; `database` is `sqlite` or `postgresql`."""
    return text(_BALANCES + _TIMES[database])


def closes_statement(database: str) -> TextClause:
    """Return the statement that reads prices at many times."""
    return text(_CLOSES + _TIMES[database])


def _values_before(
    connection: Connection, statement: TextClause, values: dict[str, int], times_ns: Sequence[int]
) -> list[int]:
    times = list(times_ns)
    is_postgres = connection.dialect.name == "postgresql"
    with connection.begin():
        found = connection.execute(statement, {**values, "times": times if is_postgres else json.dumps(times)})
        return list(found.scalars())
