"""Invitations: codes that let one person each open an account. Only a code's hash is kept."""

import base64
from typing import Final

from waiver_exchange.application import audit
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.first_sign_in import hash_invitation
from waiver_exchange.application.identity_ports import Invitation
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason

COUNT_MAX: Final = 100
DAYS_MAX: Final = 365
_CODE_BYTES: Final = 15
_ID_BYTES: Final = 8
_DAY_NS: Final = 86_400 * NANOSECONDS_PER_SECOND


async def invite(exchange: Exchange, *, count: int, days: int, actor: int = 0) -> list[str]:
    """Make invitations and return their codes, which are shown this once. Raises `RefusedError`, `IdentityError`."""
    for name, value, most in (("count", count, COUNT_MAX), ("days", days, DAYS_MAX)):
        if not 1 <= value <= most:
            raise RefusedError(RefusalReason.field_is_invalid, field=name, limit=most)
    return [await _invite_one(exchange, days=days, actor=actor) for _ in range(count)]


async def _invite_one(exchange: Exchange, *, days: int, actor: int) -> str:
    code = base64.b32encode(exchange.draw_bytes(_CODE_BYTES)).decode()
    now_ns = exchange.clock.now_ns()
    invitation = Invitation(
        invitation_id=exchange.draw_bytes(_ID_BYTES).hex(),
        code_hash=hash_invitation(code),
        made_by=actor,
        created_at_ns=now_ns,
        expires_at_ns=now_ns + days * _DAY_NS,
    )
    await exchange.invitations.add_invitation(invitation)
    facts: dict[str, str | int] = {"invitation": invitation.invitation_id, "days": days}
    await audit.record(exchange, AuditEvent.invitation_made, actor=actor, facts=facts)
    return code
