"""What the feeds tell, collected while the fold applies rows: only while somebody listens, and only what is watched.

Everything in a batch is a copy, out of reach of later rows. Trades and tops of book are collected of every market;
level changes of watched books only; updates of orders, cash and holdings of watched accounts only.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, final

from waiver_exchange.domain import codes
from waiver_exchange.projections.state import BookView, HoldingView, OrderView, ReadModelState, TradeView, copy_order

OrderUpdateKind = Literal[
    "accepted", "rejected", "triggered", "partially_filled", "filled", "cancelled", "expired", "replaced"
]
_UNKNOWN: Final = -1


class LevelChange(NamedTuple):
    """One level of a watched book as it is now; 0 units when it is gone. The book's sequence grows by 1 with each."""

    market: int
    side: int
    price_cents: int
    quantity_units: int
    book_sequence: int


class TopOfBook(NamedTuple):
    """The best bid and ask of a market after a row that changed either; 0 where there is none."""

    market: int
    time_ns: int
    bid_cents: int
    bid_units: int
    ask_cents: int
    ask_units: int


@final
@dataclass
class OrderUpdate:
    """One thing that happened to an order of a watched account, with a copy of the order as of that event.

    An accepted stop order is held (`order.status`). Each trade is an update of its own, `partially_filled` or
    `filled`, with the trade and the account's shares of the market after it (`position_units`); both are None for all
    other kinds. `replaced` carries the old order; the new one is `accepted` right after it.
    """

    kind: OrderUpdateKind
    sequence: int
    time_ns: int
    order: OrderView
    trade: TradeView | None = None
    position_units: int | None = None


@final
@dataclass(frozen=True)
class FeedBatch:
    """What a group of durable rows changed, in order; `sequence` and `time_ns` are those of its last row.

    `accounts` are watched accounts whose cash, holdings or halt changed. `markets` are those that were listed, halted,
    resumed or got more shares.
    """

    sequence: int
    time_ns: int
    trades: list[TradeView]
    levels: list[LevelChange]
    tops: list[TopOfBook]
    orders: list[OrderUpdate]
    accounts: set[int]
    markets: set[int]
    is_exchange_changed: bool


