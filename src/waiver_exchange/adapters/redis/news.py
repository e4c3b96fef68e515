"""What the engine's process tells everybody, through a channel of Redis: published once, however many hear it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from waiver_exchange.adapters.link.news import Hearing, Listener, NewsError, Publisher

ANSWER_SECONDS_MAX: Final = 0.5
PAUSE_SECONDS: Final = 0.5
WAITING_BYTES_MAX: Final = 16 * 1024 * 1024
_FAILURES: Final = (RedisError, OSError, TimeoutError)

_log = logging.getLogger(__name__)


def _connect(url: str) -> Any:  # noqa: ANN401 - the library's own types are those of every Redis there is
    return Redis.from_url(url, socket_connect_timeout=ANSWER_SECONDS_MAX, retry=Retry(NoBackoff(), 0))


@final
class RedisPublisher(Publisher):
    """Publishes what gathered while the publishing before went on; what Redis does not take is lost."""

    def __init__(self, url: str, channel: str) -> None:
        """Publish to a channel, from the first `publish` on."""
        self._redis = _connect(url)
        self._channel = channel
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._wanted = asyncio.Event()
        self._publishing: asyncio.Task[None] | None = None
        self._is_lost = False

    def publish(self, frames: bytes) -> None:
        """Have frames published, unless Redis is away or too slow."""
        if self._publishing is None:
            self._publishing = asyncio.get_running_loop().create_task(self._publish_forever())
        if self._is_lost or self._waiting_bytes > WAITING_BYTES_MAX:
            return
        self._waiting.append(frames)
        self._waiting_bytes += len(frames)
        self._wanted.set()

    async def close(self) -> None:
        """Publish no more."""
        if self._publishing is not None:
            self._publishing.cancel()
            await asyncio.gather(self._publishing, return_exceptions=True)
        await self._redis.aclose()

    async def _publish_forever(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            frames, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    await self._redis.publish(self._channel, frames)
            except _FAILURES as error:
                _log.warning("Redis takes no news (%s): gateways hear them over the link", type(error).__name__)
                self._is_lost = True
                await asyncio.sleep(PAUSE_SECONDS)
                self._waiting, self._waiting_bytes = [], 0
                self._is_lost = False


@final
class RedisListener(Listener):
    """Hears a channel, whose name is asked for each time."""

    def __init__(self, url: str, channel: Callable[[], str]) -> None:
        """Hear the channel of this name."""
        self._url = url
        self._channel = channel

    def __call__(self, take: Callable[[bytes], None]) -> AbstractAsyncContextManager[Hearing]:
        """Hear for the block. Raises `NewsError` when Redis does not answer at its beginning."""
        return self._hearing(take)

    @asynccontextmanager
    async def _hearing(self, take: Callable[[bytes], None]) -> AsyncIterator[Hearing]:
        redis = _connect(self._url)
        heard = redis.pubsub()
        try:
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    await heard.subscribe(self._channel())
                    while (await heard.get_message(timeout=None))["type"] != "subscribe":
                        pass
            except _FAILURES as error:
                raise NewsError(type(error).__name__) from error
            hearing = _Hearing(heard, take)
            try:
                yield hearing
            finally:
                await hearing.close()
        finally:
            await heard.aclose()
            await redis.aclose()


@final
class _Hearing(Hearing):
    def __init__(self, heard: Any, take: Callable[[bytes], None]) -> None:  # noqa: ANN401 - as above
        self._reading = asyncio.get_running_loop().create_task(self._read(heard, take))

    @property
    def is_alive(self) -> bool:
        return not self._reading.done()

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, heard: Any, take: Callable[[bytes], None]) -> None:  # noqa: ANN401 - as above
        try:
            async for message in heard.listen():
                if message["type"] == "message":
                    take(message["data"])
        except _FAILURES:
            return
