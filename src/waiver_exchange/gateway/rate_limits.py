"""How many requests a key, an account and an address may send: one count for every face of the exchange."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final, Literal

from waiver_exchange.application.access import Caller
from waiver_exchange.application.ports import IdentityStore, RequestRates
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.request_counts import Allowance, Charge, RequestCounts, charge_of
from waiver_exchange.config import RequestLimits
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason

Kind = Literal["order", "read"]
# The limits that charges were made by, and the charges.
_Kept = tuple[RequestRates | None, tuple[Charge, ...]]

HEALTH_PER_SECOND: Final = 100
# Signatures of tokens that were not seen before, each 0.1 ms of this process.
UNPROVEN_PER_SECOND: Final = 10
# What an account may do in all, unless somebody chose a number: as much as so many of its keys.
KEYS_PER_ACCOUNT: Final = 5
# Charges that are kept made, because making one takes as long as counting it.
KEPT_MAX: Final = 4_096
_SECOND: Final = NANOSECONDS_PER_SECOND
_MINUTE: Final = 60 * _SECOND
_IPV6_NETWORK_BITS: Final = 64
_ACCOUNT_GROUPS: Final = {"order": "account_order", "read": "account_read"}
_NO_RATES: Final = RequestRates()
_PER: Final = {
    "order": "key and second",
    "read": "key and second",
    "account_order": "account and second",
    "account_read": "account and second",
    "address": "address and second",
    "failure": "address and minute, of failed ones",
    "unproven": "address, key or session, and second, of tokens not seen before",
    "sign_in": "address and minute, of sign-ins",
    "health": "address and second, of health",
}


class RateRefusedError(RefusedError):
    """A request came too soon; `allowance` says when the next one may come."""

    def __init__(self, allowance: Allowance, *, per: str) -> None:
        """Keep what the answer's headers say."""
        super().__init__(RefusalReason.request_rate_is_too_high, limit=allowance.limit, per=per)
        self.allowance = allowance


