"""Several processes that count through one Redis, and what happens when it is slow, dies and comes back."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from tests.fakes.clock import FakeClock
from tests.support.redis_server import RedisServer, running_redis
from waiver_exchange.adapters.redis import request_counts
from waiver_exchange.adapters.redis.request_counts import LOST, RedisCounts
from waiver_exchange.adapters.system.clock import SystemClock
from waiver_exchange.application.request_counts import Charge, charge_of

SECOND = 1_000_000_000
FOR_LONG = charge_of("failure", "192.0.2.1", limit=20, window_ns=3_600 * SECOND)
WAIT_SECONDS_MAX = 10.0


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
async def pair(redis_server: RedisServer) -> AsyncIterator[tuple[RedisCounts, RedisCounts]]:
    """Two processes, by Redis' own time."""
    both = (RedisCounts(redis_server.url, clock=SystemClock()), RedisCounts(redis_server.url, clock=SystemClock()))
    for each in both:
        await each.start()
    yield both
    for each in both:
        await each.close()


def is_taken(counts: RedisCounts, charge: Charge = FOR_LONG) -> bool:
    return counts.take(charge).is_taken


def warning_of(counts: RedisCounts) -> str | None:
    return counts.warning


async def test_what_one_process_took_the_others_know(pair: tuple[RedisCounts, RedisCounts]) -> None:
    one, other = pair
    for _ in range(19):
        assert is_taken(one)
    await one.settle()
    # The other one hears of it with the first that it takes itself.
    assert is_taken(other)
    await other.settle()
    assert not is_taken(other)


async def test_what_was_taken_at_once_beyond_a_limit_is_paid_back(redis_server: RedisServer) -> None:
    clock = FakeClock()
    pair = [RedisCounts(redis_server.url, clock=clock, shared_clock=clock) for _ in range(2)]
    for each in pair:
        await each.start()
    charge = charge_of("order", "WXANN", limit=10, window_ns=SECOND)
    first = sum(is_taken(each, charge) for each in pair for _ in range(20))
    assert first == 20
    total = first
    for _ in range(100):
        for each in pair:
            await each.settle()
        clock.advance(0.1)
        total += sum(is_taken(each, charge) for each in pair for _ in range(5))
    for each in pair:
        await each.close()
    # Ten seconds at ten a second, the ten that may come at once, and what the last turn let through twice.
    assert 100 <= total <= 100 + 10 + 2


async def test_a_dead_redis_is_said_once_and_comes_back_by_itself(
    pair: tuple[RedisCounts, RedisCounts],
    redis_server: RedisServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(request_counts, "RETRY_SECONDS", 0.02)
    one, other = pair
    redis_server.kill()
    with caplog.at_level(logging.WARNING):
        for number in range(25):
            assert is_taken(one) == (number < 20)
            await asyncio.sleep(0.01)
        assert warning_of(one) == LOST
        assert caplog.text.count(LOST) == 1
        redis_server.start()
        for number in range(500):
            if warning_of(one) is None:
                break
            is_taken(one, charge_of("read", str(number), limit=9, window_ns=SECOND))
            await asyncio.sleep(0.02)
        assert warning_of(one) is None
        assert caplog.text.count("Redis answers again") == 1
    assert redis_server.url not in caplog.text
    # What was counted without Redis is not forgotten here, and others learn of what comes.
    assert not is_taken(one)
    charge = charge_of("failure", "192.0.2.2", limit=2, window_ns=3_600 * SECOND)
    assert is_taken(one, charge)
    await one.settle()
    assert is_taken(other, charge)
    await other.settle()
    assert not is_taken(other, charge)


async def test_a_redis_that_does_not_answer_holds_nobody_up(
    pair: tuple[RedisCounts, RedisCounts], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_counts, "RETRY_SECONDS", 0.02)
    counts = pair[0]
    redis_server.freeze()
    slowest = 0.0
    try:
        end = time.monotonic() + WAIT_SECONDS_MAX
        while warning_of(counts) is None and time.monotonic() < end:
            began = time.perf_counter()
            is_taken(counts, charge_of("order", "WXANN", limit=1_000_000, window_ns=SECOND))
            slowest = max(slowest, time.perf_counter() - began)
            await asyncio.sleep(0.001)
        assert warning_of(counts) == LOST
    finally:
        redis_server.thaw()
    assert slowest < 0.1
    end = time.monotonic() + WAIT_SECONDS_MAX
    while warning_of(counts) is not None and time.monotonic() < end:
        is_taken(counts)
        await asyncio.sleep(0.02)
    assert warning_of(counts) is None


async def test_a_redis_that_was_never_there_is_a_warning(tmp_path: object) -> None:
    counts = RedisCounts(f"unix://{tmp_path}/none.sock", clock=FakeClock())
    await counts.start()
    assert warning_of(counts) == LOST
    assert is_taken(counts)
    await counts.close()


async def test_an_address_does_not_stand_in_redis(
    pair: tuple[RedisCounts, RedisCounts], redis_server: RedisServer
) -> None:
    counts = pair[0]
    is_taken(counts)
    await counts.settle()
    async with Redis.from_url(redis_server.url) as redis:
        names = await redis.keys("*")
        lives = [await redis.pttl(name) for name in names]
    assert len(names) == 1
    assert b"192.0.2.1" not in names[0]
    assert 0 < lives[0] <= 3_600_000


async def test_more_names_than_fit_are_counted_here_alone(redis_server: RedisServer) -> None:
    clock = FakeClock()
    counts = RedisCounts(redis_server.url, clock=clock, shared_clock=clock)
    for number in range(request_counts.WAITING_MAX + 10):
        assert is_taken(counts, charge_of("address", str(number), limit=5, window_ns=SECOND))
    await counts.start()
    await asyncio.wait_for(counts.settle(), WAIT_SECONDS_MAX)
    await counts.close()
