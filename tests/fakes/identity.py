"""People, sessions, passkeys, signing keys, invitations and notes in memory.

Two fakes that share their dictionaries are one file closed and opened again: pass the first to the second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from waiver_exchange.application.identity_memory.uses import SessionUse
from waiver_exchange.application.identity_ports import (
    Invitation,
    InvitationStore,
    Login,
    Note,
    NoteStore,
    Passkey,
    PasskeyStore,
    PeopleStore,
    Person,
    RefreshToken,
    Rotation,
    RotationOutcome,
    Session,
    SessionStore,
    SigningKey,
    SigningKeyStore,
)


class FakePeople(PeopleStore):
    def __init__(self, kept: "FakePeople | None" = None) -> None:
        self._people: dict[str, Person] = kept._people if kept else {}
        self._logins: dict[tuple[str, str], Login] = kept._logins if kept else {}
        self._erased: set[tuple[str, str]] = kept._erased if kept else set()
        self._frozen: set[tuple[str, str]] = set()

    async def add_person(self, person: Person, login: Login) -> Person:
        known = self.find_by_login(issuer=login.issuer, subject=login.subject)
        if known is not None:
            return known
        self._people[person.person_id] = person
        self._logins[login.issuer, login.subject] = login
        return person

    async def add_login(self, login: Login) -> bool:
        return self._logins.setdefault((login.issuer, login.subject), login) is login

    async def link_account(self, person_id: str, *, account: int) -> Person:
        person = self._people[person_id]
        owner = self.find_person_of(account)
        if person.account not in {0, account} or (owner is not None and owner.person_id != person_id):
            raise LookupError(person_id)
        self._people[person_id] = replace(person, account=account)
        return self._people[person_id]

    async def change_person(self, person_id: str, *, display_name: str, email: str) -> Person:
        self._people[person_id] = replace(self._people[person_id], display_name=display_name, email=email)
        return self._people[person_id]

    def find_person(self, person_id: str) -> Person | None:
        return self._people.get(person_id)

    def find_person_of(self, account: int) -> Person | None:
        return next((person for person in self._people.values() if account and person.account == account), None)

    def find_by_login(self, *, issuer: str, subject: str) -> Person | None:
        login = self._logins.get((issuer, subject))
        return self._people[login.person_id] if login else None

    def was_erased(self, *, issuer: str, subject: str) -> bool:
        return (issuer, subject) in self._erased

    def was_frozen(self, *, issuer: str, subject: str) -> bool:
        return (issuer, subject) in self._frozen

    async def list_logins(self, person_id: str) -> list[Login]:
        own = [login for login in self._logins.values() if login.person_id == person_id]
        return sorted(own, key=lambda login: login.created_at_ns)

    def list_people(self) -> Sequence[Person]:
        return list(self._people.values())


class FakeSessions(SessionStore):
    def __init__(self, kept: "FakeSessions | None" = None) -> None:
        self._sessions: dict[str, Session] = kept._sessions if kept else {}
        self._tokens: dict[bytes, RefreshToken] = kept._tokens if kept else {}

    async def add_session(self, session: Session, token: RefreshToken) -> None:
        self._sessions[session.session_id] = session
        self._tokens[token.token_hash] = token

    async def rotate_refresh(self, token_hash: bytes, *, new_hash: bytes, at_ns: int, expires_at_ns: int) -> Rotation:
        token = self._tokens.get(token_hash)
        if token is None:
            return Rotation(RotationOutcome.unknown, None)
        session = self._sessions[token.session_id]
        if token.used_at_ns:
            ended = await self.revoke_session(session.session_id, at_ns=at_ns)
            return Rotation(RotationOutcome.reused, ended, ended_now=not session.revoked_at_ns)
        if session.revoked_at_ns:
            return Rotation(RotationOutcome.revoked, session)
        if at_ns >= token.expires_at_ns:
            return Rotation(RotationOutcome.expired, session)
        self._tokens[token_hash] = replace(token, used_at_ns=at_ns)
        self._tokens[new_hash] = replace(
            token,
            token_hash=new_hash,
            generation=token.generation + 1,
            created_at_ns=at_ns,
            expires_at_ns=expires_at_ns,
        )
        self._sessions[session.session_id] = replace(session, expires_at_ns=expires_at_ns)
        return Rotation(RotationOutcome.rotated, self._sessions[session.session_id])

    async def mark_stepped_up(self, session_id: str, *, at_ns: int) -> Session:
        self._sessions[session_id] = replace(self._sessions[session_id], stepped_up_at_ns=at_ns)
        return self._sessions[session_id]

    async def revoke_session(self, session_id: str, *, at_ns: int) -> Session:
        session = self._sessions[session_id]
        self._sessions[session_id] = session if session.revoked_at_ns else replace(session, revoked_at_ns=at_ns)
        return self._sessions[session_id]

    async def revoke_sessions(self, person_id: str, *, at_ns: int, but: str = "") -> list[Session]:
        live = [session for session in self.list_sessions(person_id) if not session.revoked_at_ns]
        return [
            await self.revoke_session(session.session_id, at_ns=at_ns) for session in live if session.session_id != but
        ]

    def find_session(self, session_id: str) -> Session | None:
        session = self._sessions.get(session_id)
        return session if session is not None and not session.revoked_at_ns else None

    def list_sessions(self, person_id: str) -> list[Session]:
        own = [session for session in self._sessions.values() if session.person_id == person_id]
        return sorted(own, key=lambda session: session.created_at_ns)

    def note_use(self, session_id: str, *, at_ns: int, address: str = "", device: str = "") -> None:
        session = self._sessions.get(session_id)
        if session is not None:
            self._sessions[session_id] = replace(
                session,
                last_used_at_ns=at_ns,
                address=address or session.address,
                device=device or session.device,
            )

    def note_uses(self, uses: Iterable[SessionUse]) -> None:
        for use in uses:
            self.note_use(use.session_id, at_ns=use.at_ns, address=use.address, device=use.device)

    async def store_uses(self) -> None:
        pass

    async def forget_sessions(self, *, ended_before_ns: int) -> int:
        gone = {session.session_id for session in self._sessions.values() if _ended_at_ns(session) < ended_before_ns}
        for session_id in gone:
            del self._sessions[session_id]
        for token in [token for token in self._tokens.values() if token.session_id in gone]:
            del self._tokens[token.token_hash]
        return len(gone)


class FakePasskeys(PasskeyStore):
    def __init__(self, kept: "FakePasskeys | None" = None) -> None:
        self._passkeys: dict[bytes, Passkey] = kept._passkeys if kept else {}

    async def add_passkey(self, passkey: Passkey) -> bool:
        return self._passkeys.setdefault(passkey.credential_id, passkey) is passkey

    async def note_passkey_use(self, credential_id: bytes, *, sign_count: int, at_ns: int) -> None:
        passkey = self._passkeys.get(credential_id)
        if passkey is not None:
            self._passkeys[credential_id] = replace(passkey, sign_count=sign_count, last_used_at_ns=at_ns)

    async def rename_passkey(self, credential_id: bytes, *, name: str) -> Passkey:
        self._passkeys[credential_id] = replace(self._passkeys[credential_id], name=name)
        return self._passkeys[credential_id]

    async def remove_passkey(self, credential_id: bytes) -> bool:
        return self._passkeys.pop(credential_id, None) is not None

    def find_passkey(self, credential_id: bytes) -> Passkey | None:
        return self._passkeys.get(credential_id)

    def list_passkeys(self, person_id: str) -> list[Passkey]:
        own = [passkey for passkey in self._passkeys.values() if passkey.person_id == person_id]
        return sorted(own, key=lambda passkey: passkey.created_at_ns)


class FakeSigningKeys(SigningKeyStore):
    def __init__(self, kept: "FakeSigningKeys | None" = None) -> None:
        self._keys: dict[str, SigningKey] = kept._keys if kept else {}

    async def add_signing_key(self, key: SigningKey) -> None:
        self._keys[key.kid] = key

    async def retire_signing_key(self, kid: str, *, at_ns: int) -> None:
        key = self._keys.get(kid)
        if key is not None and not key.retired_at_ns:
            self._keys[kid] = replace(key, retired_at_ns=at_ns)

    async def forget_signing_key(self, kid: str) -> None:
        self._keys.pop(kid, None)

    def list_signing_keys(self) -> list[SigningKey]:
        return sorted(self._keys.values(), key=lambda key: key.created_at_ns)


class FakeInvitations(InvitationStore):
    def __init__(self, kept: "FakeInvitations | None" = None) -> None:
        self._invitations: dict[str, Invitation] = kept._invitations if kept else {}

    async def add_invitation(self, invitation: Invitation) -> None:
        self._invitations[invitation.invitation_id] = invitation

    async def use_invitation(self, code_hash: bytes, *, person_id: str, at_ns: int) -> Invitation | None:
        found = self.find_invitation(code_hash)
        if found is None or (found.used_by and found.used_by == person_id):
            return found
        if found.used_by or found.revoked_at_ns or at_ns >= found.expires_at_ns:
            return None
        self._invitations[found.invitation_id] = replace(found, used_by=person_id, used_at_ns=at_ns)
        return self._invitations[found.invitation_id]

    async def revoke_invitation(self, invitation_id: str, *, at_ns: int) -> Invitation | None:
        found = self._invitations.get(invitation_id)
        if found is not None and not found.used_by and not found.revoked_at_ns:
            self._invitations[invitation_id] = replace(found, revoked_at_ns=at_ns)
        return self._invitations.get(invitation_id)

    def find_invitation(self, code_hash: bytes) -> Invitation | None:
        return next((found for found in self._invitations.values() if found.code_hash == code_hash), None)

    def list_invitations(self) -> list[Invitation]:
        return sorted(self._invitations.values(), key=lambda invitation: invitation.created_at_ns)


class FakeNotes(NoteStore):
    def __init__(self, kept: "FakeNotes | None" = None) -> None:
        self._notes: dict[str, Note] = kept._notes if kept else {}

    async def add_note(self, note: Note) -> None:
        self._notes[note.note_id] = note

    async def list_notes(self, account: int) -> list[Note]:
        own = [note for note in self._notes.values() if note.account == account]
        return sorted(own, key=lambda note: note.created_at_ns)


def _ended_at_ns(session: Session) -> int:
    return min(session.revoked_at_ns or session.expires_at_ns, session.expires_at_ns)
