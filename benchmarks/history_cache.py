"""Pages of history from PostgreSQL and from Redis, and the share of reads that Redis answers.

Two processes' caches share one Redis. Readers look at markets as people do: few markets have most of the readers
(Zipf). Every simulated hour a market that trades begins a new candle, and that alone makes its pages new ones.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from benchmarks.measuring import Figure
from tests.support.postgres_database import postgres_database
from tests.support.postgres_server import running_postgres
from tests.support.redis_server import running_redis
from waiver_exchange.adapters.postgres.read_model import PostgresReadModel
from waiver_exchange.adapters.redis.history_cache import HistoryCache
from waiver_exchange.application.selections import CandleSelection, TradeSelection

HOUR_NS: Final = 3_600_000_000_000
# As many as are filled in below; the store's time is that of the last hour that is played.
MARKETS: Final = 500
HOURS: Final = 1_000
TRADES: Final = 200
HOURS_PLAYED: Final = 4
READS_PER_HOUR: Final = 5_000
TIMED: Final = 300
# Candles of an hour: a chart of a month, the days of a season, and the last trades.
PAGES: Final = {"chart": 500, "season": 1_000, "trades": 50}
_FILL: Final = (
    """
    INSERT INTO read_model.candles
    SELECT 60, m, h * 3600000000000, 2500, 2600, 2400, 2550, 100000, 250000000, 12
    FROM generate_series(1, 500) m, generate_series(0, 999) h
    """,
    """
    INSERT INTO read_model.trades
    SELECT (t - 1) * 500 + m, t * 1000 + m, t * 3600000000000, m, 2500, 10000, 0, 1, 2, 2, 3, 0, 0, 10000, 10000
    FROM generate_series(1, 500) m, generate_series(1, 200) t
    """,
    "UPDATE read_model.exchange SET sequence = 1000000000, time_ns = 3614400000000000",
    "ANALYZE",
)

Read = Callable[[], Awaitable[object]]


def measure(progress: Callable[[str], None]) -> list[Figure]:
    """Return the figures."""
    progress("history from PostgreSQL and Redis")
    with running_postgres() as server, running_redis() as redis, postgres_database(server) as database:
        asyncio.run(_prepare(database.url))
        for statement in _FILL:
            server.execute(statement, database=database.name)
        return asyncio.run(_measure(database.url, redis.url))


async def _prepare(database_url: str) -> None:
    store = PostgresReadModel(database_url)
    await store.load()
    await store.close()


async def _measure(database_url: str, redis_url: str) -> list[Figure]:
    store = PostgresReadModel(database_url, is_read_only=True)
    caches = [HistoryCache(store, redis_url, generation=b"bench", answer_seconds_max=1.0) for _ in range(2)]
    figures = []
    for page in PAGES:
        stored, kept = _reader(store, page), _reader(caches[0], page)
        await kept()
        await asyncio.sleep(0.1)
        figures += [
            Figure(key=f"history_{page}_milliseconds_postgres", runs=await _time(stored)),
            Figure(key=f"history_{page}_milliseconds_redis", runs=await _time(kept)),
        ]
    hit_rates = [await _hit_rate(store, redis_url, seed) for seed in range(3)]
    for cache in caches:
        await cache.close()
    await store.close()
    return [*figures, Figure(key="redis_cache_hit_rate", runs=hit_rates)]


def _reader(source: PostgresReadModel | HistoryCache, page: str, *, market: int = 1, hour: int = HOURS) -> Read:
    if page == "trades":
        trades = TradeSelection(market=market, before_trade=MARKETS * TRADES + 1)
        if isinstance(source, HistoryCache):
            return lambda: source.list_trades(trades, limit=PAGES[page], version=hour, after_sequence=1)
        return lambda: source.list_trades(trades, limit=PAGES[page])
    candles = CandleSelection(market=market, minutes=60, end_ns=hour * HOUR_NS)
    return lambda: source.list_candles(replace(candles), limit=PAGES[page])


async def _time(read: Read) -> list[float]:
    """Return the medians of five runs, in milliseconds."""
    medians = []
    for _ in range(5):
        times = []
        for _ in range(TIMED // 5):
            began = time.perf_counter()
            await read()
            times.append(1_000 * (time.perf_counter() - began))
        medians.append(statistics.median(times))
    return medians


async def _hit_rate(store: PostgresReadModel, redis_url: str, seed: int) -> float:
    """Return the share of reads that were hits, beginning with an empty Redis."""
    chance = random.Random(seed)
    caches = [
        HistoryCache(store, redis_url, generation=seed.to_bytes(), prefix=f"bench{seed}", answer_seconds_max=1.0)
        for _ in range(2)
    ]
    weights = [1 / rank for rank in range(1, MARKETS + 1)]
    for hour in range(HOURS, HOURS + HOURS_PLAYED):
        for market in chance.choices(range(1, MARKETS + 1), weights, k=READS_PER_HOUR):
            page = chance.choices(tuple(PAGES), (6, 1, 3))[0]
            await _reader(chance.choice(caches), page, market=market, hour=hour)()
    await caches[1].figures()
    figures = await caches[0].figures() or {}
    for cache in caches:
        await cache.close()
    return figures["hits"] / (HOURS_PLAYED * READS_PER_HOUR)


if __name__ == "__main__":
    for figure in measure(print):
        print(f"{figure.key:45} {figure.median:10.3f}   {min(figure.runs):.3f} - {max(figure.runs):.3f}")
