"""Everything the exchange remembers, as plain objects, and its canonical form as bytes."""

import struct
from bisect import insort
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field

from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.commands import AccountLimits, ExchangeParameters

STATE_VERSION = 3


@dataclass(slots=True, eq=False)
class Account:
    id: int
    cash: int = 0
    held: int = 0
    halted: bool = False
    resting_orders: int = 0
    rate_window: int = 0
    rate_count: int = 0
    role: int = codes.ROLE_TRADER
    day_turnover: int = 0
    day_base: int = 0
    bucket_full_at: int = 0

    def words(self) -> tuple[int, ...]:
        return (
            self.cash,
            self.held,
            int(self.halted),
            self.resting_orders,
            self.rate_window,
            self.rate_count,
            self.role,
            self.day_turnover,
            self.day_base,
            self.bucket_full_at,
        )


@dataclass(slots=True, eq=False)
class Position:
    account: int
    market: int
    quantity: int = 0
    held: int = 0
    resting_buys: int = 0
    cost: int = 0
    realized: int = 0

    def words(self) -> tuple[int, ...]:
        return self.account, self.market, self.quantity, self.held, self.resting_buys, self.cost, self.realized


@dataclass(slots=True, eq=False)
class Order:
    """An order in a book, or held: then it has a stop price, and the price of a stop is its protection price."""

    id: int
    account: int
    market: int
    terms: int
    price: int
    remaining: int
    expires_at: int
    maker_bps: int
    reserved_bps: int
    filled: int = 0
    credit: int = 0
    stop_price: int = 0

    @property
    def side(self) -> int:
        return self.terms & codes.TERMS_FIELD_MASK

    @property
    def type(self) -> int:
        return self.terms >> codes.TYPE_SHIFT & codes.TERMS_FIELD_MASK

    @property
    def is_held(self) -> bool:
        return self.stop_price != 0

    def words(self) -> tuple[int, ...]:
        return (
            self.market,
            self.terms,
            self.id,
            self.account,
            self.price,
            self.remaining,
            self.filled,
            self.expires_at,
            self.maker_bps,
            self.reserved_bps,
            self.credit,
            self.stop_price,
        )


@dataclass(slots=True, eq=False)
class BookSide:
    """One side of a book: the orders at each price, first come first."""

    side: int
    levels: dict[int, list[Order]] = field(default_factory=dict)
    prices: list[int] = field(default_factory=list)  # ascending

    def best_order(self) -> Order | None:
        if not self.prices:
            return None
        best_price = self.prices[-1] if self.side == codes.BUY else self.prices[0]
        return self.levels[best_price][0]

    def orders(self) -> Iterator[Order]:
        """Every order, best price first, then first come first."""
        for price in reversed(self.prices) if self.side == codes.BUY else self.prices:
            yield from self.levels[price]

    def add(self, order: Order) -> None:
        if order.price not in self.levels:
            self.levels[order.price] = []
            insort(self.prices, order.price)
        self.levels[order.price].append(order)

    def remove(self, order: Order) -> None:
        level = self.levels[order.price]
        level.remove(order)
        if not level:
            del self.levels[order.price]
            self.prices.remove(order.price)

    def substitute(self, old: Order, new: Order) -> None:
        """Put an order of the same price in the very place of another."""
        level = self.levels[old.price]
        level[level.index(old)] = new

    def quantity_at(self, price: int) -> int:
        return sum(order.remaining for order in self.levels.get(price, ()))


@dataclass(slots=True, eq=False)
class HeldSide:
    """The held orders of one side of a market, in the order in which they would trigger."""

    side: int
    orders: list[Order] = field(default_factory=list)

    def add(self, order: Order) -> None:
        """Put an order behind those of its stop price: the lowest buy comes first, the highest sell comes first."""
        insort(self.orders, order, key=lambda held: held.stop_price if self.side == codes.BUY else -held.stop_price)

    def remove(self, order: Order) -> None:
        self.orders.remove(order)

    def substitute(self, old: Order, new: Order) -> None:
        """Put an order of the same stop price in the very place of another."""
        self.orders[self.orders.index(old)] = new


