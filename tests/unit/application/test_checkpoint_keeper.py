"""Checkpoints are made by themselves: after so many rows, every day, the first one soon; and bound into the journal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from waiver_exchange.application.audit_facts import decode_facts
from waiver_exchange.application.checkpoints import keeping
from waiver_exchange.application.checkpoints.keeping import CheckpointKeeper
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import halt_exchange, resume_exchange
from waiver_exchange.bootstrap import checkpoint_data_directory, running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import decode_command

ROWS = 6


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, checkpoint_rows=ROWS)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(keeping, "FIRST_SECONDS", 0.02)
    monkeypatch.setattr(keeping, "RETRY_SECONDS", 0.02)


@pytest.fixture
async def exchange(settings: Settings, clock: FakeClock, quick: None) -> AsyncIterator[Exchange]:  # noqa: ARG001
    async with running_exchange(settings, clock=clock) as running:
        make_here(running, lambda: checkpoint_data_directory(settings))
        yield running


def make_here(exchange: Exchange, make: Callable[[], Awaitable[object]]) -> None:
    """Make checkpoints in this process, which is faster."""

    async def made() -> None:
        await make()

    exchange.checkpoints._make = made


async def bound(exchange: Exchange) -> list[object]:
    """The rows of checkpoints that are bound into the journal."""
    rows = await exchange.journal.read(after=0, limit=1_000)
    commands = [decode_command(row.command) for row in rows]
    return [decode_facts(command.tail)["row"] for command in commands if command.kind == codes.RECORD_AUDIT]


async def until(count: int, exchange: Exchange) -> list[object]:
    async with asyncio.timeout(10):
        while len(found := await bound(exchange)) < count:  # noqa: ASYNC110 - the journal is what is looked at
            await asyncio.sleep(0.01)
    return found


async def work(exchange: Exchange, *, rows: int) -> None:
    for number in range(rows):
        await (halt_exchange if number % 2 == 0 else resume_exchange)(exchange)


async def test_the_first_comes_soon_and_the_next_after_so_many_rows(exchange: Exchange) -> None:
    await work(exchange, rows=2)
    (first,) = await until(1, exchange)
    await work(exchange, rows=ROWS)
    both = await until(2, exchange)
    assert both[0] == first
    newest = exchange.checkpoints.newest()
    assert newest is not None
    assert newest.sequence == both[1]
    assert exchange.checkpoints.problem is None


async def test_there_is_one_every_day(exchange: Exchange, clock: FakeClock) -> None:
    await work(exchange, rows=1)
    await until(1, exchange)
    await asyncio.sleep(0.1)
    assert len(await bound(exchange)) == 1
    clock.advance(86_400)
    await until(2, exchange)
    await asyncio.sleep(0.1)
    assert len(await bound(exchange)) == 2


async def test_one_that_the_command_line_makes_is_bound_too(exchange: Exchange, settings: Settings) -> None:
    await work(exchange, rows=1)
    await until(1, exchange)
    made = await checkpoint_data_directory(settings)
    assert made is not None
    assert (await until(2, exchange))[1] == made.checkpoint.sequence


async def test_one_that_fails_is_shown_and_tried_again(exchange: Exchange, settings: Settings) -> None:
    fails = True

    async def make() -> None:
        if fails:
            raise RuntimeError("no key")
        await checkpoint_data_directory(settings)

    make_here(exchange, make)
    await work(exchange, rows=1)
    async with asyncio.timeout(10):
        while exchange.checkpoints.problem is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert "no key" in exchange.checkpoints.problem
    fails = False
    await until(1, exchange)
    assert exchange.checkpoints.problem is None


async def test_one_that_was_made_before_a_crash_is_bound_at_the_next_start_and_once(
    settings: Settings, clock: FakeClock
) -> None:
    async with running_exchange(settings, clock=clock) as exchange:
        await work(exchange, rows=1)
    made = await checkpoint_data_directory(settings)
    assert made is not None
    for _ in range(2):
        async with running_exchange(settings, clock=clock) as exchange:
            assert await until(1, exchange) == [made.checkpoint.sequence]


@pytest.mark.usefixtures("quick")
async def test_a_process_of_its_own_makes_it(settings: Settings) -> None:
    async with running_exchange(settings) as exchange:
        await work(exchange, rows=1)
        async with asyncio.timeout(60):
            while not await bound(exchange):  # noqa: ASYNC110 - the journal is what is looked at
                await asyncio.sleep(0.05)
        assert exchange.checkpoints.problem is None


async def test_a_command_without_a_server_begins_none(
    settings: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    async def note(keeper: CheckpointKeeper, *_: object) -> None:
        begun.append(type(keeper).__name__)

    monkeypatch.setattr(CheckpointKeeper, "run", note)
    async with running_exchange(settings, clock=clock, is_service=False) as exchange:
        await work(exchange, rows=1)
        await asyncio.sleep(0)
    assert begun == []
    async with running_exchange(settings, clock=clock) as exchange:
        await work(exchange, rows=1)
    assert begun == ["CheckpointKeeper"]


async def test_a_stop_in_the_middle_of_one_is_no_failure(
    settings: Settings, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_exchange(settings, clock=clock, is_service=False) as exchange:
        await work(exchange, rows=1)
        assert await checkpoint_data_directory(settings) is not None
        exchange.stop()
        await exchange.checkpoints._begin(exchange.writer)
    assert exchange.checkpoints.problem is None
    assert "no checkpoint" not in caplog.text
