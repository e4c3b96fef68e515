"""How many requests a key and an address may send: one count for every face of the exchange.

A limit of n in a window refills evenly: n requests may come at once, then one each n-th of the window. Of each key and
address one number is kept, the time at which all of its limit is free again, so that no clean-up is needed.
"""

from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final, Literal, NamedTuple

from waiver_exchange.application.access import Caller
from waiver_exchange.application.ports import Clock, IdentityStore
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.config import RequestLimits
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason

Kind = Literal["order", "read"]

TRACKED_MAX: Final = 20_000
HEALTH_PER_SECOND: Final = 100
_SECOND: Final = NANOSECONDS_PER_SECOND
_MINUTE: Final = 60 * _SECOND
_IPV6_NETWORK_BITS: Final = 64


class Allowance(NamedTuple):
    """A limit, how many more requests fit into it now, and the UNIX second at which all of it is free again."""

    limit: int
    remaining: int
    reset_at_s: int
    retry_after_s: int = 0


class RateRefusedError(RefusedError):
    """A request came too soon; `allowance` says when the next one may come."""

    def __init__(self, allowance: Allowance, *, per: str) -> None:
        """Keep what the answer's headers say."""
        super().__init__(RefusalReason.request_rate_is_too_high, limit=allowance.limit, per=per)
        self.allowance = allowance


class RateLimits:
    """The counts of everybody; what was used least recently is forgotten when there are too many."""

    def __init__(
        self, *, clock: Clock, limits: RequestLimits, identity: IdentityStore, tracked_max: int = TRACKED_MAX
    ) -> None:
        """Limit by the settings, and by what the operator set for an account."""
        self._limits = limits
        self._identity = identity
        self._buckets = {
            name: _Buckets(clock, tracked_max) for name in ("order", "read", "address", "failure", "health")
        }

    def take(self, *, caller: Caller | None = None, address: str = "", kind: Kind, count: int = 1) -> Allowance | None:
        """Count a request of a key, or of an address, and return what is left; None where there is no limit.

        Requests of an address are counted whatever their kind. One that asks for much counts as `count`, and as
        nearly all of a limit that is less: else it could never be asked. Raises `RateRefusedError`.
        """
        if caller is None:
            limit = self._limits.address_requests_per_second
            return self._buckets["address"].take(network_of(address), limit, _SECOND, "address and second", count)
        limit = self.limit_of(caller.account, kind)
        return self._buckets[kind].take(caller.credential, limit, _SECOND, "key and second", count)

    def take_failure(self, address: str) -> Allowance | None:
        """Count one failed authentication of an address. Raises `RateRefusedError`.

        Only failures count, and only failures are refused: behind one address there are many people, and nobody of them
        can lock the others out. A secret of 256 random bits needs no more protection than that.
        """
        limit = self._limits.failed_authentications_per_minute
        return self._buckets["failure"].take(network_of(address), limit, _MINUTE, "address and minute, of failed ones")

    def take_health(self, address: str) -> None:
        """Count one look at the service's health, which costs little and counts for nothing else.

        This machine's own are not counted. Raises `RateRefusedError`.
        """
        if self._limits.address_requests_per_second and not is_loopback(address):
            buckets = self._buckets["health"]
            buckets.take(network_of(address), HEALTH_PER_SECOND, _SECOND, "address and second, of health")

    def limit_of(self, account: int, kind: Kind) -> int:
        """Return how many requests of a kind each key of an account may send in a second; 0 is no limit."""
        rates = self._identity.find_rates(account)
        is_order = kind == "order"
        own = None if rates is None else rates.orders_per_second if is_order else rates.reads_per_second
        if own is not None:
            return own
        return self._limits.orders_per_second if is_order else self._limits.reads_per_second


class _Buckets:
    """For each name the time at which its whole limit is free again."""

    def __init__(self, clock: Clock, tracked_max: int) -> None:
        self._clock = clock
        self._tracked_max = tracked_max
        self._free_at_ns: OrderedDict[str, int] = OrderedDict()

    def take(self, name: str, limit: int, window_ns: int, per: str, count: int = 1) -> Allowance | None:
        if not limit:
            return None
        now_ns = self._clock.now_ns()
        free_at_ns = self._free_at_ns.get(name, now_ns)
        # Further ahead than the window it can only be when the clock was set back: then counting begins again.
        if not now_ns < free_at_ns <= now_ns + window_ns:
            free_at_ns = now_ns
        interval_ns = window_ns // limit
        cost_ns = interval_ns * min(count, max(1, limit - 1))
        is_allowed = free_at_ns + cost_ns <= now_ns + window_ns
        wait_ns = 0
        if is_allowed:
            free_at_ns += cost_ns
            self._free_at_ns[name] = free_at_ns
            self._free_at_ns.move_to_end(name)
            if len(self._free_at_ns) > self._tracked_max:
                self._free_at_ns.popitem(last=False)
        else:
            wait_ns = free_at_ns + cost_ns - now_ns - window_ns
        allowance = Allowance(
            limit=limit,
            remaining=min(limit, (now_ns + window_ns - free_at_ns) // interval_ns),
            reset_at_s=-(-free_at_ns // _SECOND),
            retry_after_s=-(-wait_ns // _SECOND),
        )
        if not is_allowed:
            raise RateRefusedError(allowance, per=per)
        return allowance


@lru_cache(maxsize=4_096)
def network_of(address: str) -> str:
    """Return what is counted as one address: of IPv6 the network, because a customer is given a whole one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS))


@lru_cache(maxsize=4_096)
def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own."""
    try:
        return ip_address(network_of(address) if "." in address else address).is_loopback
    except ValueError:
        return False