@dataclass(slots=True, eq=False)
class Market:
    id: int
    supply: int
    reference: int
    last: int = 0
    halt_cause: int = 0
    halted_until: int = 0
    anchor_price: int = 0
    anchor_time: int = 0
    book_sequence: int = 0
    band: int = -1
    team: int = 0
    playing_position: int = 0
    sides: tuple[BookSide, BookSide] = field(default_factory=lambda: (BookSide(codes.BUY), BookSide(codes.SELL)))
    held: tuple[HeldSide, HeldSide] = field(default_factory=lambda: (HeldSide(codes.BUY), HeldSide(codes.SELL)))

    @property
    def is_settled(self) -> bool:
        return self.halt_cause == codes.HALT_BY_SETTLEMENT

    def words(self) -> tuple[int, ...]:
        return (
            self.supply,
            self.reference,
            self.last,
            self.halt_cause,
            self.halted_until,
            self.anchor_price,
            self.anchor_time,
            self.book_sequence,
            self.band,
            self.team,
            self.playing_position,
        )


@dataclass(slots=True, eq=False)
class Exchange:
    """The whole state. `time` is that of the last command."""

    parameters: ExchangeParameters = field(default_factory=ExchangeParameters)
    halted: bool = False
    cash_issued: int = 0
    next_serial: int = 1
    next_trade: int = 1
    time: int = 0
    day_ends_at: int = 0
    accounts: dict[int, Account] = field(default_factory=lambda: {codes.HOUSE_ACCOUNT: Account(codes.HOUSE_ACCOUNT)})
    markets: dict[int, Market] = field(default_factory=dict)
    positions: dict[tuple[int, int], Position] = field(default_factory=dict)  # in order of creation
    limits: dict[tuple[int, int], AccountLimits] = field(default_factory=dict)  # by scope and number
    orders: dict[int, Order] = field(default_factory=dict)
    rows_used: int = 0
    free_rows: list[int] = field(default_factory=list)

    @property
    def house(self) -> Account:
        return self.accounts[codes.HOUSE_ACCOUNT]

    def position(self, *, account: int, market: int) -> Position:
        """The position of an account in a market; it is created at the first need."""
        if (account, market) not in self.positions:
            self.positions[account, market] = Position(account, market)
        return self.positions[account, market]

    def look_at_position(self, *, account: int, market: int) -> Position:
        """The position, or an empty one that nobody remembers."""
        return self.positions.get((account, market)) or Position(account, market)

    def row_is_free(self) -> bool:
        return bool(self.free_rows) or self.rows_used < limits.ORDER_ROWS_MAX

    def take_order_id(self) -> int:
        """Use up one serial and one row."""
        if self.free_rows:
            row = self.free_rows.pop()
        else:
            self.rows_used += 1
            row = self.rows_used
        order_id = self.next_serial << limits.ORDER_ROW_BITS | row
        self.next_serial += 1
        return order_id

    def take_order_id_of_same_row(self, order_id: int) -> int:
        """Use up one serial for the order that replaces another."""
        new_id = self.next_serial << limits.ORDER_ROW_BITS | row_of(order_id)
        self.next_serial += 1
        return new_id

    def give_row_back(self, order_id: int) -> None:
        self.free_rows.append(row_of(order_id))

    def state_bytes(self) -> bytes:
        """The canonical state, as the rules lay it out."""
        limits_set = sorted((*key, *astuple(own)) for key, own in self.limits.items() if own != AccountLimits())
        words: list[int] = [
            STATE_VERSION,
            int(self.halted),
            self.cash_issued,
            self.next_serial,
            self.next_trade,
            self.time,
            self.day_ends_at,
            *astuple(self.parameters),
            len(self.accounts),
            len(self.markets),
            len(self.positions),
            self.rows_used,
            len(self.free_rows),
            len(self.orders),
            len(limits_set),
        ]
        for account in self.accounts.values():
            words += account.words()
        for market in self.markets.values():
            words += market.words()
        for position in self.positions.values():
            words += position.words()
        for own_limits in limits_set:
            words += own_limits
        words += self.free_rows
        for market in self.markets.values():
            for side in market.sides:
                for order in side.orders():
                    words += order.words()
        for market in self.markets.values():
            for held in market.held:
                for order in held.orders:
                    words += order.words()
        return struct.pack(f"<{len(words)}q", *words)


def row_of(order_id: int) -> int:
    return order_id % (1 << limits.ORDER_ROW_BITS)


def serial_of(order_id: int) -> int:
    return order_id >> limits.ORDER_ROW_BITS
