"""History kept in Redis: a hit is the right answer whatever happens, and Redis may be away, full, slow or emptied."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from tests.support.journal_rows import EngineJournal
from tests.support.memory_read_model import MemoryReadModel
from tests.support.redis_server import RedisServer, running_redis
from tests.support.trading import ANN, BOB, MAHOMES, SETUP, ZONE, buy, sell
from waiver_exchange.adapters.redis.history_cache import ASKING_MAX, HistoryCache
from waiver_exchange.application.queries import Queries
from waiver_exchange.application.queries.intervals import Interval
from waiver_exchange.application.queries.settled import SettledReads
from waiver_exchange.application.selections import CandleSelection
from waiver_exchange.domain.commands import Command
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState

if TYPE_CHECKING:
    from waiver_exchange.projections.changes import ReadModelChanges

MINUTE_NS = 60_000_000_000
STEPS = 400
INTERVALS: tuple[Interval, ...] = ("1m", "5m", "1h", "1d")
QUESTION = CandleSelection(market=MAHOMES, minutes=60, end_ns=1)
WAIT_SECONDS_MAX = 10.0


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


class AskedStore(MemoryReadModel):
    """Counts how often it is asked for candles and trades."""

    asked = 0

    async def list_candles(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as it is
        self.asked += 1
        return await super().list_candles(*arguments, **named)

    async def list_trades(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as it is
        self.asked += 1
        return await super().list_trades(*arguments, **named)


@pytest.fixture
async def cache(redis_server: RedisServer) -> AsyncIterator[HistoryCache]:
    store = AskedStore()
    store.time_ns = 1
    cache = HistoryCache(store, redis_server.url, generation=b"run", pause_seconds=0.02)
    yield cache
    await cache.close()


def asked(cache: HistoryCache) -> int:
    store = cache._store
    assert isinstance(store, AskedStore)
    return store.asked


async def kept(cache: HistoryCache) -> None:
    """Wait until what was to be kept is."""
    await asyncio.gather(*cache._keeping)


class Process:
    """One process that shows the exchange: its memory, and reads with and without what is kept."""

    def __init__(self, store: MemoryReadModel, settled: SettledReads) -> None:
        self.store = store
        self.projector = Projector(ReadModelState())
        self.projector.state.tape_trades_max = 6
        self.unforgotten: list[ReadModelChanges] = []
        parts: Any = {"state": self.projector.state, "store": store, "journal": SimpleNamespace(), "zone": ZONE}
        self.kept = Queries(**parts, settled=settled)
        self.plain = Queries(**parts)

    def put_aside(self) -> None:
        changes = self.projector.take_changes()
        if changes is not None:
            self.unforgotten.append(changes)

    def forget(self) -> None:
        while self.unforgotten and self.unforgotten[0].sequence <= self.store.sequence:
            self.projector.forget_closed(self.unforgotten.pop(0))


def any_page(random: Random, state: ReadModelState) -> tuple[str, dict[str, Any]]:
    """A page that somebody may ask for."""
    times = [None, *(day * 1_440 * MINUTE_NS for day in (1, 3, 7, 11))]
    span = {
        "start_ns": random.choice(times),
        "end_ns": random.choice(times),
        "limit": random.choice([3, 500]),
        "is_ascending": random.random() < 0.5,
    }
    if random.random() < 0.5:
        return "candles", span | {"symbol": "MAHOMES", "interval": random.choice(INTERVALS)}
    newest = state.tape[-1].trade_id if state.tape else 1
    cursor = random.choice([None, None, newest // 4, newest - 4])
    return "trades_page", span | {"symbol": random.choice([None, "MAHOMES"]), "cursor": cursor}


async def test_what_is_kept_is_what_the_store_answers_however_trading_goes_on(
    redis_server: RedisServer, seed: int
) -> None:
    random = Random(seed)
    store = MemoryReadModel()
    caches = [HistoryCache(store, redis_server.url, generation=b"run", answer_seconds_max=5) for _ in range(2)]
    engine, gateway = (Process(store, cache) for cache in caches)
    journal, now = EngineJournal(), MINUTE_NS

    def run(*commands: Command) -> None:
        for command in commands:
            row = journal.row(command, time_ns=now)
            for process in (engine, gateway):
                process.projector.apply(row)

    run(*SETUP)
    for _ in range(STEPS):
        # Some minutes, or a night without trades.
        now += random.choice([1, 30, 90, 600, 2_000]) * MINUTE_NS // 10
        price, quantity = random.randint(2_400, 2_600), random.randint(1, 50)
        run(sell(ANN, price=price, quantity=quantity), buy(BOB, price=price, quantity=quantity))
        if random.random() < 0.4:
            gateway.put_aside()
        if random.random() < 0.5:
            engine.put_aside()
            for changes in engine.unforgotten:
                if changes.sequence > store.sequence:
                    await store.store(changes)
        for process in (engine, gateway):
            if random.random() < 0.7:
                process.forget()
            read, page = any_page(random, process.projector.state)
            assert await getattr(process.kept, read)(**page) == await getattr(process.plain, read)(**page), page
        for cache in caches:
            await kept(cache)
    figures = await caches[0].figures()
    await caches[1].figures()
    figures = await caches[0].figures()
    for cache in caches:
        await cache.close()
    assert figures is not None
    assert figures["hits"] > STEPS // 10
    assert figures.get("failures", 0) == 0


async def test_an_answer_is_read_once_and_belongs_to_one_run_of_the_engine(
    cache: HistoryCache, redis_server: RedisServer
) -> None:
    for _ in range(3):
        await cache.list_candles(QUESTION, limit=5)
        await kept(cache)
    assert asked(cache) == 1
    other = HistoryCache(AskedStore(), redis_server.url, generation=b"other")
    await other.list_candles(QUESTION, limit=5)
    await other.close()
    assert asked(other) == 1
    figures = await cache.figures()
    assert figures is not None
    assert (figures["hits"], figures["misses"]) == (2, 1)


async def test_what_the_store_has_not_wholly_is_not_kept(cache: HistoryCache) -> None:
    later = CandleSelection(market=MAHOMES, minutes=60, end_ns=2)
    for _ in range(2):
        await cache.list_candles(later, limit=5)
        await kept(cache)
    assert asked(cache) == 2


async def test_without_redis_history_comes_from_the_store_and_then_from_redis_again(
    cache: HistoryCache, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    await cache.list_candles(QUESTION, limit=5)
    await kept(cache)
    redis_server.kill()
    with caplog.at_level(logging.WARNING):
        for _ in range(10):
            await cache.list_candles(QUESTION, limit=5)
            await asyncio.sleep(0.005)
        assert asked(cache) == 11
        assert await cache.figures() is None
        assert caplog.text.count("Redis does not answer") == 1
        redis_server.start()
        end = time.monotonic() + WAIT_SECONDS_MAX
        before = -1
        while before != asked(cache) and time.monotonic() < end:
            before = asked(cache)
            await asyncio.sleep(0.05)
            await cache.list_candles(QUESTION, limit=5)
            await kept(cache)
        assert before == asked(cache)
    assert redis_server.url not in caplog.text


async def test_a_redis_that_does_not_answer_costs_a_bounded_time_once(
    cache: HistoryCache, redis_server: RedisServer
) -> None:
    await cache.list_candles(QUESTION, limit=5)
    await kept(cache)
    cache._pause_seconds = 60
    redis_server.freeze()
    try:
        await asyncio.gather(*(cache.list_candles(QUESTION, limit=5) for _ in range(200)))
        for _ in range(50):
            await cache.list_candles(QUESTION, limit=5)
    finally:
        redis_server.thaw()
    # Those who came at once waited together, and nobody after them.
    assert asked(cache) == 251
    assert cache._untold.failures <= ASKING_MAX
    assert cache._untold.passed >= 250 - ASKING_MAX


async def test_a_full_redis_answers_what_it_has_and_takes_nothing_more(
    cache: HistoryCache, redis_server: RedisServer
) -> None:
    await cache.list_candles(QUESTION, limit=5)
    await kept(cache)
    async with Redis.from_url(redis_server.url) as redis:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", "1")
        await cache.list_candles(QUESTION, limit=5)
        assert asked(cache) == 1
        for limit in range(6, 12):
            await cache.list_candles(QUESTION, limit=limit)
            await kept(cache)
        assert asked(cache) == 7
        await redis.config_set("maxmemory", "0")
    await asyncio.sleep(0.05)
    for _ in range(2):
        await cache.list_candles(QUESTION, limit=6)
        await kept(cache)
    assert asked(cache) == 8


async def test_an_emptied_redis_and_a_damaged_answer_are_a_miss(cache: HistoryCache, redis_server: RedisServer) -> None:
    await cache.list_candles(QUESTION, limit=5)
    await kept(cache)
    async with Redis.from_url(redis_server.url) as redis:
        for damage in (b"no msgpack", b"\x91\x91\xa1x", b""):
            for name in await redis.keys("waiver:history:*"):
                if b"figures" not in name:
                    await redis.set(name, damage)
            assert await cache.list_candles(QUESTION, limit=5) == []
            await kept(cache)
        await redis.flushall()
    await cache.list_candles(QUESTION, limit=5)
    assert asked(cache) == 5
