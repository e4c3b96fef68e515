"""One refresh token for the next, in one transaction: whoever comes second with the same token is found out."""

from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from waiver_exchange.adapters.sql.identity.schema import refresh_tokens, sessions
from waiver_exchange.application.identity_ports import RotationOutcome

# Of a session; an older token that comes back is unknown instead of reused.
USED_TOKENS_KEPT: Final = 1_000


def rotate(
    connection: Connection, token_hash: bytes, *, new_hash: bytes, at_ns: int, expires_at_ns: int
) -> tuple[RotationOutcome, str]:
    """Return what became of the token and its session's id, empty for an unknown one; the caller commits."""
    found = connection.execute(
        select(refresh_tokens, sessions.c.revoked_at_ns)
        .join_from(refresh_tokens, sessions, sessions.c.session_id == refresh_tokens.c.session_id)
        .where(refresh_tokens.c.token_hash == token_hash)
    ).first()
    if found is None:
        return RotationOutcome.unknown, ""
    of_session = update(sessions).where(sessions.c.session_id == found.session_id)
    if found.used_at_ns:
        connection.execute(of_session.where(sessions.c.revoked_at_ns == 0).values(revoked_at_ns=at_ns))
        return RotationOutcome.reused, found.session_id
    if found.revoked_at_ns:
        return RotationOutcome.revoked, found.session_id
    if at_ns >= found.expires_at_ns:
        return RotationOutcome.expired, found.session_id
    this = refresh_tokens.c.token_hash == token_hash
    connection.execute(update(refresh_tokens).where(this).values(used_at_ns=at_ns))
    following = {
        "token_hash": new_hash,
        "session_id": found.session_id,
        "generation": found.generation + 1,
        "created_at_ns": at_ns,
        "expires_at_ns": expires_at_ns,
        "used_at_ns": 0,
    }
    connection.execute(insert(refresh_tokens), following)
    connection.execute(of_session.values(expires_at_ns=expires_at_ns))
    oldest = refresh_tokens.c.generation <= found.generation - USED_TOKENS_KEPT
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.session_id == found.session_id, oldest))
    return RotationOutcome.rotated, found.session_id
