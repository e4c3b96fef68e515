"""The read model's store on SQLite: history that outgrows memory, written behind the fold.

It is never a place of truth. A file that is lost, damaged or of another version is replaced by an empty one, and the
caller folds the journal into it again.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, Select, Table, create_engine, event, exc, select
from sqlalchemy.pool import NullPool

from waiver_exchange.adapters.sqlite import read_model_ledger as ledger
from waiver_exchange.adapters.sqlite import read_model_reads as reads
from waiver_exchange.adapters.sqlite import read_model_schema as schema
from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES, explain_failure, primary_code
from waiver_exchange.application.selections import (
    AuditSelection,
    CandleSelection,
    FillSelection,
    LedgerSelection,
    OrderSelection,
    QuoteSelection,
    TradeSelection,
)
from waiver_exchange.domain.commands import AccountLimits, ExchangeParameters
from waiver_exchange.projections.actions import ActionView
from waiver_exchange.projections.audit_trail import AuditView
from waiver_exchange.projections.candles import CandleView
from waiver_exchange.projections.changes import ReadModelChanges, ReadModelError
from waiver_exchange.projections.state import (
    MARKET_COLUMNS,
    TAPE_TRADES_MAX,
    AccountView,
    BustView,
    HoldingView,
    LedgerMovement,
    MarketView,
    OrderView,
    QuoteView,
    ReadModelState,
    TradeView,
    book_from,
    rest_orders,
)

Result = TypeVar("Result")

_LOG: Final = logging.getLogger(__name__)
# What lies in the disk, another program or our rows; every other failure lies in the file, which can be made again.
_PASSING_CODES: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CONSTRAINT,
    }
)
_FAILURES: Final = (exc.DBAPIError, OSError, UnicodeDecodeError)
_PARAMETERS: Final = tuple(parameter.name for parameter in fields(ExchangeParameters))
_LIMITS: Final = tuple(limit.name for limit in fields(AccountLimits))

_WRITE_EXCHANGE: Final = schema.build_upsert(schema.exchange)
_WRITE_ACCOUNT: Final = schema.build_upsert(schema.accounts)
_WRITE_LIMITS: Final = schema.build_upsert(schema.limits)
_WRITE_HOLDING: Final = schema.build_upsert(schema.holdings)
_WRITE_MARKET: Final = schema.build_upsert(schema.markets)
_WRITE_ORDER: Final = schema.build_upsert(schema.orders, changing=schema.ORDER_CHANGES)
_WRITE_TRADE: Final = schema.build_append(schema.trades)
_WRITE_MOVEMENT: Final = schema.build_append(schema.movements)
_WRITE_CANDLE: Final = schema.build_upsert(schema.candles)
_WRITE_BUST: Final = schema.build_append(schema.busts)
_WRITE_QUOTE: Final = schema.build_append(schema.quotes)
_WRITE_ACTION: Final = schema.build_upsert(schema.actions)
_WRITE_AUDIT: Final = schema.build_append(schema.audit)


class SqliteReadModel:
    """Implements `application.ports.ReadModelStore` in one file, which one thread writes and another one reads.

    Each has a connection of its own, so that storing never waits for somebody who reads much. What was stored before a
    read was asked for is seen by it. The file is opened at the first call. Every method raises `ReadModelError` when
    the disk fails.
    """

    def __init__(self, path: Path) -> None:
        """Use the file at `path`, which is made when it does not exist; its folder must."""
        self._path = path
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-model")
        self._reads_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-model-reads")
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._reader: Connection | None = None

    async def load(self) -> ReadModelState:
        """Return the state as of the checkpoint, empty when the file had to be replaced."""
        return await self._run(self._load)

    async def checkpoint(self) -> int:
        """Return the sequence of the last row that was stored; 0 for an empty file.

        One beyond the journal's end means that an older journal was put back: call `reset` and fold from the start.
        """
        return await self._run(_read_checkpoint)

    async def store(self, changes: ReadModelChanges) -> None:
        """Write changes and the checkpoint in one transaction; on an error nothing of them is written.

        Storing the same changes again does no harm. Raises `ReadModelError` also when changes are missing between the
        checkpoint and these.
        """
        await self._run(lambda connection: _store(connection, changes))

    async def find_order(self, order_id: int) -> OrderView | None:
        """Return an order as of the checkpoint, or None."""
        query = select(schema.orders).where(schema.orders.c.order_id == order_id)
        found = await self._read(lambda connection: _read_all(connection, query, OrderView))
        return found[0] if found else None

    async def list_orders(self, selection: OrderSelection, *, limit: int) -> list[OrderView]:
        """Return the first `limit` orders of a selection as of the checkpoint, in the selection's order."""
        return await self._read(lambda connection: reads.list_orders(connection, selection, limit=limit))

    async def find_orders(self, order_ids: Sequence[int]) -> list[OrderView]:
        """Return those of the orders that are there as of the checkpoint."""
        return await self._read(lambda connection: reads.find_orders(connection, order_ids))

    async def list_trades(self, selection: TradeSelection, *, limit: int) -> list[TradeView]:
        """Return the first `limit` trades of a selection as of the checkpoint, in the selection's order."""
        return await self._read(lambda connection: reads.list_trades(connection, selection, limit=limit))

    async def list_fills(self, selection: FillSelection, *, limit: int) -> list[TradeView]:
        """Return the first `limit` trades of a selection as of the checkpoint, in the selection's order."""
        return await self._read(lambda connection: ledger.list_fills(connection, selection, limit=limit))

    async def list_movements(self, selection: LedgerSelection, *, limit: int) -> list[LedgerMovement]:
        """Return the first `limit` movements of a selection as of the checkpoint, in the selection's order."""
        return await self._read(lambda connection: ledger.list_movements(connection, selection, limit=limit))

    async def list_balances(
        self, *, account: int, market: int, times_ns: Sequence[int], until_sequence: int
    ) -> list[int]:
        """Return what an account had of cash (market 0) or shares before each of the times, up to a journal row."""
        return await self._read(
            lambda connection: ledger.list_balances(
                connection, account=account, market=market, times_ns=times_ns, until_sequence=until_sequence
            )
        )

    async def sum_shares_moved(
        self, *, account: int, market: int, start_ns: int, after_sequence: int, until_sequence: int
    ) -> tuple[int, int, int]:
        """Return the shares that came to an account, their value by price (micro-dollars), and those that went."""
        return await self._read(
            lambda connection: ledger.sum_shares_moved(
                connection,
                account=account,
                market=market,
                start_ns=start_ns,
                after_sequence=after_sequence,
                until_sequence=until_sequence,
            )
        )

    async def list_closes(self, *, market: int, times_ns: Sequence[int]) -> list[int]:
        """Return the price of the last trade before each of the times, which begin minutes; 0 for none."""
        return await self._read(lambda connection: ledger.list_closes(connection, market=market, times_ns=times_ns))

    async def list_quotes(self, selection: QuoteSelection, *, limit: int) -> list[QuoteView]:
        """Return the first `limit` quotes of a selection as of the checkpoint, in the selection's order."""
        return await self._read(lambda connection: reads.list_quotes(connection, selection, limit=limit))

    async def find_action(self, action_id: str) -> ActionView | None:
        """Return an operator's action as of the checkpoint, or None."""
        query = select(schema.actions).where(schema.actions.c.action_id == action_id)
        found = await self._read(lambda connection: _read_all(connection, query, ActionView))
        return found[0] if found else None

    async def list_actions(self, *, before_sequence: int | None, limit: int) -> list[ActionView]:
        """Return the newest `limit` actions of operators as of the checkpoint, newest first."""
        query = select(schema.actions).order_by(schema.actions.c.sequence.desc()).limit(limit)
        if before_sequence is not None:
            query = query.where(schema.actions.c.sequence < before_sequence)
        return await self._read(lambda connection: _read_all(connection, query, ActionView))

    async def list_audit(self, selection: AuditSelection, *, limit: int) -> list[AuditView]:
        """Return the first `limit` audit events of a selection as of the checkpoint, in the selection's order."""
        return await self._read(lambda connection: reads.list_audit(connection, selection, limit=limit))

    async def list_candles(self, selection: CandleSelection, *, limit: int) -> list[CandleView]:
        """Return the first `limit` candles of a selection as of the checkpoint, in the selection's order."""
        return await self._read(lambda connection: reads.list_candles(connection, selection, limit=limit))

    async def close(self) -> None:
        """Finish what is waiting and give the file back."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reads_executor, self._close_reader)
        await loop.run_in_executor(self._executor, self._close)
        self._reads_executor.shutdown()
        self._executor.shutdown()

    async def _run(self, work: Callable[[Connection], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._guard, work)

    async def _read(self, work: Callable[[Connection], Result]) -> Result:
        if self._connection is None:
            await self._run(lambda _: None)
        return await asyncio.get_running_loop().run_in_executor(self._reads_executor, self._guard_read, work)

    def _guard_read(self, work: Callable[[Connection], Result]) -> Result:
        try:
            return work(self._open_reader())
        except _FAILURES as error:
            raise ReadModelError(self._explain(error)) from error

    def _open_reader(self) -> Connection:
        # Another engine than before means another file: the old one was replaced.
        if self._engine is None:
            raise ReadModelError(f"The read model {self._path} is closed.")
        if self._reader is None or self._reader.engine is not self._engine:
            self._close_reader()
            self._reader = self._engine.connect()
            self._reader.exec_driver_sql("PRAGMA query_only = ON")
            self._reader.rollback()
        return self._reader

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _guard(self, work: Callable[[Connection], Result]) -> Result:
        try:
            return work(self._open())
        except _FAILURES as error:
            raise ReadModelError(self._explain(error)) from error

    def _explain(self, error: Exception) -> str:
        cause = _cause_of(error)
        if _is_damage(error):
            return (
                f"The read model {self._path} is damaged: stop the server, delete the file and start again; it is then "
                f"filled from the journal. ({cause})"
            )
        if isinstance(cause, sqlite3.Error | OSError):
            return explain_failure(cause, action="use the read model", path=self._path)
        return f"Could not use the read model {self._path}. ({error})"

    def _open(self) -> Connection:
        if self._connection is not None:
            return self._connection
        if not self._path.exists() or self._path.stat().st_size == 0:
            return self._create()
        try:
            connection = self._connect()
            why = _find_fault(connection)
        except (exc.DBAPIError, UnicodeDecodeError) as error:
            if not _is_damage(error):
                raise
            why = f"it is damaged ({_cause_of(error)})"
        else:
            if why is None:
                return connection
        return self._replace(why)

    def _connect(self) -> Connection:
        # Made here so that only its owner may read it; SQLite gives the files beside it the same mode.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        self._engine = _build_engine(self._path)
        self._connection = self._engine.connect()
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._engine is not None:
            self._engine.dispose()
        self._connection = self._engine = None

    def _replace(self, why: str) -> Connection:
        """Start with an empty file. What is thrown away can be folded from the journal again."""
        _LOG.warning("the read model %s is filled from the journal again: %s", self._path, why)
        return self._create()

    def _create(self) -> Connection:
        self._close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        connection = self._connect()
        with connection.begin():
            schema.metadata.create_all(connection)
            empty = (0, 0, *(getattr(ExchangeParameters(), name) for name in _PARAMETERS))
            connection.exec_driver_sql(_WRITE_EXCHANGE, (schema.CHECKPOINT_KEY, 0, 0, *empty))
            connection.exec_driver_sql(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")
        return connection

    def _load(self, connection: Connection) -> ReadModelState:
        try:
            return _load_state(connection)
        except exc.DBAPIError as error:
            if not _is_damage(error):
                raise
            why = f"it is damaged ({_cause_of(error)})"
        except (LookupError, TypeError, ValueError, exc.InvalidRequestError) as error:
            why = f"it is damaged (a row is missing or is not what it should be: {error})"
        return _load_state(self._replace(why))


def _build_engine(path: Path) -> Engine:
    # Transactions are begun by us: the driver's own rules for beginning one leave out DDL.
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args={"isolation_level": None}
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        # The last transactions may be lost with the power; the fold then starts a little earlier.
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _cause_of(error: Exception) -> BaseException:
    """Return what sqlite3 raised, inside what SQLAlchemy made of it."""
    return (error.orig or error) if isinstance(error, exc.DBAPIError) else error


def _is_damage(error: Exception) -> bool:
    cause = _cause_of(error)
    # Without a code it is Python's own complaint about text that is none.
    return isinstance(cause, SQLITE_FAILURES) and primary_code(cause) not in _PASSING_CODES


def _find_fault(connection: Connection) -> str | None:
    """Return why the file cannot be used as it is, or None."""
    with connection.begin():
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version != schema.SCHEMA_VERSION:
        return f"its tables are of version {version}, this program's of version {schema.SCHEMA_VERSION}"
    return None


def _read_checkpoint(connection: Connection) -> int:
    with connection.begin():
        return _select_checkpoint(connection)


def _select_checkpoint(connection: Connection) -> int:
    return int(connection.execute(select(schema.exchange.c.sequence)).scalar_one())


def _store(connection: Connection, changes: ReadModelChanges) -> None:
    with connection.begin():
        checkpoint, stored_ns = connection.execute(select(schema.exchange.c.sequence, schema.exchange.c.time_ns)).one()
        # It stands at the end already when these changes were written and the answer was lost.
        if checkpoint not in {changes.after_sequence, changes.sequence}:
            msg = f"changes after row {changes.after_sequence} do not follow the read model's row {checkpoint}"
            raise ReadModelError(msg)
        for statement, rows in (
            (_WRITE_ACCOUNT, changes.accounts),
            (_WRITE_LIMITS, changes.limits),
            (_WRITE_HOLDING, changes.holdings),
            (_WRITE_MARKET, changes.markets),
            (_WRITE_ORDER, changes.orders),
            (_WRITE_TRADE, changes.trades),
            (_WRITE_MOVEMENT, changes.movements),
            (_WRITE_CANDLE, changes.candles),
            (_WRITE_BUST, changes.busts),
            (_WRITE_QUOTE, reads.quotes_to_keep(changes)),
            (_WRITE_ACTION, changes.actions),
            (_WRITE_AUDIT, changes.audit),
            (_WRITE_EXCHANGE, ((schema.CHECKPOINT_KEY, changes.sequence, changes.time_ns, *changes.exchange),)),
        ):
            if rows:
                connection.exec_driver_sql(statement, list(rows))
        reads.drop_old_quotes(connection, before_ns=stored_ns, now_ns=changes.time_ns)


def _read_all(connection: Connection, query: Select[Any], build: Callable[..., Result]) -> list[Result]:
    with connection.begin():
        return [build(*row) for row in connection.execute(query)]


def _load_state(connection: Connection) -> ReadModelState:
    with connection.begin():
        row = connection.execute(select(schema.exchange)).one()
        state = ReadModelState(
            sequence=row.sequence,
            time_ns=row.time_ns,
            is_halted=row.is_halted,
            cash_issued_micros=row.cash_issued_micros,
            parameters=ExchangeParameters(**{name: getattr(row, name) for name in _PARAMETERS}),
        )
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


def _rows(connection: Connection, table: Table, build: Callable[..., Result]) -> list[Result]:
    return [build(*row) for row in connection.execute(select(table).order_by(*table.primary_key))]
