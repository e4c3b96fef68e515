"""Uses of keys and sessions: no changes, but noted in memory and stored, or sent on, now and then."""

from typing import NamedTuple


class KeyUse(NamedTuple):
    """When a key was used last (UNIX nanoseconds)."""

    key_id: str
    at_ns: int


class SessionUse(NamedTuple):
    """When a session was used last (UNIX nanoseconds), and from where; empty is as before."""

    session_id: str
    at_ns: int
    address: str = ""
    device: str = ""
