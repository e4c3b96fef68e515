"""The fold: rows of the journal in, the read model's state and its changes out.

It runs once for every order, so it reads the journal's words where they stand and makes no event objects. How each kind
of event changes the state is written in `fold_orders` (orders, trades, books), `fold_corrections` (what the operator
puts right) and `fold_accounts` (the rest).
"""

from typing import Final, Protocol, final

from librt.strings import read_i64_le
from mypy_extensions import i64  # noqa: TC002 -- written alike in every compiled module

from waiver_exchange.domain import codes
from waiver_exchange.projections.changes import PendingChanges, ReadModelChanges
from waiver_exchange.projections.context import WORD, RowContext
from waiver_exchange.projections.feed_buffer import FeedBuffer
from waiver_exchange.projections.fold_accounts import fold_account_event
from waiver_exchange.projections.fold_corrections import fold_correction_event
from waiver_exchange.projections.fold_orders import fold_order_event
from waiver_exchange.projections.state import OPEN_STATUSES, ReadModelState

# From these nothing follows that people look at.
_UNSEEN: Final = frozenset({codes.ORDER_DENIED, codes.COMMAND_REFUSED})
_ORDER_ID_COLUMN: Final = 0
_ORDER_STATUS_COLUMN: Final = 11
_CANDLE_MARKET_COLUMN: Final = 1
_ACTION_ID_COLUMN: Final = 1


class FoldedRow(Protocol):
    """What the fold reads of a journal row."""

    @property
    def sequence(self) -> int:
        """Its place in the journal, from 1 without gaps."""

    @property
    def time_ns(self) -> int:
        """When the sequencer stamped it."""

    @property
    def command(self) -> bytes:
        """The words and text of the command."""

    @property
    def events(self) -> bytes:
        """The words of what came of it."""


class JournalOrderError(Exception):
    """A row was folded out of order, or holds an event that this version does not know."""


@final
class Projector:
    """Folds durable rows, in order, into the state that the reads look at.

    Whoever drives it takes the changes every so often and gives them to the store, and calls `forget_closed` when the
    store has them: until then closed orders, trades and movements stay in memory. One without a store does the same
    with nothing in between.
    """

    def __init__(self, state: ReadModelState) -> None:
        """Continue from a state, as loaded from the store or empty; the projector changes it from now on."""
        self.state = state
        state.count_totals()
        self._pending = PendingChanges(taken_sequence=state.sequence)
        self.feed = FeedBuffer()
        self._context = RowContext(state=state, pending=self._pending, feed=self.feed)

    def apply(self, row: FoldedRow) -> None:
        """Fold one row. Raises `JournalOrderError`; the state is then of no more use.

        Raises `LedgerMismatchError` when the engine's balances are not the sum of the movements.
        """
        state = self.state
        if row.sequence != state.sequence + 1:
            msg = f"row {row.sequence} was folded after row {state.sequence}"
            raise JournalOrderError(msg)
        context = self._context
        context.sequence = row.sequence
        context.time_ns = row.time_ns
        context.command = row.command
        context.events = row.events
        self._fold_events()
        if context.balances:
            context.close_ledger()
        if self.feed.is_collecting:
            self.feed.close_row(state, time_ns=context.time_ns)
        state.sequence = context.sequence
        state.time_ns = context.time_ns

    def _fold_events(self) -> None:
        context = self._context
        events = context.events
        size: i64 = len(events)
        at: i64 = 0
        while at < size:
            header = read_i64_le(events, at)
            kind = header & 0xFF
            if not (
                fold_order_event(context, kind, at)
                or fold_account_event(context, kind, at)
                or fold_correction_event(context, kind, at)
                or kind in _UNSEEN
            ):
                msg = f"row {context.sequence} holds an event of kind {kind}, which this version does not know"
                raise JournalOrderError(msg)
            at += (header >> codes.HEADER_WORDS_SHIFT) * WORD

    @property
    def pending_count(self) -> int:
        """How many changed rows wait in memory to be taken."""
        return self._pending.count()

    def take_changes(self) -> ReadModelChanges | None:
        """Return everything that changed since the last take, or None when no row was folded since.

        The caller stores every take, in order; one that could not be stored is stored again before the next.
        """
        return self._pending.take(self.state)

    def forget_closed(self, changes: ReadModelChanges) -> None:
        """Drop from memory what the store has confirmed and nobody will change again."""
        orders = self.state.orders
        for row in changes.orders:
            if row[_ORDER_STATUS_COLUMN] not in OPEN_STATUSES:
                order = orders.get(row[_ORDER_ID_COLUMN])  # type: ignore[arg-type]  # the first column is the number
                if order is not None:
                    self.state.remove_order(order)
        for row in changes.actions:
            action = self.state.actions.get(row[_ACTION_ID_COLUMN])  # type: ignore[arg-type]  # its column is the id
            if action is not None and not action.is_open and not action.is_pending:
                del self.state.actions[action.action_id]
        self.state.trim_quotes(changes.quotes)
        self.state.trim_ledger(confirmed_sequence=changes.sequence)
        for candle in changes.candles:
            self.state.candles[candle[_CANDLE_MARKET_COLUMN]].forget_stored()  # type: ignore[index]
        if changes.trades:
            self.state.trim_tape(confirmed_trade_id=changes.trades[-1].trade_id)
