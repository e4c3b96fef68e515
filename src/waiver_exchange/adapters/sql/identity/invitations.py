"""Invitations beside names and keys; of a code there is only the hash."""

from dataclasses import asdict, replace

from sqlalchemy import Connection, Row, Update, insert, select, update

from waiver_exchange.adapters.sql.identity.schema import invitations
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.application.identity_ports import Invitation, InvitationStore


class SqlInvitations(InvitationStore):
    """An `InvitationStore` that keeps everything in memory too."""

    def __init__(self, vault: Vault) -> None:
        """Read the invitations; blocks for some milliseconds. Raises `IdentityError`."""
        self._vault = vault
        self._invitations = vault.load(_load)
        self._ids = {invitation.code_hash: invitation.invitation_id for invitation in self._invitations.values()}

    async def add_invitation(self, invitation: Invitation) -> None:
        """Keep an invitation. Raises `IdentityError`."""

        def add(connection: Connection) -> None:
            connection.execute(insert(invitations), asdict(invitation))

        def remember(_: None) -> None:
            self._invitations[invitation.invitation_id] = invitation
            self._ids[invitation.code_hash] = invitation.invitation_id

        await self._vault.change(add, then=remember)

    async def use_invitation(self, code_hash: bytes, *, person_id: str, at_ns: int) -> Invitation | None:
        """Spend an invitation on a person; None when it is good no more. Raises `IdentityError`."""
        found = self.find_invitation(code_hash)
        if found is None:
            return None

        def use(connection: Connection) -> bool:
            is_good = _open(found.invitation_id).where(invitations.c.expires_at_ns > at_ns)
            return connection.execute(is_good.values(used_at_ns=at_ns, used_by=person_id)).rowcount == 1

        def remember(is_spent_now: bool) -> Invitation | None:  # noqa: FBT001 - passed on from the thread
            known = self._invitations[found.invitation_id]
            if is_spent_now:
                known = replace(known, used_at_ns=at_ns, used_by=person_id)
                self._invitations[known.invitation_id] = known
            return known if known.used_by == person_id else None

        return await self._vault.change(use, then=remember)

    async def revoke_invitation(self, invitation_id: str, *, at_ns: int) -> Invitation | None:
        """End an invitation that nobody used, and return it; None when there is none. Raises `IdentityError`."""
        if invitation_id not in self._invitations:
            return None

        def revoke(connection: Connection) -> bool:
            return connection.execute(_open(invitation_id).values(revoked_at_ns=at_ns)).rowcount == 1

        def remember(is_revoked_now: bool) -> Invitation:  # noqa: FBT001 - passed on from the thread
            if is_revoked_now:
                known = self._invitations[invitation_id]
                self._invitations[invitation_id] = replace(known, revoked_at_ns=at_ns)
            return self._invitations[invitation_id]

        return await self._vault.change(revoke, then=remember)

    def find_invitation(self, code_hash: bytes) -> Invitation | None:
        """Return an invitation in whatever state, from memory."""
        invitation_id = self._ids.get(code_hash)
        return None if invitation_id is None else self._invitations[invitation_id]

    def list_invitations(self) -> list[Invitation]:
        """Return all invitations, oldest first, from memory."""
        return sorted(self._invitations.values(), key=lambda invitation: invitation.created_at_ns)


def _load(connection: Connection) -> dict[str, Invitation]:
    return {row.invitation_id: _invitation_of(row) for row in connection.execute(select(invitations))}


def _open(invitation_id: str) -> Update:
    """Return a change of an invitation that nobody used or revoked."""
    return update(invitations).where(
        invitations.c.invitation_id == invitation_id, invitations.c.used_by == "", invitations.c.revoked_at_ns == 0
    )


def _invitation_of(row: Row[str, bytes, int, int, int, int, str, int, int]) -> Invitation:
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
