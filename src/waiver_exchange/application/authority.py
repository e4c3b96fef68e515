"""Roles and scopes: what an account may be asked to do at most, whatever its keys and sessions were given.

A key or session holds what it was granted; a role bounds it anew at every request, so that who loses a role loses what
came with it at once. See decision 017.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from waiver_exchange.application.exchange import Exchange

READ: Final = "read"
TRADE: Final = "trade"
ADMIN: Final = "admin"
AUDIT: Final = "audit"
OPERATE: Final = "operate"
# What a new key has unless something else is said, and what a key can have at all: to operate takes a person.
SCOPES: Final = (READ, TRADE, ADMIN)
KEY_SCOPES: Final = (*SCOPES, AUDIT)
ALL_SCOPES: Final = (*KEY_SCOPES, OPERATE)

TRADER: Final = 0
OPERATOR: Final = 1
AUDITOR: Final = 2
SERVICE: Final = 3
ROLE_NAMES: Final[Mapping[int, str]] = {
    TRADER: "trader",
    OPERATOR: "operator",
    AUDITOR: "auditor",
    SERVICE: "service",
}
ROLES: Final[Mapping[str, int]] = {name: role for role, name in ROLE_NAMES.items()}
ROLE_SCOPES: Final[Mapping[int, frozenset[str]]] = {
    TRADER: frozenset(SCOPES),
    OPERATOR: frozenset(ALL_SCOPES),
    AUDITOR: frozenset((READ, ADMIN, AUDIT)),
    SERVICE: frozenset(SCOPES),
}
# What reaches beyond the own account; a frozen account has none of it.
_BEYOND: Final = frozenset((AUDIT, OPERATE))


def role_of(exchange: Exchange, account: int) -> int:
    """Return the role of an account; nobody's is that of a trader."""
    view = exchange.state.accounts.get(account)
    return view.role if view is not None else TRADER


def reaches_beyond(role: int) -> bool:
    """Return whether a role lets an account see or do what is not its own."""
    return not ROLE_SCOPES[role].isdisjoint(_BEYOND)


def scopes_of(exchange: Exchange, account: int, granted: frozenset[str]) -> frozenset[str]:
    """Return what is left of the granted scopes for the role that the account has now.

    Of a frozen account nothing is left that reaches beyond itself.
    """
    view = exchange.state.accounts.get(account)
    if view is None:
        return _left_of(granted, TRADER, False)  # noqa: FBT003 - keywords make a look-up three times as slow
    return _left_of(granted, view.role, view.is_halted)


@lru_cache(maxsize=1_024)
def _left_of(granted: frozenset[str], role: int, is_halted: bool) -> frozenset[str]:  # noqa: FBT001 - on a hot path
    """Return what a role leaves of scopes; kept, because every request asks and there are few answers."""
    allowed = granted & ROLE_SCOPES[role]
    return allowed - _BEYOND if is_halted else allowed
