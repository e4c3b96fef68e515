"""Another way for what the engine's process tells everybody: told once, heard by all gateways that listen.

It may lose, and says nothing about it: broadcasts are numbered, and a gateway that misses one asks for it over the link
and hears everything there until the other way is tried again.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from hashlib import blake2b
from hmac import compare_digest
from typing import Final, Protocol, final

# Broadcasts that a gateway can ask for again; one that missed more begins as if it were new.
REMEMBERED_MAX: Final = 20_000
REMEMBERED_BYTES_MAX: Final = 32 * 1024 * 1024


KEY_BYTES: Final = 32
_SEAL_BYTES: Final = 32
_LENGTH_BYTES: Final = 4


class NewsError(Exception):
    """News cannot be heard now, or are not the engine's."""


def sealed(key: bytes, frames: bytes) -> bytes:
    """Return frames with what proves that they come from who has the key; several may follow each other."""
    return len(frames).to_bytes(_LENGTH_BYTES, "little") + _seal(key, frames) + frames


def unsealed(key: bytes, news: bytes) -> Iterator[bytes]:
    """Yield the frames of each that was sealed. Raises `NewsError` at the first that was not, or not with this key."""
    at = 0
    while at < len(news):
        start = at + _LENGTH_BYTES + _SEAL_BYTES
        end = start + int.from_bytes(news[at : at + _LENGTH_BYTES], "little")
        frames = news[start:end]
        if end > len(news) or not compare_digest(news[at + _LENGTH_BYTES : start], _seal(key, frames)):
            reason = "they are not the engine's"
            raise NewsError(reason)
        yield frames
        at = end


def _seal(key: bytes, frames: bytes) -> bytes:
    return blake2b(frames, key=key, digest_size=_SEAL_BYTES).digest()


class Publisher(Protocol):
    """The engine's side. Telling never waits and never fails."""

    def publish(self, frames: bytes) -> None:
        """Tell everybody who listens, or nobody."""

    async def close(self) -> None:
        """Give the connection back."""


class Hearing(Protocol):
    """A gateway hears news."""

    @property
    def is_alive(self) -> bool:
        """Whether the connection was not seen to break."""


class Listener(Protocol):
    """A gateway's side."""

    def __call__(self, take: Callable[[bytes], None]) -> AbstractAsyncContextManager[Hearing]:
        """Have frames taken in the order in which they come, for the block. Raises `NewsError`."""


@final
class Remembered:
    """The newest broadcasts as frames, by their numbers, which follow each other."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._frames: deque[bytes] = deque()
        self._newest = 0
        self._bytes = 0

    def add(self, number: int, frame: bytes) -> None:
        """Remember a broadcast, and forget the oldest when they are too many."""
        self._frames.append(frame)
        self._newest = number
        self._bytes += len(frame)
        while len(self._frames) > REMEMBERED_MAX or self._bytes > REMEMBERED_BYTES_MAX:
            self._bytes -= len(self._frames.popleft())

    def after(self, number: int) -> bytes | None:
        """Return all that came after a number, None when some of it is forgotten."""
        wanted = self._newest - number
        if wanted > len(self._frames):
            return None
        return b"".join(list(self._frames)[len(self._frames) - max(0, wanted) :])
