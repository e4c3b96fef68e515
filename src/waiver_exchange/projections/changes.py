"""What the read model's store has to write: everything that changed between two rows of the journal.

A change is copied into plain tuples at the moment it is taken, so that another thread can write it while the fold goes
on. The size of one take is that of what changed since the last one; who takes, decides how often.
"""

from dataclasses import astuple, dataclass, field
from typing import final

from waiver_exchange.projections.actions import ActionView, action_row
from waiver_exchange.projections.audit_trail import AuditView
from waiver_exchange.projections.candles import CandleView, candle_row
from waiver_exchange.projections.state import (
    AccountView,
    BustView,
    HoldingView,
    LedgerMovement,
    MarketView,
    OrderView,
    QuoteView,
    ReadModelState,
    Row,
    TradeView,
    account_row,
    book_row,
    holding_row,
    market_row,
    order_row,
)


class ReadModelError(Exception):
    """The store of the read model could not be read or written; the message says what the operator can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelChanges:
    """All changes of the rows above `after_sequence` up to `sequence`; writing it twice does no harm.

    `time_ns` is the time of row `sequence`. Accounts, holdings, markets, orders and candles are rows as they are at
    `sequence`, in the order of their classes' fields; a market's row ends with `BOOK_COLUMNS`; limits are
    (scope, number, then the ten). Trades, movements and busts are new. `exchange` is (is halted, cash issued, then the
    thirteen parameters).
    """

    after_sequence: int
    sequence: int
    time_ns: int
    exchange: Row
    accounts: tuple[Row, ...]
    limits: tuple[Row, ...]
    holdings: tuple[Row, ...]
    markets: tuple[Row, ...]
    orders: tuple[Row, ...]
    trades: tuple[TradeView, ...]
    movements: tuple[LedgerMovement, ...]
    candles: tuple[Row, ...]
    quotes: tuple[QuoteView, ...]
    actions: tuple[Row, ...] = ()
    busts: tuple[BustView, ...] = ()
    audit: tuple[AuditView, ...] = ()


@final
@dataclass
class PendingChanges:
    """What changed since the last take; a row that changed often stands here once, which its `is_pending` sees to."""

    taken_sequence: int
    accounts: list[AccountView] = field(default_factory=list)
    limits: set[tuple[int, int]] = field(default_factory=set)
    holdings: list[HoldingView] = field(default_factory=list)
    markets: list[MarketView] = field(default_factory=list)
    orders: list[OrderView] = field(default_factory=list)
    trades: list[TradeView] = field(default_factory=list)
    movements: list[LedgerMovement] = field(default_factory=list)
    candles: list[CandleView] = field(default_factory=list)
    quotes: list[QuoteView] = field(default_factory=list)
    actions: list[ActionView] = field(default_factory=list)
    busts: list[BustView] = field(default_factory=list)
    audit: list[AuditView] = field(default_factory=list)

    def add_account(self, view: AccountView) -> None:
        """Have an account's row stored."""
        if not view.is_pending:
            view.is_pending = True
            self.accounts.append(view)

    def add_holding(self, view: HoldingView) -> None:
        """Have a holding's row stored."""
        if not view.is_pending:
            view.is_pending = True
            self.holdings.append(view)

    def add_market(self, view: MarketView) -> None:
        """Have a market's row stored."""
        if not view.is_pending:
            view.is_pending = True
            self.markets.append(view)

    def add_order(self, view: OrderView) -> None:
        """Have an order's row stored."""
        if not view.is_pending:
            view.is_pending = True
            self.orders.append(view)

    def add_candle(self, view: CandleView) -> None:
        """Have a candle's row stored."""
        if not view.is_pending:
            view.is_pending = True
            self.candles.append(view)

    def add_action(self, view: ActionView) -> None:
        """Have the row of an operator's action stored."""
        if not view.is_pending:
            view.is_pending = True
            self.actions.append(view)

    def count(self) -> int:
        """Return the number of rows that a take would copy now."""
        changed = len(self.accounts) + len(self.limits) + len(self.holdings) + len(self.markets) + len(self.orders)
        changed += len(self.actions) + len(self.busts) + len(self.audit)
        return changed + len(self.trades) + len(self.movements) + len(self.candles) + len(self.quotes)

    def take(self, state: ReadModelState) -> ReadModelChanges | None:
        """Return the changes since the last take and start afresh, or None when no row was folded."""
        if state.sequence == self.taken_sequence:
            return None
        changes = ReadModelChanges(
            after_sequence=self.taken_sequence,
            sequence=state.sequence,
            time_ns=state.time_ns,
            exchange=(int(state.is_halted), state.cash_issued_micros, *astuple(state.parameters)),
            accounts=tuple([account_row(view) for view in self.accounts]),
            limits=tuple([(*key, *astuple(state.limits[key])) for key in sorted(self.limits)]),
            holdings=tuple([holding_row(view) for view in self.holdings]),
            markets=tuple([(*market_row(view), *book_row(state.books[view.market])) for view in self.markets]),
            orders=tuple([order_row(view) for view in self.orders]),
            trades=tuple(self.trades),
            movements=tuple(self.movements),
            candles=tuple([candle_row(view) for view in self.candles]),
            quotes=tuple(self.quotes),
            actions=tuple([action_row(view) for view in self.actions]),
            busts=tuple(self.busts),
            audit=tuple(self.audit),
        )
        self.taken_sequence = state.sequence
        self._clear()
        return changes

    def _clear(self) -> None:
        for account in self.accounts:
            account.is_pending = False
        for holding in self.holdings:
            holding.is_pending = False
        for market in self.markets:
            market.is_pending = False
        for order in self.orders:
            order.is_pending = False
        for candle in self.candles:
            candle.is_pending = False
        for action in self.actions:
            action.is_pending = False
        self.accounts = []
        self.limits = set()
        self.holdings = []
        self.markets = []
        self.orders = []
        self.trades = []
        self.movements = []
        self.candles = []
        self.quotes = []
        self.actions = []
        self.busts = []
        self.audit = []
