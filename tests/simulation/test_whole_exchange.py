"""A whole exchange under chance: crashes, lost answers, full and broken journals, jumping clocks; one seed, one course.

A failure prints `make simulate SEED=n`. What clients were told is kept outside and compared at the end of each life.
"""

import asyncio
import random
import sys
from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.conftest import SEED
from tests.fakes.clock import FakeClock
from tests.fakes.journal import Failure, FakeJournal
from tests.model.reference_engine import ReferenceEngine
from tests.support.virtual_time import run_in_virtual_time
from waiver_exchange.application import sequencer as sequencer_module
from waiver_exchange.application.chain import verify_chain
from waiver_exchange.application.ports import GENESIS_CHAIN, JournalRow, PlainRow
from waiver_exchange.application.recovery import EngineAt, recover_engine
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sequencer import Sequencer
from waiver_exchange.application.verify import verify_journal
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    Command,
    ConfigureExchange,
    CorrectCash,
    CorrectShares,
    DepositCash,
    ExchangeParameters,
    GrantShares,
    ListMarket,
    OpenAccount,
    PlaceOrder,
    PlaceStopOrder,
    ReplaceOrder,
    pack_terms,
)
from waiver_exchange.domain.events import OrderAccepted, StopOrderAccepted
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.state import state_bytes
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState

DAY_NS = 86_400_000_000_000
LIVES = 6
CLIENTS = 8
COMMANDS_OF_A_CLIENT = 25
UNKNOWN = {RefusalReason.outcome_is_unknown, RefusalReason.journal_is_unavailable, RefusalReason.exchange_is_stopping}


@dataclass
class Told:
    """What the clients know: acknowledged rows, and commands of which they heard nothing final."""

    rows: dict[int, JournalRow] = field(default_factory=dict)
    unanswered: list[Command] = field(default_factory=list)
    orders: list[tuple[int, int]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)  # of events


class Rebuilt:
    """A read model that a verification builds, without a store."""

    def __init__(self) -> None:
        self.projector = Projector(ReadModelState())

    @property
    def state(self) -> ReadModelState:
        return self.projector.state

    async def follow(self, rows: list[PlainRow]) -> None:
        for row in rows:
            self.projector.apply(JournalRow._make(row))


