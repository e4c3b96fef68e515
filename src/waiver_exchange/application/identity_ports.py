"""People, and all by which they prove who they are, as small protocols that the identity store implements.

What a request needs is looked up from memory, without waiting; what changes is durable when the call returns. Every
changing method raises `IdentityError` when it cannot be stored: then nothing has changed. Ids are random and say
nothing about anybody, so they may stand in the journal, in logs and in addresses; e-mail addresses, names, notes,
network addresses and devices may not. Times are UNIX nanoseconds and 0 means never.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from waiver_exchange.application.identity_memory.uses import SessionUse


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who signed in. `account` is 0 until an account is linked; one person has one account."""

    person_id: str
    account: int = 0
    display_name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    created_at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where a person comes from: the issuer and the subject of its ID tokens are the one link to the person."""

    person_id: str
    issuer: str = field(repr=False)
    subject: str = field(repr=False)
    provider: str = ""
    created_at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in on one device, kept alive by its refresh tokens."""

    session_id: str
    person_id: str
    account: int
    provider: str = ""
    created_at_ns: int
    last_used_at_ns: int = 0
    expires_at_ns: int
    revoked_at_ns: int = 0
    stepped_up_at_ns: int = 0
    device: str = field(default="", repr=False)
    address: str = field(default="", repr=False)

    def is_live(self, now_ns: int) -> bool:
        """Whether the session still opens anything."""
        return self.revoked_at_ns == 0 and now_ns < self.expires_at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A token that is exchanged once for the next one; only its SHA-256 (32 bytes) is kept.

    All tokens of a session are one family: `generation` counts them from 1.
    """

    token_hash: bytes = field(repr=False)
    session_id: str
    generation: int = 1
    created_at_ns: int
    expires_at_ns: int
    used_at_ns: int = 0


class RotationOutcome(Enum):
    """What became of a refresh token that came in."""

    rotated = auto()
    reused = auto()  # it was used before: somebody has a copy, so the family is revoked now
    revoked = auto()  # its session has ended already
    expired = auto()
    unknown = auto()


class Rotation(NamedTuple):
    """The outcome, and the session as it is now; None for an unknown token.

    Only with `reused` can the call itself have ended the session: `ended_now` says whether it did.
    """

    outcome: RotationOutcome
    session: Session | None
    ended_now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A WebAuthn credential; `public_key` is the COSE key, `transports` are hints for the browser."""

    credential_id: bytes
    person_id: str
    public_key: bytes = field(repr=False)
    sign_count: int
    name: str = field(default="", repr=False)
    transports: tuple[str, ...] = ()
    is_backed_up: bool = False
    created_at_ns: int
    last_used_at_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that signs access tokens. `private_key` is whatever the signer needs, kept sealed in the store.

    It signs until `retired_at_ns` and its public half stays known until the tokens it signed have expired.
    """

    kid: str
    algorithm: str = "EdDSA"
    private_key: bytes = field(repr=False)
    created_at_ns: int
    retired_at_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Lets one person open an account, or have `account` when it is not 0; only the SHA-256 of its code is kept.

    `made_by` is an account, 0 the host.
    """

    invitation_id: str
    code_hash: bytes = field(repr=False)
    made_by: int = 0
    created_at_ns: int
    expires_at_ns: int
    used_at_ns: int = 0
    used_by: str = ""  # a person's id
    revoked_at_ns: int = 0
    account: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What an operator wrote down about an account. `author` is an account, 0 the host."""

    note_id: str
    account: int
    author: int = 0
    created_at_ns: int
    text: str = field(repr=False)


class PeopleStore(Protocol):
    """People and their logins."""

    async def add_person(self, person: Person, login: Login) -> Person:
        """Keep a person with the first login, both or none, and return the person.

        When somebody has the login already, nothing is kept and that person is returned.
        """

    async def add_login(self, login: Login) -> bool:
        """Keep one more login of a person; False when somebody, maybe the same person, has it already."""

    async def link_account(self, person_id: str, *, account: int) -> Person:
        """Join a person to an account for good and return the person; the same again changes nothing.

        Raises `LookupError` when there is no such person, or one of the two is linked otherwise.
        """

    async def change_person(self, person_id: str, *, display_name: str, email: str) -> Person:
        """Keep what the provider says of a person now. Raises `LookupError` when there is none."""

    def find_person(self, person_id: str) -> Person | None:
        """Return a person, from memory."""

    def find_person_of(self, account: int) -> Person | None:
        """Return the person of an account, from memory."""

    def find_by_login(self, *, issuer: str, subject: str) -> Person | None:
        """Return who signs in with this login, from memory."""

    def was_erased(self, *, issuer: str, subject: str) -> bool:
        """Return whether somebody with this login was forgotten, from memory."""

    def was_frozen(self, *, issuer: str, subject: str) -> bool:
        """Return whether somebody with this login was forgotten while the account was frozen, from memory."""

    async def list_logins(self, person_id: str) -> list[Login]:
        """Return a person's logins, oldest first."""

    def list_people(self) -> Sequence[Person]:
        """Return everybody in the order of their coming, from memory."""


