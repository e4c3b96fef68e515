"""What a trader who sees every event knows of the exchange; the workload draws from it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.events import (
    AccountHalted,
    AccountOpened,
    AccountResumed,
    BookLevelChanged,
    CashChanged,
    CashDeposited,
    Event,
    ExchangeConfigured,
    ExchangeHalted,
    ExchangeResumed,
    HoldingChanged,
    MarketHalted,
    MarketListed,
    MarketResumed,
    MarketSettled,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderPartiallyFilled,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    SharesIssued,
    StopOrderAccepted,
    TradeExecuted,
)

_FINAL_KEPT = 500
_TRADES_KEPT = 100


@dataclass(slots=True)
class OpenOrder:
    """An order that rests or is held; `stop_price` stays when it triggers, `is_held` does not."""

    account: int
    market: int
    terms: int
    price: int
    remaining: int
    stop_price: int
    is_held: bool
    filled: int = 0

    @property
    def side(self) -> int:
        return self.terms & codes.TERMS_FIELD_MASK

    @property
    def type(self) -> int:
        return self.terms >> codes.TYPE_SHIFT & codes.TERMS_FIELD_MASK

    @property
    def time_in_force(self) -> int:
        return self.terms >> codes.TIME_IN_FORCE_SHIFT & codes.TERMS_FIELD_MASK


class LiveOrders:
    """A set of order ids that one can draw from in constant time and in a defined order."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._places

    def add(self, order_id: int) -> None:
        self._places[order_id] = len(self._ids)
        self._ids.append(order_id)

    def discard(self, order_id: int) -> None:
        """Take an order out; the last one moves to its place."""
        place = self._places.pop(order_id, None)
        if place is None:
            return
        last = self._ids.pop()
        if last != order_id:
            self._ids[place] = last
            self._places[last] = place

    def draw(self, random: Random) -> int | None:
        return random.choice(self._ids) if self._ids else None


