"""Sessions of people: begun by a sign-in, kept alive by refresh tokens, ended by their owner or by a stolen token."""

import base64
import hmac
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from waiver_exchange.application import audit
from waiver_exchange.application.access import Caller
from waiver_exchange.application.access_tokens import Token
from waiver_exchange.application.api_keys import revoke_keys
from waiver_exchange.application.authority import ALL_SCOPES
from waiver_exchange.application.command_keys import end_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import Person, RefreshToken, RotationOutcome, Session
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.step_up import session_of
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason

REFRESH_SECONDS: Final = 30 * 86_400
# However often it is refreshed, after this time its owner signs in again.
SESSION_SECONDS_MAX: Final = 90 * 86_400
SESSIONS_MAX: Final = 50
DEVICE_LENGTH_MAX: Final = 200
_SESSION_BYTES: Final = 16
_SECRET_BYTES: Final = 32
# Each says the same whenever it is asked for, which is at every change that a browser sends.
_CSRF_TOKENS_KEPT: Final = 4_096
_TOKEN_LENGTH_MAX: Final = 200
_SECOND: Final = NANOSECONDS_PER_SECOND
_GRANTED: Final = frozenset(ALL_SCOPES)


class From(NamedTuple):
    """Where a request comes from, as its session's owner is shown it."""

    address: str = ""
    device: str = ""


class LiveSession(NamedTuple):
    """A session with its tokens, which are shown this once."""

    session: Session
    access: Token
    refresh_token: str
    csrf_token: str


async def begin_session(exchange: Exchange, person: Person, *, provider: str, origin: From) -> LiveSession:
    """Begin a session of somebody who has just proven who it is. Raises `IdentityError`, `RefusedError`."""
    now_ns = exchange.clock.now_ns()
    await _make_room(exchange, person.person_id, now_ns=now_ns)
    # Always a new id: what the browser had before says nothing and is never taken over.
    session_id = exchange.draw_bytes(_SESSION_BYTES).hex()
    session = Session(
        session_id=session_id,
        person_id=person.person_id,
        account=person.account,
        provider=provider,
        created_at_ns=now_ns,
        last_used_at_ns=now_ns,
        expires_at_ns=now_ns + REFRESH_SECONDS * _SECOND,
        device=_device(origin.device),
        address=origin.address,
    )
    text = _draw_refresh_token(exchange, session_id)
    token = RefreshToken(
        token_hash=_hash(text), session_id=session_id, created_at_ns=now_ns, expires_at_ns=session.expires_at_ns
    )
    try:
        await exchange.sessions.add_session(session, token)
    except LookupError:
        raise RefusedError(RefusalReason.account_is_erased) from None
    facts = {"session": session_id, "provider": provider}
    await audit.record(exchange, AuditEvent.signed_in, account=person.account, actor=person.account, facts=facts)
    return _live(exchange, session, text)


async def refresh_session(exchange: Exchange, *, refresh_token: str, origin: From) -> LiveSession:
    """Exchange a refresh token for new tokens; one that was used before ends its session.

    Raises `RefusedError`, `IdentityError`.
    """
    now_ns = exchange.clock.now_ns()
    session = exchange.sessions.find_session(session_id_of(refresh_token))
    last_ns = session.created_at_ns + SESSION_SECONDS_MAX * _SECOND if session is not None else 0
    if session is None or now_ns >= last_ns:
        raise _wrong_refresh_token(exchange)
    text = _draw_refresh_token(exchange, session.session_id)
    rotation = await exchange.sessions.rotate_refresh(
        _hash(refresh_token),
        new_hash=_hash(text),
        at_ns=now_ns,
        expires_at_ns=min(now_ns + REFRESH_SECONDS * _SECOND, last_ns),
    )
    if rotation.ended_now:
        await _record_theft(exchange, session)
    if rotation.outcome is not RotationOutcome.rotated or rotation.session is None:
        raise _wrong_refresh_token(exchange)
    exchange.sessions.note_use(session.session_id, at_ns=now_ns, address=origin.address, device=_device(origin.device))
    return _live(exchange, rotation.session, text)


def list_sessions(exchange: Exchange, caller: Caller) -> list[Session]:
    """Return the sessions of the person behind an account that still open something, newest first."""
    person = exchange.people.find_person_of(caller.account)
    if person is None:
        return []
    now_ns = exchange.clock.now_ns()
    found = exchange.sessions.list_sessions(person.person_id)
    return [session for session in reversed(found) if session.is_live(now_ns)]


async def sign_out(exchange: Exchange, caller: Caller) -> None:
    """End the session that the caller came with. Raises `RefusedError`, `IdentityError`."""
    session = session_of(exchange, caller)
    # First: an ended session cannot ask again for what was not journaled.
    await _record_end(exchange, AuditEvent.signed_out, session, actor=caller.account)
    await exchange.sessions.revoke_session(session.session_id, at_ns=exchange.clock.now_ns())


async def revoke_session(exchange: Exchange, caller: Caller, *, session_id: str) -> None:
    """End one of the caller's own sessions.

    It ends also when that cannot be journaled; then it is refused, and asked again it is journaled. Raises
    `RefusedError`, `IdentityError`.
    """
    person = exchange.people.find_person_of(caller.account)
    own = [] if person is None else exchange.sessions.list_sessions(person.person_id)
    session = next((found for found in own if found.session_id == session_id), None)
    if session is None:
        raise RefusedError(RefusalReason.session_not_found)
    now_ns = exchange.clock.now_ns()
    if session.is_live(now_ns):
        await exchange.sessions.revoke_session(session_id, at_ns=now_ns)
        await _record_end(exchange, AuditEvent.session_revoked, session, actor=caller.account)
        return
    if session.revoked_at_ns:
        await _record_end(exchange, AuditEvent.session_revoked, session, actor=caller.account)
    raise RefusedError(RefusalReason.session_not_found)


