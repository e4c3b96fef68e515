"""The keys that sign access tokens, changed when the operator wants it; by themselves they change every 30 days."""

from waiver_exchange.application import audit
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.audit_events import AuditEvent


async def rotate_signing_key(exchange: Exchange, *, reason: str, at_once: bool = False, actor: int = 0) -> str:
    """Let a new key sign and return its id; `at_once` ends all tokens that were given before.

    Raises `IdentityError`, `RefusedError`.
    """
    kid = await exchange.tokens.rotate(at_once=at_once)
    facts: dict[str, str | int] = {"kid": kid, "at_once": int(at_once), "reason": reason}
    await audit.record(exchange, AuditEvent.signing_key_rotated, actor=actor, facts=facts)
    return kid
