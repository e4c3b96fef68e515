"""What a gateway process knows: the read model, and who may do what, kept as the engine's process has them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, final

from waiver_exchange.adapters.link import wire
from waiver_exchange.adapters.link.elsewhere import Elsewhere
from waiver_exchange.adapters.link.remote_sequencer import RemoteSequencer
from waiver_exchange.application.access_tokens import AccessTokens
from waiver_exchange.application.identity_changes import (
    IdentityChange,
    KeyGone,
    KeyKept,
    PasskeyGone,
    PasskeyKept,
    SessionGone,
    SessionKept,
    SettingsChange,
    SettingsGone,
    SigningKeyGone,
    SigningKeyKept,
)
from waiver_exchange.application.identity_memory.accounts import KnownAccounts
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.identity_memory.passkeys import KnownPasskeys
from waiver_exchange.application.identity_memory.sessions import KnownSessions
from waiver_exchange.application.identity_memory.settings import KnownSettings
from waiver_exchange.application.identity_memory.signing_keys import KnownSigningKeys
from waiver_exchange.application.ports import JournalRow
from waiver_exchange.projections.fold import Projector

if TYPE_CHECKING:
    from waiver_exchange.application.exchange import Exchange
    from waiver_exchange.projections.changes import ReadModelChanges

_SIGNING: Final = (SigningKeyKept, SigningKeyGone)


class ReplicaAccounts(KnownAccounts, Elsewhere):
    """Names, keys and limits; `problem` is the engine's process's."""

    problem: str | None = None


class ReplicaSessions(KnownSessions, Elsewhere):
    """Sessions."""


class ReplicaPasskeys(KnownPasskeys, Elsewhere):
    """Passkeys."""


class ReplicaSigningKeys(KnownSigningKeys, Elsewhere):
    """The keys that sign access tokens."""


class ReplicaSettings(KnownSettings, Elsewhere):
    """What owners chose about trading."""


@final
class KnownIdentity:
    """All that authentication and the checks of an order look up."""

    def __init__(self) -> None:
        """Know nothing."""
        self.accounts = ReplicaAccounts()
        self.sessions = ReplicaSessions()
        self.passkeys = ReplicaPasskeys()
        self.signing_keys = ReplicaSigningKeys()
        self.settings = ReplicaSettings()
        self.memory = IdentityMemory()
        for part in (self.accounts, self.sessions, self.passkeys, self.signing_keys):
            self.memory.join(part)

    def apply(self, identity: Iterable[IdentityChange], settings: Iterable[SettingsChange]) -> None:
        """Take changes over."""
        self.memory.apply(*identity)
        for change in settings:
            self.settings.apply(change)

    def replace(self, identity: list[IdentityChange], settings: list[SettingsChange]) -> None:
        """Know this from now on, and nothing of what ended while nobody told."""
        there = {_name_of(change) for change in identity}
        gone = [_end_of(change) for change in self.memory.dump() if _name_of(change) not in there]
        chosen = {change.account for change in settings}
        reset = [SettingsGone(account=old.account) for old in self.settings.dump() if old.account not in chosen]
        self.apply([change for change in gone if change is not None], reset)
        self.apply(identity, settings)


@final
class Replica:
    """Folds what the engine's process tells into the exchange of this one."""

    def __init__(
        self, projector: Projector, *, sequencer: RemoteSequencer, known: KnownIdentity, tokens: AccessTokens
    ) -> None:
        """Take the parts, which nobody else changes; `exchange` is set when it is put together of them."""
        self.exchange: Exchange | None = None
        self.sequencer = sequencer
        self.known = known
        self._projector = projector
        self._tokens = tokens
        self._taken: ReadModelChanges | None = None
        self._stored = 0

    @property
    def sequence(self) -> int:
        """The newest row that is shown."""
        return self._projector.state.sequence

    def welcome(self, welcome: wire.Welcome, *, known: list[wire.Known]) -> None:
        """Know what the engine's process knew when it said welcome, except rows."""
        identity = [change for part in known for change in part.identity]
        settings = [change for part in known for change in part.settings]
        self.known.replace(identity, settings)
        self._tokens.reload()
        if self.exchange is not None:
            self.exchange.token_key = welcome.token_key
        self._take_status(welcome.status)

    def fold(self, rows: list[JournalRow]) -> None:
        """Show rows that follow those that are shown; those that are shown already are passed over.

        Raises `JournalOrderError` when one is missing, `LedgerMismatchError`.
        """
        if rows and rows[0].sequence <= self.sequence:
            rows = [row for row in rows if row.sequence > self.sequence]
        if not rows:
            return
        apply = self._projector.apply
        for row in rows:
            apply(row)
        self.sequencer.show(rows)

    def take(self, message: wire.Broadcast) -> None:
        """Take one thing that happened."""
        match message:
            case wire.Rows(rows=rows):
                self.fold(rows)
            case wire.Stored(sequence=sequence):
                self.forget(sequence)
            case wire.Changed(identity=identity, settings=settings):
                self.known.apply(identity, settings)
                if any(isinstance(change, _SIGNING) for change in identity):
                    self._tokens.reload()
            case wire.StatusChanged(status=status):
                self._take_status(status)

    def take_changes(self) -> None:
        """Put aside what changed since the last time, until history has it; to be called every so often.

        One take at a time, as where it is stored: what changed behind it again is then known to be pending, and is not
        let go of while history has it as it was.
        """
        if self._taken is None:
            self._taken = self._projector.take_changes()
            self.forget(self._stored)

    def forget(self, stored: int) -> None:
        """Let go of what history has up to a row, and nobody will change again."""
        self._stored = stored
        taken = self._taken
        if taken is not None and taken.sequence <= stored:
            self._taken = None
            self._projector.forget_closed(taken)

    def _take_status(self, status: wire.Status) -> None:
        self.sequencer.status = status
        self.known.accounts.problem = status.identity_problem
        if self.exchange is not None:
            self.exchange.warning = status.warning
            self.exchange.checkpoints.problem = status.checkpoint_problem


def _name_of(change: IdentityChange) -> tuple[str, object] | None:
    match change:
        case KeyKept(key=key):
            return "key", key.key_id
        case SessionKept(session=session):
            return "session", session.session_id
        case PasskeyKept(passkey=passkey):
            return "passkey", passkey.credential_id
        case SigningKeyKept(key=signing):
            return "signing key", signing.kid
    return None


def _end_of(change: IdentityChange) -> IdentityChange | None:
    match change:
        case KeyKept(key=key):
            return KeyGone(key_id=key.key_id)
        case SessionKept(session=session):
            return SessionGone(session_id=session.session_id)
        case PasskeyKept(passkey=passkey):
            return PasskeyGone(credential_id=passkey.credential_id)
        case SigningKeyKept(key=signing):
            return SigningKeyGone(kid=signing.kid)
    return None