class MarketView:
    """Balances, holdings, books and orders, as the events told them."""

    def __init__(self) -> None:
        self.accounts = codes.HOUSE_ACCOUNT
        self.supplies: dict[int, int] = {}
        self.references: dict[int, int] = {}
        self.cash: defaultdict[int, int] = defaultdict(int)
        self.halted: set[tuple[str, int]] = set()
        self.settled: set[int] = set()
        self.live = LiveOrders()
        self.held = LiveOrders()
        self.partly_filled = LiveOrders()
        self.open: dict[int, OpenOrder] = {}
        self.final: list[int] = []
        self.trades: list[TradeExecuted] = []
        self.last_order_id = 0
        self.cash_issued = 0
        self.lifetime_ns_max = 0
        self.order_value_max = limits.ORDER_VALUE_MICROS_MAX
        self._shares: defaultdict[tuple[int, int], int] = defaultdict(int)
        self._levels: defaultdict[tuple[int, int], dict[int, int]] = defaultdict(dict)
        self._expiries: list[tuple[int, int]] = []

    def shares_available(self, account: int, market: int) -> int:
        return self._shares[account, market]

    def level(self, *, market: int, side: int, random: Random) -> int | None:
        """A price at which orders rest."""
        prices = self._levels[market, side]
        return random.choice(list(prices)) if prices else None

    def first_to_expire(self) -> tuple[int, int] | None:
        """The earliest expiry of a live order and the order's id; due or not."""
        while self._expiries and self._expiries[0][1] not in self.live:
            heappop(self._expiries)
        return self._expiries[0] if self._expiries else None

    def invent_order_id(self, random: Random) -> int:
        """An id that no order has, or not yet: a wrong row, a wrong serial, or both."""
        serial, row = self.last_order_id >> limits.ORDER_ROW_BITS, self.last_order_id % (1 << limits.ORDER_ROW_BITS)
        return random.choice(
            (
                0,
                -1,
                -(2**63),
                2**63 - 1,
                row,
                serial << limits.ORDER_ROW_BITS,
                (serial + 1) << limits.ORDER_ROW_BITS | row,
                (serial + 2) << limits.ORDER_ROW_BITS | row,
                serial << limits.ORDER_ROW_BITS | random.randint(1, 2_000),
                serial << limits.ORDER_ROW_BITS | limits.ORDER_ROWS_MAX,
                random.randint(1, serial + 1) << limits.ORDER_ROW_BITS | row,
                self.last_order_id,
            )
        )

    def observe(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case CashChanged():
                    self.cash[event.account] = event.cash_micros - event.held_micros
                case HoldingChanged():
                    self._shares[event.account, event.market] = event.quantity_units - event.held_units
                case BookLevelChanged():
                    self._see_level(event)
                case OrderAccepted():
                    self._see_order(event, stop_price=0)
                case OrderPartiallyFilled():
                    self._see_part(event)
                case OrderFilled() | OrderCancelled() | OrderExpired() | OrderReplaced():
                    self._see_final(event.order_id)
                case StopOrderAccepted():
                    self._see_order(event, stop_price=event.stop_price_cents)
                case OrderTriggered():
                    self.held.discard(event.order_id)
                    self.open[event.order_id].is_held = False
                case TradeExecuted():
                    self.references[event.market] = event.price_cents
                    self._see_trade(event)
                case _:
                    self._see_rare(event)

    def _see_level(self, event: BookLevelChanged) -> None:
        levels = self._levels[event.market, event.side]
        if event.quantity_units:
            levels[event.price_cents] = event.quantity_units
        else:
            levels.pop(event.price_cents, None)

    def _see_order(self, event: OrderAccepted | StopOrderAccepted, *, stop_price: int) -> None:
        self.last_order_id = event.order_id
        if not event.expires_at_ns:
            return
        self.live.add(event.order_id)
        if stop_price:
            self.held.add(event.order_id)
        self.open[event.order_id] = OpenOrder(
            event.account,
            event.market,
            event.terms,
            event.price_cents,
            event.quantity_units,
            stop_price,
            is_held=stop_price != 0,
        )
        heappush(self._expiries, (event.expires_at_ns, event.order_id))

    def _see_part(self, event: OrderPartiallyFilled) -> None:
        order = self.open.get(event.order_id)
        if order is not None:
            if not order.filled:
                self.partly_filled.add(event.order_id)
            order.filled += order.remaining - event.remaining_units
            order.remaining = event.remaining_units

    def _see_trade(self, event: TradeExecuted) -> None:
        self.trades.append(event)
        if len(self.trades) > 2 * _TRADES_KEPT:
            del self.trades[:_TRADES_KEPT]

    def _see_final(self, order_id: int) -> None:
        self.live.discard(order_id)
        self.held.discard(order_id)
        self.partly_filled.discard(order_id)
        self.open.pop(order_id, None)
        self.final.append(order_id)
        if len(self.final) > 2 * _FINAL_KEPT:
            del self.final[:_FINAL_KEPT]

    def _see_rare(self, event: Event) -> None:
        match event:
            case OrderRejected():
                self.final.append(event.order_id)
            case ExchangeConfigured():
                self.order_value_max = event.order_value_micros_max
                self.lifetime_ns_max = event.lifetime_ns_max
            case AccountOpened():
                self.accounts = event.account
            case CashDeposited():
                self.cash_issued += event.amount_micros
            case MarketListed():
                self.supplies[event.market] = event.supply_units
                self.references[event.market] = event.reference_price_cents
            case SharesIssued():
                self.supplies[event.market] = event.supply_units
            case MarketSettled():
                self.settled.add(event.market)
                self.halted.discard(("market", event.market))
            case _:
                self._see_halt(event)

    def _see_halt(self, event: Event) -> None:
        match event:
            case MarketHalted():
                self.halted.add(("market", event.market))
            case MarketResumed():
                self.halted.discard(("market", event.market))
            case ExchangeHalted():
                self.halted.add(("exchange", 0))
            case ExchangeResumed():
                self.halted.discard(("exchange", 0))
            case AccountHalted():
                self.halted.add(("account", event.account))
            case AccountResumed():
                self.halted.discard(("account", event.account))