async def sign_out_everywhere(exchange: Exchange, caller: Caller, *, ends_keys: bool = False) -> tuple[int, int]:
    """End all sessions of the caller's person, this one too, and if wanted all API keys; return how many of each.

    Raises `RefusedError`, `IdentityError`.
    """
    # First: who can sign out no more could not ask again.
    keys = await revoke_keys(exchange, account=caller.account, actor=caller.account) if ends_keys else 0
    live = list_sessions(exchange, caller)
    if live:
        # First: an ended session cannot ask again for what was not journaled.
        facts = {"sessions": len(live)}
        await audit.record(
            exchange, AuditEvent.signed_out_everywhere, account=caller.account, actor=caller.account, facts=facts
        )
    return len(await _end_all(exchange, account=caller.account)), keys


async def end_sessions(exchange: Exchange, *, account: int, actor: int, session_id: str = "") -> int:
    """End a session of the person behind an account for somebody else, or all, and return how many.

    Who never signed in has none. `actor` is the operator's account, 0 the host. Raises `RefusedError`, `IdentityError`.
    """
    person = exchange.people.find_person_of(account)
    found = [] if person is None else exchange.sessions.list_sessions(person.person_id)
    ending = [session for session in found if session_id in {"", session.session_id}]
    if session_id and not ending:
        raise RefusedError(RefusalReason.session_not_found)
    now_ns = exchange.clock.now_ns()
    live = [session for session in ending if session.is_live(now_ns)]
    for session in live:
        await _record_end(exchange, AuditEvent.session_revoked, session, actor=actor)
        await exchange.sessions.revoke_session(session.session_id, at_ns=now_ns)
    return len(live)


def csrf_token(exchange: Exchange, session_id: str) -> str:
    """Return what proves that a request of a session comes from a page that may read the session's cookie."""
    return _csrf_token(exchange.token_key, session_id)


def is_csrf_token(exchange: Exchange, *, session_id: str, given: str) -> bool:
    """Return whether a value is the session's, compared in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), csrf_token(exchange, session_id).encode())


def session_id_of(refresh_token: str) -> str:
    """Return the session that a refresh token says it belongs to; nothing is proven by that."""
    return refresh_token.partition(".")[0] if len(refresh_token) <= _TOKEN_LENGTH_MAX else ""


async def _end_all(exchange: Exchange, *, account: int) -> list[Session]:
    person = exchange.people.find_person_of(account)
    if person is None:
        return []
    return await exchange.sessions.revoke_sessions(person.person_id, at_ns=exchange.clock.now_ns())


async def _make_room(exchange: Exchange, person_id: str, *, now_ns: int) -> None:
    """End the oldest sessions of somebody who has as many as may be."""
    live = [session for session in exchange.sessions.list_sessions(person_id) if session.is_live(now_ns)]
    for session in live[: max(0, len(live) + 1 - SESSIONS_MAX)]:
        await _record_end(exchange, AuditEvent.session_revoked, session, actor=session.account)
        await exchange.sessions.revoke_session(session.session_id, at_ns=now_ns)


def _wrong_refresh_token(exchange: Exchange) -> RefusedError:
    reason = RefusalReason.refresh_token_is_wrong
    audit.note_failure(exchange, AuditEvent.authentication_failed, reason=reason.name)
    return RefusedError(reason)


async def _record_theft(exchange: Exchange, session: Session) -> None:
    """Journal that a session's used token came back; nobody asks for that again, so that a failure is told later."""
    event = AuditEvent.refresh_token_reused
    try:
        await _record_end(exchange, event, session, actor=0)
    except RefusedError:
        audit.note_failure(exchange, event, account=session.account, credential=session.session_id)


async def _record_end(exchange: Exchange, event: AuditEvent, session: Session, *, actor: int) -> None:
    session_id = session.session_id
    key = end_key("session", session_id)
    facts = {"session": session_id}
    await audit.record_end(exchange, event, key=key, account=session.account, actor=actor, facts=facts)


def _live(exchange: Exchange, session: Session, refresh_token: str) -> LiveSession:
    access = exchange.tokens.sign(
        account=session.account,
        session_id=session.session_id,
        scopes=_GRANTED,
        expires_at_ns=session.expires_at_ns,
    )
    return LiveSession(session, access, refresh_token, csrf_token(exchange, session.session_id))


@lru_cache(maxsize=_CSRF_TOKENS_KEPT)
def _csrf_token(key: bytes, session_id: str) -> str:
    proof = hmac.digest(key, b"csrf " + session_id.encode(), "sha256")
    return base64.urlsafe_b64encode(proof).rstrip(b"=").decode()


def _draw_refresh_token(exchange: Exchange, session_id: str) -> str:
    secret = base64.urlsafe_b64encode(exchange.draw_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
    return f"{session_id}.{secret}"


def _hash(refresh_token: str) -> bytes:
    # 256 random bits need no slow hash: nobody can try them all.
    return sha256(refresh_token.encode("utf-8", "replace")).digest()


def _device(text: str) -> str:
    return "".join(letter for letter in text[:DEVICE_LENGTH_MAX] if letter.isprintable())