class World:
    """One course: a journal that survives, a clock, and what clients were told."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.rows: list[JournalRow] = []
        self.clock = FakeClock()
        self.told = Told()
        self.names = 0
        self.kills = 0
        self.failures = 0

    async def live(self) -> None:
        """Start from the journal, trade under faults, and die at some point, or stop in order."""
        journal = FakeJournal(self.rows)
        journal.delay_seconds = 0.001
        at = await recover_engine(journal=journal, snapshots=None)
        projector = Projector(ReadModelState())
        for row in self.rows:
            projector.apply(row)

        async def recover() -> EngineAt:
            return await recover_engine(journal=journal, snapshots=None)

        sequencer = Sequencer(at=at, journal=journal, projector=projector, clock=self.clock, recover=recover)
        running = asyncio.create_task(sequencer.run())
        if not self.rows:
            await self._prepare(sequencer)
        await self._repeat_what_is_open(sequencer)
        clients = [asyncio.create_task(self._client(sequencer)) for _ in range(CLIENTS)]
        trouble = asyncio.create_task(self._trouble(journal))
        is_killed = self.random.random() < 0.7
        self.kills += is_killed
        if is_killed:
            await asyncio.sleep(self.random.random() * 0.05)
        else:
            await asyncio.gather(*clients)
        trouble.cancel()
        journal.is_broken = False
        if is_killed:
            running.cancel()
            for client in clients:
                client.cancel()
        else:
            sequencer.stop()
        await asyncio.gather(running, trouble, *clients, return_exceptions=True)

    async def _prepare(self, sequencer: Sequencer) -> None:
        parameters = ExchangeParameters(
            maker_fee_bps=3, taker_fee_bps=7, open_orders_max=50, lifetime_ns_default=DAY_NS
        )
        commands: list[Command] = [ConfigureExchange(parameters=parameters)]
        commands += [ListMarket(supply_units=10_000_000, reference_price_cents=1_000, facts="{}") for _ in range(3)]
        for account in range(2, 6):
            commands += [
                OpenAccount(),
                DepositCash(account=account, amount_micros=50_000_000_000, reference="opening"),
                *(GrantShares(account=account, market=market, quantity_units=200_000) for market in (1, 2, 3)),
            ]
        for command in commands:
            await sequencer.submit(command)

    async def _repeat_what_is_open(self, sequencer: Sequencer) -> None:
        """What a careful client does after a crash: send again, with the same id, what was not answered."""
        unanswered, self.told.unanswered = self.told.unanswered, []
        for command in unanswered:
            await self._send(sequencer, command)

    async def _client(self, sequencer: Sequencer) -> None:
        for _ in range(COMMANDS_OF_A_CLIENT):
            if self.random.random() < 0.05:
                self.clock.advance(self.random.choice([0.1, 5, -30, 90_000]))
            await self._send(sequencer, self._command())

    async def _send(self, sequencer: Sequencer, command: Command) -> None:
        self.told.unanswered.append(command)
        try:
            outcome = await sequencer.submit(command)
        except RefusedError as refused:
            if refused.reason in UNKNOWN:
                self.failures += 1
            else:
                self.told.unanswered.remove(command)
            return
        self.told.unanswered.remove(command)
        self.told.rows[outcome.row.sequence] = outcome.row
        for event in outcome.events():
            self.told.kinds[type(event).__name__] += 1
            if isinstance(event, OrderAccepted | StopOrderAccepted) and event.expires_at_ns:
                self.told.orders.append((event.account, event.order_id))

    def _command(self) -> Command:
        draw = self.random
        if self.told.orders and draw.random() < 0.15:
            account, order_id = draw.choice(self.told.orders)
            return CancelOrder(account=account, order_id=order_id)
        self.names += 1
        if self.told.orders and draw.random() < 0.25:
            return self._replacement(*draw.choice(self.told.orders[-40:]))
        account = draw.randrange(2, 6)
        if draw.random() < 0.05:
            return self._correction(account)
        if draw.random() < 0.1:
            return DepositCash(account=account, amount_micros=draw.randrange(1, 10_000), reference=f"d{self.names}")
        if draw.random() < 0.3:
            return self._stop(account)
        terms = pack_terms(
            side=draw.choice([codes.BUY, codes.SELL]),
            order_type=codes.LIMIT,
            time_in_force=draw.choice([codes.GTC, codes.GTC, codes.IOC, codes.FOK]),
            self_trade=draw.choice([codes.CANCEL_NEWEST, codes.CANCEL_OLDEST, codes.CANCEL_BOTH]),
        )
        return PlaceOrder(
            account=account,
            market=draw.randrange(1, 4),
            terms=terms,
            quantity_units=draw.randrange(1, 20_000),
            price_cents=draw.randrange(950, 1_051),
            client_order_id=f"o{self.names}",
        )

    def _correction(self, account: int) -> Command:
        # Both ways, so that the house has what it gives.
        sign, name = self.random.choice((-1, -1, 1)), f"c{self.names}"
        if self.random.random() < 0.5:
            amount = sign * self.random.randrange(1, 10_000)
            return CorrectCash(account=account, amount_micros=amount, reference=name)
        units = sign * self.random.randrange(1, 5_000)
        market = self.random.randrange(1, 4)
        return CorrectShares(account=account, market=market, quantity_units=units, reference=name)

    def _replacement(self, account: int, order_id: int) -> ReplaceOrder:
        draw = self.random
        return ReplaceOrder(
            account=account,
            order_id=order_id,
            quantity_units=draw.choice((0, draw.randrange(1, 20_000))),
            time_in_force=draw.choice((0, codes.GTC + 1)),
            price_cents=draw.choice((0, draw.randrange(950, 1_051))),
            client_order_id=f"o{self.names}",
        )

    def _stop(self, account: int) -> PlaceStopOrder:
        draw = self.random
        side = draw.choice((codes.BUY, codes.SELL))
        stop_price = draw.randrange(1_000, 1_031) if side == codes.BUY else draw.randrange(970, 1_001)
        price = draw.choice((0, stop_price))
        order_type = codes.STOP_LIMIT if price else codes.STOP
        return PlaceStopOrder(
            account=account,
            market=draw.randrange(1, 4),
            terms=pack_terms(side=side, order_type=order_type, time_in_force=codes.GTC),
            quantity_units=draw.randrange(1, 20_000),
            stop_price_cents=stop_price,
            price_cents=price,
            client_order_id=f"o{self.names}",
        )

    async def _trouble(self, journal: FakeJournal) -> None:
        while True:
            await asyncio.sleep(self.random.random() * 0.01)
            draw = self.random.random()
            if draw < 0.15:
                journal.fail_finds(1)
            elif draw < 0.3:
                journal.fail_next(Failure.nothing_written)
            elif draw < 0.6:
                journal.fail_next(Failure.all_written)
            elif draw < 0.8:
                journal.is_broken = True
                await asyncio.sleep(self.random.random() * 0.02)
                journal.is_broken = False
            else:
                journal.delay_seconds = self.random.choice([0.0005, 0.001, 0.01])

    async def check(self) -> None:
        """Everything acknowledged is there, once; the books are right; the model agrees."""
        verify_chain(self.rows, previous=GENESIS_CHAIN)
        for sequence, row in self.told.rows.items():
            assert self.rows[sequence - 1] == row
        keys = [row.key for row in self.rows if row.key is not None]
        assert len(keys) == len(set(keys))
        journal = FakeJournal(self.rows)
        verification = await verify_journal(journal=journal, snapshot=None, live=None, rebuilding=Rebuilt(), checks={})
        assert verification.difference is None
        model = ReferenceEngine()
        for row in self.rows:
            model.execute(row.command)
        assert model.state_bytes() == state_bytes((await recover_engine(journal=journal, snapshots=None)).engine)


@pytest.mark.parametrize("course", range(12))
def test_nothing_acknowledged_is_lost_or_done_twice_whatever_happens(
    course: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sys.stdout.write(f"make simulate SEED={SEED} (course {course})\n")
    monkeypatch.setattr(sequencer_module, "_READ_BACK_TRIES", 2)
    world = run_in_virtual_time(run_course(SEED * 100 + course))
    assert len(world.told.rows) > CLIENTS
    assert world.kills + world.failures > 0
    for kind in ("TradeExecuted", "StopOrderAccepted", "OrderTriggered", "OrderReplaced", "CashCorrected"):
        assert world.told.kinds[kind] > 0


def test_the_same_seed_takes_the_same_course() -> None:
    first, second = (run_in_virtual_time(run_course(SEED)) for _ in range(2))
    assert first.rows == second.rows
    assert first.told == second.told


async def run_course(seed: int) -> World:
    world = World(seed)
    for _ in range(LIVES):
        await asyncio.wait_for(world.live(), 10_000)
        await world.check()
    return world
