"""Pages of the read model's history, each read by an index from its first row and no further than its last."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import starmap
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, bindparam, delete, select

from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.adapters.sql.first_key import first_key_at
from waiver_exchange.adapters.sql.merging import Market, merged
from waiver_exchange.application.selections import (
    AuditSelection,
    CandleSelection,
    FillSelection,
    OrderSelection,
    QuoteSelection,
    TradeSelection,
)
from waiver_exchange.domain import codes
from waiver_exchange.projections.audit_trail import AuditView
from waiver_exchange.projections.candles import KEPT_NS, MINUTE_NS, CandleView, MarketCandles, quotes_kept_from
from waiver_exchange.projections.changes import ReadModelChanges
from waiver_exchange.projections.state import OrderView, QuoteView, TradeView

Bounds = tuple[int | None, int | None]
# SQLite takes many more parameters in one statement.
_IDS_MAX: Final = 500


def list_orders(connection: Connection, selection: OrderSelection, *, limit: int) -> list[OrderView]:
    """Return the first `limit` orders of a selection, in its order."""
    with connection.begin():
        bounds = _order_bounds(connection, selection)
        found = merged(
            connection,
            lambda markets: order_queries(selection, bounds=bounds, markets=markets),
            markets=selection.markets,
            key_columns=1,
            is_ascending=selection.is_ascending,
            limit=limit,
        )
        return list(starmap(OrderView, found))


def order_queries(
    selection: OrderSelection, *, bounds: Bounds, markets: Iterable[Market] | None
) -> Iterator[Select[Any]]:
    """Yield the queries, one for each market or one for all, whose rows together are the selection.

    `bounds` are the lowest and the highest order id, both excluded.
    """
    table = schema.orders
    query = select(table)
    if selection.account is not None:
        query = query.where(table.c.account == selection.account)
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
    if markets is None:
        yield query
    else:
        yield from (query.where(table.c.market == market) for market in markets)


def find_orders(connection: Connection, order_ids: Sequence[int]) -> list[OrderView]:
    """Return those of the orders that there are."""
    table = schema.orders
    found: list[OrderView] = []
    with connection.begin():
        for start in range(0, len(order_ids), _IDS_MAX):
            query = select(table).where(table.c.order_id.in_(order_ids[start : start + _IDS_MAX]))
            found += starmap(OrderView, connection.execute(query))
    return found


def find_trades(connection: Connection, trade_ids: Sequence[int]) -> list[TradeView]:
    """Return those of the trades that there are; in the transaction of the caller."""
    table = schema.trades
    found: list[TradeView] = []
    for start in range(0, len(trade_ids), _IDS_MAX):
        query = select(table).where(table.c.trade_id.in_(trade_ids[start : start + _IDS_MAX]))
        found += starmap(TradeView, connection.execute(query))
    return found


def list_trades(connection: Connection, selection: TradeSelection, *, limit: int) -> list[TradeView]:
    """Return the first `limit` trades of a selection, in its order."""
    with connection.begin():
        query = trade_query(selection, bounds=trade_bounds(connection, selection)).limit(limit)
        return list(starmap(TradeView, connection.execute(query)))


def trade_query(selection: TradeSelection, *, bounds: Bounds) -> Select[Any]:
    """Return the query for the trades of a selection between two trades, both excluded."""
    table = schema.trades
    query = select(table)
    lowest, highest = bounds
    if lowest is not None:
        query = query.where(table.c.trade_id > lowest)
    if highest is not None:
        query = query.where(table.c.trade_id < highest)
    if selection.market is not None:
        query = query.where(table.c.market == selection.market)
    return query.order_by(table.c.trade_id if selection.is_ascending else table.c.trade_id.desc())


def order_fill_queries(selection: FillSelection, *, bounds: Bounds) -> Iterator[Select[Any]]:
    """Yield the queries for the trades that one order made and took; no trade is both."""
    table = schema.trades
    query = trade_query(replace(selection.trades, market=None), bounds=bounds)
    if selection.trades.market is not None:
        # Plus 0 keeps SQLite from any index but that of the order, which has few trades.
        query = query.where(table.c.market + 0 == selection.trades.market)
    yield query.where(table.c.maker_order == selection.order_id, table.c.maker_account == selection.account)
    yield query.where(table.c.taker_order == selection.order_id, table.c.taker_account == selection.account)


def list_candles(connection: Connection, selection: CandleSelection, *, limit: int) -> list[CandleView]:
    """Return the first `limit` candles of a selection, in its order."""
    with connection.begin():
        return list(starmap(CandleView, connection.execute(candle_query(selection).limit(limit))))


def candle_query(selection: CandleSelection) -> Select[Any]:
    """Return the query for a selection of candles, which their key alone answers."""
    table = schema.candles
    query = select(table).where(table.c.minutes == selection.minutes, table.c.market == selection.market)
    if selection.start_ns is not None:
        query = query.where(table.c.time_ns >= selection.start_ns)
    if selection.end_ns is not None:
        query = query.where(table.c.time_ns < selection.end_ns)
    return query.order_by(table.c.time_ns if selection.is_ascending else table.c.time_ns.desc())


def list_audit(connection: Connection, selection: AuditSelection, *, limit: int) -> list[AuditView]:
    """Return the first `limit` audit events of a selection, in its order."""
    with connection.begin():
        return list(starmap(AuditView, connection.execute(audit_query(selection).limit(limit))))


def audit_query(selection: AuditSelection) -> Select[Any]:
    """Return the query for a selection of audit events."""
    table = schema.audit
    query = select(table)
    wanted = ((table.c.event, selection.event), (table.c.account, selection.account), (table.c.actor, selection.actor))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    if selection.start_ns is not None:
        query = query.where(table.c.time_ns >= selection.start_ns)
    if selection.end_ns is not None:
        query = query.where(table.c.time_ns < selection.end_ns)
    if selection.before_sequence is not None:
        query = query.where(table.c.sequence < selection.before_sequence)
    if selection.after_sequence is not None:
        query = query.where(table.c.sequence > selection.after_sequence)
    return query.order_by(table.c.sequence if selection.is_ascending else table.c.sequence.desc())


def list_quotes(connection: Connection, selection: QuoteSelection, *, limit: int) -> list[QuoteView]:
    """Return the first `limit` quotes of a selection, in its order."""
    with connection.begin():
        return list(starmap(QuoteView, connection.execute(quote_query(selection).limit(limit))))


def quote_query(selection: QuoteSelection) -> Select[Any]:
    """Return the query for a selection of quotes, which their key alone answers."""
    table = schema.quotes
    query = select(table).where(table.c.market == selection.market, table.c.time_ns >= selection.start_ns)
    query = query.where(table.c.time_ns < selection.end_ns)
    return query.order_by(table.c.time_ns if selection.is_ascending else table.c.time_ns.desc())


def quotes_to_keep(changes: ReadModelChanges) -> list[QuoteView]:
    """Return the new quotes that are not too old already, so that what is kept depends on the checkpoint alone."""
    kept_from = quotes_kept_from(changes.time_ns)
    return [quote for quote in changes.quotes if quote.time_ns >= kept_from]


def drop_old_quotes(connection: Connection, *, before_ns: int, now_ns: int) -> None:
    """Drop the quotes that grew too old since the last checkpoint; in the transaction of the caller."""
    kept_from = quotes_kept_from(now_ns)
    if kept_from == quotes_kept_from(before_ns):
        return
    quotes = schema.quotes
    old = delete(quotes).where(quotes.c.market == bindparam("of"), quotes.c.time_ns < bindparam("before"))
    markets = connection.execute(select(schema.markets.c.market)).scalars().all()
    if markets:
        connection.execute(old, [{"of": market, "before": kept_from} for market in markets])


def restore_candles(connection: Connection, candles: MarketCandles, *, now_ns: int) -> None:
    """Give a market its newest candles back; in the transaction of the caller."""
    market = candles.market
    kept_from = now_ns - now_ns % MINUTE_NS - KEPT_NS
    newest = candle_query(CandleSelection(market=market, minutes=60)).limit(1)
    hour = connection.execute(newest).one_or_none()
    kept = candle_query(CandleSelection(market=market, minutes=1, start_ns=kept_from, is_ascending=True))
    before = candle_query(CandleSelection(market=market, minutes=1, end_ns=kept_from)).limit(1)
    last = connection.execute(before).one_or_none()
    candles.restore(
        list(starmap(CandleView, connection.execute(kept))),
        hour=None if hour is None else CandleView(*hour),
        close_before_cents=0 if last is None else last.close_cents,
    )
    candles.advance(now_ns)


def _order_bounds(connection: Connection, selection: OrderSelection) -> Bounds:
    table = schema.orders
    start_ns = None if selection.after_ns is None else selection.after_ns + 1
    keys = selection.after_order, selection.before_order
    return _bounds(connection, table.c.order_id, table.c.created_at_ns, keys=keys, times=(start_ns, selection.until_ns))


def trade_bounds(connection: Connection, selection: TradeSelection) -> Bounds:
    """Return the trades, both excluded, between which a selection lies."""
    table = schema.trades
    keys = selection.after_trade, selection.before_trade
    times = selection.start_ns, selection.end_ns
    return _bounds(connection, table.c.trade_id, table.c.time_ns, keys=keys, times=times)


def _bounds(connection: Connection, key: Column[int], time: Column[int], *, keys: Bounds, times: Bounds) -> Bounds:
    """Return the keys, both excluded, between which rows lie within the keys (excluded) and the times (from, until)."""
    lowest, highest = keys
    start_ns, end_ns = times
    if start_ns is not None:
        first = first_key_at(connection, key=key, time=time, at_ns=start_ns)
        lowest = first - 1 if lowest is None else max(lowest, first - 1)
    if end_ns is not None:
        first = first_key_at(connection, key=key, time=time, at_ns=end_ns)
        highest = first if highest is None else min(highest, first)
    return lowest, highest
