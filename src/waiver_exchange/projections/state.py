"""The read model in memory: what people look at, as plain rows that the fold keeps current.

The order of a class's fields is the order of its stored columns. Cash is micro-dollars, a price cents per share, a
quantity units of 1/10,000 share, a time UNIX nanoseconds. Where a price or time is 0 there is none.

Compiled, the classes keep their numbers without an object for each, which is most of what makes the fold fast; mypyc
does so for a dataclass without slots only. `is_pending` belongs to `changes` and is no column.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Final, Literal, NamedTuple, final

from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import AccountLimits, ExchangeParameters
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.projections.actions import ActionView
from waiver_exchange.projections.audit_trail import AuditView
from waiver_exchange.projections.candles import CandleView, MarketCandles

OrderStatus = Literal["held", "open", "partially_filled", "filled", "cancelled", "expired", "rejected", "replaced"]
MovementKind = Literal["deposit", "issue", "grant", "trade", "fee", "correction", "bust", "bust_fee", "settlement"]

OPEN_STATUSES: Final[frozenset[str]] = frozenset({"held", "open", "partially_filled"})
TAPE_TRADES_MAX: Final = 1_000


@final
@dataclass
class AccountView:
    """An account's cash and the part of it that open buy orders hold; `role` is one of `codes.ROLE_*`."""

    account: int
    cash_micros: int = 0
    held_micros: int = 0
    is_halted: bool = False
    opened_at_ns: int = 0
    role: int = 0
    is_pending: bool = field(default=False, repr=False, compare=False)

    @property
    def available_micros(self) -> int:
        """Cash that no open order holds."""
        return self.cash_micros - self.held_micros


@final
@dataclass
class HoldingView:
    """An account's shares of one market.

    `held_units` is what open sell orders hold, `cost_micros` the cost of the shares still owned, `realized_micros` the
    profit of those sold.
    """

    account: int
    market: int
    quantity_units: int = 0
    held_units: int = 0
    cost_micros: int = 0
    realized_micros: int = 0
    is_pending: bool = field(default=False, repr=False, compare=False)

    @property
    def available_units(self) -> int:
        """Shares that no open order holds."""
        return self.quantity_units - self.held_units


@final
@dataclass
class MarketView:
    """A player's market; `projected_points` is decimal text, volume counts all trades since the listing.

    `listed_price_cents` is the reference price that it was listed with, `settled_price_cents` what its shares were paid
    with when it was settled; `band_bps` is the market's own price band, -1 when the exchange's holds. `team_number` and
    `position_number` are what the limits on concentration count by, 0 when there is none. Trades that were busted count
    on in prices and volumes.
    """

    market: int
    symbol: str
    name: str = ""
    team: str = ""
    position: str = ""
    bye_week: int = 0
    projected_points: str = ""
    supply_units: int = 0
    reference_price_cents: int = 0
    last_price_cents: int = 0
    last_trade_at_ns: int = 0
    halt_cause: int = 0
    halted_until_ns: int = 0
    volume_units: int = 0
    trade_count: int = 0
    listed_at_ns: int = 0
    listed_price_cents: int = 0
    band_bps: int = -1
    team_number: int = 0
    position_number: int = 0
    settled_price_cents: int = 0
    is_pending: bool = field(default=False, repr=False, compare=False)

    @property
    def is_halted(self) -> bool:
        """Whether the market takes no orders now; `halt_cause` is one of `codes.HALT_BY_*`."""
        return self.halt_cause != 0

    @property
    def is_settled(self) -> bool:
        """Whether the market is over for ever."""
        return self.halt_cause == codes.HALT_BY_SETTLEMENT


