"""What the market maker believes a player is worth: a small random walk around his rating, with news now and then."""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Final

# Thousandths of a basis point, so that a step can be small and still be an integer.
_WHOLE: Final = 10_000_000
_PER_BPS: Final = 1_000

TICK_SECONDS: Final = 1.0
PLAYERS_PER_TICK: Final = 25
STEP_BPS: Final = 20
# Each step goes back by this part of the distance to the rating: the walk stays within a few per cent of it.
REVERSION_DIVISOR: Final = 1_000
NEWS_TICKS: Final = 60
NEWS_BPS_MIN: Final = 200
NEWS_BPS_MAX: Final = 700
# The predecessor clipped its fair price to +/-30 % of the preseason value; the walk keeps a little further inside.
DISTANCE_BPS_MAX: Final = 2_500


class FairValues:
    """The fair value of each symbol in cents. `run` moves them until it is cancelled."""

    def __init__(self, anchors: Mapping[str, int], *, start: Mapping[str, int], rng: Random) -> None:
        """Walk around `anchors` from `start` (cents; a symbol without one starts at its anchor)."""
        self._anchors = {symbol: cents for symbol, cents in anchors.items() if cents > 0}
        self._symbols = sorted(self._anchors)
        self._rng = rng
        self._distance = {
            symbol: self._clip((start.get(symbol) or anchor) * _WHOLE // anchor - _WHOLE)
            for symbol, anchor in self._anchors.items()
        }

    def cents(self, symbol: str) -> int | None:
        """Return a player's fair value, or None for one that the demo does not know."""
        anchor = self._anchors.get(symbol)
        return None if anchor is None else anchor * (_WHOLE + self._distance[symbol]) // _WHOLE

    def tick(self) -> None:
        """Move some of the values by a little, and now and then one of them by much."""
        for symbol in self._rng.sample(self._symbols, min(PLAYERS_PER_TICK, len(self._symbols))):
            step = round(self._rng.gauss(0, STEP_BPS * _PER_BPS))
            self._move(symbol, step - self._distance[symbol] // REVERSION_DIVISOR)
        if self._symbols and self._rng.randrange(NEWS_TICKS) == 0:
            size = self._rng.randint(NEWS_BPS_MIN, NEWS_BPS_MAX) * _PER_BPS
            self._move(self._rng.choice(self._symbols), self._rng.choice((-size, size)))

    async def run(self) -> None:
        """Tick once a second."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.tick()

    def _move(self, symbol: str, step: int) -> None:
        self._distance[symbol] = self._clip(self._distance[symbol] + step)

    def _clip(self, distance: int) -> int:
        bound = DISTANCE_BPS_MAX * _PER_BPS
        return max(-bound, min(bound, distance))
