"""What the read model's store has to write: everything that changed between two rows of the journal.

A change is copied into plain tuples at the moment it is taken, so that another thread can write it while the fold goes
on. The size of one take is that of what changed since the last one; who takes, decides how often.
"""

from dataclasses import astuple, dataclass, field

from waiver_exchange.projections.state import (
    AccountView,
    HoldingView,
    LedgerPosting,
    MarketView,
    OrderView,
    ReadModelState,
    Row,
    TradeView,
    account_row,
    holding_row,
    market_row,
    order_row,
)


class ReadModelError(Exception):
    """The store of the read model could not be read or written; the message says what the operator can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelChanges:
    """All changes of the rows above `after_sequence` up to `sequence`; writing it twice does no harm.

    Accounts, holdings, markets and orders are rows as they are at `sequence`, in the order of their classes' fields; a
    market's row ends with its book's sequence. Trades and postings are new. `exchange` is (is halted, cash issued,
    then the thirteen parameters).
    """

    after_sequence: int
    sequence: int
    exchange: Row
    accounts: tuple[Row, ...]
    holdings: tuple[Row, ...]
    markets: tuple[Row, ...]
    orders: tuple[Row, ...]
    trades: tuple[TradeView, ...]
    postings: tuple[LedgerPosting, ...]


@dataclass(slots=True)
class PendingChanges:
    """What changed since the last take, by key, so that a row that changed often is written once."""

    taken_sequence: int
    accounts: dict[int, AccountView] = field(default_factory=dict)
    holdings: dict[tuple[int, int], HoldingView] = field(default_factory=dict)
    markets: dict[int, MarketView] = field(default_factory=dict)
    orders: dict[int, OrderView] = field(default_factory=dict)
    trades: list[TradeView] = field(default_factory=list)
    postings: list[LedgerPosting] = field(default_factory=list)

    def count(self) -> int:
        """Return the number of rows that a take would copy now."""
        changed = len(self.accounts) + len(self.holdings) + len(self.markets) + len(self.orders)
        return changed + len(self.trades) + len(self.postings)

    def take(self, state: ReadModelState) -> ReadModelChanges | None:
        """Return the changes since the last take and start afresh, or None when no row was folded."""
        if state.sequence == self.taken_sequence:
            return None
        changes = ReadModelChanges(
            after_sequence=self.taken_sequence,
            sequence=state.sequence,
            exchange=(int(state.is_halted), state.cash_issued_micros, *astuple(state.parameters)),
            accounts=tuple(map(account_row, self.accounts.values())),
            holdings=tuple(map(holding_row, self.holdings.values())),
            markets=tuple((*market_row(view), state.books[view.market].sequence) for view in self.markets.values()),
            orders=tuple(map(order_row, self.orders.values())),
            trades=tuple(self.trades),
            postings=tuple(self.postings),
        )
        self.taken_sequence = state.sequence
        for pending in (self.accounts, self.holdings, self.markets, self.orders, self.trades, self.postings):
            pending.clear()
        return changes