class BookLevels(NamedTuple):
    """The best levels of a book as (price_cents, quantity_units), best first, and the book's sequence."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    sequence: int


@final
@dataclass
class BookView:
    """The totals of one book by price; sorted when somebody looks, because orders change far more often than that.

    `changed_at_ns` is the time of its last change; `quoted_*` are the best prices and their totals as they were last
    put down as a quote.
    """

    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    sequence: int = 0
    changed_at_ns: int = 0
    quoted_bid_cents: int = 0
    quoted_bid_units: int = 0
    quoted_ask_cents: int = 0
    quoted_ask_units: int = 0

    _bests_sequence: int = field(default=-1, repr=False, compare=False)
    _best_bid_cents: int = field(default=0, repr=False, compare=False)
    _best_ask_cents: int = field(default=0, repr=False, compare=False)

    def levels(self, depth: int) -> BookLevels:
        """Return up to `depth` levels of each side."""
        bids = heapq.nlargest(depth, self.bids.items())
        return BookLevels(bids=bids, asks=heapq.nsmallest(depth, self.asks.items()), sequence=self.sequence)

    @property
    def best_bid_cents(self) -> int:
        """The highest price somebody buys at, or 0."""
        self._find_bests()
        return self._best_bid_cents

    @property
    def best_ask_cents(self) -> int:
        """The lowest price somebody sells at, or 0."""
        self._find_bests()
        return self._best_ask_cents

    def quote_change(self, market: int) -> "QuoteView | None":
        """Return the top of the book with the time of the last change, or None when it is as it was last quoted."""
        self._find_bests()
        bid, ask = self._best_bid_cents, self._best_ask_cents
        bid_units, ask_units = self.bids.get(bid, 0), self.asks.get(ask, 0)
        if (
            bid == self.quoted_bid_cents
            and bid_units == self.quoted_bid_units
            and ask == self.quoted_ask_cents
            and ask_units == self.quoted_ask_units
        ):
            return None
        return QuoteView(market, self.changed_at_ns, bid, bid_units, ask, ask_units)

    def _find_bests(self) -> None:
        """Look through the levels once for each sequence: many ask in between."""
        if self._bests_sequence != self.sequence:
            self._best_bid_cents = max(self.bids, default=0)
            self._best_ask_cents = min(self.asks, default=0)
            self._bests_sequence = self.sequence


@final
@dataclass(init=False)
class OrderView:
    """One order from its acceptance to its end.

    `terms` is the word of `domain.commands.pack_terms`, taken apart on read. `given_client_order_id` is empty when the
    exchange named the order. `limit_price_cents` is 0 for a market and a stop order. A partially filled order that was
    cancelled, replaced or expired has that status; `filled_quantity_units` tells the rest. `reason` names a
    `CancelReason`, or the `RefusalReason` of a rejected order, or is empty. A stop order is `held` until the last trade
    reaches `stop_price_cents`, from `triggered_at_ns` on it is like any other. `replaces` and `replaced_by` are ids of
    orders, 0 for none.
    """

    order_id: int
    account: int
    market: int
    terms: int
    given_client_order_id: str
    quantity_units: int
    notional_micros: int
    limit_price_cents: int
    expires_at_ns: int
    created_at_ns: int
    updated_at_ns: int
    status: OrderStatus
    reason: str
    filled_quantity_units: int
    filled_value_micros: int
    fee_micros: int
    stop_price_cents: int
    triggered_at_ns: int
    replaces: int
    replaced_by: int
    is_pending: bool = field(repr=False, compare=False)

    # Written out, because mypyc leaves a dataclass's own to the interpreter and every order comes by here.
    def __init__(  # noqa: PLR0917 -- a stored row is its arguments
        self,
        order_id: int,
        account: int,
        market: int,
        terms: int,
        given_client_order_id: str,
        quantity_units: int,
        notional_micros: int,
        limit_price_cents: int,
        expires_at_ns: int,
        created_at_ns: int,
        updated_at_ns: int,
        status: OrderStatus = "open",
        reason: str = "",
        filled_quantity_units: int = 0,
        filled_value_micros: int = 0,
        fee_micros: int = 0,
        stop_price_cents: int = 0,
        triggered_at_ns: int = 0,
        replaces: int = 0,
        replaced_by: int = 0,
    ) -> None:
        """Make an order that nothing waits to be stored of."""
        self.order_id = order_id
        self.account = account
        self.market = market
        self.terms = terms
        self.given_client_order_id = given_client_order_id
        self.quantity_units = quantity_units
        self.notional_micros = notional_micros
        self.limit_price_cents = limit_price_cents
        self.expires_at_ns = expires_at_ns
        self.created_at_ns = created_at_ns
        self.updated_at_ns = updated_at_ns
        self.status = status
        self.reason = reason
        self.filled_quantity_units = filled_quantity_units
        self.filled_value_micros = filled_value_micros
        self.fee_micros = fee_micros
        self.stop_price_cents = stop_price_cents
        self.triggered_at_ns = triggered_at_ns
        self.replaces = replaces
        self.replaced_by = replaced_by
        self.is_pending = False

    @property
    def client_order_id(self) -> str:
        """The owner's name of the order, or else its public id."""
        return self.given_client_order_id or to_text(IdKind.order, self.order_id)

    @property
    def side(self) -> int:
        """`codes.BUY` or `codes.SELL`."""
        return self.terms & codes.TERMS_FIELD_MASK

    @property
    def order_type(self) -> int:
        """One of `codes.LIMIT`, `MARKET`, `STOP`, `STOP_LIMIT`."""
        return self.terms >> codes.TYPE_SHIFT & codes.TERMS_FIELD_MASK

    @property
    def time_in_force(self) -> int:
        """One of `codes.GTC`, `DAY`, `GTD`, `IOC`, `FOK`."""
        return self.terms >> codes.TIME_IN_FORCE_SHIFT & codes.TERMS_FIELD_MASK

    @property
    def self_trade(self) -> int:
        """One of `codes.CANCEL_NEWEST`, `CANCEL_OLDEST`, `CANCEL_BOTH`."""
        return self.terms >> codes.SELF_TRADE_SHIFT & codes.TERMS_FIELD_MASK

    @property
    def post_only(self) -> bool:
        """Whether the order was to rest or be rejected."""
        return self.terms >> codes.POST_ONLY_SHIFT != 0

    @property
    def is_open(self) -> bool:
        """Whether the order rests in the book, or is held until its stop price is reached."""
        return self.status in OPEN_STATUSES

    @property
    def remaining_units(self) -> int:
        """What is not filled of an order by quantity; 0 for one by notional."""
        return max(0, self.quantity_units - self.filled_quantity_units)


