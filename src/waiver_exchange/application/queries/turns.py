"""Reads that cost much: of one account one at a time, so that nobody takes the store for himself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason

# Of one account, the one that is being read included.
WAITING_MAX: Final = 16


@dataclass
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Turns:
    """Whose turn it is."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._queues: dict[int, _Queue] = {}

    @asynccontextmanager
    async def of(self, account: int) -> AsyncIterator[None]:
        """Wait for the account's turn. Raises `RefusedError` when too many of its reads wait already."""
        queue = self._queues.setdefault(account, _Queue())
        if queue.waiting >= WAITING_MAX:
            raise RefusedError(RefusalReason.exchange_is_busy)
        queue.waiting += 1
        try:
            async with queue.lock:
                yield
        finally:
            queue.waiting -= 1
            if not queue.waiting:
                del self._queues[account]
