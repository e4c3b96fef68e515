"""Who asks, and what the key allows: every face of the exchange comes in through here.

A key and its secret are compared in constant time. A token stands for a key or a session for an hour and carries its
own proof; whether its key or session still is, is looked up in memory each time.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from waiver_exchange.application import audit
from waiver_exchange.application.access_tokens import Claim, Token
from waiver_exchange.application.authority import OPERATE, scopes_of
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import ApiKey
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.step_up import require_step_up
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.refusals import RefusalReason


class Caller(NamedTuple):
    """The account that a request acts for, the key or the session it came with, and what that may do.

    One of `key_id` and `session_id` is empty. Who came with a token is who he is until `expires_at_ns`; 0 is for ever.
    """

    account: int
    key_id: str
    scopes: frozenset[str]
    expires_at_ns: int = 0
    session_id: str = ""

    @property
    def credential(self) -> str:
        """The id of the key or session: what requests and connections are counted by."""
        return self.key_id or self.session_id


def authenticate(exchange: Exchange, *, api_key: str, api_secret: str) -> Caller:
    """Return who has a key and its secret. Raises `RefusedError`, the same for a wrong key and a wrong secret."""
    key = exchange.identity.find_key(api_key)
    given = sha256(api_secret.encode("utf-8", "replace")).digest()
    expected = key.secret_hash if key is not None else bytes(len(given))
    if not hmac.compare_digest(given, expected) or key is None:
        raise _wrong(exchange, RefusalReason.credentials_are_wrong, key)
    return _caller_of(exchange, key, now_ns=exchange.clock.now_ns())


def authenticate_token(exchange: Exchange, *, token: str, admit: Callable[[str], object] | None = None) -> Caller:
    """Return who has a token that is still good and whose key or session has not ended. Raises `RefusedError`.

    A token that was not seen here before costs a signature to check: first `admit` is asked, with the id of the key or
    session that the token names, and may raise `RefusedError`.
    """
    claim = exchange.tokens.recall(token) or _proven(exchange, token, admit)
    caller = None if claim is None else _caller_of_claim(exchange, claim)
    if caller is None:
        raise _wrong(exchange, RefusalReason.token_is_wrong)
    return caller


def is_current(exchange: Exchange, caller: Caller) -> bool:
    """Return whether a caller who came before is still who he is, with the same rights.

    His key is not revoked or his session has not ended, and his token has not expired.
    """
    now_ns = exchange.clock.now_ns()
    if caller.expires_at_ns and now_ns >= caller.expires_at_ns:
        return False
    if caller.session_id:
        session = exchange.sessions.find_session(caller.session_id)
        if session is None or not session.is_live(now_ns):
            return False
    elif exchange.identity.find_key(caller.key_id) is None:
        return False
    return scopes_of(exchange, caller.account, caller.scopes) == caller.scopes


def require(caller: Caller, scope: str) -> None:
    """Raise `RefusedError` unless the caller's key has the scope."""
    if scope not in caller.scopes:
        raise RefusedError(RefusalReason.scope_is_missing, scope=scope)


def require_operator(exchange: Exchange, caller: Caller) -> None:
    """Raise `RefusedError` unless the caller may act as an operator now.

    He does so in a session that showed its second factor within ten minutes, never with a key.
    """
    require(caller, OPERATE)
    require_step_up(exchange, caller)


def require_beyond(exchange: Exchange, caller: Caller, *, scope: str) -> None:
    """Raise `RefusedError` unless the caller may do now what auditors (`audit`) or operators (`operate`) may.

    Who is known and tries all the same is counted for the journal: it may be the first sign of a stolen credential.
    """
    try:
        if scope == OPERATE:
            require_operator(exchange, caller)
        else:
            require(caller, scope)
    except RefusedError as refused:
        audit.note_failure(
            exchange,
            AuditEvent.authorization_refused,
            account=caller.account,
            credential=caller.credential,
            reason=refused.reason.name,
        )
        raise


def issue_token(exchange: Exchange, caller: Caller) -> Token:
    """Return a token that stands for the caller's key or session, with all its scopes.

    It is good for an hour; one that was asked for with a token, only as long as that one, so that who stole a token
    cannot make himself others for ever.
    """
    return exchange.tokens.sign(
        account=caller.account,
        key_id=caller.key_id,
        session_id=caller.session_id,
        scopes=caller.scopes,
        expires_at_ns=caller.expires_at_ns,
    )


def _wrong(exchange: Exchange, reason: RefusalReason, key: ApiKey | None = None) -> RefusedError:
    """Return the refusal of what opens nothing, which is counted for the journal."""
    account, credential = (0, "") if key is None else (key.account, key.key_id)
    audit.note_failure(
        exchange, AuditEvent.authentication_failed, account=account, credential=credential, reason=reason.name
    )
    return RefusedError(reason)


def _caller_of(exchange: Exchange, key: ApiKey, *, now_ns: int) -> Caller:
    exchange.identity.note_use(key.key_id, at_ns=now_ns)
    scopes = scopes_of(exchange, key.account, key.scopes)
    return Caller(account=key.account, key_id=key.key_id, scopes=scopes)


def _proven(exchange: Exchange, token: str, admit: Callable[[str], object] | None) -> Claim | None:
    """Return what a token says whose signature is good; checked only if it names a key or session that there is.

    The ids of sessions are secrets, so that only who knows the id of a key gets as far as the signature.
    """
    said = exchange.tokens.peek(token)
    if said is None or not _is_open(exchange, said, now_ns=exchange.clock.now_ns()):
        return None
    if admit is not None:
        admit(said.key_id or said.session_id)
    return exchange.tokens.read(token)


def _is_open(exchange: Exchange, claim: Claim, *, now_ns: int) -> bool:
    """Return whether the key or session that a token names has not ended, and is its account's."""
    if claim.session_id:
        session = exchange.sessions.find_session(claim.session_id)
        return session is not None and session.is_live(now_ns) and session.account == claim.account
    key = exchange.identity.find_key(claim.key_id)
    return key is not None and key.account == claim.account


def _caller_of_claim(exchange: Exchange, claim: Claim) -> Caller | None:
    """Return whom a token stands for, or None when its key or session has ended."""
    now_ns = exchange.clock.now_ns()
    if not _is_open(exchange, claim, now_ns=now_ns):
        return None
    if claim.session_id:
        exchange.sessions.note_use(claim.session_id, at_ns=now_ns)
    else:
        exchange.identity.note_use(claim.key_id, at_ns=now_ns)
    return Caller(
        account=claim.account,
        key_id=claim.key_id,
        scopes=scopes_of(exchange, claim.account, claim.scopes),
        expires_at_ns=claim.expires_at_ns,
        session_id=claim.session_id,
    )
