"""Whatever traders send, engine and model agree and keep the invariants; a failure shrinks to the shortest course."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.model.invariants import check_invariants
from tests.model.lifecycles import Lifecycles
from tests.model.reference_engine import ReferenceEngine
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    Command,
    ConfigureExchange,
    DepositCash,
    ExchangeParameters,
    ExpireOrder,
    GrantShares,
    HaltAccount,
    HaltExchange,
    HaltMarket,
    ListMarket,
    OpenAccount,
    PlaceOrder,
    PlaceStopOrder,
    ReplaceOrder,
    ResumeAccount,
    ResumeExchange,
    ResumeMarket,
    encode_command,
    pack_terms,
)
from waiver_exchange.domain.events import Event, TradeExecuted, decode_events
from waiver_exchange.engine.engine import Engine
from waiver_exchange.engine.state import load_state, state_bytes, state_hash

START_NS = 1_788_739_200_000_000_000
SECOND_NS = 1_000_000_000

accounts = st.integers(1, 4)
markets = st.integers(1, 2)
sides = st.sampled_from((codes.BUY, codes.SELL))
prices = st.integers(90, 110)
quantities = st.integers(1, 50)
policies = st.sampled_from((codes.CANCEL_NEWEST, codes.CANCEL_OLDEST, codes.CANCEL_BOTH))
lifetimes = st.sampled_from((codes.GTC, codes.GTC, codes.DAY, codes.GTD))
seconds = st.integers(1, 40)
places = st.integers(0, 2**16)
changed_quantities = st.one_of(st.just(0), st.integers(1, 80))
changed_prices = st.one_of(st.just(0), prices)


class Trading(RuleBasedStateMachine):
    """Both engines, the clock, and all commands so far."""

    def __init__(self) -> None:
        super().__init__()
        self.model = ReferenceEngine()
        self.engine = Engine()
        self.lifecycles = Lifecycles()
        self.commands: list[bytes] = []
        self.now_ns = START_NS

    def send(self, command: Command) -> tuple[Event, ...]:
        """Let both execute a command; they answer alike."""
        self.now_ns += 1
        record = encode_command(command, time_ns=self.now_ns)
        self.commands.append(record)
        expected = self.model.execute(record)
        self.engine.execute(record)
        assert tuple(decode_events(self.engine.take_events())) == expected
        self.lifecycles.follow(expected)
        return expected

    @property
    def open_ids(self) -> list[int]:
        return list(self.lifecycles.open)

    @initialize(maker=st.sampled_from((0, 10, 1_000)), taker=st.sampled_from((0, 25, 1_000)))
    def open_exchange(self, maker: int, taker: int) -> None:
        self.send(ConfigureExchange(parameters=ExchangeParameters(maker_fee_bps=maker, taker_fee_bps=taker)))
        self.send(ListMarket(supply_units=1_000, reference_price_cents=100, facts=""))
        self.send(ListMarket(supply_units=1_000, reference_price_cents=0, facts=""))
        for account in (2, 3, 4):
            self.send(OpenAccount())
            self.send(DepositCash(account=account, amount_micros=50_000, reference=""))
            self.send(GrantShares(account=account, market=1, quantity_units=200))
            self.send(GrantShares(account=account, market=2, quantity_units=200))
        for market in (1, 2):
            for distance in (0, 1, 3, 6, 9):
                for side in (codes.SELL, codes.BUY):  # the first two trade
                    price = 100 + distance if side == codes.SELL else 100 - distance
                    account = 2 if side == codes.SELL else 3
                    self.send(limit_order(account=account, market=market, side=side, price=price, quantity=8))

    def reopen(self) -> None:
        """Resume what is halted; what waits there is triggered."""
        for market in self.model.exchange.markets.values():
            if market.halt_cause:
                self.send(ResumeMarket(market=market.id))
        if self.model.exchange.halted:
            self.send(ResumeExchange())

    @rule(
        account=accounts,
        market=markets,
        side=sides,
        price=prices,
        quantity=quantities,
        time_in_force=st.sampled_from((codes.GTC, codes.GTC, codes.GTC, codes.IOC, codes.FOK)),
        policy=policies,
        post_only=st.booleans(),
    )
    def place_limit(
        self,
        *,
        account: int,
        market: int,
        side: int,
        price: int,
        quantity: int,
        time_in_force: int,
        policy: int,
        post_only: bool,
    ) -> None:
        terms = pack_terms(
            side=side,
            order_type=codes.LIMIT,
            time_in_force=time_in_force,
            self_trade=policy,
            post_only=post_only and time_in_force == codes.GTC,
        )
        self.reopen()
        self.send(PlaceOrder(account=account, market=market, terms=terms, quantity_units=quantity, price_cents=price))

    @rule(account=accounts, market=markets, side=sides, notional=st.integers(1, 10_000), policy=policies)
    def place_market(self, *, account: int, market: int, side: int, notional: int, policy: int) -> None:
        terms = pack_terms(side=side, order_type=codes.MARKET, time_in_force=codes.IOC, self_trade=policy)
        self.reopen()
        self.send(PlaceOrder(account=account, market=market, terms=terms, notional_micros=notional))

    @rule(
        account=accounts,
        market=markets,
        side=sides,
        beyond=st.sampled_from((1, 2, 2, 3, 5, 8, 0, -3)),
        price=changed_prices,
        quantity=quantities,
        time_in_force=lifetimes,
        lifetime=seconds,
        policy=policies,
    )
    def place_stop(
        self,
        *,
        account: int,
        market: int,
        side: int,
        beyond: int,
        price: int,
        quantity: int,
        time_in_force: int,
        lifetime: int,
        policy: int,
    ) -> None:
        """A stop price `beyond` the last price, so that most are held for a while."""
        order_type = codes.STOP_LIMIT if price else codes.STOP
        last = self.model.exchange.markets[market].last
        terms = pack_terms(side=side, order_type=order_type, time_in_force=time_in_force, self_trade=policy)
        expires_at = 0 if time_in_force == codes.GTC else self.now_ns + lifetime * SECOND_NS
        self.reopen()
        self.send(
            PlaceStopOrder(
                account=account,
                market=market,
                terms=terms,
                quantity_units=quantity,
                stop_price_cents=last + beyond if side == codes.BUY else last - beyond,
                price_cents=price,
                expires_at_ns=expires_at,
            )
        )

    @precondition(lambda self: self.lifecycles.open)
    @rule(
        place=places,
        quantity=changed_quantities,
        price=changed_prices,
        stop_price=changed_prices,
        time_in_force=st.integers(0, 3),
        lifetime=seconds,
    )
    def replace(
        self, *, place: int, quantity: int, price: int, stop_price: int, time_in_force: int, lifetime: int
    ) -> None:
        order_id = self.open_ids[place % len(self.open_ids)]
        life = self.lifecycles.open[order_id]
        is_stop = life.terms >> codes.TYPE_SHIFT & codes.TERMS_FIELD_MASK == codes.STOP
        self.reopen()
        self.send(
            ReplaceOrder(
                account=life.account,
                order_id=order_id,
                quantity_units=quantity,
                price_cents=0 if is_stop else price,
                stop_price_cents=stop_price if life.is_held else 0,
                expires_at_ns=self.now_ns + lifetime * SECOND_NS if time_in_force > codes.GTC + 1 else 0,
                time_in_force=time_in_force,
            )
        )

    @precondition(lambda self: self.lifecycles.replaced_by)
    @rule(place=places, quantity=quantities)
    def replace_again_what_is_replaced(self, place: int, quantity: int) -> None:
        replaced = list(self.lifecycles.replaced_by)
        self.send(ReplaceOrder(account=2, order_id=replaced[place % len(replaced)], quantity_units=quantity))

    @precondition(lambda self: self.lifecycles.open)
    @rule(place=places)
    def cancel(self, place: int) -> None:
        order_id = self.open_ids[place % len(self.open_ids)]
        self.send(CancelOrder(account=self.lifecycles.open[order_id].account, order_id=order_id))

    @precondition(lambda self: self.lifecycles.open)
    @rule(place=places, waited=st.sampled_from((0, 10, 60, 700_000)))
    def expire(self, place: int, waited: int) -> None:
        self.now_ns += waited * SECOND_NS
        self.send(ExpireOrder(order_id=self.open_ids[place % len(self.open_ids)]))

    @rule(
        maker=st.sampled_from((0, 10, 1_000)),
        taker=st.sampled_from((0, 25, 1_000)),
        collar=st.sampled_from((1, 300, 9_999)),
        breaker=st.sampled_from((0, 200, 5_000)),
    )
    def configure(self, maker: int, taker: int, collar: int, breaker: int) -> None:
        parameters = ExchangeParameters(
            maker_fee_bps=maker, taker_fee_bps=taker, collar_bps=collar, breaker_bps=breaker, breaker_halt_ns=0
        )
        self.send(ConfigureExchange(parameters=parameters))

    @rule(command=st.sampled_from((HaltMarket(market=1), HaltExchange(), HaltAccount(account=2))))
    def halt(self, command: Command) -> None:
        self.send(command)

    @rule()
    def resume_account(self) -> None:
        self.send(ResumeAccount(account=2))

    @invariant()
    def is_sound(self) -> None:
        check_invariants(self.model.exchange)
        assert sorted(self.lifecycles.open) == sorted(self.model.exchange.orders)
        assert state_bytes(self.engine) == self.model.state_bytes()
        self.engine.check_conservation()

    def teardown(self) -> None:
        """Replaying all commands at once, and going on from a loaded state, lead to the same state."""
        replayed = Engine()
        replayed.execute_batch(b"".join(self.commands))
        assert state_hash(replayed) == state_hash(self.engine) == state_hash(load_state(state_bytes(self.engine)))


TestTrading = Trading.TestCase
TestTrading.settings = settings(max_examples=150, stateful_step_count=60)


def test_resumed_exchange_triggers_what_waits_market_by_market() -> None:
    trading = Trading()
    trading.open_exchange(maker=0, taker=0)
    trading.configure(maker=0, taker=0, collar=300, breaker=200)
    for market in (2, 1):
        for _ in range(2):
            trading.send(buy_stop_limit(account=4, market=market, stop_price=101, price=110))
        # The first one is triggered and meets 103, more than two percent away: the market halts, the second one waits.
        trading.send(limit_order(account=3, market=market, side=codes.BUY, price=101, quantity=8))
    for command in (HaltExchange(), ResumeMarket(market=2), ResumeMarket(market=1)):
        assert len(trading.send(command)) == 1
    events = trading.send(ResumeExchange())
    assert [event.market for event in events if isinstance(event, TradeExecuted)] == [1, 2]
    trading.is_sound()


def limit_order(*, account: int, market: int, side: int, price: int, quantity: int) -> PlaceOrder:
    terms = pack_terms(side=side, order_type=codes.LIMIT, time_in_force=codes.GTC)
    return PlaceOrder(account=account, market=market, terms=terms, quantity_units=quantity, price_cents=price)


def buy_stop_limit(*, account: int, market: int, stop_price: int, price: int) -> PlaceStopOrder:
    terms = pack_terms(side=codes.BUY, order_type=codes.STOP_LIMIT, time_in_force=codes.GTC)
    return PlaceStopOrder(
        account=account, market=market, terms=terms, quantity_units=5, stop_price_cents=stop_price, price_cents=price
    )
