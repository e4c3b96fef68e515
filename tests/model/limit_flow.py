"""Commands of the operator that bound what accounts may do: roles, limits, trading days, classes and bands."""

from random import Random

from tests.model.view import MarketView
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    AccountLimits,
    BeginDay,
    ClassifyMarket,
    Command,
    SetLimits,
    SetMarketBand,
    SetRole,
)

_HOUR_NS = 3_600_000_000_000
# Tight, tighter and wide, in the units of each limit.
_VALUES = {
    "order_value_micros_max": (10**7, 10**9, 10**10),
    "position_units_max": (1_000, 100_000, 1_000_000),
    "supply_share_bps_max": (1, 20, 500),
    "open_orders_max": (1, 3, 20),
    "orders_per_second": (1, 5, 7, 100, 1_000_000),
    "orders_burst": (1, 3, 50),
    "day_loss_micros_max": (1, 10**6, 10**9),
    "day_turnover_micros_max": (10**8, 10**10, 10**12),
    "team_bps_max": (10, 1_000, 9_000, 10_000),
    "playing_position_bps_max": (10, 1_000, 9_000, 10_000),
}
_CLASSES = 3


class LimitFlow:
    """Draws limits that bite for a while: many are lifted again soon."""

    def __init__(self, random: Random, view: MarketView) -> None:
        self._random = random
        self._view = view
        self.now_ns = 0

    def set_role(self) -> Command:
        """Mostly back to trader, so that the limits of the roles come and go for an account."""
        role = self._random.choice((codes.ROLE_TRADER, codes.ROLE_TRADER, 1, 2, 3))
        return SetRole(account=self._account(), role=role if self._random.random() > 0.03 else 4)

    def set_limits(self) -> Command:
        """Limits of one account, or of a role; those of all traders seldom and not for long."""
        if self._random.random() < 0.7:
            return SetLimits(scope=codes.LIMITS_OF_ACCOUNT, number=self._account(), limits=self.draw())
        return SetLimits(scope=codes.LIMITS_OF_ROLE, number=self._random.choice((1, 2, 3, 3)), limits=self.draw())

    def limit_traders(self) -> Command:
        """Limits of the role that most accounts have: one of them, and not the tightest."""
        name = self._random.choice(tuple(_VALUES))
        limits = AccountLimits(**{name: _VALUES[name][-1]})
        return SetLimits(scope=codes.LIMITS_OF_ROLE, number=codes.ROLE_TRADER, limits=limits)

    def lift(self) -> Command:
        """No limits of an account or a role."""
        if self._random.random() < 0.5:
            return SetLimits(scope=codes.LIMITS_OF_ACCOUNT, number=self._account(), limits=AccountLimits())
        return SetLimits(scope=codes.LIMITS_OF_ROLE, number=self._random.randrange(4), limits=AccountLimits())

    def draw(self) -> AccountLimits:
        """Some limits set, the others inherited or none; at times one out of its range."""
        drawn = {}
        for name, values in _VALUES.items():
            chance = self._random.random()
            if chance < 0.25:
                drawn[name] = self._random.choice(values)
            elif chance < 0.35:
                drawn[name] = 0
            elif chance > 0.997:
                drawn[name] = self._random.choice((-2, 2**62, 2**63 - 1))
        return AccountLimits(**drawn)

    def begin_day(self) -> Command:
        """A day of any length; some have begun already and some are too long."""
        return BeginDay(ends_at_ns=self.now_ns + self._random.choice((0, 1, 1, 1, 24, 24, 48, 49)) * _HOUR_NS // 8)

    def classify(self) -> Command:
        """Few classes, so that several markets share one."""
        team, position = (self._random.randint(0, _CLASSES) for _ in range(2))
        if self._random.random() < 0.05:
            team = 65_536
        return ClassifyMarket(market=self._market(), team=team, position=position)

    def set_band(self) -> Command:
        """Off, narrow, wide or the exchange's."""
        bands = (-1, -1, -1, 0, 200, 3_000, 9_999, 10_000)
        return SetMarketBand(market=self._market(), band_bps=self._random.choice(bands))

    def _account(self) -> int:
        return self._random.randint(1, self._view.accounts)

    def _market(self) -> int:
        return self._random.randint(1, max(1, len(self._view.supplies)))
