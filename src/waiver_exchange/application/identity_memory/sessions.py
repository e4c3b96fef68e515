"""Sessions in memory; refresh tokens are the store's alone, which exchanges them."""

from collections.abc import Iterable
from dataclasses import replace

from waiver_exchange.application.identity_changes import IdentityChange, PersonErased, SessionGone, SessionKept
from waiver_exchange.application.identity_memory.uses import SessionUse
from waiver_exchange.application.identity_ports import Session


class KnownSessions:
    """The reading half of a `SessionStore`."""

    def __init__(self) -> None:
        """Know nothing."""
        self._sessions: dict[str, Session] = {}
        self._sessions_of: dict[str, dict[str, None]] = {}
        self._uses: dict[str, SessionUse] = {}

    def find_session(self, session_id: str) -> Session | None:
        """Return a session that is not revoked, from memory; its last use is that of the store."""
        session = self._sessions.get(session_id)
        return session if session is not None and not session.revoked_at_ns else None

    def list_sessions(self, person_id: str) -> list[Session]:
        """Return the sessions of a person that are kept, oldest first, with their last uses, from memory."""
        return [self._with_use(session_id) for session_id in self._sessions_of.get(person_id, ())]

    def note_use(self, session_id: str, *, at_ns: int, address: str = "", device: str = "") -> None:
        """Remember in memory that a session was used, and from where."""
        session = self._sessions.get(session_id)
        if session is not None:
            before = self._uses.get(session_id, session)
            self._uses[session_id] = SessionUse(session_id, at_ns, address or before.address, device or before.device)

    def note_uses(self, uses: Iterable[SessionUse]) -> None:
        """Remember uses that were noted elsewhere, unless a later one is known."""
        for use in uses:
            if use.session_id in self._sessions and self._with_use(use.session_id).last_used_at_ns < use.at_ns:
                self.note_use(use.session_id, at_ns=use.at_ns, address=use.address, device=use.device)

    def take_uses(self) -> list[SessionUse]:
        """Return the uses noted since the last time, and take them over."""
        uses, self._uses = self._uses, {}
        for use in uses.values():
            self._sessions[use.session_id] = _used(self._sessions[use.session_id], use)
        return list(uses.values())

    def apply(self, change: IdentityChange) -> None:
        """Take over a change of a session."""
        match change:
            case SessionKept(session=session):
                self._sessions[session.session_id] = session
                self._sessions_of.setdefault(session.person_id, {})[session.session_id] = None
            case SessionGone(session_id=session_id):
                self._drop(session_id)
            case PersonErased(erasure=erasure):
                for session_id in list(self._sessions_of.get(erasure.person_id, ())):
                    self._drop(session_id)

    def dump(self) -> Iterable[IdentityChange]:
        """Return what there is, as the changes that lead to it."""
        return [SessionKept(session=session) for session in self._sessions.values()]

    def _with_use(self, session_id: str) -> Session:
        session, use = self._sessions[session_id], self._uses.get(session_id)
        return session if use is None else _used(session, use)

    def _drop(self, session_id: str) -> None:
        session = self._sessions.pop(session_id, None)
        self._uses.pop(session_id, None)
        if session is not None:
            own = self._sessions_of[session.person_id]
            own.pop(session_id, None)
            if not own:
                del self._sessions_of[session.person_id]


def _used(session: Session, use: SessionUse) -> Session:
    return replace(session, last_used_at_ns=use.at_ns, address=use.address, device=use.device)
