"""One refresh token for the next, in one transaction: whoever comes second with the same token is found out."""

import sqlite3
from typing import Final

from waiver_exchange.application.identity_ports import RotationOutcome

# Of a session; an older token that comes back is unknown instead of reused.
USED_TOKENS_KEPT: Final = 1_000


def rotate(
    connection: sqlite3.Connection, token_hash: bytes, *, new_hash: bytes, at_ns: int, expires_at_ns: int
) -> tuple[RotationOutcome, str]:
    """Return what became of the token and its session's id, empty for an unknown one; the caller commits.

    Raises `sqlite3.Error`.
    """
    found = connection.execute(
        "SELECT token.session_id, token.generation, token.expires_at_ns, token.used_at_ns, session.revoked_at_ns "
        "FROM refresh_tokens AS token JOIN sessions AS session USING (session_id) WHERE token_hash = ?",
        (token_hash,),
    ).fetchone()
    if found is None:
        return RotationOutcome.unknown, ""
    session_id, generation, token_expires_at_ns, used_at_ns, revoked_at_ns = found
    if used_at_ns:
        connection.execute(
            "UPDATE sessions SET revoked_at_ns = ? WHERE session_id = ? AND revoked_at_ns = 0", (at_ns, session_id)
        )
        return RotationOutcome.reused, session_id
    if revoked_at_ns:
        return RotationOutcome.revoked, session_id
    if at_ns >= token_expires_at_ns:
        return RotationOutcome.expired, session_id
    connection.execute("UPDATE refresh_tokens SET used_at_ns = ? WHERE token_hash = ?", (at_ns, token_hash))
    connection.execute(
        "INSERT INTO refresh_tokens VALUES (?, ?, ?, ?, ?, 0)",
        (new_hash, session_id, generation + 1, at_ns, expires_at_ns),
    )
    connection.execute("UPDATE sessions SET expires_at_ns = ? WHERE session_id = ?", (expires_at_ns, session_id))
    connection.execute(
        "DELETE FROM refresh_tokens WHERE session_id = ? AND generation <= ?",
        (session_id, generation - USED_TOKENS_KEPT),
    )
    return RotationOutcome.rotated, session_id
