"""The life of every order as its events tell it: each step is possible, nothing follows the end, chains hold."""

from collections.abc import Iterable
from dataclasses import dataclass

from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.events import (
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderPartiallyFilled,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    StopOrderAccepted,
    TradeExecuted,
)

_FIXED_TERMS = ~(codes.TERMS_FIELD_MASK << codes.TIME_IN_FORCE_SHIFT)


@dataclass(slots=True)
class Life:
    """An order that is not final; `remaining` is None for one by notional."""

    account: int
    market: int
    terms: int
    remaining: int | None
    is_held: bool


class Lifecycles:
    """Follows events; `follow` asserts that each fits what came before."""

    def __init__(self) -> None:
        self.open: dict[int, Life] = {}
        self.replaced_by: dict[int, int] = {}
        self._last_serial = 0
        self._replaced: tuple[OrderReplaced, Life] | None = None

    def follow(self, events: Iterable[Event]) -> None:
        """Follow the events of one command."""
        for event in events:
            match event:
                case OrderAccepted() | StopOrderAccepted():
                    self._begin(event)
                case OrderTriggered():
                    life = self._life(event.order_id, event.account)
                    assert life.is_held
                    life.is_held = False
                case TradeExecuted():
                    self._trade(event.maker_order, event.maker_account, event)
                    self._trade(event.taker_order, event.taker_account, event)
                case OrderPartiallyFilled():
                    assert self._life(event.order_id, event.account).remaining in (None, event.remaining_units)
                case OrderReplaced():
                    self._replace(event)
                case OrderFilled() | OrderCancelled() | OrderExpired():
                    self._end(event)
                case OrderRejected():
                    self._number(event.order_id)
                case _:
                    pass
        assert self._replaced is None

    def _begin(self, event: OrderAccepted | StopOrderAccepted) -> None:
        self._number(event.order_id)
        is_held = isinstance(event, StopOrderAccepted)
        by_notional = isinstance(event, OrderAccepted) and event.notional_micros != 0
        quantity = None if by_notional else event.quantity_units
        self.open[event.order_id] = Life(event.account, event.market, event.terms, quantity, is_held)
        if self._replaced is not None:
            replaced, old = self._replaced
            self._replaced = None
            assert replaced.new_order_id == event.order_id
            assert (old.account, old.market, old.is_held) == (event.account, event.market, is_held)
            assert (old.terms ^ event.terms) & _FIXED_TERMS == 0

    def _number(self, order_id: int) -> None:
        """Serials count up without a gap."""
        assert order_id >> limits.ORDER_ROW_BITS == self._last_serial + 1
        self._last_serial += 1

    def _replace(self, event: OrderReplaced) -> None:
        life = self._life(event.order_id, event.account)
        assert (life.market, life.remaining) == (event.market, event.remaining_units)
        assert (event.order_id ^ event.new_order_id) % (1 << limits.ORDER_ROW_BITS) == 0, "a new order keeps the row"
        del self.open[event.order_id]
        self.replaced_by[event.order_id] = event.new_order_id
        self._replaced = event, life

    def _trade(self, order_id: int, account: int, event: TradeExecuted) -> None:
        life = self._life(order_id, account)
        assert life.market == event.market
        assert not life.is_held
        if life.remaining is not None:
            life.remaining -= event.quantity_units
            assert life.remaining >= 0

    def _end(self, event: OrderFilled | OrderCancelled | OrderExpired) -> None:
        life = self._life(event.order_id, event.account)
        remaining = 0 if isinstance(event, OrderFilled) else event.remaining_units
        assert life.remaining in (None, remaining)
        del self.open[event.order_id]

    def _life(self, order_id: int, account: int) -> Life:
        life = self.open[order_id]
        assert life.account == account
        return life
