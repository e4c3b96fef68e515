"""Request counts that several processes share: each decides by what it knows, and tells the others right after.

Nothing waits for Redis. What was taken is gathered and sent in one atomic round trip as soon as the one before is
answered; the answer says what all have taken. What several processes took at once beyond a limit, in the few
milliseconds in which they did not know of each other, is owed and paid back, so that over time the limit is exact.
"""

import asyncio
import logging
from hashlib import blake2b
from importlib import resources
from itertools import islice
from typing import Final, final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from waiver_exchange.application.ports import Clock
from waiver_exchange.application.request_counts import DEBT_WINDOWS_MAX, Allowance, Charge, LocalCounts, RequestCounts

# At most so many round trips a second: each takes some 0.1 ms of this process.
PAUSE_SECONDS: Final = 0.005
ANSWER_SECONDS_MAX: Final = 0.25
RETRY_SECONDS: Final = 1.0
# Of one round trip, so that Redis is not busy with it for long; and between two, after which names are left out.
BATCH_MAX: Final = 1_000
WAITING_MAX: Final = 20_000
LOST: Final = "Redis does not answer: each process counts requests for itself until it does. Trading goes on."
_NAME_BYTES: Final = 16
_US: Final = 1_000
_SCRIPT: Final = resources.files(__package__).joinpath("settle.lua").read_text(encoding="ascii")
_FAILURES: Final = (RedisError, OSError, TimeoutError)

_log = logging.getLogger(__name__)


@final
class RedisCounts(RequestCounts):
    """Counts in this process that are settled with those of others; without Redis they are those of this process."""

    def __init__(self, url: str, *, clock: Clock, shared_clock: Clock | None = None, prefix: str = "waiver") -> None:
        """Share counts through the Redis of a URL, under names that begin with `prefix`.

        The time is that of the Redis server, so that hosts whose clocks differ count alike; or that of `shared_clock`.
        """
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS_MAX,
            socket_connect_timeout=ANSWER_SECONDS_MAX,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._redis.register_script(_SCRIPT)
        self._local = LocalCounts(clock)
        self._shared_clock = shared_clock
        self._prefix = prefix
        self._waiting: dict[tuple[str, str], tuple[int, int]] = {}
        self._wanted = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._warning: str | None = None
        self._settling: asyncio.Task[None] | None = None
        self._is_closing = False

    @property
    def warning(self) -> str | None:
        """Whether Redis is lost."""
        return self._warning

    async def start(self) -> None:
        """See whether Redis is there, and settle from now on until `close`."""
        await self._exchange({})
        self._settling = asyncio.create_task(self._settle_forever())

    def take(self, *charges: Charge) -> Allowance:
        """Count all of the charges when every one of them fits, else none, as far as is known here."""
        allowance = self._local.take(*charges)
        if allowance.is_taken:
            self._note(charges)
        return allowance

    def admit(self, charges: tuple[Charge, ...]) -> Allowance | None:
        """Count as `take` does, and return only what did not fit; None when everything did."""
        refused = self._local.admit(charges)
        if refused is None:
            self._note(charges)
        return refused

    async def settle(self) -> None:
        """Wait until what was taken here is known to all; without Redis, until it was tried."""
        await self._settled.wait()

    async def close(self) -> None:
        """Stop settling; what was not settled is forgotten within its window anyway."""
        if self._settling is not None:
            # The library may take the cancelling for its own; then the flag ends the task after its round trip.
            self._is_closing = True
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)
        await self._redis.aclose()

    def _note(self, charges: tuple[Charge, ...]) -> None:
        waiting = self._waiting
        for group, name, _, window_ns, cost_ns in charges:
            named = (group, name)
            before = waiting.get(named)
            if before is not None:
                waiting[named] = (before[0] + cost_ns, window_ns)
            elif len(waiting) < WAITING_MAX:
                waiting[named] = (cost_ns, window_ns)
        self._settled.clear()
        self._wanted.set()

    async def _settle_forever(self) -> None:
        while not self._is_closing:
            await self._wanted.wait()
            batch = {name: self._waiting.pop(name) for name in list(islice(self._waiting, BATCH_MAX))}
            if not self._waiting:
                self._wanted.clear()
            try:
                await self._exchange(batch)
            except Exception:  # noqa: BLE001 - a worker's boundary: said, and tried again
                _log.exception("request counts cannot be shared; each process counts for itself")
            if not self._waiting:
                self._settled.set()
            await asyncio.sleep(RETRY_SECONDS if self._warning else PAUSE_SECONDS)

    async def _exchange(self, batch: dict[tuple[str, str], tuple[int, int]]) -> None:
        """Tell Redis what was taken, and learn what others took; what cannot be told is only counted here."""
        time_us = 0 if self._shared_clock is None else self._shared_clock.now_ns() // _US
        sizes = [size // _US for taken in batch.values() for size in taken]
        names = [self._shared_name(*name) for name in batch]
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS_MAX):
                busy = await self._script(keys=names, args=[time_us, DEBT_WINDOWS_MAX, *sizes])
        except _FAILURES as error:
            self._lose(error)
            return
        self._find_again()
        for name, busy_us in zip(batch, busy, strict=True):
            taken_since_ns = self._waiting.get(name, (0, 0))[0]
            self._local.learn(*name, busy_ns=busy_us * _US + taken_since_ns)

    def _lose(self, error: Exception) -> None:
        if self._warning is None:
            # Of the error only its kind: its text may hold the address, and that a password.
            _log.warning("%s (%s)", LOST, type(error).__name__)
            self._warning = LOST
        self._waiting.clear()

    def _find_again(self) -> None:
        if self._warning is not None:
            _log.warning("Redis answers again: request counts are shared again")
            self._warning = None

    def _shared_name(self, group: str, name: str) -> str:
        """Return a name of a fixed length that does not show an address or a key to whoever looks at Redis."""
        return f"{self._prefix}:{group}:{blake2b(name.encode(), digest_size=_NAME_BYTES).hexdigest()}"
