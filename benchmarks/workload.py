"""The benchmark's workload: seeded, in a steady state, and the same for every measurement of one run.

Of all commands 55 % are new orders that rest, 35 % cancel an order that rests, and 10 % are orders that trade at once
and fill about two resting orders each, so that as many orders rest at the end as at the beginning. 104 players and
1,024 accounts, each of which trades a roster of 20 players; cash, shares, holds and events as in the real exchange.
"""

import random
from collections.abc import Iterator
from typing import Final

from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    Command,
    ConfigureExchange,
    DepositCash,
    ExchangeParameters,
    GrantShares,
    ListMarket,
    OpenAccount,
    PlaceOrder,
    encode_command,
    pack_terms,
)
from waiver_exchange.domain.events import OrderAccepted, OrderCancelled, OrderFilled, decode_events
from waiver_exchange.engine.engine import Engine

MARKETS: Final = 104
ACCOUNTS: Final = 1_024
ROSTER: Final = 20
REFERENCE_CENTS: Final = 10_000
START_NS: Final = 1_760_000_000_000_000_000
STEP_NS: Final = 10_000

CANCEL_SHARE: Final = 0.35
MARKETABLE_SHARE: Final = 0.10
# New orders rest within this many cents of the reference price, most of them near it.
DEPTH_CENTS: Final = 40
RESTING_UNITS_MAX: Final = 20_000
# Twice a resting order on average: 55 % come, 35 % are cancelled, 10 % fill two each.
TAKING_UNITS_MAX: Final = 2 * RESTING_UNITS_MAX
# With more orders than this they fill the books this deep before the measurement; taking orders reach as far.
DEEP_FROM: Final = 100_000
DEEP_CENTS: Final = 500
FILLING_BATCH: Final = 1_024

_BUY = pack_terms(side=codes.BUY, order_type=codes.LIMIT, time_in_force=codes.GTC)
_SELL = pack_terms(side=codes.SELL, order_type=codes.LIMIT, time_in_force=codes.GTC)
_BUY_NOW = pack_terms(side=codes.BUY, order_type=codes.LIMIT, time_in_force=codes.IOC)
_SELL_NOW = pack_terms(side=codes.SELL, order_type=codes.LIMIT, time_in_force=codes.IOC)


def roster_of(account: int) -> list[int]:
    """Return the markets that an account trades."""
    return [1 + (account * 7 + place * 5) % MARKETS for place in range(ROSTER)]


def setup_commands() -> Iterator[bytes]:
    """Yield the records that list the markets and fund the accounts."""
    commands: list[Command] = [ConfigureExchange(parameters=ExchangeParameters(open_orders_max=1_000_000))]
    commands += [
        ListMarket(supply_units=3_000_000_000, reference_price_cents=REFERENCE_CENTS, facts="{}")
        for _ in range(MARKETS)
    ]
    for account in range(2, ACCOUNTS + 2):
        commands.append(OpenAccount())
        commands.append(DepositCash(account=account, amount_micros=1_000_000_000_000_000, reference=""))
        commands += [
            GrantShares(account=account, market=market, quantity_units=10_000_000) for market in roster_of(account)
        ]
    for command in commands:
        yield encode_command(command, time_ns=START_NS)


class Workload:
    """Makes commands and learns from the engine's events which orders rest, so that every cancel finds one."""

    def __init__(self, *, seed: int, resting: int) -> None:
        """Prepare an engine with that many resting orders; the workload then keeps their number.

        `setup` and `filling` are the records that led there; `commands` returns what follows.
        """
        self._random = random.Random(seed)
        self._engine = Engine()
        self._time_ns = START_NS
        self._order_ids: list[int] = []
        self._accounts: list[int] = []
        self._places: dict[int, int] = {}
        self._resting = resting
        self.setup = list(setup_commands())
        self.filling: list[bytes] = []
        self._engine.execute_batch(b"".join(self.setup))
        self._engine.discard_events()
        for first in range(0, resting, FILLING_BATCH):
            self._fill(min(FILLING_BATCH, resting - first))

    @property
    def resting(self) -> int:
        """How many orders rest now."""
        return len(self._order_ids)

    def commands(self, count: int) -> list[bytes]:
        """Return the next records of the mix."""
        return [self._next() for _ in range(count)]

    def _fill(self, count: int) -> None:
        # A million orders within 40 cents would be no book: many orders lie deep in it.
        depth = DEEP_CENTS if self._resting > DEEP_FROM else DEPTH_CENTS
        records = [self._encode(self._resting_order(depth=depth)) for _ in range(count)]
        self._engine.execute_batch(b"".join(records))
        self._learn()
        self.filling += records

    def _next(self) -> bytes:
        draw = self._random.random()
        command: Command
        if draw < CANCEL_SHARE:
            place = self._random.randrange(len(self._order_ids))
            command = CancelOrder(account=self._accounts[place], order_id=self._order_ids[place])
        elif draw < CANCEL_SHARE + MARKETABLE_SHARE:
            command = self._marketable_order()
        else:
            command = self._resting_order(depth=DEPTH_CENTS)
        record = self._encode(command)
        self._engine.execute(record)
        self._learn()
        return record

    def _resting_order(self, *, depth: int) -> PlaceOrder:
        is_buy = self._random.random() < 0.5
        distance = 1 + int(self._random.random() ** 2 * depth)
        account = self._random.randrange(2, ACCOUNTS + 2)
        return PlaceOrder(
            account=account,
            market=self._random.choice(roster_of(account)),
            terms=_BUY if is_buy else _SELL,
            quantity_units=self._random.randrange(100, RESTING_UNITS_MAX),
            price_cents=REFERENCE_CENTS - distance if is_buy else REFERENCE_CENTS + distance,
        )

    def _marketable_order(self) -> PlaceOrder:
        is_buy = self._random.random() < 0.5
        account = self._random.randrange(2, ACCOUNTS + 2)
        # The fuller the books, the larger the orders that take from them: that keeps the number of resting orders.
        units_max = TAKING_UNITS_MAX * len(self._order_ids) // self._resting
        return PlaceOrder(
            account=account,
            market=self._random.choice(roster_of(account)),
            terms=_BUY_NOW if is_buy else _SELL_NOW,
            quantity_units=self._random.randrange(100, max(200, units_max)),
            price_cents=REFERENCE_CENTS + DEEP_CENTS if is_buy else REFERENCE_CENTS - DEEP_CENTS,
        )

    def _encode(self, command: Command) -> bytes:
        self._time_ns += STEP_NS
        return encode_command(command, time_ns=self._time_ns)

    def _learn(self) -> None:
        for event in decode_events(self._engine.take_events()):
            if isinstance(event, OrderAccepted):
                if event.expires_at_ns:
                    self._places[event.order_id] = len(self._order_ids)
                    self._order_ids.append(event.order_id)
                    self._accounts.append(event.account)
            elif isinstance(event, OrderFilled | OrderCancelled):
                self._forget(event.order_id)

    def _forget(self, order_id: int) -> None:
        place = self._places.pop(order_id, None)
        if place is None:
            return  # It never rested.
        last_id, last_account = self._order_ids.pop(), self._accounts.pop()
        if last_id != order_id:
            self._order_ids[place], self._accounts[place] = last_id, last_account
            self._places[last_id] = place
