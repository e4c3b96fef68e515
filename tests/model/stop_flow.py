"""Stop orders as traders send them: beyond the last price and in clusters, so that one reaches the next."""

from random import Random

from tests.model.order_flow import OrderFlow
from tests.model.view import MarketView
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.commands import Command, PlaceStopOrder, pack_terms

_POLICIES = (codes.CANCEL_NEWEST, codes.CANCEL_OLDEST, codes.CANCEL_BOTH)
_TIMES_IN_FORCE = (codes.GTC, codes.DAY, codes.GTD, codes.IOC, codes.FOK)


class StopFlow:
    """Draws stop and stop_limit orders from what the view knows."""

    def __init__(self, random: Random, view: MarketView, flow: OrderFlow) -> None:
        self._random = random
        self._view = view
        self._flow = flow

    def stop_order(self) -> Command:
        """A sound order mostly; at times with a price, a time in force or an expiry that it cannot have."""
        random = self._random
        account, market, side = self._flow.account(), self._flow.market(), random.randrange(2)
        (time_in_force,) = random.choices(_TIMES_IN_FORCE, cum_weights=(60, 72, 97, 98, 99))
        order_type = random.choice((codes.STOP, codes.STOP_LIMIT))
        stop_price = self.stop_price(market, side)
        price = self.limit_behind(stop_price, side) if order_type == codes.STOP_LIMIT else 0
        if random.random() < 0.01:
            price = 0 if price else stop_price
        worst = max(1, price, stop_price)
        return PlaceStopOrder(
            account=account,
            market=market,
            terms=pack_terms(
                side=side,
                order_type=order_type,
                time_in_force=time_in_force,
                self_trade=random.choice(_POLICIES),
                post_only=random.random() < 0.01,
            ),
            quantity_units=self._flow.quantity(account=account, market=market, side=side, price=worst),
            stop_price_cents=stop_price,
            price_cents=price,
            expires_at_ns=self._flow.expiry(time_in_force),
            client_order_id="s" * random.randrange(20) if random.random() < 0.3 else "",
        )

    def stop_price(self, market: int, side: int) -> int:
        """On the far side of the reference price, often the same as another's; at times reached already or extreme."""
        random = self._random
        reference = self._view.references.get(market, 0) or random.randint(1, 5_000)
        chance = random.random()
        if chance < 0.02:
            return random.choice((0, 1, 2, limits.PRICE_CENTS_MAX, limits.PRICE_CENTS_MAX - 1))
        if chance < 0.04:
            return max(1, int(reference * random.uniform(0.3, 2.0)))
        if chance < 0.2:
            level = self._view.level(market=market, side=random.randrange(2), random=random)
            if level is not None:
                return level
        step = max(1, reference // 200)
        distance = step * int(abs(random.gauss(0, 3)) + (1 if random.random() < 0.85 else -3))
        stop_price = reference + distance if side == codes.BUY else reference - distance
        return min(max(1, stop_price), limits.PRICE_CENTS_MAX)

    def limit_behind(self, stop_price: int, side: int) -> int:
        """A limit that mostly lets the order trade when it triggers, or rest; at times outside the band."""
        random = self._random
        spread = max(2, stop_price // 60)
        if random.random() < 0.05:
            return max(1, int(stop_price * random.uniform(0.3, 2.0)))
        distance = int(random.gauss(0.3, 1) * spread)
        price = stop_price + distance if side == codes.BUY else stop_price - distance
        return min(max(1, price), limits.PRICE_CENTS_MAX)
