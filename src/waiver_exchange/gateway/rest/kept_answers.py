"""Answers that everybody may ask for and that cost much to make: made again only now and then."""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Final, NamedTuple

from waiver_exchange.application.ports import Clock
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND

# An answer is kept for a second, or for so many times as long as it took to make, so that little time goes into it
# however many ask; but never for long, because people watch it.
KEPT_NS: Final = NANOSECONDS_PER_SECOND
COST_RATIO: Final = 100
KEPT_NS_MAX: Final = 3 * NANOSECONDS_PER_SECOND


class _Kept(NamedTuple):
    content: bytes
    made_at_ns: int
    kept_ns: int


class KeptAnswers:
    """The newest answer of each name."""

    def __init__(self, clock: Clock, *, timer_ns: Callable[[], int] = perf_counter_ns) -> None:
        """Go by a clock; the timer measures what an answer costs."""
        self._clock = clock
        self._timer_ns = timer_ns
        self._kept: dict[str, _Kept] = {}

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the answer of a name, made now if it is not kept or the clock was set back."""
        now_ns = self._clock.now_ns()
        kept = self._kept.get(name)
        if kept is None or not 0 <= now_ns - kept.made_at_ns < kept.kept_ns:
            began_ns = self._timer_ns()
            content = make()
            cost_ns = self._timer_ns() - began_ns
            kept = self._kept[name] = _Kept(content, now_ns, min(max(KEPT_NS, COST_RATIO * cost_ns), KEPT_NS_MAX))
        return kept.content
