"""Invitations in the file of names and keys; of a code there is only the hash."""

import sqlite3
from dataclasses import replace

from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread
from waiver_exchange.application.identity_ports import Invitation, InvitationStore


class SqliteInvitations(InvitationStore):
    """An `InvitationStore` that keeps everything in memory too."""

    def __init__(self, file: IdentityThread) -> None:
        """Read the invitations; blocks for some milliseconds. Raises `IdentityError`."""
        self._file = file
        self._invitations = file.load(lambda: _load(file.connection))
        self._ids = {invitation.code_hash: invitation.invitation_id for invitation in self._invitations.values()}

    async def add_invitation(self, invitation: Invitation) -> None:
        """Keep an invitation. Raises `IdentityError`."""

        def add(connection: sqlite3.Connection) -> None:
            values = (
                invitation.invitation_id,
                invitation.code_hash,
                invitation.made_by,
                invitation.created_at_ns,
                invitation.expires_at_ns,
                invitation.used_at_ns,
                invitation.used_by,
                invitation.revoked_at_ns,
                invitation.account,
            )
            connection.execute("INSERT INTO invitations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

        def remember(_: None) -> None:
            self._invitations[invitation.invitation_id] = invitation
            self._ids[invitation.code_hash] = invitation.invitation_id

        await self._file.change(add, then=remember)

    async def use_invitation(self, code_hash: bytes, *, person_id: str, at_ns: int) -> Invitation | None:
        """Spend an invitation on a person; None when it is good no more. Raises `IdentityError`."""
        found = self.find_invitation(code_hash)
        if found is None:
            return None

        def use(connection: sqlite3.Connection) -> bool:
            used = connection.execute(
                "UPDATE invitations SET used_at_ns = ?, used_by = ? "
                "WHERE invitation_id = ? AND used_by = '' AND revoked_at_ns = 0 AND expires_at_ns > ?",
                (at_ns, person_id, found.invitation_id, at_ns),
            )
            return used.rowcount == 1

        def remember(is_spent_now: bool) -> Invitation | None:  # noqa: FBT001 - passed on from the thread
            known = self._invitations[found.invitation_id]
            if is_spent_now:
                known = replace(known, used_at_ns=at_ns, used_by=person_id)
                self._invitations[known.invitation_id] = known
            return known if known.used_by == person_id else None

        return await self._file.change(use, then=remember)

    async def revoke_invitation(self, invitation_id: str, *, at_ns: int) -> Invitation | None:
        """End an invitation that nobody used, and return it; None when there is none. Raises `IdentityError`."""
        if invitation_id not in self._invitations:
            return None

        def revoke(connection: sqlite3.Connection) -> bool:
            revoked = connection.execute(
                "UPDATE invitations SET revoked_at_ns = ? "
                "WHERE invitation_id = ? AND used_by = '' AND revoked_at_ns = 0",
                (at_ns, invitation_id),
            )
            return revoked.rowcount == 1

        def remember(is_revoked_now: bool) -> Invitation:  # noqa: FBT001 - passed on from the thread
            if is_revoked_now:
                known = self._invitations[invitation_id]
                self._invitations[invitation_id] = replace(known, revoked_at_ns=at_ns)
            return self._invitations[invitation_id]

        return await self._file.change(revoke, then=remember)

    def find_invitation(self, code_hash: bytes) -> Invitation | None:
        """Return an invitation in whatever state, from memory."""
        invitation_id = self._ids.get(code_hash)
        return None if invitation_id is None else self._invitations[invitation_id]

    def list_invitations(self) -> list[Invitation]:
        """Return all invitations, oldest first, from memory."""
        return sorted(self._invitations.values(), key=lambda invitation: invitation.created_at_ns)


def _load(connection: sqlite3.Connection) -> dict[str, Invitation]:
    rows = connection.execute(
        "SELECT invitation_id, code_hash, made_by, created_at_ns, expires_at_ns, used_at_ns, used_by, revoked_at_ns, "
        "account FROM invitations"
    )
    return {row[0]: _invitation_of(row) for row in rows}


def _invitation_of(row: tuple[str, bytes, int, int, int, int, str, int, int]) -> Invitation:
    return Invitation(
        invitation_id=row[0],
        code_hash=row[1],
        made_by=row[2],
        created_at_ns=row[3],
        expires_at_ns=row[4],
        used_at_ns=row[5],
        used_by=row[6],
        revoked_at_ns=row[7],
        account=row[8],
    )
