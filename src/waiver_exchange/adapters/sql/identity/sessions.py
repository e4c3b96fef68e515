"""Sessions beside names and keys; device and network address are sealed, of tokens there is only the hash."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Final

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from waiver_exchange.adapters.sql.identity.rotation import rotate
from waiver_exchange.adapters.sql.identity.schema import erasures, refresh_tokens, sessions
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.application.identity_changes import SessionGone, SessionKept
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.identity_memory.sessions import KnownSessions
from waiver_exchange.application.identity_ports import (
    RefreshToken,
    Rotation,
    RotationOutcome,
    Session,
    SessionStore,
)
from waiver_exchange.application.ports import IdentityError

_SESSIONS: Final = "sessions"
_Row = Row[str, str, int, str, int, int, int, int, int, bytes, bytes]
_of_session = sessions.c.session_id == bindparam("of_session")
_END: Final = (
    update(sessions).where(_of_session, sessions.c.revoked_at_ns == 0).values(revoked_at_ns=bindparam("at_ns"))
)
_USE: Final = (
    update(sessions)
    .where(_of_session)
    .values(last_used_at_ns=bindparam("at_ns"), device=bindparam("sealed_device"), address=bindparam("sealed_address"))
)
_FORGET_TOKENS: Final = delete(refresh_tokens).where(refresh_tokens.c.session_id == bindparam("of_session"))
_FORGET: Final = delete(sessions).where(_of_session)


class SqlSessions(KnownSessions, SessionStore):
    """A `SessionStore` that keeps sessions in memory too; refresh tokens are looked up in the file."""

    def __init__(self, vault: Vault, memory: IdentityMemory) -> None:
        """Read the sessions; blocks for some milliseconds. Raises `IdentityError`."""
        super().__init__()
        self._vault = vault
        self._memory = memory
        self._unstored_ends: dict[str, int] = {}
        for session in vault.load(self._load):
            self.apply(SessionKept(session=session))
        memory.join(self)

    async def add_session(self, session: Session, token: RefreshToken) -> None:
        """Keep a session with its first refresh token. Raises `LookupError`, `IdentityError`."""

        def add(connection: Connection) -> None:
            erased = select(erasures.c.account).where(erasures.c.person_id == session.person_id)
            if connection.execute(erased.limit(1)).first() is not None:
                raise LookupError(session.person_id)
            sealed = {column: self._seal(session, column) for column in ("device", "address")}
            connection.execute(insert(sessions), asdict(session) | sealed)
            connection.execute(insert(refresh_tokens), asdict(token))

        await self._vault.change(add, then=lambda _: self._memory.apply(SessionKept(session=session)))

    async def rotate_refresh(self, token_hash: bytes, *, new_hash: bytes, at_ns: int, expires_at_ns: int) -> Rotation:
        """Exchange a refresh token for the next of its family. Raises `IdentityError`."""

        def remember(found: tuple[RotationOutcome, str]) -> Rotation:
            outcome, session_id = found
            session = self._sessions.get(session_id)
            if session is None:
                return Rotation(outcome, None)
            ended_now = outcome is RotationOutcome.reused and not session.revoked_at_ns
            if ended_now:
                self._change(session_id, revoked_at_ns=at_ns)
            elif outcome is RotationOutcome.rotated:
                self._change(session_id, expires_at_ns=expires_at_ns)
            return Rotation(outcome, self._with_use(session_id), ended_now=ended_now)

        def exchange(connection: Connection) -> tuple[RotationOutcome, str]:
            return rotate(connection, token_hash, new_hash=new_hash, at_ns=at_ns, expires_at_ns=expires_at_ns)

        return await self._vault.change(exchange, then=remember)

    async def mark_stepped_up(self, session_id: str, *, at_ns: int) -> Session:
        """Keep when a second factor was shown in a session. Raises `LookupError`, `IdentityError`."""
        self._check_known(session_id)

        def mark(connection: Connection) -> None:
            this = sessions.c.session_id == session_id
            connection.execute(update(sessions).where(this).values(stepped_up_at_ns=at_ns))

        return await self._vault.change(mark, then=lambda _: self._change(session_id, stepped_up_at_ns=at_ns))

    async def revoke_session(self, session_id: str, *, at_ns: int) -> Session:
        """End a session and all its refresh tokens. Raises `LookupError`, `IdentityError`."""
        self._check_known(session_id)
        await self._revoke([session_id], at_ns=at_ns)
        return self._with_use(session_id)

    async def revoke_sessions(self, person_id: str, *, at_ns: int, but: str = "") -> list[Session]:
        """End all sessions of a person, except the one named, and return those. Raises `IdentityError`."""
        own = self._sessions_of.get(person_id, {})
        return await self._revoke([session_id for session_id in own if session_id != but], at_ns=at_ns)

    async def store_uses(self) -> None:
        """Keep the uses that were noted since the last time, and ends that could not be. Raises `IdentityError`."""
        await self._store_ends()
        changed = [self._sessions[use.session_id] for use in self.take_uses()]
        if not changed:
            return

        def store(connection: Connection) -> None:
            rows = [
                {
                    "of_session": session.session_id,
                    "at_ns": session.last_used_at_ns,
                    "sealed_device": self._seal(session, "device"),
                    "sealed_address": self._seal(session, "address"),
                }
                for session in changed
            ]
            connection.execute(_USE, rows)

        await self._vault.change(store, then=_same)

    async def forget_sessions(self, *, ended_before_ns: int) -> int:
        """Forget sessions that ended before a time, with their tokens; return how many. Raises `IdentityError`."""
        gone = [
            {"of_session": session.session_id}
            for session in self._sessions.values()
            if min(session.revoked_at_ns or session.expires_at_ns, session.expires_at_ns) < ended_before_ns
        ]

        def forget(connection: Connection) -> None:
            connection.execute(_FORGET_TOKENS, gone)
            connection.execute(_FORGET, gone)

        def remember(_: None) -> int:
            self._memory.apply(*(SessionGone(session_id=row["of_session"]) for row in gone))
            return len(gone)

        return await self._vault.change(forget, then=remember) if gone else 0

    async def _revoke(self, session_ids: list[str], *, at_ns: int) -> list[Session]:
        ends = dict.fromkeys(session_ids, at_ns)

        def remember(_: None) -> list[Session]:
            ended = [found for found in map(self.find_session, session_ids) if found is not None]
            return [self._change(session.session_id, revoked_at_ns=at_ns) for session in ended]

        try:
            return await self._vault.change(lambda connection: _end(connection, ends), then=remember)
        except IdentityError:
            # Who signs out is not left signed in by a full disk.
            self._unstored_ends.update({session.session_id: at_ns for session in remember(None)})
            raise

    async def _store_ends(self) -> None:
        ends = dict(self._unstored_ends)

        def remember(_: None) -> None:
            for session_id in ends:
                self._unstored_ends.pop(session_id, None)

        if ends:
            await self._vault.change(lambda connection: _end(connection, ends), then=remember)

    def _check_known(self, session_id: str) -> None:
        if session_id not in self._sessions:
            raise LookupError(session_id)

    def _change(self, session_id: str, **fields: int | str) -> Session:
        changed = replace(self._sessions[session_id], **fields)  # type: ignore[arg-type] # its own
        self._memory.apply(SessionKept(session=changed))
        return self._with_use(session_id)

    def _seal(self, session: Session, column: str) -> bytes:
        return self._vault.seal(getattr(session, column), table=_SESSIONS, column=column, row=session.session_id)

    def _load(self, connection: Connection) -> list[Session]:
        query = select(sessions).order_by(sessions.c.created_at_ns, sessions.c.session_id)
        return [self._session_of(row) for row in connection.execute(query)]

    def _session_of(self, row: _Row) -> Session:
        session_id = row[0]
        return Session(
            session_id=session_id,
            person_id=row[1],
            account=row[2],
            provider=row[3],
            created_at_ns=row[4],
            last_used_at_ns=row[5],
            expires_at_ns=row[6],
            revoked_at_ns=row[7],
            stepped_up_at_ns=row[8],
            device=self._vault.open(row[9], table=_SESSIONS, column="device", row=session_id),
            address=self._vault.open(row[10], table=_SESSIONS, column="address", row=session_id),
        )


def _end(connection: Connection, ends: Mapping[str, int]) -> None:
    if ends:
        rows = [{"of_session": session_id, "at_ns": at_ns} for session_id, at_ns in ends.items()]
        connection.execute(_END, rows)


def _same(_: None) -> None:
    pass
