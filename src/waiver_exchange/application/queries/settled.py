"""Reads of history that will not change any more, so that an answer may be kept and given again.

Whoever asks says all that an answer depends on: a selection that is bounded by what is still in memory, and a version
where a bound alone does not tell. The answer counts as settled once the store has everything before that bound.
"""

from collections.abc import Mapping
from typing import Protocol, final

from waiver_exchange.application.ports import ReadModelStore
from waiver_exchange.application.selections import CandleSelection, TradeSelection
from waiver_exchange.projections.candles import CandleView
from waiver_exchange.projections.state import TradeView


class SettledReads(Protocol):
    """Reads of the store whose answers are the same for ever. They raise `projections.changes.ReadModelError`."""

    async def list_candles(self, selection: CandleSelection, *, limit: int) -> list[CandleView]:
        """Return the first `limit` candles of a selection with an end: no trade before it is only in memory."""

    async def list_trades(
        self, selection: TradeSelection, *, limit: int, version: int, after_sequence: int
    ) -> list[TradeView]:
        """Return the first `limit` trades of a selection, all of them older than those in memory.

        Of the same version it is the same answer, whatever `before_trade` is beyond a page's own; the trades are no
        newer than row `after_sequence`.
        """

    async def figures(self) -> Mapping[str, int] | None:
        """Return how often answers were kept and given again, by all processes; None when none are kept."""

    async def close(self) -> None:
        """Give back what answers are kept in."""


@final
class StoredReads(SettledReads):
    """Asks the store every time."""

    def __init__(self, store: ReadModelStore) -> None:
        """Read a store."""
        self._store = store

    async def list_candles(self, selection: CandleSelection, *, limit: int) -> list[CandleView]:
        """Return candles from the store."""
        return await self._store.list_candles(selection, limit=limit)

    async def list_trades(
        self, selection: TradeSelection, *, limit: int, version: int, after_sequence: int
    ) -> list[TradeView]:
        """Return trades from the store."""
        del version, after_sequence
        return await self._store.list_trades(selection, limit=limit)

    async def figures(self) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is kept elsewhere."""
