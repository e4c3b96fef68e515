"""What the rows of the read model become in memory, and which rows a change writes."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, Row, Select, Table, select

from waiver_exchange.adapters.sql import read_model_reads as reads
from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.domain.commands import AccountLimits, ExchangeParameters
from waiver_exchange.projections.actions import ActionView
from waiver_exchange.projections.changes import ReadModelChanges, ReadModelError
from waiver_exchange.projections.state import (
    MARKET_COLUMNS,
    TAPE_TRADES_MAX,
    AccountView,
    BustView,
    HoldingView,
    MarketView,
    OrderView,
    ReadModelState,
    TradeView,
    book_from,
    rest_orders,
)

Result = TypeVar("Result")

_PARAMETERS: Final = tuple(parameter.name for parameter in fields(ExchangeParameters))
_LIMITS: Final = tuple(limit.name for limit in fields(AccountLimits))


class Writing(NamedTuple):
    """How a table is written.

    Of a known row the columns in `changing` are written, or all when it is None; a fact is written once.
    """

    table: Table
    rows: Callable[[ReadModelChanges], Sequence[Sequence[Any]]]
    is_fact: bool = False
    changing: Collection[str] | None = None


# In the order of writing; the checkpoint comes after them.
WRITINGS: Final = (
    Writing(schema.accounts, lambda changes: changes.accounts),
    Writing(schema.limits, lambda changes: changes.limits),
    Writing(schema.holdings, lambda changes: changes.holdings),
    Writing(schema.markets, lambda changes: changes.markets),
    Writing(schema.orders, lambda changes: changes.orders, changing=schema.ORDER_CHANGES),
    Writing(schema.trades, lambda changes: changes.trades, is_fact=True),
    Writing(schema.movements, lambda changes: changes.movements, is_fact=True),
    Writing(schema.candles, lambda changes: changes.candles),
    Writing(schema.busts, lambda changes: changes.busts, is_fact=True),
    Writing(schema.quotes, reads.quotes_to_keep, is_fact=True),
    Writing(schema.actions, lambda changes: changes.actions),
    Writing(schema.audit, lambda changes: changes.audit, is_fact=True),
)


def checkpoint_row(changes: ReadModelChanges) -> tuple[Any, ...]:
    """Return the one row of the table `exchange` after the changes."""
    return (schema.CHECKPOINT_KEY, changes.sequence, changes.time_ns, *changes.exchange)


def empty_checkpoint_row() -> tuple[Any, ...]:
    """Return the one row of the table `exchange` before anything happened."""
    return (schema.CHECKPOINT_KEY, 0, 0, 0, 0, *(getattr(ExchangeParameters(), name) for name in _PARAMETERS))


def count_rows(changes: ReadModelChanges) -> int:
    """Return how many rows the changes write."""
    return sum(len(writing.rows(changes)) for writing in WRITINGS)


def changed_columns(writing: Writing) -> list[str]:
    """Return the columns that are written of a known row."""
    names = [column.name for column in writing.table.columns if not column.primary_key]
    return [name for name in names if writing.changing is None or name in writing.changing]


def check_follows(changes: ReadModelChanges, *, checkpoint: int) -> None:
    """Raise `ReadModelError` when rows of the journal are missing between the checkpoint and the changes.

    The checkpoint stands at their end already when they were written and the answer was lost.
    """
    if checkpoint not in {changes.after_sequence, changes.sequence}:
        msg = f"changes after row {changes.after_sequence} do not follow the read model's row {checkpoint}"
        raise ReadModelError(msg)


def read_checkpoint(connection: Connection) -> int:
    """Return the sequence of the last row that was stored; in the transaction of the caller."""
    return int(connection.execute(select(schema.exchange.c.sequence)).scalar_one())


def read_all(connection: Connection, query: Select[Any], build: Callable[..., Result]) -> list[Result]:
    """Return what a query finds."""
    with connection.begin():
        return [build(*row) for row in connection.execute(query)]


def load_state(connection: Connection) -> ReadModelState:
    """Return the state as of the checkpoint, in the transaction of the caller."""
    row = connection.execute(select(schema.exchange)).one()
    state = _exchange_of(row)
    for account in _rows(connection, schema.accounts, AccountView):
        state.accounts[account.account] = account
    for scope, number, *limits in connection.execute(select(schema.limits)):
        state.limits[scope, number] = AccountLimits(**dict(zip(_LIMITS, limits, strict=True)))
    for holding in _rows(connection, schema.holdings, HoldingView):
        state.add_holding(holding)
    own = len(MARKET_COLUMNS)
    for market in connection.execute(select(schema.markets).order_by(schema.markets.c.market)):
        state.add_market(MarketView(*market[:own]), book=book_from(market[own:]))
    open_orders = select(schema.orders).where(schema.IS_OPEN).order_by(schema.orders.c.order_id)
    rest_orders((OrderView(*order) for order in connection.execute(open_orders)), state=state)
    undone = select(schema.actions).where(schema.IS_UNDONE).order_by(schema.actions.c.sequence)
    for row in connection.execute(undone):
        action = ActionView(*row)
        state.actions[action.action_id] = action
    for candles in state.candles.values():
        reads.restore_candles(connection, candles, now_ns=state.time_ns)
    newest = select(schema.trades).order_by(schema.trades.c.trade_id.desc()).limit(TAPE_TRADES_MAX)
    state.busts.update((bust.trade_id, bust) for bust in _rows(connection, schema.busts, BustView))
    state.tape.extendleft(TradeView(*trade) for trade in connection.execute(newest))
    return state


def _exchange_of(row: Row[Any]) -> ReadModelState:
    return ReadModelState(
        sequence=row.sequence,
        time_ns=row.time_ns,
        is_halted=row.is_halted,
        cash_issued_micros=row.cash_issued_micros,
        parameters=ExchangeParameters(**{name: getattr(row, name) for name in _PARAMETERS}),
    )


def _rows(connection: Connection, table: Table, build: Callable[..., Result]) -> list[Result]:
    return [build(*row) for row in connection.execute(select(table).order_by(*table.primary_key))]
