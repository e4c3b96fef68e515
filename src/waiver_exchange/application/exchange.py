"""The running exchange as use cases see it: one object that holds the parts and keeps them going."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from waiver_exchange.application.access_tokens import AccessTokens
from waiver_exchange.application.audit_facts import encode_facts
from waiver_exchange.application.audit_failures import TELL_SECONDS, FailureCounts
from waiver_exchange.application.checkpoints.keeping import CheckpointKeeper
from waiver_exchange.application.command_intake import CommandIntake, Freshness
from waiver_exchange.application.feed import Feed
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.identity_ports import (
    InvitationStore,
    NoteStore,
    PasskeyStore,
    PeopleStore,
    SessionStore,
    SigningKeyStore,
)
from waiver_exchange.application.operating.operations import Operations
from waiver_exchange.application.passkey_challenges import Challenges
from waiver_exchange.application.personal_data_ports import DataKeyStore, ErasureStore
from waiver_exchange.application.ports import (
    Clock,
    IdentityError,
    IdentityStore,
    Journal,
    PreferencesStore,
    ReadModelStore,
)
from waiver_exchange.application.queries import Queries
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sequencer import Sequencer
from waiver_exchange.application.sign_in_ports import SignInParts
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.commands import RecordAudit
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.changes import ReadModelChanges, ReadModelError
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import MarketView, ReadModelState

STORE_SECONDS: Final = 0.25
KEY_USES_SECONDS: Final = 30
TOKEN_KEYS_SECONDS: Final = 600
RESEAL_SECONDS: Final = 1
FORGET_SECONDS: Final = 3_600
# Ended sessions are shown to their owner for so long; a device or address that is not needed is not kept.
ENDED_SESSIONS_KEPT_NS: Final = 30 * 86_400 * NANOSECONDS_PER_SECOND
RESEAL_PAUSE_SECONDS: Final = 0.05

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Exchange:
    """The parts that use cases work with. `run` keeps the exchange going until `stop`.

    `draw_bytes` gives that many bytes that nobody can guess; `token_key` proves what browsers bring back.
    `identity_memory` tells what changes of keys, people and sessions; `audit_seed` reads the secret that signs for
    auditors.
    `warning` says what is wrong that does not stop trading, `counts_warning` what is with the counts of requests.
    Who makes a key holds `making_key`, so that the keys there
    are can be counted before one more is stored; who classifies a market holds `classifying`. In a gateway process
    `freshness` says whether it has seen all that others were answered; with the engine there is nothing to wait for.
    `stored_sequence` is the row up to which history is stored, and `on_stored` hears of each.
    """

    sequencer: CommandIntake
    projector: Projector
    queries: Queries
    journal: Journal
    read_model: ReadModelStore
    identity: IdentityStore
    people: PeopleStore
    sessions: SessionStore
    passkeys: PasskeyStore
    signing_keys: SigningKeyStore
    invitations: InvitationStore
    notes: NoteStore
    data_keys: DataKeyStore
    erasures: ErasureStore
    identity_memory: IdentityMemory
    preferences: PreferencesStore
    clock: Clock
    zone: ZoneInfo
    draw_bytes: Callable[[int], bytes]
    token_key: bytes
    tokens: AccessTokens
    sign_in: SignInParts
    take_snapshot: Callable[[], Awaitable[None]]
    checkpoints: CheckpointKeeper
    audit_seed: Callable[[], bytes]
    snapshot_rows: int
    snapshot_sequence: int = 0
    warning: str | None = None
    counts_warning: Callable[[], str | None] = field(default=lambda: None)
    operations: Operations = field(default_factory=Operations)
    making_key: asyncio.Lock = field(default_factory=asyncio.Lock)
    classifying: asyncio.Lock = field(default_factory=asyncio.Lock)
    failures: FailureCounts = field(default_factory=FailureCounts)
    challenges: Challenges = field(default_factory=Challenges)
    freshness: Freshness | None = None
    stored_sequence: int = 0
    on_stored: Callable[[int], None] = field(default=lambda _: None)
    _untaken: ReadModelChanges | None = field(default=None)

    @property
    def state(self) -> ReadModelState:
        """The read model in memory, as of the last durable row."""
        return self.projector.state

    @property
    def feed(self) -> Feed:
        """Where those who want to know what happens listen."""
        return self.sequencer.feed

    @property
    def writer(self) -> Sequencer:
        """The single writer itself. Raises `TypeError` in a process that does not have it."""
        if not isinstance(self.sequencer, Sequencer):
            message = "the engine is in another process"
            raise TypeError(message)
        return self.sequencer

    def market(self, symbol: str) -> MarketView:
        """Return the market of a symbol. Raises `RefusedError`."""
        number = self.state.symbols.get(symbol)
        if number is None:
            raise RefusedError(RefusalReason.market_not_found, symbol=symbol)
        return self.state.markets[number]

    async def run(self, *, is_service: bool = True) -> None:
        """Work until `stop`; raises what must end the process.

        What a service looks after as time goes by is left alone without `is_service`: for a single command.
        """
        work = [self._store_forever()]
        if is_service:
            work += [
                self._snapshot_forever(),
                self._store_key_uses_forever(),
                self._reseal_forever(),
                self._forget_sessions_forever(),
                self._tell_failures_forever(),
                self.checkpoints.run(self.writer, self.clock),
                self._rotate_token_keys_forever(),
            ]
        background = [asyncio.create_task(task) for task in work]
        try:
            await self._write_watched()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    def stop(self) -> None:
        """Take no more commands; `run` returns when what was taken is answered."""
        self.failures.tell(self.sequencer)
        self.writer.stop()

    async def close(self) -> None:
        """Store what the read model lacks and give every store back; after `run` has returned."""
        try:
            await self._store_changes()
        except ReadModelError:
            _log.warning("the read model is behind the journal; the next start folds the rest", exc_info=True)
        await self.queries.settled.close()
        await self.read_model.close()
        await self._store_key_uses()
        for provider in self.sign_in.providers.values():
            await provider.close()
        await self.identity.close()
        await self.preferences.close()
        await self.journal.close()

    async def _write_watched(self) -> None:
        """Run the writer until it ends, or until it turns out that another process writes."""
        writing = asyncio.create_task(self.writer.run())
        watching = asyncio.create_task(self.journal.watch(self.writer.suspect))
        try:
            await asyncio.wait({writing, watching}, return_when=asyncio.FIRST_COMPLETED)
            await (writing if writing.done() else watching)
        finally:
            for part in (writing, watching):
                part.cancel()
            await asyncio.gather(writing, watching, return_exceptions=True)

    async def _store_forever(self) -> None:
        while True:
            await asyncio.sleep(STORE_SECONDS)
            try:
                await self._store_changes()
                self.warning = None
            except Exception as error:  # noqa: BLE001 - a worker's boundary, see below
                # A boundary of a worker: whatever it is, it is said, and tried again.
                if self.warning is None:
                    _log.exception("history cannot be stored; it is tried again")
                self.warning = f"History cannot be stored, and what cannot be stored gathers in memory. {error}"

    async def _store_changes(self) -> None:
        """Store what changed; changes that could not be stored are stored again before later ones."""
        changes = self._untaken or self.projector.take_changes()
        while changes is not None:
            self._untaken = changes
            await self.read_model.store(changes)
            self.projector.forget_closed(changes)
            self._untaken = None
            self.stored_sequence = changes.sequence
            self.on_stored(changes.sequence)
            changes = self.projector.take_changes()

    async def _store_key_uses_forever(self) -> None:
        while True:
            await asyncio.sleep(KEY_USES_SECONDS)
            await self._store_key_uses()

    async def _store_key_uses(self) -> None:
        try:
            if self.identity.problem is not None:
                await self.identity.check_writable()
            await self.identity.store_uses()
            await self.sessions.store_uses()
        except IdentityError as error:
            _log.warning("when keys and sessions were last used is not stored; nothing else is lost: %s", error)

    async def _tell_failures_forever(self) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            self.failures.tell(self.sequencer)

    async def _rotate_token_keys_forever(self) -> None:
        """Let a new key sign tokens when it is time."""
        while True:
            try:
                kid = await self.tokens.rotate_if_due()
                if kid is not None:
                    event = int(AuditEvent.signing_key_rotated)
                    await self.sequencer.submit(RecordAudit(event=event, facts=encode_facts({"kid": kid})))
            except Exception:  # noqa: BLE001 - a worker's boundary: said, and tried again
                _log.exception("the keys of access tokens could not be looked after; it is tried again")
            await asyncio.sleep(TOKEN_KEYS_SECONDS)

    async def _reseal_forever(self) -> None:
        """Seal anew what an older data key seals, a little at a time, so that nobody waits for it."""
        is_under_way = False
        while True:
            await asyncio.sleep(RESEAL_PAUSE_SECONDS if is_under_way else RESEAL_SECONDS)
            try:
                is_under_way = await self.data_keys.reseal_some()
            except IdentityError:
                is_under_way = False
                _log.warning(
                    "personal data could not be sealed with the new data key; it is tried again", exc_info=True
                )

    async def _forget_sessions_forever(self) -> None:
        while True:
            try:
                before_ns = self.clock.now_ns() - ENDED_SESSIONS_KEPT_NS
                await self.sessions.forget_sessions(ended_before_ns=before_ns)
            except IdentityError:
                _log.warning("sessions that ended long ago could not be forgotten; it is tried again", exc_info=True)
            await asyncio.sleep(FORGET_SECONDS)

    async def _snapshot_forever(self) -> None:
        while True:
            await asyncio.sleep(1)
            sequence = self.state.sequence
            if sequence - self.snapshot_sequence >= self.snapshot_rows:
                self.snapshot_sequence = sequence
                try:
                    await self.take_snapshot()
                except Exception:  # noqa: BLE001 - a worker's boundary: said, and tried again
                    _log.exception("no snapshot could be taken; only the next start becomes slower")
