"""Updates of the own orders for those who listen on the trading stream, as soon as what they say can be read.

Refused orders never existed and are not told, rejected ones did and are. A triggered stop is not told, because Alpaca's
clients know no word for it: what comes of it is.
"""

from typing import TYPE_CHECKING, Final, Protocol, final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.domain.money import format_quantity
from waiver_exchange.gateway.alpaca.codec import encode_json, encode_msgpack
from waiver_exchange.gateway.alpaca.order_body import order_body, price_text
from waiver_exchange.gateway.alpaca.streams.trading_protocol import TRADE_UPDATES
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.projections.feed_buffer import FeedBatch, OrderUpdate, OrderUpdateKind

if TYPE_CHECKING:
    from waiver_exchange.application.feed import Subscription

_EVENTS: Final[dict[OrderUpdateKind, str]] = {
    "accepted": "new",
    "partially_filled": "partial_fill",
    "filled": "fill",
    "cancelled": "canceled",
    "expired": "expired",
    "replaced": "replaced",
    "rejected": "rejected",
}


class Listener(Protocol):
    """A connection as the updates see it."""

    is_msgpack: bool

    def tell(self, message: bytes) -> None:
        """Send a message now; returns at once, whatever the client does."""


@final
class TradeUpdates:
    """Who listens to which account of an exchange."""

    def __init__(self, exchange: Exchange) -> None:
        """Begin without listeners."""
        self._exchange = exchange
        self._listeners: dict[int, set[Listener]] = {}
        self._listening: Subscription | None = None

    def join(self, listener: Listener, *, account: int) -> None:
        """Tell a listener of an account's orders from now on."""
        if self._listening is None:
            self._listening = self._exchange.feed.subscribe(self._take)
        listeners = self._listeners.setdefault(account, set())
        if listener not in listeners:
            listeners.add(listener)
            self._exchange.feed.watch_account(account)

    def leave(self, listener: Listener, *, account: int) -> None:
        """Tell a listener no more; one that was not told is passed over."""
        listeners = self._listeners.get(account)
        if listeners is None or listener not in listeners:
            return
        listeners.remove(listener)
        self._exchange.feed.unwatch_account(account)
        if not listeners:
            del self._listeners[account]
        if not self._listeners and self._listening is not None:
            self._listening.close()
            self._listening = None

    def _take(self, batch: FeedBatch) -> None:
        for update in batch.orders:
            listeners = self._listeners.get(update.order.account)
            event = _EVENTS.get(update.kind)
            if listeners is None or event is None:
                continue
            symbol = self._exchange.state.markets[update.order.market].symbol
            message = {"stream": TRADE_UPDATES, "data": update_data(update, event=event, symbol=symbol)}
            encoded: dict[bool, bytes] = {}
            for listener in tuple(listeners):
                is_msgpack = listener.is_msgpack
                if is_msgpack not in encoded:
                    encoded[is_msgpack] = encode_msgpack(message) if is_msgpack else encode_json(message)
                listener.tell(encoded[is_msgpack])


def update_data(update: OrderUpdate, *, event: str, symbol: str) -> dict[str, object]:
    """Return what is told of an update: the order as of then and, of a fill, its price and quantity."""
    data: dict[str, object] = {"event": event, "timestamp": format_time(update.time_ns)}
    if update.trade is not None:
        data["execution_id"] = str(to_uuid(IdKind.trade, update.trade.trade_id))
        data["price"] = price_text(update.trade.price_cents)
        data["qty"] = format_quantity(update.trade.quantity_units)
        data["position_qty"] = format_quantity(update.position_units or 0)
    data["order"] = order_body(update.order, symbol=symbol)
    return data
