"""Orders as traders send them: around the reference price, of every type, and at the edge of what is allowed."""

from random import Random

from tests.model.view import MarketView
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.commands import Command, PlaceOrder, pack_terms

_SECOND_NS = 1_000_000_000
_TIMES_IN_FORCE = (codes.GTC, codes.DAY, codes.GTD, codes.IOC, codes.FOK)
_POLICIES = (codes.CANCEL_NEWEST, codes.CANCEL_OLDEST, codes.CANCEL_BOTH)


class OrderFlow:
    """Draws orders from what the view knows. `now_ns` is the time that the next command is going to carry."""

    def __init__(self, random: Random, view: MarketView) -> None:
        self.now_ns = 0
        self._random = random
        self._view = view

    def limit_order(self) -> Command:
        random = self._random
        account, market, side = self.account(), self.market(), random.randrange(2)
        (time_in_force,) = random.choices(_TIMES_IN_FORCE, cum_weights=(60, 68, 82, 93, 100))
        can_rest = time_in_force not in (codes.IOC, codes.FOK)
        price = self.limit_price(market, side)
        return PlaceOrder(
            account=account,
            market=market,
            terms=pack_terms(
                side=side,
                order_type=codes.LIMIT,
                time_in_force=time_in_force,
                self_trade=random.choice(_POLICIES),
                post_only=random.random() < (0.12 if can_rest else 0.02),
            ),
            quantity_units=self.quantity(account=account, market=market, side=side, price=price),
            price_cents=price,
            expires_at_ns=self.expiry(time_in_force),
            client_order_id="c" * random.randrange(20) if random.random() < 0.3 else "",
        )

    def sweep(self) -> Command:
        """An order that takes all it meets within a few percent, so that held orders are reached one behind another."""
        random = self._random
        account, market, side = self.account(), self.market(), random.randrange(2)
        reference = self._view.references.get(market, 0) or random.randint(1, 5_000)
        distance = 1 + int(reference * random.uniform(0, 0.06))
        price = reference + distance if side == codes.BUY else reference - distance
        price = min(max(1, price), limits.PRICE_CENTS_MAX)
        possible = self.quantity(account=account, market=market, side=side, price=price)
        return PlaceOrder(
            account=account,
            market=market,
            terms=pack_terms(
                side=side, order_type=codes.LIMIT, time_in_force=codes.IOC, self_trade=random.choice(_POLICIES)
            ),
            quantity_units=possible * random.choice((1, 5, 20)),
            price_cents=price,
        )

    def market_order_by_quantity(self) -> Command:
        random = self._random
        account, market, side = self.account(), self.market(), random.randrange(2)
        price = max(1, self._view.references.get(market, 0))
        return PlaceOrder(
            account=account,
            market=market,
            terms=self._market_terms(side),
            quantity_units=self.quantity(account=account, market=market, side=side, price=price),
        )

    def market_order_by_notional(self) -> Command:
        random = self._random
        account, market, side = self.account(), self.market(), random.randrange(2)
        price = max(1, self._view.references.get(market, 0))
        chance = random.random()
        if chance < 0.1:
            notional = random.randint(1, 2 * price)
        elif side == codes.SELL and chance < 0.5:
            # All shares at the reference price: bids below it use the shares up before the notional.
            notional = self._view.shares_available(account, market) * price + random.randrange(price)
        elif side == codes.BUY and chance < 0.2:
            notional = self._view.cash[account] + random.randint(-1, 1)
        else:
            quantity = self.quantity(account=account, market=market, side=side, price=price)
            notional = quantity * price + random.randrange(price)
        return PlaceOrder(
            account=account, market=market, terms=self._market_terms(side), notional_micros=max(1, notional)
        )

    def _market_terms(self, side: int) -> int:
        return pack_terms(
            side=side,
            order_type=codes.MARKET,
            time_in_force=self._random.choice(_TIMES_IN_FORCE),
            self_trade=self._random.choice(_POLICIES),
        )

    def account(self) -> int:
        """A few accounts trade most, so that they meet themselves."""
        accounts = self._view.accounts
        return min(self._random.randint(1, accounts), self._random.randint(1, accounts))

    def market(self) -> int:
        """A few markets see most orders."""
        markets = max(1, len(self._view.supplies))
        market = min(self._random.randint(1, markets), self._random.randint(1, markets))
        # What is settled takes nothing any more, and it takes one command to see that.
        return market if market not in self._view.settled or self._random.random() < 0.1 else 1

    def limit_price(self, market: int, side: int) -> int:
        """Mostly close to the reference price or at a level of the book; at times far away or at the very ends."""
        random = self._random
        reference = self._view.references.get(market, 0) or random.randint(1, 5_000)
        chance = random.random()
        if chance < 0.03:
            return max(1, int(reference * random.uniform(0.3, 2.0)))
        if chance < 0.04:
            return random.choice((1, 2, limits.PRICE_CENTS_MAX, limits.PRICE_CENTS_MAX - 1))
        if chance < 0.3:
            resting = self._view.level(market=market, side=random.randrange(2), random=random)
            if resting is not None:
                return resting
        spread = max(2, reference // 60)
        distance = int(random.gauss(-0.6, 1) * spread)
        price = reference + distance if side == codes.BUY else reference - distance
        return min(max(1, price), limits.PRICE_CENTS_MAX)

    def quantity(self, *, account: int, market: int, side: int, price: int) -> int:
        """Mostly a small part of what the account could do; at times exactly that, one more, or far too much."""
        random = self._random
        if side == codes.BUY:
            possible = self._view.cash[account] // price
        else:
            possible = self._view.shares_available(account, market)
        possible = min(possible, self._view.supplies.get(market, 1))
        chance = random.random()
        if chance < 0.02:
            return max(1, possible + random.choice((0, 1)))
        if chance < 0.03:
            return self._view.supplies.get(market, 1) + random.choice((0, 1))
        if chance < 0.05:
            return random.randint(1, 3)
        possible = min(possible, self._view.order_value_max // price)
        return max(1, int(possible * random.random() ** 5 / 4))

    def expiry(self, time_in_force: int) -> int:
        """What goes with the time in force, now and then something else."""
        random = self._random
        is_wrong = random.random() < 0.02
        if time_in_force not in (codes.DAY, codes.GTD):
            return self.now_ns + random.randint(-1, 60) * _SECOND_NS if is_wrong else 0
        if is_wrong:
            return self.now_ns + random.choice(
                (-self.now_ns, -_SECOND_NS, 0, self._view.lifetime_ns_max, self._view.lifetime_ns_max + 1)
            )
        return self.now_ns + random.choice((1, _SECOND_NS, 60 * _SECOND_NS, 3_000 * _SECOND_NS))
