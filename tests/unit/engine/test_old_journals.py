"""A journal from before stop orders leads to the very events that it holds, whatever the engine learned since."""

import random
from collections.abc import Iterator
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
    ListMarket,
    OpenAccount,
    PlaceOrder,
    ResumeMarket,
    encode_command,
)
from waiver_exchange.engine.engine import Engine

# Taken from the engine of the last commit before stop orders. It must never change.
EVENTS_SHA256 = "74d604affed08cc65f29c54f428f5dd1f3b4f3f151b0f53185a719fa77aad101"
COMMANDS = 20_000
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


def test_a_journal_of_the_first_format_leads_to_the_same_events() -> None:
    assert digest_of_events() == EVENTS_SHA256


def digest_of_events() -> str:
    engine = Engine()
    digest = sha256()
    # Before the first is accepted, none is meant.
    order_ids = [0] * 60
    for number, command in enumerate(commands(order_ids)):
        # The orders of a week ago are due.
        engine.execute(encode_command(command, time_ns=START_NS + number * 100 * SECOND_NS))
        events = engine.take_events()
        if events[0] == codes.ORDER_ACCEPTED:
            order_ids.append(int.from_bytes(events[8:16], "little"))
        digest.update(events)
    return digest.hexdigest()
