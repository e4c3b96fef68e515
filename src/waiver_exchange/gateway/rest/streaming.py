"""Answers that are sent piece by piece."""

from collections.abc import AsyncIterator


async def joined(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield a piece that was made before the answer began, so that it could still be refused, then the others."""
    yield first
    async for piece in others:
        yield piece
