"""What requests are counted in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from waiver_exchange.application.ports import Clock
from waiver_exchange.application.request_counts import LocalCounts, RequestCounts
from waiver_exchange.config import Settings


@asynccontextmanager
async def request_counts(settings: Settings, *, clock: Clock) -> AsyncIterator[RequestCounts]:
    """Give what requests are counted in for the block: with Redis, where several processes share the counts."""
    if not settings.redis_url:
        yield LocalCounts(clock)
        return
    # Its library takes 0.2 s to import, which nobody waits for without Redis.
    from waiver_exchange.adapters.redis.request_counts import RedisCounts  # noqa: PLC0415 - see above

    counts = RedisCounts(settings.redis_url, clock=clock)
    try:
        await counts.start()
        yield counts
    finally:
        await counts.close()