class TradeView(NamedTuple):
    """One trade; `sequence` and `time_ns` are those of the taker's row in the journal.

    `maker_filled_units` and `taker_filled_units` are all that was filled of that order, this trade included.
    """

    trade_id: int
    sequence: int
    time_ns: int
    market: int
    price_cents: int
    quantity_units: int
    taker_side: int
    maker_order: int
    taker_order: int
    maker_account: int
    taker_account: int
    maker_fee_micros: int
    taker_fee_micros: int
    maker_filled_units: int
    taker_filled_units: int


class BustView(NamedTuple):
    """That a trade was reversed, by row `sequence` at `time_ns`."""

    trade_id: int
    sequence: int
    time_ns: int


class QuoteView(NamedTuple):
    """The top of a book at the end of a second, 0 where no order was, with the time of the book's last change."""

    market: int
    time_ns: int
    bid_cents: int
    bid_units: int
    ask_cents: int
    ask_units: int


class LedgerMovement(NamedTuple):
    """One movement of cash or shares: so much from one account to another, and what both have of it after it.

    `market` is 0 for cash. `line` counts the movements of one journal row from 0. What is issued comes from
    `codes.OPERATOR`, who therefore has as much less than nothing as everybody else has together. `trade_id` is 0 where
    there is no trade; `reference` is the operator's own name of what he did. `price_cents` is what one share counted
    as: the price of the trade, else the market's last or reference price; 0 for cash.
    """

    sequence: int
    line: int
    time_ns: int
    kind: MovementKind
    market: int
    amount: int
    from_account: int
    from_balance: int
    to_account: int
    to_balance: int
    trade_id: int = 0
    reference: str = ""
    price_cents: int = 0


