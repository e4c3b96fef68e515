"""Roles and scopes: what an account may be asked to do at most, whatever its keys and sessions were given.

A key or session holds what it was granted; a role bounds it anew at every request, so that who loses a role loses what
came with it at once. See decision 017.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain import codes

READ: Final = "read"
TRADE: Final = "trade"
ADMIN: Final = "admin"
AUDIT: Final = "audit"
OPERATE: Final = "operate"
# What a new key has unless something else is said, and what a key can have at all: to operate takes a person.
SCOPES: Final = (READ, TRADE, ADMIN)
KEY_SCOPES: Final = (*SCOPES, AUDIT)
ALL_SCOPES: Final = (*KEY_SCOPES, OPERATE)

ROLE_NAMES: Final[Mapping[int, str]] = {
    codes.ROLE_TRADER: "trader",
    codes.ROLE_OPERATOR: "operator",
    codes.ROLE_AUDITOR: "auditor",
    codes.ROLE_SERVICE: "service",
}
ROLES: Final[Mapping[str, int]] = {name: role for role, name in ROLE_NAMES.items()}
ROLE_SCOPES: Final[Mapping[int, frozenset[str]]] = {
    codes.ROLE_TRADER: frozenset(SCOPES),
    codes.ROLE_OPERATOR: frozenset(ALL_SCOPES),
    codes.ROLE_AUDITOR: frozenset((READ, ADMIN, AUDIT)),
    codes.ROLE_SERVICE: frozenset(SCOPES),
}
# What reaches beyond the own account; a frozen account has none of it.
_BEYOND: Final = frozenset((AUDIT, OPERATE))


def role_of(exchange: Exchange, account: int) -> int:
    """Return the role of an account; nobody's is that of a trader."""
    view = exchange.state.accounts.get(account)
    return view.role if view is not None else codes.ROLE_TRADER


def reaches_beyond(role: int) -> bool:
    """Return whether a role lets an account see or do what is not its own."""
    return not ROLE_SCOPES[role].isdisjoint(_BEYOND)


def scopes_of(exchange: Exchange, account: int, granted: frozenset[str]) -> frozenset[str]:
    """Return what is left of the granted scopes for the role that the account has now.

    Of a frozen account nothing is left that reaches beyond itself.
    """
    view = exchange.state.accounts.get(account)
    if view is None:
        return _left_of(granted, codes.ROLE_TRADER, False)  # noqa: FBT003 - keywords make a look-up three times as slow
    return _left_of(granted, view.role, view.is_halted)


@lru_cache(maxsize=1_024)
def _left_of(granted: frozenset[str], role: int, is_halted: bool) -> frozenset[str]:  # noqa: FBT001 - on a hot path
    """Return what a role leaves of scopes; kept, because every request asks and there are few answers."""
    allowed = granted & ROLE_SCOPES[role]
    return allowed - _BEYOND if is_halted else allowed
