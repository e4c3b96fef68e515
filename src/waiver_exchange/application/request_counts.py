"""How many requests were taken: counts of the generic cell rate algorithm, in this process or shared by several.

A limit of n in a window refills evenly: n requests may come at once, then one each n-th of the window. Of each name one
number is kept, the time at which all of its limit is free again, so that no clean-up is needed.
"""

from collections import OrderedDict, defaultdict
from typing import Final, NamedTuple, Protocol, final

from waiver_exchange.application.ports import Clock
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND

TRACKED_MAX: Final = 20_000
# What several processes took at once beyond a limit is paid back; nobody owes more than so many windows.
DEBT_WINDOWS_MAX: Final = 2


class Charge(NamedTuple):
    """Requests of one name, of which `limit` fit into a window; names of different groups are different names.

    `cost_ns` is the time in which the charge comes back.
    """

    group: str
    name: str
    limit: int
    window_ns: int
    cost_ns: int


def charge_of(group: str, name: str, *, limit: int, window_ns: int, requests: int = 1) -> Charge:
    """Return a charge; one for very many requests counts as nearly all of the limit, or it could never be taken."""
    return Charge(group, name, limit, window_ns, window_ns // limit * min(requests, max(1, limit - 1)))


class Allowance(NamedTuple):
    """What came of charges, by the one with least left, or by the first that did not fit; it is told when asked for.

    `free_at_ns` is when all of the limit is free again, with this charge.
    """

    charge: Charge
    is_taken: bool
    free_at_ns: int
    now_ns: int

    @property
    def limit(self) -> int:
        """How many requests may come at once."""
        return self.charge.limit

    @property
    def remaining(self) -> int:
        """How many more fit now."""
        charge = self.charge
        room_ns = self.now_ns + charge.window_ns - self._used_until_ns
        return max(0, min(charge.limit, room_ns // (charge.window_ns // charge.limit)))

    @property
    def reset_at_s(self) -> int:
        """The UNIX second at which all of the limit is free again."""
        return -(-self._used_until_ns // NANOSECONDS_PER_SECOND)

    @property
    def retry_after_s(self) -> int:
        """In how many seconds the same can be taken; 0 when it was."""
        wait_ns = 0 if self.is_taken else self.free_at_ns - self.now_ns - self.charge.window_ns
        return -(-wait_ns // NANOSECONDS_PER_SECOND)

    @property
    def _used_until_ns(self) -> int:
        return self.free_at_ns if self.is_taken else self.free_at_ns - self.charge.cost_ns


class RequestCounts(Protocol):
    """Counts requests. Asking never waits and never fails: who trades does not stand still for a count."""

    @property
    def warning(self) -> str | None:
        """What is wrong with the counts that stops no trading, for whoever watches over the service."""

    def take(self, *charges: Charge) -> Allowance:
        """Count all of the charges when every one of them fits, else none; there is at least one."""

    async def settle(self) -> None:
        """Wait until what was taken here is known to all who share the counts, and what they took is known here."""

    async def close(self) -> None:
        """Give back what the counts are kept in."""


@final
class LocalCounts(RequestCounts):
    """Counts in the memory of this process; in each group what was used least recently is forgotten first."""

    def __init__(self, clock: Clock, *, tracked_max: int = TRACKED_MAX) -> None:
        """Count by a clock; remember so many names of each group."""
        self.clock = clock
        self._tracked_max = tracked_max
        self._free_at_ns: defaultdict[str, OrderedDict[str, int]] = defaultdict(OrderedDict)

    @property
    def warning(self) -> str | None:
        """Nothing can be wrong."""
        return None

    def take(self, *charges: Charge) -> Allowance:
        """Count all of the charges when every one of them fits, else none."""
        # Each message of a WebSocket comes through here twice: written out, because calls are what it would cost most.
        now_ns = self.clock.now_ns()
        least, free_at_ns_of_least, room_of_least = charges[0], 0, -1
        after: list[int] = []
        for charge in charges:
            group, name, limit, window_ns, cost_ns = charge
            free_at_ns = self._free_at_ns[group].get(name, now_ns)
            # Further ahead it can only be when the clock was set back: then counting begins again.
            if not now_ns < free_at_ns <= now_ns + DEBT_WINDOWS_MAX * window_ns:
                free_at_ns = now_ns
            free_at_ns += cost_ns
            room_ns = now_ns + window_ns - free_at_ns
            if room_ns < 0:
                return Allowance(charge, False, free_at_ns, now_ns)  # noqa: FBT003 - fields in order, on a hot path
            room = room_ns * limit // window_ns
            if room_of_least < 0 or room < room_of_least:
                least, free_at_ns_of_least, room_of_least = charge, free_at_ns, room
            after.append(free_at_ns)
        for charge, free_at_ns in zip(charges, after, strict=True):
            self._keep(charge.group, charge.name, free_at_ns)
        return Allowance(least, True, free_at_ns_of_least, now_ns)  # noqa: FBT003 - as above

    def learn(self, group: str, name: str, *, busy_ns: int) -> None:
        """Take over how long it is until all of a limit is free again, as others know it."""
        self._keep(group, name, self.clock.now_ns() + busy_ns)

    async def settle(self) -> None:
        """Nobody else counts here."""

    async def close(self) -> None:
        """Nothing is kept elsewhere."""

    def _keep(self, group: str, name: str, free_at_ns: int) -> None:
        names = self._free_at_ns[group]
        names[name] = free_at_ns
        names.move_to_end(name)
        if len(names) > self._tracked_max:
            names.popitem(last=False)
