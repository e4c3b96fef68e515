"""The channels of an account: its orders, and its cash and holdings."""

from typing import ClassVar, Final, final

import msgspec

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.money import format_quantity
from waiver_exchange.gateway.feeds.channel import Channel
from waiver_exchange.gateway.feeds.pushes import push
from waiver_exchange.gateway.rest.bodies import (
    AccountBody,
    OrderBody,
    PositionBody,
    TradeBody,
    account_body,
    order_body,
    position_body,
    trade_body,
)
from waiver_exchange.projections.feed_buffer import OrderUpdate
from waiver_exchange.projections.state import OrderView

ORDERS: Final = "orders"
ACCOUNT: Final = "account"
SNAPSHOT_ORDERS_MAX: Final = 500
ACCOUNT_SECONDS: Final = 0.05
_encode: Final = msgspec.json.Encoder().encode


class OrderUpdateBody(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an order; the order is as of that event. Trade and position (after it) come with fills only."""

    order: OrderBody
    trade: TradeBody | None
    position: str | None


class OpenOrdersBody(msgspec.Struct, frozen=True, kw_only=True):
    """The open orders, newest first; when there are more than it holds it is not complete."""

    orders: list[OrderBody]
    is_complete: bool


class AccountUpdateBody(msgspec.Struct, frozen=True, kw_only=True):
    """The account and all of its positions."""

    account: AccountBody
    positions: list[PositionBody]


class _PrivateChannel(Channel):
    """A channel of one account, which is watched while somebody is subscribed."""

    is_private: ClassVar[bool] = True

    def __init__(self, name: str, exchange: Exchange, account: int) -> None:
        super().__init__(name, key=(name, account))
        self._exchange = exchange
        self._account = account
        self._sequence = 0

    def open(self) -> None:
        """Have the account's changes collected."""
        self._exchange.feed.watch_account(self._account)

    def close(self) -> None:
        """Have them collected no more."""
        self._exchange.feed.unwatch_account(self._account)


@final
class OrdersChannel(_PrivateChannel):
    """`orders`. Every event is told at once, before the answer to the request that led to it."""

    delay_seconds: ClassVar[float] = 0

    def __init__(self, exchange: Exchange, account: int) -> None:
        """Tell of an account's orders."""
        super().__init__(ORDERS, exchange, account)
        self._updates: list[OrderUpdate] = []

    def put(self, update: OrderUpdate) -> None:
        """Put an event aside."""
        self._updates.append(update)

    def take_pushes(self) -> list[bytes]:
        """Return a push for each event; its type is the kind of event."""
        updates, self._updates = self._updates, []
        pushes = []
        for update in updates:
            self._sequence += 1
            pushes.append(push(self.name, update.kind.encode(), self._sequence, self._data(update)))
        return pushes

    def snapshot(self) -> list[bytes] | None:
        """Return the open orders."""
        own = self._exchange.state.account_orders.get(self._account, {})
        open_orders = [order for order in reversed(own.values()) if order.is_open]
        body = OpenOrdersBody(
            orders=[self._order(order) for order in open_orders[:SNAPSHOT_ORDERS_MAX]],
            is_complete=len(open_orders) <= SNAPSHOT_ORDERS_MAX,
        )
        return [push(self.name, b"snapshot", self._sequence, _encode(body))]

    def _data(self, update: OrderUpdate) -> bytes:
        trade, position = update.trade, update.position_units
        body = OrderUpdateBody(
            order=self._order(update.order),
            trade=None if trade is None else trade_body(trade, symbol=self._symbol(trade.market)),
            position=None if position is None else format_quantity(position),
        )
        return _encode(body)

    def _order(self, order: OrderView) -> OrderBody:
        return order_body(order, symbol=self._symbol(order.market))

    def _symbol(self, market: int) -> str:
        return self._exchange.state.markets[market].symbol


@final
class AccountChannel(_PrivateChannel):
    """`account`. Each push says all of it, soon after it changed."""

    delay_seconds: ClassVar[float] = ACCOUNT_SECONDS

    def __init__(self, exchange: Exchange, account: int) -> None:
        """Tell of an account's cash and holdings."""
        super().__init__(ACCOUNT, exchange, account)
        self._is_changed = False

    def mark(self) -> None:
        """Note that something changed."""
        self._is_changed = True

    def take_pushes(self) -> list[bytes]:
        """Return the account as it is now."""
        if not self._is_changed:
            return []
        self._is_changed = False
        self._sequence += 1
        return [self._say(b"update")]

    def snapshot(self) -> list[bytes] | None:
        """Return the account as it is now."""
        return [self._say(b"snapshot")]

    def _say(self, kind: bytes) -> bytes:
        exchange = self._exchange
        summary = exchange.queries.account_summary(self._account)
        if summary is None:
            message = f"account {self._account} is signed in and does not exist"
            raise LookupError(message)
        body = AccountUpdateBody(
            account=account_body(summary, name=exchange.identity.find_name(self._account)),
            positions=[position_body(position) for position in exchange.queries.positions(self._account)],
        )
        return push(self.name, kind, self._sequence, _encode(body))
