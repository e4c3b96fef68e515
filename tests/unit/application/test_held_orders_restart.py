"""Held orders over restarts: the journal replayed, a snapshot loaded, a snapshot of an older format."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.journal import Failure, FakeJournal
from tests.support.engine_desk import SHARE, stop
from tests.support.trading import ANN, BOB, MAHOMES, SETUP, buy, sell
from waiver_exchange.adapters.files.snapshots import FileSnapshotStore
from waiver_exchange.application.engine_state import decode_state
from waiver_exchange.application.ports import SnapshotStore
from waiver_exchange.application.recovery import EngineAt, recover_engine
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sequencer import Sequencer
from waiver_exchange.application.take_snapshot import take_snapshot
from waiver_exchange.application.verify import conservation_difference, projections_difference
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import ConfigureExchange, ExchangeParameters, decode_command
from waiver_exchange.domain.events import (
    Event,
    OrderAccepted,
    OrderTriggered,
    StopOrderAccepted,
    TradeExecuted,
    decode_events,
)
from waiver_exchange.engine.state import state_bytes
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState


@pytest.fixture
def journal() -> FakeJournal:
    return FakeJournal()


@pytest.fixture
def snapshots(tmp_path: Path) -> FileSnapshotStore:
    return FileSnapshotStore(tmp_path / "snapshots")


@asynccontextmanager
async def life(
    journal: FakeJournal, *, snapshots: SnapshotStore | None = None, clock: FakeClock | None = None
) -> AsyncIterator[tuple[Sequencer, Projector]]:
    """The service from a start to its end; without a stop in order, as if killed."""
    at = await recover_engine(journal=journal, snapshots=snapshots)
    projector = Projector(ReadModelState())
    for row in journal.rows:
        projector.apply(row)

    async def recover() -> EngineAt:
        return await recover_engine(journal=journal, snapshots=snapshots)

    sequencer = Sequencer(at=at, journal=journal, projector=projector, clock=clock or FakeClock(), recover=recover)
    task = asyncio.create_task(sequencer.run())
    try:
        if not journal.rows:
            for command in SETUP:
                await sequencer.submit(command)
        yield sequencer, projector
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def hold_a_cascade(sequencer: Sequencer) -> list[int]:
    """Three stops, each of which sells into a bid that reaches the next; their ids."""
    ids = []
    for price in (2_490, 2_480, 2_470):
        await sequencer.submit(buy(BOB, price=price - 10, quantity=SHARE))
        event = (await sequencer.submit(stop(ANN, codes.SELL, at=price))).first_event()
        assert isinstance(event, StopOrderAccepted)
        ids.append(event.order_id)
    return ids


async def trade_at(sequencer: Sequencer, price: int) -> list[Event]:
    await sequencer.submit(sell(ANN, price=price, quantity=10))
    return list((await sequencer.submit(buy(BOB, price=price, quantity=10))).events())


def triggered(events: list[Event]) -> list[int]:
    return [event.order_id for event in events if isinstance(event, OrderTriggered)]


async def test_a_cascade_is_one_row_and_the_same_after_a_replay(journal: FakeJournal) -> None:
    async with life(journal) as (sequencer, _):
        ids = await hold_a_cascade(sequencer)
    async with life(journal) as (sequencer, projector):
        assert [projector.state.orders[number].status for number in ids] == ["held"] * 3
        events = await trade_at(sequencer, 2_490)
        assert triggered(events) == ids
        assert len([event for event in events if isinstance(event, TradeExecuted)]) == 4
        live = state_bytes(sequencer.engine_at.engine)
    async with life(journal) as (sequencer, projector):
        assert state_bytes(sequencer.engine_at.engine) == live
        state = decode_state(live)
        assert conservation_difference(state) is None
        assert projections_difference(state, projector.state) is None


async def test_held_orders_survive_in_a_snapshot(journal: FakeJournal, snapshots: FileSnapshotStore) -> None:
    async with life(journal) as (sequencer, _):
        ids = await hold_a_cascade(sequencer)
        live = state_bytes(sequencer.engine_at.engine)
    assert await take_snapshot(journal=journal, snapshots=snapshots) == len(journal.rows)
    async with life(journal, snapshots=snapshots) as (sequencer, _):
        assert sequencer.engine_at.snapshot_sequence == len(journal.rows)
        assert state_bytes(sequencer.engine_at.engine) == live
        assert triggered(await trade_at(sequencer, 2_490)) == ids


def in_format_1(state: bytes) -> bytes:
    """Its number alone: nothing behind it is read."""
    return (1).to_bytes(8, "little") + state[8:]


def in_format_2(state: bytes) -> bytes:
    """The words that format 2 had: no end of the day, no limits, six of an account and eight of a market."""
    words = list(struct.unpack(f"<{len(state) // 8}q", state))
    accounts, markets, positions, rows, free, orders, limits = words[20:27]
    assert limits == 0
    old = [2, *words[1:6], *words[7:20], accounts, markets, positions, rows, free, orders]
    at = 27
    for count, wide, kept in ((accounts, 10, 6), (markets, 11, 8)):
        for _ in range(count):
            old += words[at : at + kept]
            at += wide
    old += words[at:]
    return struct.pack(f"<{len(old)}q", *old)


@pytest.mark.parametrize("in_older_format", [in_format_1, in_format_2])
async def test_a_snapshot_of_an_older_format_is_skipped(
    journal: FakeJournal, snapshots: FileSnapshotStore, in_older_format: Callable[[bytes], bytes]
) -> None:
    async with life(journal) as (sequencer, _):
        ids = await hold_a_cascade(sequencer)
    await take_snapshot(journal=journal, snapshots=snapshots)
    newest = await snapshots.load_latest()
    assert newest is not None
    await snapshots.store(replace(newest, state=in_older_format(newest.state)))
    async with life(journal, snapshots=snapshots) as (sequencer, _):
        assert sequencer.engine_at.snapshot_sequence == 0
        assert state_bytes(sequencer.engine_at.engine) == newest.state
        assert triggered(await trade_at(sequencer, 2_490)) == ids


async def test_a_breaker_that_ends_a_cascade_lets_it_go_on_after_a_restart(journal: FakeJournal) -> None:
    clock = FakeClock()
    parameters = ExchangeParameters(breaker_bps=150, breaker_halt_ns=60_000_000_000)
    async with life(journal, clock=clock) as (sequencer, _):
        await sequencer.submit(ConfigureExchange(parameters=parameters))
        await sequencer.submit(buy(BOB, price=2_400, quantity=SHARE))
        for limit in (0, 2_450, 2_400):
            await sequencer.submit(stop(ANN, codes.SELL, at=2_500, limit=limit))
        assert len(triggered(await trade_at(sequencer, 2_500))) == 1
    async with life(journal, clock=clock) as (sequencer, projector):
        assert projector.state.markets[MAHOMES].halt_cause == codes.HALT_BY_CIRCUIT_BREAKER
        clock.advance(61)
        # The resume is due and goes first; this is refused for its own sake.
        with pytest.raises(RefusedError):
            (await sequencer.submit(buy(BOB, price=1, quantity=1))).first_event()
        (resumed,) = [row for row in journal.rows if decode_command(row.command).kind == codes.RESUME_MARKET]
        events = list(decode_events(resumed.events))
        # The second rests above the bid, the third trades with it: the breaker measures anew.
        assert len(triggered(events)) == 2
        assert [event.price_cents for event in events if isinstance(event, TradeExecuted)] == [2_400]
        assert projections_difference(decode_state(state_bytes(sequencer.engine_at.engine)), projector.state) is None


@pytest.mark.parametrize("failure", list(Failure))
async def test_a_commit_that_fails_during_a_cascade_leaves_all_of_it_or_nothing(
    journal: FakeJournal, failure: Failure
) -> None:
    async with life(journal) as (sequencer, projector):
        ids = await hold_a_cascade(sequencer)
        await sequencer.submit(sell(ANN, price=2_490, quantity=10))
        journal.fail_next(failure)
        answer = await asyncio.gather(sequencer.submit(buy(BOB, price=2_490, quantity=10)), return_exceptions=True)
        statuses = [projector.state.orders[number].status for number in ids]
        if failure is Failure.nothing_written:
            assert isinstance(answer[0], RefusedError)
            assert statuses == ["held"] * 3
        else:
            assert statuses == ["filled"] * 3
        assert projections_difference(decode_state(state_bytes(sequencer.engine_at.engine)), projector.state) is None


async def test_orders_whose_time_is_over_leave_before_a_market_resumes(journal: FakeJournal) -> None:
    """Both are due at once; a stop that the resume triggers must not trade with an order that is over."""
    clock = FakeClock()
    halt_ns = 60_000_000_000
    async with life(journal, clock=clock) as (sequencer, projector):
        await sequencer.submit(
            ConfigureExchange(
                parameters=ExchangeParameters(breaker_bps=150, breaker_halt_ns=halt_ns, lifetime_ns_default=halt_ns)
            )
        )
        bid = (await sequencer.submit(buy(BOB, price=2_400, quantity=SHARE))).first_event()
        assert isinstance(bid, OrderAccepted)
        await sequencer.submit(
            ConfigureExchange(parameters=ExchangeParameters(breaker_bps=150, breaker_halt_ns=halt_ns))
        )
        for price in (2_500, 2_499):
            await sequencer.submit(stop(ANN, codes.SELL, at=price))
        assert len(triggered(await trade_at(sequencer, 2_499))) == 1
        clock.advance(61)
        with pytest.raises(RefusedError):
            (await sequencer.submit(buy(BOB, price=1, quantity=1))).first_event()
        expired, resumed = [row for row in journal.rows if row.account == codes.OPERATOR][-2:]
        assert decode_command(expired.command).kind == codes.EXPIRE_ORDER
        assert decode_command(resumed.command).kind == codes.RESUME_MARKET
        assert len(triggered(list(decode_events(resumed.events)))) == 1
        assert projector.state.orders[bid.order_id].status == "expired"
        assert projector.state.orders[bid.order_id].filled_quantity_units == 0
