"""The way that the engine's news take to gateway processes beside the link."""

from hashlib import blake2b
from typing import Final

from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.link.news import Listener, Publisher
from waiver_exchange.config import Settings

_NAME_BYTES: Final = 16


def news_publisher(settings: Settings) -> Publisher | None:
    """Return where the engine's process tells its news, None when it does so over the link alone."""
    if settings.fan_out != "redis":
        return None
    from waiver_exchange.adapters.redis.news import RedisPublisher  # noqa: PLC0415 - its library is slow to import

    return RedisPublisher(settings.redis_url, _channel_of(settings))


def news_listener(settings: Settings) -> Listener | None:
    """Return where a gateway process hears the news, None when it does so over the link alone."""
    if settings.fan_out != "redis":
        return None
    from waiver_exchange.adapters.redis.news import RedisListener  # noqa: PLC0415 - its library is slow to import

    return RedisListener(settings.redis_url, lambda: _channel_of(settings))


def _channel_of(settings: Settings) -> str:
    """Return a name that processes of one run of the engine share, and nobody else on the same Redis."""
    generation = DataDirectory(settings.data_dir).history_generation
    known = generation.read_bytes() if generation.exists() else str(settings.data_dir.resolve()).encode()
    return f"waiver:news:{blake2b(known, digest_size=_NAME_BYTES).hexdigest()}"
