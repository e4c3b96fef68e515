"""Seeded commands in realistic and nasty proportions, led by what the exchange answers."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from random import Random

from tests.model.correction_flow import CorrectionFlow
from tests.model.garbage import spoil
from tests.model.limit_flow import LimitFlow
from tests.model.order_flow import OrderFlow
from tests.model.profiles import draw_parameters
from tests.model.reference_engine import ReferenceEngine
from tests.model.replace_flow import ReplaceFlow
from tests.model.stop_flow import StopFlow
from tests.model.view import MarketView
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.commands import (
    AccountLimits,
    CancelOrder,
    Command,
    ConfigureExchange,
    DepositCash,
    ExpireOrder,
    GrantShares,
    HaltAccount,
    HaltExchange,
    HaltMarket,
    IssueShares,
    ListMarket,
    OpenAccount,
    RecordAudit,
    ResumeAccount,
    ResumeExchange,
    ResumeMarket,
    SetLimits,
    encode_command,
)
from waiver_exchange.domain.events import (
    Event,
    MarketHalted,
)

_START_NS = 1_788_739_200_000_000_000  # 7 September 2026, 00:00 UTC
_WAIT_NS_MAX = 3_600_000_000_000
_ACCOUNTS_MAX = 40
_MARKETS_MAX = 12
_GARBAGE_SHARE = 0.05
_SWEEPS_UNDER_A_HALT = 12
_ORDERS_UNDER_LIMITS = 20


def commands(*, seed: int, count: int) -> Iterator[bytes]:
    """Yield `count` encoded commands; the reference engine answers them."""
    workload, engine = Workload(seed), ReferenceEngine()
    for _ in range(count):
        command = workload.next()
        yield command
        workload.observe(engine.execute(command))


class Workload:
    """Draws the next command; `observe` tells it what the last one led to."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._time = _START_NS
        self._step_ns = self._random.choice((200_000, 2_000_000, 20_000_000))
        self._depth = self._random.choice((10, 100, 500, 2_000))
        self._view = MarketView()
        self._flow = OrderFlow(self._random, self._view)
        self._stops = StopFlow(self._random, self._view, self._flow)
        self._replaces = ReplaceFlow(self._random, self._view, self._flow, self._stops)
        self._limits = LimitFlow(self._random, self._view)
        self._corrections = CorrectionFlow(self._random, self._view)
        self._planned: list[Command] = []
        self._setup = self._draw_setup()
        weighted = self._kinds_and_weights()
        self._kinds = [kind for kind, _ in weighted]
        self._weights = list(accumulate(weight for _, weight in weighted))
        self._sound_configuration_in = 0

    def next(self) -> bytes:
        """Return the next command, encoded."""
        self._advance_time()
        self._flow.now_ns = self._limits.now_ns = self._time
        command = self._draw()  # may move the time on
        return encode_command(command, time_ns=self._time)

    def observe(self, events: Sequence[Event]) -> None:
        """Learn from the answer to the last command."""
        self._view.observe(events)
        for event in events:
            if isinstance(event, MarketHalted) and event.cause == codes.HALT_BY_CIRCUIT_BREAKER:
                self._plan_resume(event.market)

    def _plan_resume(self, market: int) -> None:
        """At times resume soon what the breaker halted, also behind a halt of the exchange: stops may wait there."""
        chance = self._random.random()
        if chance < 0.2:
            self._planned = [ResumeMarket(market=market)]
        elif chance < 0.4:
            self._planned = [ResumeExchange(), ResumeMarket(market=market), HaltExchange()]  # from the last one on

    def _draw(self) -> Command:
        setup = next(self._setup, None)
        if setup is not None:
            return setup
        if self._sound_configuration_in:
            self._sound_configuration_in -= 1
            if not self._sound_configuration_in:
                return draw_parameters(self._random)
        if self._planned:
            return self._planned.pop()
        if self._view.halted and self._random.random() < 0.06:
            return self._resume(self._random.choice(sorted(self._view.halted)))
        if self._random.random() < _GARBAGE_SHARE:
            return self._draw_garbage()
        (kind,) = self._random.choices(self._kinds, cum_weights=self._weights)
        return kind()

    def _draw_garbage(self) -> Command:
        """A spoilt command of the usual kinds or of any; a spoilt configuration does not stay for long."""
        (usual,) = self._random.choices(self._kinds, cum_weights=self._weights)
        kind = usual if self._random.random() < 0.7 else self._random.choice(self._kinds)
        command = spoil(kind(), random=self._random, view=self._view)
        if isinstance(command, ConfigureExchange):
            self._sound_configuration_in = 60
        return command

    def _advance_time(self) -> None:
        chance = self._random.random()
        if chance < 0.6:
            self._time += self._random.randrange(self._step_ns)
        elif chance > 0.999:
            self._time += self._random.randrange(400_000_000_000)
        elif chance > 0.9985 and self._random.random() < 0.05:
            self._time += self._random.randrange(3_000_000_000_000_000)

    def _draw_setup(self) -> Iterator[Command]:
        """A configuration, accounts with different amounts of cash, markets of different sizes, shares for most."""
        random = self._random
        yield draw_parameters(random)
        for _ in range(random.randint(5, 14)):
            yield OpenAccount()
        for account in range(1, self._view.accounts):  # the last account stays without cash
            for _ in range(random.randint(1, 2)):
                yield self._deposit(account)
        yield ListMarket(supply_units=10_000_000, reference_price_cents=2_500, facts="{}")
        yield ListMarket(supply_units=random.choice((1, 40_000_000)), reference_price_cents=0, facts="")
        for _ in range(random.randint(0, 3)):
            yield self._list_market()
        for market in tuple(self._view.supplies):
            for account in range(2, self._view.accounts + 1):
                if random.random() < 0.7:
                    yield self._grant(account, market)

    def _kinds_and_weights(self) -> tuple[tuple[Callable[[], Command], float], ...]:
        return (
            (self._flow.limit_order, 50.0),
            (self._stops.stop_order, self._random.choice((3.0, 10.0, 25.0))),
            (self._replaces.replace, self._random.choice((3.0, 10.0, 20.0))),
            (self._replaces.replace_wrongly, 1.0),
            (self._flow.sweep, 6.0),
            (self._flow.market_order_by_quantity, 7.0),
            (self._flow.market_order_by_notional, 7.0),
            (self._cancel, 6.0),
            (self._cancel_when_books_are_deep, 18.0),
            (self._cancel_wrongly, 2.5),
            (self._expire, 2.5),
            (lambda: self._deposit(self._account()), 0.5),
            (lambda: self._grant(self._account(), self._market()), 0.6),
            (self._issue, 0.2),
            (self._halt_something, 0.3),
            (self._resume_anything, 0.1),
            (self._open_account, 0.05),
            (self._record_audit, 0.1),
            (self._corrections.fund_house, 0.05),
            (self._corrections.correct_cash, 0.2),
            (self._corrections.correct_shares, 0.2),
            (self._corrections.bust_trade, 0.4),
            (self._corrections.settle_market, 0.02),
            (self._list_market, 0.05),
            (lambda: draw_parameters(self._random), 0.1),
            (self._limits.set_role, 0.2),
            (self._limits.set_limits, 0.2),
            (self._limits.lift, 0.8),
            (self._limit_traders, 0.05),
            (self._limits.begin_day, 0.15),
            (self._limits.classify, 0.15),
            (self._limits.set_band, 0.1),
        )

    def _limit_traders(self) -> Command:
        """Limits of nearly everybody, lifted again some commands later."""
        lift = SetLimits(scope=codes.LIMITS_OF_ROLE, number=codes.ROLE_TRADER, limits=AccountLimits())
        kinds = (self._flow.limit_order, self._flow.limit_order, self._replaces.replace)
        self._planned = [lift, *(kinds[number % 3]() for number in range(_ORDERS_UNDER_LIMITS))]
        return self._limits.limit_traders()

    def _account(self) -> int:
        return self._random.randint(1, self._view.accounts)

    def _market(self) -> int:
        return self._random.randint(1, max(1, len(self._view.supplies)))

    def _reference(self, prefix: str) -> str:
        """A text for the tail of a record; of every length, to prove that tails are stepped over."""
        return prefix + "é" * self._random.randrange(2) + "x" * self._random.randrange(17)

    def _deposit(self, account: int) -> Command:
        amount = int(10 ** self._random.uniform(6, 13))
        chance = self._random.random()
        if chance < 0.02:
            amount = 10**17
        elif chance > 0.995:  # all that may still be issued, or one more
            amount = limits.CASH_MICROS_MAX - self._view.cash_issued + self._random.randrange(2)
        return DepositCash(account=account, amount_micros=amount, reference=self._reference("deposit-"))

    def _list_market(self) -> Command:
        if len(self._view.supplies) >= _MARKETS_MAX:
            return self._resume_anything()
        supply = self._random.choice((1, 50_000, 10_000_000, 10_000_000, 300_000_000, 3_000_000_000))
        price = self._random.choice((0, 1, 7, 45, 2_500, 2_500, 9_999, 120_000, 1_048_574))
        return ListMarket(supply_units=supply, reference_price_cents=price, facts=self._reference('{"player": 7}'))

    def _grant(self, account: int, market: int) -> Command:
        available = self._view.shares_available(codes.HOUSE_ACCOUNT, market)
        quantity = available // self._random.choice((2, 7, 20, 20, 50))
        if self._random.random() < 0.03:
            quantity = available + self._random.choice((0, 1))
        return GrantShares(
            account=account, market=market, quantity_units=max(1, quantity), reference=self._reference("")
        )

    def _issue(self) -> Command:
        market = self._market()
        possible = limits.QUANTITY_UNITS_MAX - self._view.supplies.get(market, 0)
        quantity = self._random.choice((1, 10_000, 1_000_000, 10_000_000))
        if self._random.random() < 0.1:
            quantity = possible + self._random.randrange(2)
        return IssueShares(market=market, quantity_units=quantity, reference=self._reference("issue"))

    def _halt_something(self) -> Command:
        chance = self._random.random()
        if chance < 0.15:
            return HaltExchange()
        if chance < 0.6:
            held = self._view.held.draw(self._random)  # what is held for a halted account triggers all the same
            self._planned = [self._flow.sweep() for _ in range(_SWEEPS_UNDER_A_HALT)]
            return HaltAccount(account=self._account() if held is None else self._view.open[held].account)
        return HaltMarket(market=self._market())

    def _resume_anything(self) -> Command:
        return self._resume(self._random.choice((("exchange", 0), ("account", self._account()), ("market", 1))))

    def _resume(self, halted: tuple[str, int]) -> Command:
        what, number = halted
        if what == "exchange":
            return ResumeExchange()
        return ResumeAccount(account=number) if what == "account" else ResumeMarket(market=number)

    def _open_account(self) -> Command:
        return OpenAccount() if self._view.accounts < _ACCOUNTS_MAX else self._resume_anything()

    def _record_audit(self) -> Command:
        event = self._random.randrange(30)
        return RecordAudit(account=self._account(), event=event, facts=self._reference('{"key": 7}'))

    def _cancel(self) -> Command:
        order = self._view.live.draw(self._random)
        if order is None:
            return self._flow.limit_order()
        owner = self._view.open[order].account
        return CancelOrder(account=owner if self._random.random() < 0.95 else codes.OPERATOR, order_id=order)

    def _cancel_when_books_are_deep(self) -> Command:
        return self._cancel() if len(self._view.live) > self._depth else self._flow.limit_order()

    def _cancel_wrongly(self) -> Command:
        """Cancel what is final, what is another account's and what never was."""
        chance = self._random.random()
        account = self._random.choice((codes.OPERATOR, self._account()))
        if chance < 0.35 and self._view.final:
            return CancelOrder(account=account, order_id=self._random.choice(self._view.final))
        order = self._view.live.draw(self._random)
        if chance < 0.65 and order is not None:
            return CancelOrder(account=self._account(), order_id=order)
        return CancelOrder(account=account, order_id=self._view.invent_order_id(self._random))

    def _expire(self) -> Command:
        """Expire what is due if anything is, at times what is not, what is final or what never was."""
        chance = self._random.random()
        first = self._view.first_to_expire()
        if first is not None and chance < 0.8:
            expires_at, order_id = first
            if self._time < expires_at < self._time + _WAIT_NS_MAX and chance < 0.4:
                self._time = expires_at - self._random.randrange(2)  # just due, or a nanosecond early
            return ExpireOrder(order_id=order_id)
        order = self._view.live.draw(self._random)
        if order is not None and chance < 0.9:
            return ExpireOrder(order_id=order)
        if self._view.final and chance < 0.95:
            return ExpireOrder(order_id=self._random.choice(self._view.final))
        return ExpireOrder(order_id=self._view.invent_order_id(self._random))
