"""Logging in to a stream: who it is, how often it may be tried, and how many connections a key may have."""

from collections import Counter
from functools import partial
from typing import Final, final

from waiver_exchange.application.access import Caller, authenticate, authenticate_token, is_current, require
from waiver_exchange.application.authority import READ
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.gateway.rate_limits import RateLimits

# In the place of a key it says that a bearer token stands in the place of the secret.
_OAUTH: Final = "oauth"


@final
class Logins:
    """The logins of all streams of an exchange; 0 lifts the bound on the connections of a key."""

    def __init__(self, exchange: Exchange, *, rate_limits: RateLimits, connections_per_key_max: int) -> None:
        """Begin with nobody logged in."""
        self._exchange = exchange
        self._rate_limits = rate_limits
        self._per_key_max = connections_per_key_max
        self._connections: Counter[str] = Counter()

    def caller_of(self, key: str, secret: str, *, address: str) -> Caller:
        """Return who has a key and its secret. Raises `RefusedError`."""
        try:
            if key == _OAUTH:
                admit = partial(self._rate_limits.take_unproven, address)
                caller = authenticate_token(self._exchange, token=secret, admit=admit)
            else:
                caller = authenticate(self._exchange, api_key=key, api_secret=secret)
        except RefusedError:
            self._rate_limits.take_failure(address)
            raise
        require(caller, READ)
        return caller

    def may_ask(self, address: str) -> bool:
        """Count a message of an address, and return whether it may send so many."""
        try:
            self._rate_limits.take(address=address, kind="read")
        except RefusedError:
            return False
        return True

    def is_valid(self, caller: Caller) -> bool:
        """Return whether a key or token that logged in before may still be used."""
        return is_current(self._exchange, caller)

    def count(self, caller: Caller) -> bool:
        """Count a connection of a key and return True, or return False when it has as many as it may."""
        if self._per_key_max and self._connections[caller.credential] >= self._per_key_max:
            return False
        self._connections[caller.credential] += 1
        return True

    def uncount(self, caller: Caller) -> None:
        """Count a connection no more."""
        self._connections[caller.credential] -= 1
        if not self._connections[caller.credential]:
            del self._connections[caller.credential]