@final
@dataclass
class FeedBuffer:
    """Gathers one batch; the fold fills it while `is_collecting`, and whoever publishes takes it.

    `watched_books` and `watched_accounts` count how many watch each.
    """

    is_collecting: bool = False
    watched_books: dict[int, int] = field(default_factory=dict)
    watched_accounts: dict[int, int] = field(default_factory=dict)
    trades: list[TradeView] = field(default_factory=list)
    levels: list[LevelChange] = field(default_factory=list)
    tops: list[TopOfBook] = field(default_factory=list)
    orders: list[OrderUpdate] = field(default_factory=list)
    accounts: set[int] = field(default_factory=set)
    markets: set[int] = field(default_factory=set)
    is_exchange_changed: bool = False
    _touched: set[int] = field(default_factory=set)
    _known_tops: dict[int, TopOfBook] = field(default_factory=dict)
    _row_positions: dict[tuple[int, int], int] = field(default_factory=dict)
    _row_orders_from: int = 0

    def start(self) -> None:
        """Begin to collect: the tops known before are out of date."""
        self._known_tops.clear()
        self.is_collecting = True

    def stop(self) -> None:
        """Collect no more, and forget what was not taken."""
        self.is_collecting = False
        self._clear()

    def take(self, *, sequence: int, time_ns: int) -> FeedBatch | None:
        """Return what gathered since the last take, or None when that is nothing."""
        if not (
            self.trades
            or self.levels
            or self.tops
            or self.orders
            or self.accounts
            or self.markets
            or self.is_exchange_changed
        ):
            return None
        batch = FeedBatch(
            sequence,
            time_ns,
            self.trades,
            self.levels,
            self.tops,
            self.orders,
            self.accounts,
            self.markets,
            self.is_exchange_changed,
        )
        self._clear()
        return batch

    def add_level(self, book: BookView, *, market: int, side: int, price_cents: int, quantity_units: int) -> None:
        """A level of a book changed; called when the book shows it."""
        if market in self.watched_books:
            self.levels.append(LevelChange(market, side, price_cents, quantity_units, book.sequence))
        known = self._known_tops.get(market)
        if known is None:
            self._touched.add(market)
        elif side == codes.BUY:
            if price_cents >= known.bid_cents:
                self._touched.add(market)
        elif known.ask_cents == 0 or price_cents <= known.ask_cents:
            self._touched.add(market)

    def add_order(self, kind: OrderUpdateKind, order: OrderView, *, sequence: int, time_ns: int) -> None:
        """Something other than a trade happened to an order, which shows it already."""
        if order.account in self.watched_accounts:
            self.orders.append(OrderUpdate(kind, sequence, time_ns, copy_order(order)))

    def add_trade(self, trade: TradeView, *, state: ReadModelState) -> None:
        """Two orders traded and show it; the holdings do not yet."""
        self.trades.append(trade)
        if trade.maker_account in self.watched_accounts:
            change = trade.quantity_units if trade.taker_side != codes.BUY else -trade.quantity_units
            self._add_fill(trade, state, order_id=trade.maker_order, change_units=change)
        if trade.taker_account in self.watched_accounts:
            change = trade.quantity_units if trade.taker_side == codes.BUY else -trade.quantity_units
            self._add_fill(trade, state, order_id=trade.taker_order, change_units=change)

    def fill_order(self, order: OrderView) -> None:
        """An order is filled whole: the last of its trades in this row did it."""
        if order.account not in self.watched_accounts:
            return
        updates = self.orders
        at = len(updates) - 1
        while at >= self._row_orders_from:
            update = updates[at]
            if update.trade is not None and update.order.order_id == order.order_id:
                update.kind = "filled"
                update.order.status = "filled"
                return
            at -= 1

    def add_account(self, account: int) -> None:
        """An account's cash, holdings or halt changed."""
        if account in self.watched_accounts:
            self.accounts.add(account)

    def close_row(self, state: ReadModelState, *, time_ns: int) -> None:
        """A row is folded: note the tops that it changed."""
        if self._touched:
            for market in self._touched:
                self._note_top(state.books[market], market=market, time_ns=time_ns)
            self._touched.clear()
        if self._row_positions:
            self._row_positions.clear()
        self._row_orders_from = len(self.orders)

    def _note_top(self, book: BookView, *, market: int, time_ns: int) -> None:
        bid, ask = book.best_bid_cents, book.best_ask_cents
        bid_units = book.bids[bid] if bid != 0 else 0
        ask_units = book.asks[ask] if ask != 0 else 0
        known = self._known_tops.get(market)
        if known is not None and (known.bid_cents, known.bid_units, known.ask_cents, known.ask_units) == (
            bid,
            bid_units,
            ask,
            ask_units,
        ):
            return
        top = TopOfBook(market, time_ns, bid, bid_units, ask, ask_units)
        self._known_tops[market] = top
        self.tops.append(top)

    def _add_fill(self, trade: TradeView, state: ReadModelState, *, order_id: int, change_units: int) -> None:
        order = copy_order(state.orders[order_id])
        order.status = "partially_filled"
        order.updated_at_ns = trade.time_ns
        # The holding is told at the end of the row, after all of its trades.
        place = (order.account, order.market)
        before = self._row_positions.get(place, _UNKNOWN)
        if before == _UNKNOWN:
            before = _held_units(state.holdings.get(order.account), order.market)
        after = self._row_positions[place] = before + change_units
        self.orders.append(OrderUpdate("partially_filled", trade.sequence, trade.time_ns, order, trade, after))

    def _clear(self) -> None:
        self.trades = []
        self.levels = []
        self.tops = []
        self.orders = []
        self.accounts = set()
        self.markets = set()
        self.is_exchange_changed = False
        self._touched.clear()
        self._row_positions.clear()
        self._row_orders_from = 0


def _held_units(holdings: dict[int, HoldingView] | None, market: int) -> int:
    holding = None if holdings is None else holdings.get(market)
    return 0 if holding is None else holding.quantity_units
