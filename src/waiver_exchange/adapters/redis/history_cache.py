"""Answers about history that will not change any more, kept in Redis for all processes that show the same exchange.

A hit is exactly the right answer: its name holds everything that the answer depends on, and only what the store has
wholly is kept. So nothing is ever invalidated; what nobody asks for again expires. Redis is asked for a bounded time,
and not at all for a while when it did not answer in it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import astuple, dataclass, fields, replace
from hashlib import blake2b
from typing import Any, Final, final

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from waiver_exchange.application.ports import ReadModelStore
from waiver_exchange.application.queries.settled import SettledReads
from waiver_exchange.application.selections import CandleSelection, TradeSelection
from waiver_exchange.projections.candles import CandleView, candle_row
from waiver_exchange.projections.state import TradeView

# A read waits so long for Redis at most; then nobody asks it for a while.
ANSWER_SECONDS_MAX: Final = 0.025
PAUSE_SECONDS: Final = 1.0
KEPT_SECONDS: Final = 3_600
VALUE_BYTES_MAX: Final = 1_000_000
# At a time, so that a slow Redis gathers neither reads nor answers.
ASKING_MAX: Final = 64
KEEPING_MAX: Final = 64
TELL_SECONDS: Final = 1.0
GENERATION_BYTES: Final = 16
_NAME_BYTES: Final = 16
_FAILURES: Final = (RedisError, OSError, TimeoutError)

Row = tuple[int, ...]

_log = logging.getLogger(__name__)
_rows: Final = msgspec.msgpack.Decoder(list[Row])


@dataclass(slots=True)
class _Figures:
    """What was asked for since it was last told; times are in microseconds, `passed` were those without Redis."""

    hits: int = 0
    misses: int = 0
    passed: int = 0
    failures: int = 0
    not_kept: int = 0
    hit_us: int = 0
    miss_us: int = 0


@final
class HistoryCache(SettledReads):
    """Answers from Redis what it has, and from the store what it has not, which it then keeps."""

    def __init__(
        self,
        store: ReadModelStore,
        url: str,
        *,
        generation: bytes,
        prefix: str = "waiver",
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """Keep answers of a store under names that only processes of the same `generation` know.

        A generation is one run of the engine: a journal that was put back does not meet answers of its other future.
        """
        self._store = store
        self._redis: Any = Redis.from_url(
            url, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0)
        )
        self._generation = generation
        self._prefix = prefix
        self._answer_seconds_max = answer_seconds_max
        self._pause_seconds = pause_seconds
        self._stored = (0, 0)
        self._asking = 0
        self._paused_until = 0.0
        self._full_until = 0.0
        self._is_lost = False
        self._keeping: set[asyncio.Task[None]] = set()
        self._untold = _Figures()
        self._told_at = 0.0

    async def list_candles(self, selection: CandleSelection, *, limit: int) -> list[CandleView]:
        """Return candles, kept or from the store."""
        end = selection.end_ns
        if end is None:
            return await self._store.list_candles(selection, limit=limit)
        name = self._name("candles", *astuple(selection), limit)
        kept = await self._find(name)
        if kept is not None:
            return [CandleView(*row) for row in kept]
        is_settled = await self._has_stored(time_ns=end)
        began = time.perf_counter_ns()
        found = await self._store.list_candles(selection, limit=limit)
        self._untold.miss_us += (time.perf_counter_ns() - began) // 1_000
        if is_settled:
            self._keep(name, lambda: [candle_row(candle) for candle in found])
        return found

    async def list_trades(
        self, selection: TradeSelection, *, limit: int, version: int, after_sequence: int
    ) -> list[TradeView]:
        """Return trades, kept or from the store."""
        # With a version the bound is where memory begins, and moves without another trade of the market before it.
        named = replace(selection, before_trade=None) if version else selection
        name = self._name("trades", *astuple(named), limit, version)
        kept = await self._find(name)
        if kept is not None:
            return [TradeView(*row) for row in kept]
        is_settled = await self._has_stored(sequence=after_sequence)
        began = time.perf_counter_ns()
        found = await self._store.list_trades(selection, limit=limit)
        self._untold.miss_us += (time.perf_counter_ns() - began) // 1_000
        if is_settled:
            self._keep(name, lambda: found)
        return found

    async def figures(self) -> Mapping[str, int] | None:
        """Return the sums of all processes since Redis was last emptied; None when it does not answer."""
        await self._tell()
        try:
            async with asyncio.timeout(self._answer_seconds_max * 10):
                found = await self._redis.hgetall(self._figures_name)
        except _FAILURES:
            return None
        return {name.decode(): int(value) for name, value in sorted(found.items())}

    async def close(self) -> None:
        """Let go of what is under way; nothing of it is needed."""
        for task in list(self._keeping):
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        await self._redis.aclose()

    @property
    def _figures_name(self) -> str:
        return f"{self._prefix}:history:figures"

    def _name(self, *parts: object) -> str:
        digest = blake2b(msgspec.msgpack.encode(parts), key=self._generation, digest_size=_NAME_BYTES)
        return f"{self._prefix}:history:{digest.hexdigest()}"

    async def _find(self, name: str) -> list[Row] | None:
        """Return a kept answer, None when there is none or Redis is not asked."""
        if self._asking >= ASKING_MAX or time.monotonic() < self._paused_until:
            self._untold.passed += 1
            return None
        if self._is_lost:
            # One asks whether it is back; the others go on without it.
            self._paused_until = time.monotonic() + self._pause_seconds
        self._asking += 1
        began = time.perf_counter_ns()
        try:
            async with asyncio.timeout(self._answer_seconds_max):
                value = await self._redis.get(name)
            rows = _rows.decode(value) if value is not None else None
        except _FAILURES as error:
            self._lose(error)
            return None
        except msgspec.DecodeError:
            self._untold.failures += 1
            return None
        finally:
            self._asking -= 1
        self._find_again()
        if rows is None:
            self._untold.misses += 1
            return None
        self._untold.hits += 1
        self._untold.hit_us += (time.perf_counter_ns() - began) // 1_000
        self._tell_soon()
        return rows

    async def _has_stored(self, *, time_ns: int = 0, sequence: int = 0) -> bool:
        """Return whether the store had everything before a time and up to a row, before it is asked."""
        if self._stored[0] < sequence or self._stored[1] < time_ns:
            self._stored = await self._store.stored_until()
        return self._stored[0] >= sequence and self._stored[1] >= time_ns

    def _keep(self, name: str, rows: Callable[[], object]) -> None:
        now = time.monotonic()
        if len(self._keeping) >= KEEPING_MAX or now < self._paused_until or now < self._full_until:
            self._untold.not_kept += 1
            return
        value = msgspec.msgpack.encode(rows())
        if len(value) > VALUE_BYTES_MAX:
            self._untold.not_kept += 1
            return
        self._start(self._store_value(name, value))
        self._tell_soon()

    async def _store_value(self, name: str, value: bytes) -> None:
        try:
            await self._redis.set(name, value, ex=KEPT_SECONDS)
        except _FAILURES as error:
            # A full Redis still answers reads; whatever it was, what is there is asked for as before.
            self._full_until = time.monotonic() + self._pause_seconds
            self._untold.not_kept += 1
            _log.debug("an answer was not kept (%s)", type(error).__name__)

    def _tell_soon(self) -> None:
        if time.monotonic() - self._told_at >= TELL_SECONDS and len(self._keeping) < KEEPING_MAX:
            self._told_at = time.monotonic()
            self._start(self._tell())

    async def _tell(self) -> None:
        """Add the figures to those of all processes; without Redis they are forgotten."""
        told, self._untold = self._untold, _Figures()
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for field in fields(told):
                    if getattr(told, field.name):
                        pipeline.hincrby(self._figures_name, field.name, getattr(told, field.name))
                async with asyncio.timeout(self._answer_seconds_max * 10):
                    await pipeline.execute()
        except _FAILURES:
            return

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    def _lose(self, error: Exception) -> None:
        self._untold.failures += 1
        self._paused_until = time.monotonic() + self._pause_seconds
        if not self._is_lost:
            # Of the error only its kind: its text may hold the address, and that a password.
            _log.warning("Redis does not answer: history is read from the database (%s)", type(error).__name__)
            self._is_lost = True

    def _find_again(self) -> None:
        if self._is_lost:
            self._is_lost = False
            self._paused_until = 0.0
            _log.warning("Redis answers again: history is kept in it again")
