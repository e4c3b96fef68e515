"""How often a workload leads to what."""

from collections import Counter
from collections.abc import Iterable

from tests.model.reference_engine import ReferenceEngine
from tests.model.situations import Situations
from tests.model.workload import Workload
from waiver_exchange.domain.events import CommandRefused, Event, OrderCancelled, OrderDenied, OrderRejected
from waiver_exchange.domain.refusals import CancelReason, RefusalReason

_REFUSAL_NAMES = {int(reason): reason.name for reason in RefusalReason}


def tally(counts: Counter[str], events: Iterable[Event]) -> None:
    """Count events by kind, refusals and cancels by reason too (`refusal:` and `cancel:` before the name)."""
    for event in events:
        counts[type(event).__name__] += 1
        match event:
            case OrderCancelled():
                counts[f"cancel:{CancelReason(event.reason).name}"] += 1
            case OrderDenied() | OrderRejected() | CommandRefused():
                counts[f"refusal:{_REFUSAL_NAMES[event.reason]}"] += 1
            case _:
                pass


def statistics(*, seed: int, count: int) -> Counter[str]:
    """Return how often each kind of event, refusal, cancel and situation occurs in a workload."""
    counts: Counter[str] = Counter()
    workload, engine, situations = Workload(seed), ReferenceEngine(), Situations()
    for _ in range(count):
        command = workload.next()
        events = engine.execute(command)
        workload.observe(events)
        tally(counts, events)
        situations.see(command, events)
    return counts + situations.counts