class RateLimits:
    """What everybody may send, by the settings and by what the operator set for an account."""

    def __init__(self, *, counts: RequestCounts, limits: RequestLimits, identity: IdentityStore) -> None:
        """Count in `counts`."""
        self._counts = counts
        self._limits = limits
        self._find_rates = identity.find_rates
        self._kept: dict[tuple[Kind, str], _Kept] = {}
        self._kept_messages: dict[tuple[Kind, str, str], _Kept] = {}

    @property
    def warning(self) -> str | None:
        """What is wrong with the counts that stops no trading."""
        return self._counts.warning

    def take(self, *, caller: Caller | None = None, address: str = "", kind: Kind, count: int = 1) -> Allowance | None:
        """Count a request of a caller and his account, or of an address; return what is left, None without a limit.

        Requests of an address are counted whatever their kind. One that asks for much counts as `count`, and as
        nearly all of a limit that is less: else it could never be asked. Raises `RateRefusedError`.
        """
        if caller is None:
            return self._take("address", network_of(address), self._limits.address_requests_per_second, _SECOND, count)
        charges = self._charges_of(caller, kind) if count == 1 else self._make_charges(caller, kind, count)
        return self._charge(charges) if charges else None

    def take_message(self, *, caller: Caller, address: str, kind: Kind) -> None:
        """Count one message of an address and of a caller and his account, all at once. Raises `RateRefusedError`.

        This is `take` for the address and for the caller; the charges are kept together, because it is asked so often.
        """
        rates = self._find_rates(caller.account)
        kept = self._kept_messages.get((kind, caller.key_id or caller.session_id, address))
        if kept is None or kept[0] is not rates:
            kept = self._keep_message(caller, address, kind, rates)
        charges = kept[1]
        refused = self._counts.admit(charges) if charges else None
        if refused is not None:
            raise RateRefusedError(refused, per=_PER[refused.charge.group])

    def take_failure(self, address: str) -> Allowance | None:
        """Count one failed authentication of an address. Raises `RateRefusedError`.

        Only failures count, and only failures are refused: behind one address there are many people, and nobody of them
        can lock the others out. A secret of 256 random bits needs no more protection than that.
        """
        limit = self._limits.failed_authentications_per_minute
        return self._take("failure", network_of(address), limit, _MINUTE)

    def take_unproven(self, address: str, credential: str) -> Allowance | None:
        """Count the checking of a signature that an address asks for by a token not seen before.

        Counted for each key or session that such tokens name: whoever forges tokens in the name of one holds up no
        other behind the same address, and nobody whose token was seen or given here. Raises `RateRefusedError`.
        """
        if not self._limits.failed_authentications_per_minute:
            return None
        return self._take("unproven", f"{network_of(address)} {credential}", UNPROVEN_PER_SECOND, _SECOND)

    def take_sign_in(self, address: str) -> Allowance | None:
        """Count the beginning of one sign-in of an address. Raises `RateRefusedError`.

        Whoever is signed in, or has a key, is not concerned: it cannot be used to lock anybody out of what he has.
        """
        return self._take("sign_in", network_of(address), self._limits.sign_ins_per_minute, _MINUTE)

    def take_health(self, address: str) -> None:
        """Count one look at the service's health, which costs little and counts for nothing else.

        This machine's own are not counted. Raises `RateRefusedError`.
        """
        if self._limits.address_requests_per_second and not is_loopback(address):
            self._take("health", network_of(address), HEALTH_PER_SECOND, _SECOND)

    def limits_of(self, account: int, kind: Kind) -> tuple[int, int]:
        """Return how many requests of a kind a key or session of an account may send in a second, and all of them.

        0 is no limit.
        """
        rates, limits = self._find_rates(account) or _NO_RATES, self._limits
        if kind == "order":
            own, all_own = rates.orders_per_second, rates.account_orders_per_second
            common, all_common = limits.orders_per_second, limits.account_orders_per_second
        else:
            own, all_own = rates.reads_per_second, rates.account_reads_per_second
            common, all_common = limits.reads_per_second, limits.account_reads_per_second
        of_key = common if own is None else own
        if all_own is not None:
            return of_key, all_own
        # Who was given more for each key has more in all.
        is_everybodys = own is None and all_common is not None
        return of_key, all_common if is_everybodys and all_common is not None else KEYS_PER_ACCOUNT * of_key

    def _keep_message(self, caller: Caller, address: str, kind: Kind, rates: RequestRates | None) -> _Kept:
        """Make the charges of one message, kept until the operator changes the account's limits."""
        if len(self._kept_messages) >= KEPT_MAX:
            self._kept_messages.clear()
        of_address = self._charges("address", network_of(address), self._limits.address_requests_per_second)
        kept = (rates, of_address + self._make_charges(caller, kind, 1))
        self._kept_messages[kind, caller.credential, address] = kept
        return kept

    def _charges_of(self, caller: Caller, kind: Kind) -> tuple[Charge, ...]:
        """Return the charges of one request, kept until the operator changes the account's limits."""
        rates = self._find_rates(caller.account)
        name = (kind, caller.credential)
        kept = self._kept.get(name)
        if kept is None or kept[0] is not rates:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            kept = self._kept[name] = (rates, self._make_charges(caller, kind, 1))
        return kept[1]

    @staticmethod
    def _charges(group: str, name: str, limit: int) -> tuple[Charge, ...]:
        return (charge_of(group, name, limit=limit, window_ns=_SECOND),) if limit else ()

    def _make_charges(self, caller: Caller, kind: Kind, requests: int) -> tuple[Charge, ...]:
        of_key, of_account = self.limits_of(caller.account, kind)
        wanted = ((kind, caller.credential, of_key), (_ACCOUNT_GROUPS[kind], str(caller.account), of_account))
        return tuple(
            charge_of(group, name, limit=limit, window_ns=_SECOND, requests=requests)
            for group, name, limit in wanted
            if limit
        )

    def _take(self, group: str, name: str, limit: int, window_ns: int, requests: int = 1) -> Allowance | None:
        if not limit:
            return None
        return self._charge((_kept_charge(group, name, limit, window_ns, requests),))

    def _charge(self, charges: tuple[Charge, ...]) -> Allowance:
        allowance = self._counts.take(*charges)
        if not allowance.is_taken:
            raise RateRefusedError(allowance, per=_PER[allowance.charge.group])
        return allowance


@lru_cache(maxsize=KEPT_MAX)
def _kept_charge(group: str, name: str, limit: int, window_ns: int, requests: int) -> Charge:
    return charge_of(group, name, limit=limit, window_ns=window_ns, requests=requests)


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
