"""A journal of an older version leads to the very events that it holds, whatever the engine learned since."""

import random
from collections.abc import Callable, Iterator
from hashlib import sha256

from tests.support.engine_desk import SECOND_NS, START_NS
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
    IssueShares,
    ListMarket,
    OpenAccount,
    PlaceOrder,
    PlaceStopOrder,
    ReplaceOrder,
    ResumeAccount,
    ResumeExchange,
    ResumeMarket,
    encode_command,
)
from waiver_exchange.engine.engine import Engine

# Taken from the engine of the last commit before stop orders. It must never change.
EVENTS_SHA256 = "74d604affed08cc65f29c54f428f5dd1f3b4f3f151b0f53185a719fa77aad101"
# Likewise of the last commit before limits, days and corrections.
EVENTS_BEFORE_LIMITS_SHA256 = "a516ae08e38df2ae1746a1bb4f0d7e65fc91e77dbd76b6fa2575f5b9bf73a0b6"
COMMANDS = 20_000
ACCEPTED = (codes.ORDER_ACCEPTED, codes.STOP_ORDER_ACCEPTED)
ACCOUNTS = range(2, 8)
MARKETS = range(1, 4)


class Draw:
    """Chance that is the same in every Python: of `random` only the method `random` promises that."""

    def __init__(self) -> None:
        self._random = random.Random(20_260_907)

    def below(self, count: int) -> int:
        return int(self._random.random() * count)

    def of(self, *choices: int) -> int:
        return choices[self.below(len(choices))]


def commands(order_ids: list[int]) -> Iterator[Command]:
    """Everything that the first format knew; cancels and expiries are of the orders that were accepted so far."""
    draw = Draw()
    yield ConfigureExchange(parameters=ExchangeParameters(maker_fee_bps=7, taker_fee_bps=25, breaker_bps=500))
    for _ in MARKETS:
        yield ListMarket(supply_units=50_000_000, reference_price_cents=1_000, facts="")
    for account in ACCOUNTS:
        yield OpenAccount()
        yield DepositCash(account=account, amount_micros=40_000_000_000, reference="")
        for market in MARKETS:
            yield GrantShares(account=account, market=market, quantity_units=1_000_000)
    for _ in range(COMMANDS):
        kind = draw.below(100)
        if kind < 20:
            yield CancelOrder(account=draw.of(codes.OPERATOR, *ACCOUNTS), order_id=order_ids[-1 - draw.below(60)])
        elif kind < 25:
            yield ExpireOrder(order_id=order_ids[-1 - draw.below(60)])
        elif kind < 35:
            yield ResumeMarket(market=draw.of(*MARKETS))
        else:
            yield an_order(draw)


def an_order(draw: Draw) -> PlaceOrder:
    """An order of any terms, also such as do not go together."""
    order_type = draw.of(codes.LIMIT, codes.LIMIT, codes.LIMIT, codes.MARKET)
    terms = (
        draw.of(codes.BUY, codes.SELL)
        | order_type << codes.TYPE_SHIFT
        | draw.of(codes.GTC, codes.GTC, codes.IOC, codes.FOK) << codes.TIME_IN_FORCE_SHIFT
        | draw.below(3) << codes.SELF_TRADE_SHIFT
        | (draw.below(20) == 0) << codes.POST_ONLY_SHIFT
    )
    is_by_notional = order_type == codes.MARKET and draw.below(2) == 0
    return PlaceOrder(
        account=draw.of(*ACCOUNTS),
        market=draw.of(*MARKETS),
        terms=terms,
        quantity_units=0 if is_by_notional else 1 + draw.below(30_000),
        notional_micros=1 + draw.below(30_000_000) if is_by_notional else 0,
        price_cents=960 + draw.below(81) if order_type == codes.LIMIT else 0,
    )


