"""How the pushes of each channel are read."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from waiver_exchange.client.errors import UnexpectedAnswerError
from waiver_exchange.client.models.events import OrderEvent, OrderEventKind, OrderUpdate, Resynced
from waiver_exchange.client.models.markets import Trade
from waiver_exchange.client.models.orders import Order
from waiver_exchange.client.streaming.frames import Frame
from waiver_exchange.client.wire import decode

_NOTHING = b"null"

T = TypeVar("T")
E_co = TypeVar("E_co", covariant=True)


class Reader(Protocol[E_co]):
    """Makes events of a channel's pushes. Raises `UnexpectedAnswerError`."""

    def snapshot(self, push: Frame, *, after: int | None) -> Sequence[E_co]:
        """Return what a snapshot tells that was not told before; `after` is the sequence of the last push taken."""

    def update(self, push: Frame) -> Sequence[E_co]:
        """Return what a push tells."""


class StateReader(Generic[T]):
    """Reads a channel whose every push says all there is."""

    def __init__(self, kind: type[T]) -> None:
        """Read values of a kind."""
        self._kind = kind

    def snapshot(self, push: Frame, *, after: int | None) -> Sequence[T]:
        """Return it: what is now is news."""
        del after
        return self.update(push)

    def update(self, push: Frame) -> Sequence[T]:
        """Return the one value; there may be none yet, as of candles before the first trade."""
        return [] if bytes(push.data) == _NOTHING else [decode(push.data, self._kind)]


class TradesReader:
    """Reads trades: a push for each, counted; a snapshot holds the newest of them."""

    def snapshot(self, push: Frame, *, after: int | None) -> Sequence[Trade]:
        """Return the trades that were missed, as far as the snapshot goes back; at the start none."""
        missed = 0 if after is None else push.sequence - after
        newest_first = decode(push.data, list[Trade])
        return newest_first[: max(0, missed)][::-1]

    def update(self, push: Frame) -> Sequence[Trade]:
        """Return the trade."""
        return [decode(push.data, Trade)]


class _OpenOrders(msgspec.Struct, frozen=True, kw_only=True):
    orders: list[Order]
    is_complete: bool = True


class _OrderChange(msgspec.Struct, frozen=True, kw_only=True):
    order: Order
    trade: Trade | None = None
    position: Decimal | None = None


class OrdersReader:
    """Reads the account's own orders; has them read again over REST where a snapshot cannot hold all that are open."""

    def __init__(self, read_open_orders: Callable[[], None]) -> None:
        """Have `resynced` called when all open orders were read."""
        self._read_open_orders = read_open_orders
        self._held_back: list[OrderEvent] | None = None

    def snapshot(self, push: Frame, *, after: int | None) -> Sequence[OrderEvent]:
        """Return the open orders; when there are too many for the snapshot, everything waits until they are read."""
        del after
        snapshot = decode(push.data, _OpenOrders)
        if snapshot.is_complete:
            self._held_back = None
            return [Resynced(open_orders=snapshot.orders)]
        self._held_back = []
        self._read_open_orders()
        return []

    def update(self, push: Frame) -> Sequence[OrderEvent]:
        """Return what happened, or keep it until the open orders were read."""
        change = decode(push.data, _OrderChange)
        update = OrderUpdate(
            kind=_kind_of(push.type),
            order=change.order,
            trade=change.trade,
            position=change.position,
        )
        if self._held_back is None:
            return [update]
        self._held_back.append(update)
        return []

    def resynced(self, open_orders: list[Order]) -> Sequence[OrderEvent]:
        """Return the open orders and what happened since they were asked for; some of it they show already."""
        held_back, self._held_back = self._held_back, None
        return [] if held_back is None else [Resynced(open_orders=open_orders), *held_back]


def _kind_of(text: str) -> OrderEventKind:
    try:
        kind: OrderEventKind = msgspec.convert(text, _KIND)
    except msgspec.ValidationError as error:
        raise UnexpectedAnswerError(f"orders have no event {text!r}") from error
    return kind


_KIND: Any = OrderEventKind
