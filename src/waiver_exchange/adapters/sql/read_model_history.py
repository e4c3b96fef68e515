"""The reads of the read model's history, which are the same on every database."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, select

from waiver_exchange.adapters.sql import read_model_ledger as ledger
from waiver_exchange.adapters.sql import read_model_reads as reads
from waiver_exchange.adapters.sql import read_model_schema as schema
from waiver_exchange.adapters.sql.read_model_rows import read_all
from waiver_exchange.application.selections import (
    AuditSelection,
    CandleSelection,
    FillSelection,
    LedgerSelection,
    OrderSelection,
    QuoteSelection,
    TradeSelection,
)
from waiver_exchange.projections.actions import ActionView
from waiver_exchange.projections.audit_trail import AuditView
from waiver_exchange.projections.candles import CandleView
from waiver_exchange.projections.state import LedgerMovement, OrderView, QuoteView, TradeView

Result = TypeVar("Result")


class SqlReadModelReads(ABC):
    """The reading part of `application.ports.ReadModelStore`; every method raises `ReadModelError`."""

    @abstractmethod
    async def _read(self, work: Callable[[Connection], Result]) -> Result:
        """Do some reading with a connection of which no transaction is begun yet. Raises `ReadModelError`."""

    async def stored_until(self) -> tuple[int, int]:
        """Return the newest row that is stored, and its time."""
        query = select(schema.exchange.c.sequence, schema.exchange.c.time_ns)
        found = await self._read(lambda connection: read_all(connection, query, lambda *row: row))
        return (int(found[0][0]), int(found[0][1])) if found else (0, 0)

    async def find_order(self, order_id: int) -> OrderView | None:
        """Return an order as of the checkpoint, or None."""
        query = select(schema.orders).where(schema.orders.c.order_id == order_id)
        found = await self._read(lambda connection: read_all(connection, query, OrderView))
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
        found = await self._read(lambda connection: read_all(connection, query, ActionView))
        return found[0] if found else None

    async def list_actions(self, *, before_sequence: int | None, limit: int) -> list[ActionView]:
        """Return the newest `limit` actions of operators as of the checkpoint, newest first."""
        query = select(schema.actions).order_by(schema.actions.c.sequence.desc()).limit(limit)
        if before_sequence is not None:
            query = query.where(schema.actions.c.sequence < before_sequence)
        return await self._read(lambda connection: read_all(connection, query, ActionView))

    async def list_audit(self, selection: AuditSelection, *, limit: int) -> list[AuditView]:
        """Return the first `limit` audit events of a selection as of the checkpoint, in the selection's order."""
        return await self._read(lambda connection: reads.list_audit(connection, selection, limit=limit))

    async def list_candles(self, selection: CandleSelection, *, limit: int) -> list[CandleView]:
        """Return the first `limit` candles of a selection as of the checkpoint, in the selection's order."""
        return await self._read(lambda connection: reads.list_candles(connection, selection, limit=limit))