def _house_accounts() -> dict[int, AccountView]:
    return {codes.HOUSE_ACCOUNT: AccountView(codes.HOUSE_ACCOUNT)}


@final
@dataclass
class ReadModelState:
    """Everything the reads need, as of journal row `sequence`, which was stamped `time_ns`.

    `orders` holds all open orders and those closed ones that the store has not confirmed yet; `account_orders` is the
    same by account. Both are in order of id, which is the order of acceptance. `ledger` holds the movements that the
    store has not confirmed, oldest first; `quotes` and `audit` are the same of quotes and audit events.
    `tape` holds the newest trades, oldest first: the last `tape_trades_max` and all that the store has not confirmed.
    `holdings` is by account, then market.
    `actions` holds, by their ids, the open actions of operators and those that the store has not confirmed.
    `limits` is what was set for roles and accounts, by scope (`codes.LIMITS_OF_*`) and number.
    `busts` are all there ever were, by trade: a few.
    `invested_at_sequence` is the last row since the start that brought an account something without a trade.
    `cash_total_micros` and `shares_total_units` (by market) are what all accounts have together, counted once by
    `count_totals` and from then on kept as each account changes.
    """

    sequence: int = 0
    time_ns: int = 0
    is_halted: bool = False
    cash_issued_micros: int = 0
    parameters: ExchangeParameters = field(default_factory=ExchangeParameters)
    accounts: dict[int, AccountView] = field(default_factory=_house_accounts)
    holdings: dict[int, dict[int, HoldingView]] = field(default_factory=dict)
    markets: dict[int, MarketView] = field(default_factory=dict)
    symbols: dict[str, int] = field(default_factory=dict)
    limits: dict[tuple[int, int], AccountLimits] = field(default_factory=dict)
    books: dict[int, BookView] = field(default_factory=dict)
    candles: dict[int, MarketCandles] = field(default_factory=dict)
    orders: dict[int, OrderView] = field(default_factory=dict)
    account_orders: dict[int, dict[int, OrderView]] = field(default_factory=dict)
    tape: deque[TradeView] = field(default_factory=deque)
    tape_trades_max: int = TAPE_TRADES_MAX
    ledger: deque[LedgerMovement] = field(default_factory=deque)
    audit: deque[AuditView] = field(default_factory=deque)
    quotes: deque[QuoteView] = field(default_factory=deque)
    actions: dict[str, ActionView] = field(default_factory=dict)
    busts: dict[int, BustView] = field(default_factory=dict)
    invested_at_sequence: int = field(default=0, compare=False)
    cash_total_micros: int = field(default=0, compare=False)
    shares_total_units: dict[int, int] = field(default_factory=dict, compare=False)

    def count_totals(self) -> None:
        """Count what all accounts have together."""
        self.cash_total_micros = sum([account.cash_micros for account in self.accounts.values()])
        self.shares_total_units = dict.fromkeys(self.markets, 0)
        for holdings in self.holdings.values():
            for market, holding in holdings.items():
                self.shares_total_units[market] += holding.quantity_units

    def add_market(self, market: MarketView, *, book: BookView) -> None:
        """Add a listed market with its book; the first market of a symbol keeps it."""
        self.markets[market.market] = market
        self.books[market.market] = book
        self.candles[market.market] = MarketCandles(market.market)
        self.symbols.setdefault(market.symbol, market.market)

    def add_holding(self, holding: HoldingView) -> None:
        """Add an account's first shares of a market."""
        self.holdings.setdefault(holding.account, {})[holding.market] = holding

    def add_order(self, order: OrderView) -> None:
        """Add an order whose id is above all that were added before."""
        self.orders[order.order_id] = order
        self.account_orders.setdefault(order.account, {})[order.order_id] = order

    def remove_order(self, order: OrderView) -> None:
        """Drop a closed order that the store has."""
        del self.orders[order.order_id]
        del self.account_orders[order.account][order.order_id]

    def trim_tape(self, *, confirmed_trade_id: int) -> None:
        """Drop trades beyond the last `tape_trades_max`, as far as the store has them."""
        tape = self.tape
        while len(tape) > self.tape_trades_max and tape[0].trade_id <= confirmed_trade_id:
            tape.popleft()

    def trim_quotes(self, confirmed: tuple[QuoteView, ...]) -> None:
        """Drop the quotes that the store has."""
        quotes = self.quotes
        stored = set(confirmed)
        while quotes and quotes[0] in stored:
            quotes.popleft()

    def trim_ledger(self, *, confirmed_sequence: int) -> None:
        """Drop the movements that the store has."""
        audit = self.audit
        while audit and audit[0].sequence <= confirmed_sequence:
            audit.popleft()
        ledger = self.ledger
        while ledger and ledger[0].sequence <= confirmed_sequence:
            ledger.popleft()


