"""Commands are taken and answered alike where the engine is and in a gateway process that is linked to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.linked import following, running_engine, until
from tests.support.trading import ANN, BOB, MAHOMES, SETUP, buy
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.application import sequencer
from waiver_exchange.application.command_keys import symbol_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import JournalError, JournalRow
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.commands import DepositCash, GrantShares, HaltExchange, ListMarket
from waiver_exchange.domain.refusals import RefusalReason

if TYPE_CHECKING:
    from waiver_exchange.application.outcome import Outcome
    from waiver_exchange.projections.feed_buffer import FeedBatch

R = RefusalReason


class World:
    """The engine's exchange, and the one that commands are handed to."""

    def __init__(self, engine: Exchange, exchange: Exchange) -> None:
        self.engine = engine
        self.exchange = exchange
        self.submit = exchange.sequencer.submit

    def deposits(self, count: int, *, name: str = "d") -> "list[asyncio.Task[Outcome]]":
        return [
            asyncio.create_task(self.submit(DepositCash(account=ANN, amount_micros=1, reference=f"{name}{number}")))
            for number in range(count)
        ]


@pytest.fixture(params=["in the engine's process", "over the link"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(running_engine(tmp_path))
        for command in SETUP:
            key = symbol_key("MAHOMES") if isinstance(command, ListMarket) else None
            (await engine.sequencer.submit(command, key=key)).first_event()
        if request.param == "over the link":
            (exchange,) = await stack.enter_async_context(following(tmp_path))
            yield World(engine, exchange)
        else:
            yield World(engine, engine)


class SlowJournal:
    """Holds every append until it is let go, or fails it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.waiting = asyncio.Event()
        self.go = asyncio.Event()
        self.failure: JournalError | None = None
        real = SqliteJournal.append

        async def append(journal: SqliteJournal, rows: Sequence[JournalRow]) -> None:
            self.waiting.set()
            await self.go.wait()
            if self.failure is not None:
                raise self.failure
            await real(journal, rows)

        patch.setattr(SqliteJournal, "append", append)


async def refusal_of(work: Awaitable[object]) -> RefusalReason:
    with pytest.raises(RefusedError) as caught:
        async with asyncio.timeout(5):
            await work
    return caught.value.reason


async def test_an_outcome_is_durable_and_every_read_here_shows_it(world: World) -> None:
    outcome = await world.submit(buy(BOB, price=2_000, quantity=10_000, name="a"))
    order_id = outcome.order_id()
    assert (outcome.is_repetition, world.exchange.sequencer.head) == (False, (outcome.row.sequence, outcome.row.chain))
    assert world.exchange.state.orders[order_id].client_order_id == "a"
    found = await world.exchange.queries.order_by_client_order_id(account=BOB, client_order_id="a")
    assert found is not None
    assert found.order_id == order_id


async def test_the_feed_tells_before_the_answer_comes(world: World) -> None:
    batches: list[FeedBatch] = []
    subscription = world.exchange.feed.subscribe(batches.append)
    world.exchange.feed.watch_book(MAHOMES)
    outcome = await world.submit(buy(BOB, price=2_000, quantity=10_000))
    assert batches[-1].sequence == outcome.row.sequence
    assert [(change.price_cents, change.quantity_units) for change in batches[-1].levels] == [(2_000, 10_000)]
    subscription.close()


async def test_each_of_many_at_once_gets_its_own_row(world: World) -> None:
    outcomes = await asyncio.gather(*world.deposits(300))
    assert len({outcome.row.sequence for outcome in outcomes}) == 300
    for number, outcome in enumerate(outcomes):
        assert outcome.row.command.endswith(f"d{number}".encode().ljust(8, b"\0"))


async def test_a_repetition_gets_the_first_outcome(world: World) -> None:
    first = await world.submit(buy(BOB, price=2_000, quantity=10_000, name="a"))
    again = await world.submit(buy(BOB, price=2_000, quantity=10_000, name="a"))
    assert (again.row, again.is_repetition) == (first.row, True)
    assert len(world.exchange.state.account_orders[BOB]) == 1


async def test_two_at_once_with_one_key_are_one(world: World) -> None:
    order = buy(BOB, price=2_000, quantity=10_000, name="a")
    outcomes = await asyncio.gather(*(world.submit(order) for _ in range(3)))
    assert sorted(outcome.is_repetition for outcome in outcomes) == [False, True, True]
    assert len({outcome.row.sequence for outcome in outcomes}) == 1


async def test_a_key_with_other_content_is_refused(world: World) -> None:
    await world.submit(buy(BOB, price=2_000, quantity=10_000, name="a"))
    other = world.submit(buy(BOB, price=2_001, quantity=10_000, name="a"))
    assert await refusal_of(other) == R.client_order_id_used_with_other_content
    await world.submit(DepositCash(account=ANN, amount_micros=1, reference="d"))
    assert await refusal_of(world.submit(DepositCash(account=ANN, amount_micros=2, reference="d"))) == (
        R.reference_used_with_other_content
    )


async def test_a_refusal_by_the_engine_is_an_outcome(world: World) -> None:
    outcome = await world.submit(buy(BOB, price=2_000, quantity=1_000_000, name="a"))
    with pytest.raises(RefusedError) as caught:
        outcome.first_event()
    assert caught.value.reason == R.insufficient_cash
    # The name is free again.
    (await world.submit(buy(BOB, price=2_000, quantity=10_000, name="a"))).first_event()


async def test_what_comes_with_a_refusal_is_only_ever_repeated(world: World) -> None:
    first = await world.submit(buy(BOB, price=2_000, quantity=10_000, name="a"))
    again = await world.submit(
        buy(BOB, price=2_000, quantity=10_000, name="a"), refusal=R.trading_is_suspended_by_owner
    )
    assert again.row == first.row
    for name in ("b", ""):
        new = world.submit(buy(BOB, price=2_000, quantity=10_000, name=name), refusal=R.trading_is_suspended_by_owner)
        assert await refusal_of(new) == R.trading_is_suspended_by_owner


async def test_what_no_record_can_hold_is_refused(world: World) -> None:
    too_large = world.submit(GrantShares(account=ANN, market=MAHOMES, quantity_units=2**70, reference="g"))
    assert await refusal_of(too_large) == R.number_is_too_large


async def test_urgent_goes_in_front_of_all_that_waits_and_takes_what_follows_it_along(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SlowJournal(monkeypatch)
    first = world.deposits(1, name="first")
    await journal.waiting.wait()
    waiting = world.deposits(sequencer.GROUP_ROWS_MAX + 10)
    await settle(world)
    following = DepositCash(account=ANN, amount_micros=1, reference="behind")
    urgent = asyncio.create_task(world.submit(HaltExchange(), is_urgent=True, behind=following))
    await settle(world)
    journal.go.set()
    halt = await urgent
    await asyncio.gather(*first, *waiting)
    later = [task.result().row.sequence for task in waiting[-10:]]
    assert all(halt.row.sequence + 1 < sequence for sequence in later)
    (behind,) = await world.engine.journal.read(after=halt.row.sequence, limit=1)
    assert b"behind" in behind.command


async def test_one_more_than_there_is_room_for_is_refused_before_it_is_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "QUEUE_MAX", 2)
    journal = SlowJournal(monkeypatch)
    taken = world.deposits(1, name="first")
    await journal.waiting.wait()
    # The group that is executed while the first is committed takes no more once it is full.
    monkeypatch.setattr(sequencer, "GROUP_ROWS_MAX", 0)
    taken += world.deposits(2)
    await settle(world)
    assert await refusal_of(world.submit(DepositCash(account=ANN, amount_micros=1, reference="x"))) == (
        R.exchange_is_busy
    )
    monkeypatch.setattr(sequencer, "GROUP_ROWS_MAX", 256)
    journal.go.set()
    assert len({outcome.row.sequence for outcome in await asyncio.gather(*taken)}) == 3
    (await world.submit(DepositCash(account=ANN, amount_micros=1, reference="x"))).first_event()


async def test_a_journal_that_fails_is_said_and_works_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        journal = SlowJournal(patch)
        journal.failure = JournalError("the disk is full")
        journal.go.set()
        failed = await asyncio.gather(*world.deposits(3), return_exceptions=True)
        assert {error.reason for error in failed if isinstance(error, RefusedError)} == {R.journal_is_unavailable}
        assert len(failed) == 3
    await until(lambda: world.engine.sequencer.failure is None)
    outcomes = await asyncio.gather(*world.deposits(3))
    assert not any(outcome.is_repetition for outcome in outcomes)
    assert world.exchange.state.sequence == world.engine.state.sequence


async def test_a_stop_answers_what_was_taken_and_takes_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = SlowJournal(monkeypatch)
    taken = world.deposits(2)
    await journal.waiting.wait()
    world.engine.stop()
    assert await refusal_of(world.submit(HaltExchange())) == R.exchange_is_stopping
    journal.go.set()
    assert len({outcome.row.sequence for outcome in await asyncio.gather(*taken)}) == 2


async def settle(world: World) -> None:
    """Let what was sent arrive: a command is behind another one over the same link."""
    await asyncio.sleep(0)
    await until(lambda: not getattr(world.exchange.sequencer, "_outgoing", ()))
    for _ in range(20):
        await asyncio.sleep(0.001)