class SessionStore(Protocol):
    """Sessions and the refresh tokens that keep them alive."""

    async def add_session(self, session: Session, token: RefreshToken) -> None:
        """Keep a session with its first refresh token. Raises `LookupError` when the person was erased meanwhile."""

    async def rotate_refresh(self, token_hash: bytes, *, new_hash: bytes, at_ns: int, expires_at_ns: int) -> Rotation:
        """Exchange a refresh token for the next of its family; the session then lasts until `expires_at_ns`.

        Of two calls with the same token, at the same time too, one rotates and the other finds it reused. A token that
        comes back ends the session, whether or not it has expired.
        """

    async def mark_stepped_up(self, session_id: str, *, at_ns: int) -> Session:
        """Keep when a second factor was shown in a session. Raises `LookupError` for one that is not there."""

    async def revoke_session(self, session_id: str, *, at_ns: int) -> Session:
        """End a session and all its refresh tokens; the same again changes nothing.

        When that cannot be stored it ends in memory all the same, and is stored as soon as it can be: only a restart
        before that brings it back. Raises `LookupError` for one that is not there.
        """

    async def revoke_sessions(self, person_id: str, *, at_ns: int, but: str = "") -> list[Session]:
        """End all sessions of a person, except the one named, and return those that this call ended.

        They end in memory also when that cannot be stored, as with one.
        """

    def find_session(self, session_id: str) -> Session | None:
        """Return a session that is not revoked, from memory; whether it has expired is the caller's to see."""

    def list_sessions(self, person_id: str) -> list[Session]:
        """Return the sessions of a person that are kept, also ended ones, oldest first, with their last uses."""

    def note_use(self, session_id: str, *, at_ns: int, address: str = "", device: str = "") -> None:
        """Remember in memory that a session was used, and from where; nothing waits for a disk."""

    def note_uses(self, uses: "Iterable[SessionUse]") -> None:
        """Remember in memory uses that were noted elsewhere, unless a later one is known."""

    async def store_uses(self) -> None:
        """Keep the uses that were noted since the last time."""

    async def forget_sessions(self, *, ended_before_ns: int) -> int:
        """Forget sessions that were revoked or expired before a time, with their tokens; return how many."""


class PasskeyStore(Protocol):
    """Passkeys."""

    async def add_passkey(self, passkey: Passkey) -> bool:
        """Keep a passkey; False when its credential id is known already."""

    async def note_passkey_use(self, credential_id: bytes, *, sign_count: int, at_ns: int) -> None:
        """Keep the counter that a passkey showed; of one that is not there nothing is kept."""

    async def rename_passkey(self, credential_id: bytes, *, name: str) -> Passkey:
        """Give a passkey another name. Raises `LookupError` for one that is not there."""

    async def remove_passkey(self, credential_id: bytes) -> bool:
        """Forget a passkey; return whether there was one."""

    def find_passkey(self, credential_id: bytes) -> Passkey | None:
        """Return a passkey, from memory."""

    def list_passkeys(self, person_id: str) -> list[Passkey]:
        """Return a person's passkeys, oldest first, from memory."""


class SigningKeyStore(Protocol):
    """The keys that sign access tokens."""

    async def add_signing_key(self, key: SigningKey) -> None:
        """Keep a key, sealed."""

    async def retire_signing_key(self, kid: str, *, at_ns: int) -> None:
        """Keep that a key signs no more; the first time counts."""

    async def forget_signing_key(self, kid: str) -> None:
        """Destroy a key."""

    def list_signing_keys(self) -> list[SigningKey]:
        """Return the keys that are kept, oldest first, from memory."""


class InvitationStore(Protocol):
    """Invitations."""

    async def add_invitation(self, invitation: Invitation) -> None:
        """Keep an invitation."""

    async def use_invitation(self, code_hash: bytes, *, person_id: str, at_ns: int) -> Invitation | None:
        """Spend an invitation on a person and return it; None when it is unknown, spent, expired or revoked.

        Spent on the same person before, it is returned again: what a crash cut short can be repeated.
        """

    async def revoke_invitation(self, invitation_id: str, *, at_ns: int) -> Invitation | None:
        """End an invitation that nobody used and return it as it is now; None when there is none."""

    def find_invitation(self, code_hash: bytes) -> Invitation | None:
        """Return an invitation in whatever state, from memory."""

    def list_invitations(self) -> list[Invitation]:
        """Return all invitations, oldest first, from memory."""


class NoteStore(Protocol):
    """What operators write down about accounts."""

    async def add_note(self, note: Note) -> None:
        """Keep a note."""

    async def list_notes(self, account: int) -> list[Note]:
        """Return the notes about an account, oldest first."""
