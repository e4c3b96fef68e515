"""Who asks, and what the key allows: every face of the exchange comes in through here.

A key and its secret are compared in constant time. A token stands for a key for an hour and carries its own proof: the
exchange keeps none of them, and forgets how to check them when it stops.
"""

import base64
import hmac
from hashlib import sha256
from typing import Final, NamedTuple

from waiver_exchange.application.authority import OPERATE, require_step_up, scopes_of
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import ApiKey
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason

TOKEN_SECONDS: Final = 3_600
_TOKEN_LENGTH_MAX: Final = 200
_SEPARATOR: Final = b"."


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


class Token(NamedTuple):
    """A new token, shown this once, and the UNIX time in nanoseconds until which it is good."""

    text: str
    expires_at_ns: int


def authenticate(exchange: Exchange, *, api_key: str, api_secret: str) -> Caller:
    """Return who has a key and its secret. Raises `RefusedError`, the same for a wrong key and a wrong secret."""
    key = exchange.identity.find_key(api_key)
    given = sha256(api_secret.encode("utf-8", "replace")).digest()
    expected = key.secret_hash if key is not None else bytes(len(given))
    if not hmac.compare_digest(given, expected) or key is None:
        raise RefusedError(RefusalReason.credentials_are_wrong)
    return _caller_of(exchange, key, now_ns=exchange.clock.now_ns())


def authenticate_token(exchange: Exchange, *, token: str) -> Caller:
    """Return who has a token that is still good and whose key is not revoked. Raises `RefusedError`."""
    now_ns = exchange.clock.now_ns()
    claim = _claim_of(exchange, token=token, now_ns=now_ns)
    key = None if claim is None else exchange.identity.find_key(claim.key_id)
    if claim is None or key is None:
        raise RefusedError(RefusalReason.token_is_wrong)
    return _caller_of(exchange, key, now_ns=now_ns)._replace(expires_at_ns=claim.expires_at_ns)


def is_current(exchange: Exchange, caller: Caller) -> bool:
    """Return whether a caller who came before is still who he is: his key is not revoked, his token not expired."""
    if exchange.identity.find_key(caller.key_id) is None:
        return False
    if scopes_of(exchange, caller.account, caller.scopes) != caller.scopes:
        return False
    return not caller.expires_at_ns or exchange.clock.now_ns() < caller.expires_at_ns


def require(caller: Caller, scope: str) -> None:
    """Raise `RefusedError` unless the caller's key has the scope."""
    if scope not in caller.scopes:
        raise RefusedError(RefusalReason.scope_is_missing, scope=scope)


def require_operator(exchange: Exchange, caller: Caller) -> None:
    """Raise `RefusedError` unless the caller may act as an operator now.

    He does so in a session that showed its second factor within ten minutes, never with a key.
    """
    require(caller, OPERATE)
    if not caller.session_id:
        raise RefusedError(RefusalReason.session_is_required)
    require_step_up(exchange, session_id=caller.session_id)


def issue_token(exchange: Exchange, caller: Caller) -> Token:
    """Return a token that stands for the caller's key, with all its scopes, until it expires or the key is revoked."""
    expires_at_ns = exchange.clock.now_ns() + TOKEN_SECONDS * NANOSECONDS_PER_SECOND
    claim = f"{caller.key_id} {expires_at_ns}".encode()
    parts = (_to_text(claim), _to_text(_proof(exchange, claim)))
    return Token(text=_SEPARATOR.join(parts).decode(), expires_at_ns=expires_at_ns)


def _caller_of(exchange: Exchange, key: ApiKey, *, now_ns: int) -> Caller:
    exchange.identity.note_use(key.key_id, at_ns=now_ns)
    scopes = scopes_of(exchange, key.account, key.scopes)
    return Caller(account=key.account, key_id=key.key_id, scopes=scopes)


class _Claim(NamedTuple):
    key_id: str
    expires_at_ns: int


def _claim_of(exchange: Exchange, *, token: str, now_ns: int) -> _Claim | None:
    """Return the key that a token stands for, and until when; None when it is not ours or no longer good."""
    if len(token) > _TOKEN_LENGTH_MAX or not token.isascii():
        return None
    claim_text, _, proof_text = token.encode().partition(_SEPARATOR)
    claim, proof = _from_text(claim_text), _from_text(proof_text)
    if claim is None or proof is None or not hmac.compare_digest(proof, _proof(exchange, claim)):
        return None
    key_id, _, expires_at_ns = claim.decode().partition(" ")
    return _Claim(key_id, int(expires_at_ns)) if now_ns < int(expires_at_ns) else None


def _proof(exchange: Exchange, claim: bytes) -> bytes:
    return hmac.digest(exchange.token_key, claim, "sha256")


def _to_text(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def _from_text(text: bytes) -> bytes | None:
    try:
        value = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        return None
    # The decoder skips letters that are none of its alphabet; one token has one spelling.
    return value if _to_text(value) == text else None