Row = tuple[int | str, ...]


def _columns_of(view: type) -> tuple[str, ...]:
    return tuple(column.name for column in fields(view) if column.compare)


ACCOUNT_COLUMNS: Final = _columns_of(AccountView)
HOLDING_COLUMNS: Final = _columns_of(HoldingView)
MARKET_COLUMNS: Final = _columns_of(MarketView)
BOOK_COLUMNS: Final = (
    "book_sequence",
    "book_changed_at_ns",
    "quoted_bid_cents",
    "quoted_bid_units",
    "quoted_ask_cents",
    "quoted_ask_units",
)
ORDER_COLUMNS: Final = _columns_of(OrderView)
CANDLE_COLUMNS: Final = _columns_of(CandleView)

account_row: Final = attrgetter(*ACCOUNT_COLUMNS)
holding_row: Final = attrgetter(*HOLDING_COLUMNS)
market_row: Final = attrgetter(*MARKET_COLUMNS)


def book_row(book: BookView) -> Row:
    """Return what is stored of a book beside its market, in the order of `BOOK_COLUMNS`; its levels are its orders."""
    return (
        book.sequence,
        book.changed_at_ns,
        book.quoted_bid_cents,
        book.quoted_bid_units,
        book.quoted_ask_cents,
        book.quoted_ask_units,
    )


def book_from(row: Sequence[int]) -> BookView:
    """Return a book without levels of what was stored of it."""
    return BookView({}, {}, *row)


def order_row(order: OrderView) -> Row:
    """Return an order's columns; written out, because there are as many of them as of everything else together."""
    return (
        order.order_id,
        order.account,
        order.market,
        order.terms,
        order.given_client_order_id,
        order.quantity_units,
        order.notional_micros,
        order.limit_price_cents,
        order.expires_at_ns,
        order.created_at_ns,
        order.updated_at_ns,
        order.status,
        order.reason,
        order.filled_quantity_units,
        order.filled_value_micros,
        order.fee_micros,
        order.stop_price_cents,
        order.triggered_at_ns,
        order.replaces,
        order.replaced_by,
    )


def copy_order(order: OrderView) -> OrderView:
    """Return the order as it is now, out of reach of later events."""
    return OrderView(*order_row(order))  # type: ignore[arg-type]  # its own columns in their order


def rest_orders(orders: Iterable[OrderView], *, state: ReadModelState) -> None:
    """Add open orders, in order of id, to a state without orders and fill its books with what remains of them.

    Held orders are in no book.
    """
    for order in orders:
        state.add_order(order)
        if order.status == "held":
            continue
        book = state.books[order.market]
        side = book.bids if order.side == codes.BUY else book.asks
        side[order.limit_price_cents] = side.get(order.limit_price_cents, 0) + order.remaining_units