def commands_before_limits(order_ids: list[int]) -> Iterator[Command]:
    """Everything that the second format knew: stop orders, replacements, halts, and the exchange's own limits."""
    draw = Draw()
    parameters = ExchangeParameters(
        maker_fee_bps=3,
        taker_fee_bps=11,
        band_bps=900,
        breaker_bps=400,
        order_value_micros_max=25_000_000,
        position_units_max=1_500_000,
        open_orders_max=60,
        orders_per_second_max=2,
    )
    yield ConfigureExchange(parameters=parameters)
    for _ in MARKETS:
        yield ListMarket(supply_units=50_000_000, reference_price_cents=1_000, facts="")
    for account in ACCOUNTS:
        yield OpenAccount()
        yield DepositCash(account=account, amount_micros=40_000_000_000, reference="")
        for market in MARKETS:
            yield GrantShares(account=account, market=market, quantity_units=1_000_000)
    for _ in range(COMMANDS):
        yield a_command_before_limits(draw, order_ids)


def a_command_before_limits(draw: Draw, order_ids: list[int]) -> Command:
    kind = draw.below(200)
    if kind < 30:
        return CancelOrder(account=draw.of(codes.OPERATOR, *ACCOUNTS), order_id=order_ids[-1 - draw.below(60)])
    if kind < 36:
        return ExpireOrder(order_id=order_ids[-1 - draw.below(60)])
    if kind < 60:
        return a_replacement(draw, order_ids)
    if kind < 90:
        return a_stop(draw)
    if kind < 100:
        return an_operators_command(draw)
    return an_order(draw)


def a_replacement(draw: Draw, order_ids: list[int]) -> ReplaceOrder:
    return ReplaceOrder(
        account=draw.of(*ACCOUNTS),
        order_id=order_ids[-1 - draw.below(20)],
        quantity_units=draw.of(0, 1 + draw.below(30_000)),
        price_cents=draw.of(0, 960 + draw.below(81)),
        stop_price_cents=draw.of(0, 0, 960 + draw.below(81)),
        time_in_force=draw.of(0, 0, codes.GTC + 1),
    )


def a_stop(draw: Draw) -> PlaceStopOrder:
    order_type = draw.of(codes.STOP, codes.STOP_LIMIT)
    return PlaceStopOrder(
        account=draw.of(*ACCOUNTS),
        market=draw.of(*MARKETS),
        terms=draw.of(codes.BUY, codes.SELL) | order_type << codes.TYPE_SHIFT,
        quantity_units=1 + draw.below(30_000),
        price_cents=960 + draw.below(81) if order_type == codes.STOP_LIMIT else 0,
        stop_price_cents=960 + draw.below(81),
    )


def an_operators_command(draw: Draw) -> Command:
    """A halt is soon over: one in ten commands of this kind halts."""
    kind = draw.below(10)
    market, account = draw.of(*MARKETS), draw.of(*ACCOUNTS)
    if kind == 0:
        return (HaltMarket(market=market), HaltAccount(account=account), HaltExchange())[draw.below(3)]
    if kind == 1:
        return IssueShares(market=market, quantity_units=1 + draw.below(1_000))
    if kind == 2:
        return DepositCash(account=account, amount_micros=1 + draw.below(1_000_000), reference="")
    if kind == 3:
        return GrantShares(account=account, market=market, quantity_units=1 + draw.below(1_000))
    return (ResumeMarket(market=market), ResumeAccount(account=account), ResumeExchange())[kind % 3]


def test_a_journal_of_the_first_format_leads_to_the_same_events() -> None:
    assert digest_of_events(commands) == EVENTS_SHA256


def test_a_journal_of_the_format_before_limits_leads_to_the_same_events() -> None:
    assert digest_of_events(commands_before_limits, at_once=9) == EVENTS_BEFORE_LIMITS_SHA256


def digest_of_events(commands: Callable[[list[int]], Iterator[Command]], *, at_once: int = 1) -> str:
    engine = Engine()
    digest = sha256()
    # Before the first is accepted, none is meant.
    order_ids = [0] * 60
    for number, command in enumerate(commands(order_ids)):
        # The orders of a week ago are due.
        engine.execute(encode_command(command, time_ns=START_NS + number // at_once * at_once * 100 * SECOND_NS))
        events = engine.take_events()
        if events[0] in ACCEPTED:
            order_ids.append(int.from_bytes(events[8:16], "little"))
        elif events[0] == codes.ORDER_REPLACED:
            order_ids.append(int.from_bytes(events[32:40], "little"))
        digest.update(events)
    return digest.hexdigest()
