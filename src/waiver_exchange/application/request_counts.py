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
    """What came of charges; it is worked out when it is asked for, because most of the time nobody asks.

    `free_at_ns` is for each charge when all of its limit is free again, with the charge: up to the first that did not
    fit, if one did not. What is told is of that one, or of the one with least left.
    """

    charges: tuple[Charge, ...]
    free_at_ns: list[int]
    now_ns: int
    is_taken: bool

    @property
    def charge(self) -> Charge:
        """The charge that is told of."""
        return self.charges[self._told]

    @property
    def limit(self) -> int:
        """How many requests may come at once."""
        return self.charge.limit

    @property
    def remaining(self) -> int:
        """How many more fit now."""
        return self._remaining_of(self._told)

    @property
    def reset_at_s(self) -> int:
        """The UNIX second at which all of the limit is free again."""
        return -(-self._used_until_ns(self._told) // NANOSECONDS_PER_SECOND)

    @property
    def retry_after_s(self) -> int:
        """In how many seconds the same can be taken; 0 when it was."""
        if self.is_taken:
            return 0
        wait_ns = self.free_at_ns[-1] - self.now_ns - self.charge.window_ns
        return -(-wait_ns // NANOSECONDS_PER_SECOND)

    @property
    def _told(self) -> int:
        last = len(self.free_at_ns) - 1
        return min(range(last + 1), key=self._remaining_of) if self.is_taken else last

    def _remaining_of(self, place: int) -> int:
        charge = self.charges[place]
        room_ns = self.now_ns + charge.window_ns - self._used_until_ns(place)
        return max(0, min(charge.limit, room_ns // (charge.window_ns // charge.limit)))

    def _used_until_ns(self, place: int) -> int:
        return self.free_at_ns[place] - (0 if self.is_taken else self.charges[place].cost_ns)


class RequestCounts(Protocol):
    """Counts requests. Asking never waits and never fails: who trades does not stand still for a count."""

    @property
    def warning(self) -> str | None:
        """What is wrong with the counts that stops no trading, for whoever watches over the service."""

    def take(self, *charges: Charge) -> Allowance:
        """Count all of the charges when every one of them fits, else none; there is at least one."""

    def admit(self, charges: tuple[Charge, ...]) -> Allowance | None:
        """Count as `take` does, and return only what did not fit; None when everything did."""

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
        refused = self.admit(charges)
        if refused is not None:
            return refused
        free_at_ns = [self._free_at_ns[charge.group][charge.name] for charge in charges]
        return Allowance(charges, free_at_ns, self.clock.now_ns(), is_taken=True)

    def admit(self, charges: tuple[Charge, ...]) -> Allowance | None:
        """Count as `take` does, and return only what did not fit; None when everything did."""
        # Every message of a WebSocket comes through here: written out, because calls are what it would cost most.
        now_ns = self.clock.now_ns()
        groups = self._free_at_ns
        after: list[int] = []
        for group, name, _, window_ns, cost_ns in charges:
            free_at_ns = groups[group].get(name, 0)
            # Further ahead it can only be when the clock was set back: then counting begins again.
            if free_at_ns < now_ns or free_at_ns > now_ns + DEBT_WINDOWS_MAX * window_ns:
                free_at_ns = now_ns
            free_at_ns += cost_ns
            after.append(free_at_ns)
            if free_at_ns > now_ns + window_ns:
                return Allowance(charges, after, now_ns, is_taken=False)
        for charge, free_at_ns in zip(charges, after, strict=True):
            names, name = groups[charge[0]], charge[1]
            names[name] = free_at_ns
            names.move_to_end(name)
            if len(names) > self._tracked_max:
                names.popitem(last=False)
        return None

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
