"""Keep making checkpoints: every so many rows, every day, and the first one soon; and bind each into the journal."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from waiver_exchange.application.audit_facts import encode_facts
from waiver_exchange.application.checkpoints.checkpoint import Checkpoint, read_signed
from waiver_exchange.application.checkpoints.store import CheckpointStore
from waiver_exchange.application.command_keys import audit_key
from waiver_exchange.application.ports import Clock
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sequencer import Sequencer
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.commands import RecordAudit
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason

LOOK_SECONDS: Final = 1
# An exchange that was just begun shows soon that it can be verified; one that runs for a moment only is left alone.
FIRST_SECONDS: Final = 60
RETRY_SECONDS: Final = 60
_DAY_NS: Final = 86_400 * NANOSECONDS_PER_SECOND

_log = logging.getLogger(__name__)


class CheckpointKeeper:
    """Sees to it that checkpoints are made; `make` makes one, in a process of its own.

    `problem` says why the newest could not be made, None when it could.
    """

    def __init__(self, *, store: CheckpointStore, make: Callable[[], Awaitable[None]], rows_max: int) -> None:
        """Take where checkpoints are kept, and how many rows lie between two at most."""
        self.store = store
        self.problem: str | None = None
        self._make = make
        self._rows_max = rows_max
        self._newest: Checkpoint | None = None
        self._count = 0
        self._bound_count = 0
        self._day = 0

    def newest(self) -> Checkpoint | None:
        """Return the newest checkpoint, whoever made it. Raises `OSError`."""
        count = self.store.count()
        if count != self._count:
            (content,) = self.store.read(start=count - 1, limit=1) if count else ("",)
            self._newest = read_signed(content).checkpoint if count else None
            self._count = count
        return self._newest

    async def run(self, sequencer: Sequencer, clock: Clock) -> None:
        """Look every second; never ends by itself."""
        await self._begin(sequencer)
        waited = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS
            if waited < self._pause():
                continue
            if self._is_due(sequencer.engine_at.sequence, clock):
                waited = 0
                await self._keep(sequencer, clock)
            elif self._is_unbound():
                waited = 0
                await self._begin(sequencer)

    def _is_unbound(self) -> bool:
        """Whether somebody else has made a checkpoint: the operator's command line."""
        return self.store.count() != self._bound_count

    async def _begin(self, sequencer: Sequencer) -> None:
        """Bind the newest checkpoint: the process may have ended between its making and its row."""
        try:
            newest = self.newest()
            if newest is not None:
                self._day = newest.time_ns // _DAY_NS
                await self._record(sequencer, newest)
            self.problem = None
        except Exception as error:  # noqa: BLE001 - a worker's boundary: said, and shown
            self._complain(error)

    def _pause(self) -> int:
        if self.problem is not None:
            return RETRY_SECONDS
        return 0 if self._newest is not None else FIRST_SECONDS

    def _is_due(self, sequence: int, clock: Clock) -> bool:
        newest = self._newest
        if newest is None:
            return sequence > 0
        is_new_day = clock.now_ns() // _DAY_NS > self._day
        return sequence - newest.sequence >= self._rows_max or (is_new_day and sequence > newest.sequence)

    async def _keep(self, sequencer: Sequencer, clock: Clock) -> None:
        try:
            await self._make()
            newest = self.newest()
            if newest is not None:
                await self._record(sequencer, newest)
            self._day = clock.now_ns() // _DAY_NS
            self.problem = None
        except Exception as error:  # noqa: BLE001 - a worker's boundary: said, shown, and tried again
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        if isinstance(error, RefusedError) and error.reason == RefusalReason.exchange_is_stopping:
            return  # the next start binds what was made
        if self.problem is None:
            _log.exception("no checkpoint can be made; trading goes on, and it is tried again")
        self.problem = f"No checkpoint of the journal can be made or bound. {error}"

    async def _record(self, sequencer: Sequencer, made: Checkpoint) -> None:
        facts = encode_facts({"row": made.sequence, "hash": made.hash, "state": made.state_hash})
        command = RecordAudit(event=int(AuditEvent.checkpoint_made), facts=facts)
        key = audit_key(int(AuditEvent.checkpoint_made), made.hash)
        (await sequencer.submit(command, key=key)).first_event()
        self._bound_count = self._count
