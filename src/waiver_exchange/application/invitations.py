"""Invitations: codes that let one person each open an account. Only a code's hash is kept."""

import base64
from typing import Final

from waiver_exchange.application import audit
from waiver_exchange.application.command_keys import end_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.first_sign_in import CODE_LENGTH_MAX, check_vacant, hash_invitation
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


async def invite(
    exchange: Exchange, *, count: int, days: int, reason: str, account: int = 0, actor: int = 0
) -> list[str]:
    """Make invitations and return their codes, which are shown this once.

    With `account` it is one, to that account, which has nobody behind it. Raises `RefusedError`, `IdentityError`.
    """
    for name, value, most in (("count", count, COUNT_MAX), ("days", days, DAYS_MAX)):
        if not 1 <= value <= most:
            raise RefusedError(RefusalReason.field_is_invalid, field=name, limit=most)
    if account:
        check_vacant(exchange, account)
        if count != 1:
            raise RefusedError(RefusalReason.field_is_invalid, field="count", limit=1)
    return [await _invite_one(exchange, days=days, reason=reason, account=account, actor=actor) for _ in range(count)]


async def revoke_invitation(exchange: Exchange, *, code: str, reason: str, actor: int = 0) -> Invitation:
    """Take an invitation back that nobody used, and return it; again it changes nothing.

    It ends also when that cannot be journaled; then it is refused, and asked again it is journaled. Raises
    `RefusedError`: no such invitation, or it was used.
    """
    found = exchange.invitations.find_invitation(hash_invitation(code[:CODE_LENGTH_MAX]))
    if found is None:
        raise RefusedError(RefusalReason.invitation_is_wrong)
    ended = await exchange.invitations.revoke_invitation(found.invitation_id, at_ns=exchange.clock.now_ns())
    if ended is None or not ended.revoked_at_ns:
        raise RefusedError(RefusalReason.invitation_is_wrong)
    await audit.record_end(
        exchange,
        AuditEvent.invitation_revoked,
        key=end_key("invitation", ended.invitation_id),
        account=0,
        actor=actor,
        facts={"invitation": ended.invitation_id, "reason": reason},
    )
    return ended


async def _invite_one(exchange: Exchange, *, days: int, reason: str, account: int, actor: int) -> str:
    code = base64.b32encode(exchange.draw_bytes(_CODE_BYTES)).decode()
    now_ns = exchange.clock.now_ns()
    invitation = Invitation(
        invitation_id=exchange.draw_bytes(_ID_BYTES).hex(),
        code_hash=hash_invitation(code),
        made_by=actor,
        created_at_ns=now_ns,
        expires_at_ns=now_ns + days * _DAY_NS,
        account=account,
    )
    await exchange.invitations.add_invitation(invitation)
    facts: dict[str, str | int] = {"invitation": invitation.invitation_id, "days": days, "reason": reason}
    await audit.record(exchange, AuditEvent.invitation_made, account=account, actor=actor, facts=facts)
    return code
