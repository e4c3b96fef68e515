"""The second factor of a session: for ten minutes after its person has shown a passkey, it may do what needs one."""

from typing import TYPE_CHECKING, Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import Session
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason

if TYPE_CHECKING:
    from waiver_exchange.application.access import Caller

STEP_UP_SECONDS: Final = 600
RECENT_SIGN_IN_SECONDS: Final = 600


def session_of(exchange: Exchange, caller: "Caller") -> Session:
    """Return the session that a caller came with. Raises `RefusedError` when it was a key, or has ended."""
    session = exchange.sessions.find_session(caller.session_id) if caller.session_id else None
    if session is None or not session.is_live(exchange.clock.now_ns()):
        raise RefusedError(RefusalReason.session_is_required)
    return session


def is_stepped_up(exchange: Exchange, caller: "Caller") -> bool:
    """Return whether a passkey that is still kept was shown in the caller's session within ten minutes."""
    return stepped_up_until_ns(exchange, caller.session_id) > exchange.clock.now_ns()


def stepped_up_until_ns(exchange: Exchange, session_id: str) -> int:
    """Return until when a session counts as stepped up, in UNIX nanoseconds; 0 when it never did."""
    session = exchange.sessions.find_session(session_id) if session_id else None
    if session is None or not session.stepped_up_at_ns or not exchange.passkeys.list_passkeys(session.person_id):
        return 0
    return session.stepped_up_at_ns + STEP_UP_SECONDS * NANOSECONDS_PER_SECOND


def require_step_up(exchange: Exchange, caller: "Caller") -> Session:
    """Return the caller's session, which is stepped up. Raises `RefusedError`."""
    session = session_of(exchange, caller)
    if not is_stepped_up(exchange, caller):
        raise RefusedError(RefusalReason.step_up_is_required)
    return session


def require_confirmed(exchange: Exchange, caller: "Caller") -> Session:
    """Return the caller's session, in which its person has just proved to be there. Raises `RefusedError`.

    Who has a passkey proves it with a step-up, everybody else with a sign-in of the last ten minutes.
    """
    session = session_of(exchange, caller)
    if exchange.passkeys.list_passkeys(session.person_id):
        return require_step_up(exchange, caller)
    if exchange.clock.now_ns() - session.created_at_ns >= RECENT_SIGN_IN_SECONDS * NANOSECONDS_PER_SECOND:
        raise RefusedError(RefusalReason.recent_sign_in_is_required)
    return session
