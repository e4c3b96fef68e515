"""Replacements: every mix of fields, of resting, held, triggered and partly filled orders, and of none of these."""

from random import Random

from tests.model.order_flow import OrderFlow
from tests.model.stop_flow import StopFlow
from tests.model.view import LiveOrders, MarketView, OpenOrder
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.commands import Command, ReplaceOrder

_LIFETIMES = (codes.GTC, codes.GTC, codes.DAY, codes.GTD, codes.GTD)


class ReplaceFlow:
    """Draws replacements from what the view knows of open orders."""

    def __init__(self, random: Random, view: MarketView, flow: OrderFlow, stops: StopFlow) -> None:
        self._random = random
        self._view = view
        self._flow = flow
        self._stops = stops

    def replace(self) -> Command:
        """Replace any open order; partly filled and held ones more often than they are met."""
        chance = self._random.random()
        among = self._view.live
        if chance < 0.2:
            among = self._view.partly_filled
        elif chance < 0.45:
            among = self._view.held
        return self._replace_one_of(among)

    def replace_wrongly(self) -> Command:
        """Replace what is final, another's, or never was; or ask for nothing."""
        random, view = self._random, self._view
        order_id = view.live.draw(random)
        chance = random.random()
        if chance < 0.3 and view.final:
            order_id = random.choice(view.final)
        elif chance < 0.5 or order_id is None:
            order_id = view.invent_order_id(random)
        elif chance < 0.65:
            return ReplaceOrder(account=view.open[order_id].account, order_id=order_id)
        return ReplaceOrder(
            account=random.choice((codes.OPERATOR, self._flow.account(), view.accounts + 1)),
            order_id=order_id,
            quantity_units=random.randint(1, 10_000),
        )

    def _replace_one_of(self, among: LiveOrders) -> Command:
        order_id = among.draw(self._random)
        if order_id is None:
            return self._stops.stop_order()
        random, order = self._random, self._view.open[order_id]
        is_stop = order.is_held and order.type == codes.STOP
        time_in_force, expires_at = self._lifetime(order)
        stop_price = self._stop_price(order) if random.random() < (0.5 if order.is_held else 0.02) else 0
        price = self._price(order, stop_price) if random.random() < (0.02 if is_stop else 0.5) else 0
        is_all_else_kept = not (price or stop_price or expires_at or time_in_force)
        return ReplaceOrder(
            account=order.account,
            order_id=order_id,
            quantity_units=self._quantity(order) if is_all_else_kept or random.random() < 0.4 else 0,
            price_cents=price,
            stop_price_cents=stop_price,
            expires_at_ns=expires_at,
            time_in_force=time_in_force,
            client_order_id="r" * random.randrange(20) if random.random() < 0.3 else "",
        )

    def _quantity(self, order: OpenOrder) -> int:
        """Less, the same, more, one more than is filled, what is filled already, all that there is."""
        random, remaining = self._random, order.remaining
        chance = random.random()
        if chance < 0.35:
            return order.filled + random.randint(1, remaining)
        if chance < 0.5:
            return order.filled + remaining
        if chance < 0.85:
            return order.filled + remaining + random.randint(1, remaining)
        if chance < 0.92:
            return max(1, order.filled + random.choice((-1, 0, 0, 1)))
        more = self._flow.quantity(account=order.account, market=order.market, side=order.side, price=order.price or 1)
        return order.filled + remaining + more

    def _price(self, order: OpenOrder, stop_price: int) -> int:
        """The same, a tick beside it, another one, or one that crosses."""
        random = self._random
        chance = random.random()
        if chance < 0.15:
            return order.price
        if chance < 0.25:
            return max(1, order.price + random.choice((-1, 1)))
        if order.is_held and chance < 0.8:
            return self._stops.limit_behind(stop_price or order.stop_price, order.side)
        if chance < 0.5:
            opposite = self._view.level(market=order.market, side=1 - order.side, random=random)
            if opposite is not None:
                return opposite
        if chance < 0.52:
            return limits.PRICE_CENTS_MAX + random.randrange(2)
        return self._flow.limit_price(order.market, order.side)

    def _stop_price(self, order: OpenOrder) -> int:
        if self._random.random() < 0.2 and order.stop_price:
            return order.stop_price
        if self._random.random() < 0.02:
            return limits.PRICE_CENTS_MAX + 1
        return self._stops.stop_price(order.market, order.side)

    def _lifetime(self, order: OpenOrder) -> tuple[int, int]:
        """Time in force + 1 and expiry: mostly neither; else both as they belong together, or only one of them."""
        random = self._random
        chance = random.random()
        if chance < 0.6:
            return 0, 0
        if chance < 0.7:
            return 0, self._flow.expiry(order.time_in_force)
        if chance < 0.72:
            return random.choice((codes.IOC, codes.FOK, 5, -1)) + 1, 0
        time_in_force = random.choice(_LIFETIMES)
        return time_in_force + 1, self._flow.expiry(time_in_force)
