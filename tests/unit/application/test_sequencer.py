"""The sequencer over a journal that fails on demand and a clock that stands still."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.fakes.clock import SECOND_NS, START_NS, FakeClock
from tests.fakes.journal import Failure, FakeJournal, chained_rows
from waiver_exchange.application import sequencer as sequencer_module
from waiver_exchange.application.command_keys import symbol_key
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.recovery import EngineAt, recover_engine
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sequencer import ForeignRowError, Sequencer
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    Command,
    ConfigureExchange,
    DepositCash,
    ExchangeParameters,
    GrantShares,
    HaltExchange,
    HaltMarket,
    ListMarket,
    OpenAccount,
    PlaceOrder,
    ResumeMarket,
    decode_command,
    pack_terms,
)
from waiver_exchange.domain.events import (
    MarketHalted,
    MarketListed,
    MarketResumed,
    OrderAccepted,
    OrderExpired,
    TradeExecuted,
    decode_events,
)
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.invariant import InvariantError
from waiver_exchange.engine.state import state_hash
from waiver_exchange.projections.feed_buffer import FeedBatch
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState

BUY = pack_terms(side=codes.BUY, order_type=codes.LIMIT, time_in_force=codes.GTC)
SELL = pack_terms(side=codes.SELL, order_type=codes.LIMIT, time_in_force=codes.GTC)
DAY_NS = 86_400 * SECOND_NS
SETUP: list[Command] = [
    ListMarket(supply_units=100_000_000, reference_price_cents=1_000, facts='{"symbol":"A"}'),
    OpenAccount(),
    OpenAccount(),
    DepositCash(account=2, amount_micros=1_000_000_000_000, reference="opening 2"),
    DepositCash(account=3, amount_micros=1_000_000_000_000, reference="opening 3"),
    GrantShares(account=2, market=1, quantity_units=1_000_000),
]
# The first day begins behind the first account.
SETUP_ROWS = len(SETUP) + 1


DEPOSIT = DepositCash(account=2, amount_micros=1, reference="urgent")


class Rig:
    """A running sequencer and everything it stands on."""

    def __init__(self, sequencer: Sequencer, journal: FakeJournal, clock: FakeClock, projector: Projector) -> None:
        self.sequencer = sequencer
        self.journal = journal
        self.clock = clock
        self.projector = projector

    async def submit(self, command: Command) -> Outcome:
        return await self.sequencer.submit(command)

    async def place(self, *, account: int = 3, terms: int = BUY, price: int = 1_000, name: str = "") -> Outcome:
        return await self.submit(order(account=account, terms=terms, price=price, name=name))

    async def until_working(self) -> None:
        for _ in range(200):
            if self.sequencer.failure is None:
                return
            await asyncio.sleep(0.02)

    def start(self, command: Command) -> "asyncio.Task[Outcome]":
        return asyncio.create_task(self.submit(command))


def order(*, account: int = 3, terms: int = BUY, price: int = 1_000, name: str = "", units: int = 100) -> PlaceOrder:
    return PlaceOrder(
        account=account, market=1, terms=terms, quantity_units=units, price_cents=price, client_order_id=name
    )


@asynccontextmanager
async def running(
    journal: FakeJournal | None = None,
    clock: FakeClock | None = None,
    *,
    setup: Sequence[Command] = tuple(SETUP),
    has_days: bool = True,
) -> AsyncIterator[Rig]:
    journal = journal or FakeJournal()
    clock = clock or FakeClock()
    at = await recover_engine(journal=journal, snapshots=None)
    projector = Projector(ReadModelState())
    for row in journal.rows:
        projector.apply(row)

    async def recover() -> EngineAt:
        return await recover_engine(journal=journal, snapshots=None)

    sequencer = Sequencer(
        at=at,
        journal=journal,
        projector=projector,
        clock=clock,
        recover=recover,
        end_of_day=end_of_utc_day if has_days else None,
    )
    task = asyncio.create_task(sequencer.run())
    try:
        rig = Rig(sequencer, journal, clock, projector)
        if not journal.rows:
            for command in setup:
                await rig.submit(command)
        yield rig
        sequencer.stop()
        await asyncio.wait_for(task, 5)
    finally:
        if not task.done():
            task.cancel()


def end_of_utc_day(time_ns: int) -> int:
    return time_ns - time_ns % DAY_NS + DAY_NS


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def reason_of(error: pytest.ExceptionInfo[RefusedError]) -> RefusalReason:
    return error.value.reason


async def test_nothing_is_answered_or_shown_before_it_is_durable() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        placed = rig.start(order())
        await settle()
        assert not placed.done()
        assert not rig.projector.state.orders
        rig.journal.gate.set()
        event = (await placed).first_event()
        assert isinstance(event, OrderAccepted)
        assert event.order_id in rig.projector.state.orders


async def test_what_gathers_during_a_commit_is_committed_as_one_group() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        before = rig.journal.appends
        first = rig.start(order())
        await settle()
        others = [rig.start(order()) for _ in range(50)]
        await settle()
        rig.journal.gate.set()
        await asyncio.gather(first, *others)
        assert rig.journal.appends - before == 2


async def test_the_same_client_order_id_returns_the_first_outcome_in_flight_later_and_after_a_restart() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        first = rig.start(order(name="mine"))
        await settle()
        second = rig.start(order(name="mine"))
        third = rig.start(order(name="mine"))
        await settle()
        rig.journal.gate.set()
        outcomes = await asyncio.gather(first, second, third)
        assert [outcome.is_repetition for outcome in outcomes] == [False, True, True]
        assert len({outcome.row.sequence for outcome in outcomes}) == 1
        later = await rig.place(name="mine")
        assert later.row == outcomes[0].row
        rows = rig.journal.rows
    async with running(FakeJournal(rows)) as again:
        assert (await again.place(name="mine")).row == outcomes[0].row
        assert len(again.projector.state.orders) == 1


async def test_the_same_client_order_id_with_other_content_is_refused_in_flight_and_later() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        first = rig.start(order(name="mine"))
        await settle()
        other = rig.start(order(name="mine", price=999))
        await settle()
        rig.journal.gate.set()
        await first
        with pytest.raises(RefusedError) as error:
            await other
        assert reason_of(error) == RefusalReason.client_order_id_used_with_other_content
        with pytest.raises(RefusedError) as error:
            await rig.place(name="mine", price=998)
        assert reason_of(error) == RefusalReason.client_order_id_used_with_other_content


async def test_the_same_client_order_id_of_another_account_is_another_order() -> None:
    async with running() as rig:
        mine = await rig.place(account=2, name="one")
        theirs = await rig.place(account=3, name="one")
        assert mine.row.sequence != theirs.row.sequence


async def test_the_same_deposit_reference_is_one_deposit() -> None:
    async with running() as rig:
        deposit = DepositCash(account=3, amount_micros=5, reference="week 1")
        await asyncio.gather(rig.submit(deposit), rig.submit(deposit))
        await rig.submit(deposit)
        assert rig.projector.state.accounts[3].cash_micros == 1_000_000_000_005
        with pytest.raises(RefusedError) as error:
            await rig.submit(DepositCash(account=3, amount_micros=6, reference="week 1"))
        assert reason_of(error) == RefusalReason.reference_used_with_other_content


async def test_a_write_that_fails_leaves_no_trace_and_trading_goes_on_when_the_journal_works() -> None:
    async with running() as rig:
        before = state_hash(rig.sequencer.engine_at.engine)
        rig.journal.fail_next(Failure.nothing_written)
        with pytest.raises(RefusedError) as error:
            await rig.place(name="lost")
        assert reason_of(error) == RefusalReason.journal_is_unavailable
        await settle()
        assert rig.sequencer.failure is None
        assert state_hash(rig.sequencer.engine_at.engine) == before
        assert not (await rig.place(name="lost")).is_repetition


async def test_a_commit_whose_answer_was_lost_is_found_by_reading_back() -> None:
    async with running() as rig:
        rig.journal.fail_next(Failure.all_written)
        outcome = await rig.place(name="found")
        event = outcome.first_event()
        assert isinstance(event, OrderAccepted)
        assert event.order_id in rig.projector.state.orders
        assert (await rig.place(name="found")).row == outcome.row


async def test_a_failed_commit_takes_what_was_executed_behind_it_back_too() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        rig.journal.fail_next(Failure.nothing_written)
        first = rig.start(order(name="one"))
        await settle()
        second = rig.start(order(name="two"))
        await settle()
        rig.journal.gate.set()
        for task in (first, second):
            with pytest.raises(RefusedError):
                await task
        assert not rig.projector.state.orders
        assert len(rig.journal.rows) == SETUP_ROWS
        assert not (await rig.place(name="two")).is_repetition


async def test_while_the_journal_cannot_be_written_commands_are_refused_and_the_failure_says_why() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        lost = rig.start(order(name="unknown"))
        await settle()
        rig.journal.is_broken = True
        rig.journal.gate.set()
        await asyncio.sleep(0.05)
        assert rig.sequencer.failure is not None
        with pytest.raises(RefusedError) as error:
            await rig.place()
        assert reason_of(error) == RefusalReason.journal_is_unavailable
        rig.journal.is_broken = False
        with pytest.raises(RefusedError) as error:
            await lost
        assert reason_of(error) == RefusalReason.journal_is_unavailable
        await rig.until_working()
        assert not (await rig.place(name="unknown")).is_repetition


async def test_when_the_journal_stays_unreadable_the_outcome_is_called_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer_module, "_READ_BACK_TRIES", 1)
    async with running() as rig:
        rig.journal.gate.clear()
        lost = rig.start(order(name="unknown"))
        await settle()
        rig.journal.is_broken = True
        rig.journal.gate.set()
        with pytest.raises(RefusedError) as error:
            await lost
        assert reason_of(error) == RefusalReason.outcome_is_unknown
        rig.journal.is_broken = False
        await rig.until_working()


async def test_a_journal_that_cannot_be_asked_for_a_client_order_id_refuses_and_recovers() -> None:
    async with running() as rig:
        rig.journal.is_broken = True
        with pytest.raises(RefusedError) as error:
            await rig.place(name="asked")
        assert reason_of(error) == RefusalReason.journal_is_unavailable
        rig.journal.is_broken = False
        await rig.until_working()
        assert not (await rig.place(name="asked")).is_repetition


async def test_time_never_runs_back_when_the_clock_does(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as rig:
        first = await rig.place()
        rig.clock.advance(-3_600)
        with caplog.at_level(logging.WARNING):
            second = await rig.place()
            third = await rig.place()
        assert first.row.time_ns == second.row.time_ns == third.row.time_ns
        assert [record.message for record in caplog.records if "behind" in record.message] == [
            "the clock is 3600.0 s behind the journal; its time stands still until the clock has caught up"
        ]


async def test_an_order_never_trades_at_or_after_its_expiry() -> None:
    async with running() as rig:
        expires = START_NS + 60 * SECOND_NS
        terms = pack_terms(side=codes.SELL, order_type=codes.LIMIT, time_in_force=codes.GTD)
        await rig.submit(
            PlaceOrder(account=2, market=1, terms=terms, quantity_units=5, price_cents=1_000, expires_at_ns=expires)
        )
        rig.clock.now = expires
        taken = await rig.place(account=3, terms=BUY)
        assert not any(isinstance(event, TradeExecuted) for event in taken.events())
        expired = [event for row in rig.journal.rows for event in decode_events(row.events)]
        assert any(isinstance(event, OrderExpired) for event in expired)


async def test_an_order_that_nobody_meets_expires_by_itself() -> None:
    async with running() as rig:
        placed = (await rig.place()).first_event()
        assert isinstance(placed, OrderAccepted)
        rig.clock.now = placed.expires_at_ns
        for _ in range(100):
            if rig.projector.state.orders[placed.order_id].status == "expired":
                break
            await asyncio.sleep(0.02)
        assert rig.projector.state.orders[placed.order_id].status == "expired"
        assert rig.projector.state.accounts[3].held_micros == 0


async def test_a_market_that_the_breaker_halted_resumes_by_itself() -> None:
    async with running() as rig:
        await rig.submit(ConfigureExchange(parameters=ExchangeParameters(breaker_bps=100)))
        await rig.place(account=2, terms=SELL, price=1_000)
        await rig.place(account=2, terms=SELL, price=1_100)
        await rig.place(account=3, terms=BUY, price=1_000)
        tripped = await rig.place(account=3, terms=BUY, price=1_100)
        assert any(isinstance(event, MarketHalted) for event in tripped.events())
        rig.clock.advance(301)
        for _ in range(100):
            if not rig.projector.state.markets[1].is_halted:
                break
            await asyncio.sleep(0.02)
        resumed = [event for row in rig.journal.rows for event in decode_events(row.events)]
        assert any(isinstance(event, MarketResumed) for event in resumed)


async def test_a_full_queue_refuses_before_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer_module, "QUEUE_MAX", 3)
    async with running() as rig:
        tasks = [rig.start(order()) for _ in range(5)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, RefusedError)]
        assert [error.reason for error in refused] == [RefusalReason.exchange_is_busy] * 2


async def test_a_command_that_no_record_can_hold_is_refused_alone() -> None:
    async with running() as rig:
        huge = rig.start(order(units=2**63, name="a"))
        fine = rig.start(order())
        with pytest.raises(RefusedError) as error:
            await huge
        assert reason_of(error) == RefusalReason.number_is_too_large
        (await fine).first_event()
        assert not (await rig.place(name="a")).is_repetition


async def test_stop_answers_what_was_taken_and_refuses_the_rest() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        taken = rig.start(order())
        await settle()
        rig.sequencer.stop()
        with pytest.raises(RefusedError) as error:
            await rig.place()
        assert reason_of(error) == RefusalReason.exchange_is_stopping
        rig.journal.gate.set()
        (await taken).first_event()


async def test_a_broken_invariant_ends_the_sequencer_and_answers_nobody_with_success() -> None:
    journal = FakeJournal()
    with pytest.raises(InvariantError):  # noqa: PT012 - what happens before it is the test
        async with running(journal) as rig:
            rig.sequencer.engine_at.engine.tables.cash_issued += 1
            rows = len(journal.rows)
            with pytest.raises(RefusedError) as error:
                await rig.place()
            assert reason_of(error) == RefusalReason.internal_error
            assert len(journal.rows) == rows
            with pytest.raises(RefusedError) as error:
                await rig.place()
            assert reason_of(error) == RefusalReason.exchange_is_stopping


async def test_at_rest_sees_only_durable_rows_while_others_send() -> None:
    async with running() as rig:
        rig.journal.delay_seconds = 0.001
        tasks = [rig.start(order()) for _ in range(300)]
        for _ in range(5):
            await rig.sequencer.at_rest()
            assert rig.sequencer.engine_at.sequence == len(rig.journal.rows) == rig.projector.state.sequence
        await asyncio.gather(*tasks)


@pytest.mark.timeout(30)
async def test_who_waits_for_a_quiet_moment_does_not_keep_the_commit_before_it_from_ending() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        committing = rig.start(order(name="a"))
        await settle()
        quiet = asyncio.create_task(rig.sequencer.at_rest())
        await settle()
        waiting = rig.start(order(name="b"))
        await settle()
        assert not quiet.done()
        rig.journal.gate.set()
        await quiet
        assert committing.done()
        assert not waiting.done()
        assert (await waiting).row.sequence == (await committing).row.sequence + 1


async def test_a_look_up_that_fails_leaves_what_was_executed_on_its_way_and_touches_nothing_else() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        committing = rig.start(order(name="a"))
        await settle()
        staged = rig.start(order(name="b"))
        await settle()
        rig.journal.fail_finds(1)
        asked = rig.start(order(name="c"))
        await settle()
        rig.journal.gate.set()
        first, second = await asyncio.gather(committing, staged)
        with pytest.raises(RefusedError) as error:
            await asked
        assert reason_of(error) == RefusalReason.journal_is_unavailable
        await rig.until_working()
        names = [decode_command(row.command).tail for row in rig.journal.rows[SETUP_ROWS:]]
        assert names == ["a", "b"]
        assert rig.journal.rows[first.row.sequence - 1] == first.row
        assert rig.journal.rows[second.row.sequence - 1] == second.row
        again = await rig.place(name="c")
        assert rig.journal.rows[again.row.sequence - 1] == again.row
        assert (await rig.place(name="c")).row == again.row


async def test_a_row_of_another_writer_is_never_taken_for_ones_own() -> None:
    journal = FakeJournal()
    with pytest.raises(ForeignRowError):  # noqa: PT012 - what happens before it is the test
        async with running(journal) as rig:
            (foreign,) = chained_rows(1, after=journal.rows[-1])
            rig.journal.gate.clear()
            mine = rig.start(order(name="mine"))
            await settle()
            at = rig.sequencer.engine_at
            journal.rows.append(foreign)

            async def recover() -> EngineAt:
                at.sequence, at.chain = foreign.sequence, foreign.chain
                return at

            rig.sequencer._recover = recover
            rig.projector.state.sequence = foreign.sequence
            rig.journal.gate.set()
            with pytest.raises(RefusedError) as error:
                await mine
            assert reason_of(error) == RefusalReason.outcome_is_unknown


async def test_a_denied_order_does_not_use_its_client_order_id_up() -> None:
    async with running() as rig:
        await rig.submit(HaltMarket(market=1))
        with pytest.raises(RefusedError):
            (await rig.place(name="later")).first_event()
        await rig.submit(ResumeMarket(market=1))
        placed = await rig.place(name="later")
        assert isinstance(placed.first_event(), OrderAccepted)
        assert (await rig.place(name="later")).row == placed.row


async def test_a_refused_listing_leaves_its_symbol_free() -> None:
    async with running() as rig:
        key = symbol_key("B")
        huge = ListMarket(supply_units=4_000_000_000, reference_price_cents=1_000, facts='{"symbol":"B"}')
        with pytest.raises(RefusedError):
            (await rig.sequencer.submit(huge, key=key)).first_event()
        right = ListMarket(supply_units=100_000, reference_price_cents=1_000, facts='{"symbol":"B"}')
        assert isinstance((await rig.sequencer.submit(right, key=key)).first_event(), MarketListed)


async def test_who_sent_the_same_id_while_the_first_was_being_denied_is_heard_on_his_own() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        denied = rig.start(order(name="same", price=1_301))
        await settle()
        other = rig.start(order(name="same"))
        await settle()
        rig.journal.gate.set()
        with pytest.raises(RefusedError):
            (await denied).first_event()
        assert isinstance((await other).first_event(), OrderAccepted)


async def test_thousands_of_orders_that_expire_at_once_go_in_bounded_groups_before_anything_else() -> None:
    async with running() as rig:
        expires = START_NS + 60 * SECOND_NS
        terms = pack_terms(side=codes.SELL, order_type=codes.LIMIT, time_in_force=codes.GTD)
        sell = PlaceOrder(account=2, market=1, terms=terms, quantity_units=1, price_cents=1_000, expires_at_ns=expires)
        await asyncio.gather(*(rig.submit(sell) for _ in range(2_000)))
        rig.clock.now = expires
        appends = rig.journal.appends
        rows = len(rig.journal.rows)
        taken = await rig.place(account=3, terms=BUY)
        assert not any(isinstance(event, TradeExecuted) for event in taken.events())
        assert len(rig.journal.rows) == rows + 2_001
        assert rig.journal.appends - appends >= 2_001 / sequencer_module.GROUP_ROWS_MAX


async def test_listener_is_told_when_a_read_shows_it_and_before_the_answer() -> None:
    async with running() as rig:
        heard: list[tuple[bool, bool]] = []
        rig.sequencer.feed.watch_account(3)
        placing: asyncio.Task[Outcome] | None = None

        def listen(batch: FeedBatch) -> None:
            (update,) = batch.orders
            is_shown = rig.projector.state.orders[update.order.order_id].is_open
            heard.append((is_shown, placing is not None and placing.done()))

        rig.sequencer.feed.subscribe(listen)
        placing = rig.start(order())
        await placing
        assert heard == [(True, False)]


async def test_failing_listener_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: FeedBatch) -> None:
        raise KeyError("the listener is broken")

    async with running() as rig:
        rig.sequencer.feed.subscribe(fail)
        for price in (900, 901):
            assert (await rig.place(price=price)).first_event()
        assert rig.sequencer.failure is None
    assert "a listener of the feed failed" in caplog.text


@pytest.mark.parametrize("failure", list(Failure))
async def test_what_a_failed_commit_left_is_told_once(failure: Failure) -> None:
    async with running() as rig:
        sequences: list[int] = []
        rig.sequencer.feed.watch_book(1)
        rig.sequencer.feed.subscribe(lambda batch: sequences.extend(change.book_sequence for change in batch.levels))
        await rig.place(price=900)
        rig.journal.fail_next(failure)
        with contextlib.suppress(RefusedError):
            await rig.place(price=901)
        await rig.until_working()
        await rig.place(price=902)
        assert sequences == list(range(1, rig.projector.state.books[1].sequence + 1))


async def test_what_is_urgent_comes_before_all_that_waits_behind_a_slow_commit() -> None:
    async with running() as rig:
        rig.journal.gate.clear()
        first = rig.start(order())
        await settle()  # in its commit, which waits
        executed = rig.start(order())
        await settle()  # executed, and gathers for the next commit
        waiting = [rig.start(order()) for _ in range(sequencer_module.GROUP_ROWS_MAX + 10)]
        await asyncio.sleep(0)  # in the queue, and nothing else has run since
        halting = asyncio.create_task(rig.sequencer.submit(HaltExchange(), is_urgent=True))
        rig.journal.gate.set()
        await halting
        assert isinstance((await first).first_event(), OrderAccepted)
        assert isinstance((await executed).first_event(), OrderAccepted)
        halted_at = halting.result().row.sequence
        behind = [task for task in waiting if (await task).row.sequence > halted_at]
        assert behind
        for task in behind:
            with pytest.raises(RefusedError) as refused:
                task.result().first_event()
            assert reason_of(refused) is RefusalReason.exchange_is_halted


async def test_too_many_urgent_commands_are_refused_before_they_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer_module, "URGENT_MAX", 2)
    async with running() as rig:
        rows = len(rig.journal.rows)
        halts = [asyncio.create_task(rig.sequencer.submit(HaltExchange(), is_urgent=True)) for _ in range(3)]
        with pytest.raises(RefusedError) as error:
            await halts[2]
        assert reason_of(error) is RefusalReason.exchange_is_busy
        await asyncio.gather(*halts[:2])
        assert len(rig.journal.rows) == rows + 2


async def test_what_follows_an_urgent_command_is_executed_right_behind_it_and_once() -> None:
    async with running() as rig:
        rows = len(rig.journal.rows)
        waiting = [rig.start(order(name=f"{number}")) for number in range(3)]  # all are sent before any is executed
        first = rig.sequencer.submit(DEPOSIT, is_urgent=True, behind=HaltExchange())
        again = rig.sequencer.submit(DEPOSIT, is_urgent=True, behind=HaltExchange())
        outcomes = await asyncio.gather(first, again)
        await asyncio.gather(*waiting)
        kinds = [decode_command(row.command).kind for row in rig.journal.rows[rows:]]
        assert kinds == [codes.DEPOSIT_CASH, codes.HALT_EXCHANGE, *[codes.PLACE_ORDER] * 3]
        assert [outcome.is_repetition for outcome in outcomes] == [False, True]
        late = await rig.sequencer.submit(DEPOSIT, is_urgent=True, behind=HaltExchange())
        assert late.is_repetition
        assert len(rig.journal.rows) == rows + 5


async def test_a_day_begins_once_when_the_one_before_is_over() -> None:
    async with running() as rig:
        rows = len(rig.journal.rows)
        await until_tick()
        assert len(rig.journal.rows) == rows  # within the first day nothing begins
        rig.clock.advance(86_400)
        await rig.place()
        begun = decode_command(rig.journal.rows[rows].command)
        assert (begun.kind, begun.words[3]) == (codes.BEGIN_DAY, end_of_utc_day(rig.clock.now_ns()))
        await until_tick()
        await rig.place()
        assert [decode_command(row.command).kind for row in rig.journal.rows[rows + 1 :]] == [codes.PLACE_ORDER] * 2


def kinds_of(journal: FakeJournal) -> list[int]:
    return [decode_command(row.command).kind for row in journal.rows]


async def test_the_first_day_begins_right_behind_the_first_account() -> None:
    """Also when a whole group waits behind that account; no other begins with the next one or the next tick."""
    async with running(setup=()) as rig:
        await asyncio.gather(*(rig.start(command) for command in SETUP[:3]))
        await until_tick()
        assert kinds_of(rig.journal) == [codes.LIST_MARKET, codes.OPEN_ACCOUNT, codes.BEGIN_DAY, codes.OPEN_ACCOUNT]


async def test_accounts_older_than_the_days_begin_one_at_the_start() -> None:
    """A journal of a version that had no days: its gains and losses are not those of today."""
    journal = FakeJournal()
    async with running(journal, has_days=False) as rig:
        await rig.place()
    assert codes.BEGIN_DAY not in kinds_of(journal)
    rows = len(journal.rows)
    async with running(journal, rig.clock) as rig:
        await until_tick()
        assert kinds_of(journal)[rows:] == [codes.BEGIN_DAY]
        assert rig.sequencer.engine_at.engine.day_ends_at() == end_of_utc_day(rig.clock.now_ns())


async def test_a_day_that_ended_while_the_service_was_down_begins_at_the_start() -> None:
    async with running() as rig:
        rows = len(rig.journal.rows)
    clock = FakeClock(rig.clock.now_ns() + 3 * DAY_NS)
    async with running(FakeJournal(rig.journal.rows), clock) as rig:
        await until_tick()
        assert [decode_command(row.command).kind for row in rig.journal.rows[rows:]] == [codes.BEGIN_DAY]
    async with running(FakeJournal(rig.journal.rows), clock) as again:
        await until_tick()
        assert len(again.journal.rows) == rows + 1
        hash_now = state_hash(again.sequencer.engine_at.engine)
    at = await recover_engine(journal=again.journal, snapshots=None)
    assert state_hash(at.engine) == hash_now


async def test_a_day_begins_anew_when_its_commit_failed() -> None:
    async with running() as rig:
        rows = len(rig.journal.rows)
        rig.clock.advance(86_400)
        rig.journal.fail_next(Failure.nothing_written)
        await until_tick()
        await rig.until_working()
        await until_tick()
        assert [decode_command(row.command).kind for row in rig.journal.rows[rows:]] == [codes.BEGIN_DAY]


async def test_an_empty_exchange_begins_no_day() -> None:
    journal = FakeJournal()
    at = await recover_engine(journal=journal, snapshots=None)

    async def recover() -> EngineAt:
        return at

    sequencer = Sequencer(
        at=at,
        journal=journal,
        projector=Projector(ReadModelState()),
        clock=FakeClock(),
        recover=recover,
        end_of_day=end_of_utc_day,
    )
    task = asyncio.create_task(sequencer.run())
    await until_tick()
    sequencer.stop()
    await task
    assert journal.rows == []


async def until_tick() -> None:
    """Wait until the sequencer has looked for what is due."""
    await asyncio.sleep(1.5 * sequencer_module.TICK_SECONDS)
