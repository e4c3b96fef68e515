"""What stands in a gateway process in the place of the sequencer: it passes commands on, and brings their answers back.

A command with a key that is under way when the link breaks is sent again when it is back: the key makes that harmless.
Of any other nobody knows whether it was done. An answer is given when the row that it is about is folded here.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from struct import error as StructError  # noqa: N812 - an exception by its kind
from typing import Final, final

from waiver_exchange.adapters.link import wire
from waiver_exchange.adapters.link.wire import Status, Submitted
from waiver_exchange.application.command_keys import key_of
from waiver_exchange.application.encoded_command import EncodedCommand, Submittable
from waiver_exchange.application.feed import Feed
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.ports import JournalRow
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.staging import Answer
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.fold import Projector

IN_FLIGHT_MAX: Final = 8_192
# How long a command waits for the engine to come back before its sender is told that nobody knows.
RESEND_SECONDS: Final = 5.0
# Rows are kept so long for answers that name them; those come right behind their rows.
ROWS_KEPT: Final = 4_096
ENGINE_AWAY: Final = "The engine's process is not reached; it is started again by itself."
# These say that nothing was done by this sending; of one before it they say nothing.
_NOT_DONE_NOW: Final = frozenset(
    {
        RefusalReason.journal_is_unavailable,
        RefusalReason.exchange_is_busy,
        RefusalReason.exchange_is_stopping,
        RefusalReason.internal_error,
    }
)


@dataclass(slots=True)
class _Waiting:
    """A command under way, and the newest row that was shown here when it was sent first."""

    command: Submitted
    answer: Answer
    after: int
    is_resent: bool = False


@final
class RemoteSequencer:
    """Implements `application.command_intake.CommandIntake` over a link."""

    def __init__(self, projector: Projector, *, chain: bytes) -> None:
        """Begin without a link; the projector has folded the rows up to the one that has this hash."""
        self.feed = Feed(projector)
        self.head = (projector.state.sequence, chain)
        self.status = Status()
        self._write: Callable[[bytes], None] | None = None
        self._number = 0
        self._waiting: dict[int, _Waiting] = {}
        self._outgoing: list[Submitted] = []
        self._rows: dict[int, JournalRow] = {}
        # Answers that came before the row that they are about, which is durable: it is shown, link or not.
        self._late: dict[int, list[tuple[_Waiting, bool]]] = {}
        self._late_count = 0
        self._giving_up: asyncio.TimerHandle | None = None

    @property
    def failure(self) -> str | None:
        """Why no command is taken now, or None."""
        return ENGINE_AWAY if self._write is None else self.status.failure

    @property
    def refusal(self) -> RefusalReason | None:
        """What every command is refused with now, or None; what the engine says is some tenths of a second old."""
        if self._write is None:
            return RefusalReason.engine_is_unavailable
        return RefusalReason.of(self.status.refusal) if self.status.refusal else None

    async def submit(
        self,
        command: Submittable,
        *,
        key: bytes | None = None,
        refusal: RefusalReason | None = None,
        is_urgent: bool = False,
        behind: Submittable | None = None,
    ) -> Outcome:
        """Return what came of a command once it is durable and shown here. Raises `RefusedError`."""
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.begin(command, answer=answer, key=key, refusal=refusal, is_urgent=is_urgent, behind=behind)
        return await answer

    def begin(
        self,
        command: Submittable,
        *,
        answer: Answer,
        key: bytes | None = None,
        refusal: RefusalReason | None = None,
        is_urgent: bool = False,
        behind: Submittable | None = None,
    ) -> None:
        """Pass a command on. Raises `RefusedError` when that cannot be done now; then the answer gets nothing."""
        if self._write is None:
            raise RefusedError(RefusalReason.engine_is_unavailable)
        if len(self._waiting) + self._late_count >= IN_FLIGHT_MAX or len(self._outgoing) >= IN_FLIGHT_MAX:
            raise RefusedError(RefusalReason.exchange_is_busy)
        if key is None:
            key = key_of(command)
        if refusal is not None and key is None:
            raise RefusedError(refusal)
        try:
            record, following = _encoded(command), b"" if behind is None else _encoded(behind)
        except (StructError, UnicodeEncodeError):
            # No record can hold it; whoever sent it is told as the sequencer tells it, later.
            asyncio.get_running_loop().call_soon(_refuse, answer, RefusalReason.number_is_too_large)
            return
        self._number += 1
        number = 0 if answer.done() else self._number
        submitted = Submitted(number, record, key, int(refusal or 0), is_urgent, following)
        if number:
            self._waiting[number] = _Waiting(submitted, answer, self.head[0])
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._send)
        self._outgoing.append(submitted)

    # What the link uses.

    @property
    def is_joined(self) -> bool:
        """Whether there is a link."""
        return self._write is not None

    def join(self, write: Callable[[bytes], None]) -> None:
        """The link is there, and everything up to it is shown: send again what waits, and take commands."""
        self._write = write
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        self._give_up_late()
        for waiting in self._waiting.values():
            waiting.is_resent = True
            self._outgoing.append(waiting.command)
        self._send()

    def part(self) -> None:
        """The link is gone: what can be sent again waits a while for it, of the rest nobody knows what came of it."""
        if self._write is None:
            return
        self._write = None
        self._outgoing.clear()
        for number, waiting in list(self._waiting.items()):
            if waiting.command.key is None:
                del self._waiting[number]
                _refuse(waiting.answer, RefusalReason.outcome_is_unknown)
        self._giving_up = asyncio.get_running_loop().call_later(RESEND_SECONDS, self.give_up)

    def give_up(self) -> None:
        """Tell all who wait that nobody knows."""
        self._giving_up = None
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            _refuse(each.answer, RefusalReason.outcome_is_unknown)
        self._give_up_late()

    def _give_up_late(self) -> None:
        """Tell those whose row was not shown though everything is that they could wait for."""
        late, self._late, self._late_count = self._late, {}, 0
        for waiters in late.values():
            for waiting, _ in waiters:
                _refuse(waiting.answer, RefusalReason.outcome_is_unknown)

    def show(self, rows: list[JournalRow]) -> None:
        """Rows are folded: publish them, and give the answers that waited for them."""
        last = rows[-1]
        self.head = (last.sequence, last.chain)
        self.feed.publish(time_ns=last.time_ns)
        if self._waiting:
            self._keep(rows)
        if self._late:
            for row in rows:
                for waiting, is_repetition in self._late.pop(row.sequence, ()):
                    self._late_count -= 1
                    self._resolve(waiting, row, is_repetition=is_repetition)

    def answer(self, answers: wire.Answers) -> None:
        """Take outcomes of commands."""
        for number, sequence in _pairs(answers.rows):
            self._answer_with(number, sequence, self._rows.get(sequence), is_repetition=False)
        for number, row in answers.repeated:
            self._answer_with(number, row.sequence, row, is_repetition=True)
        for number, reason in _pairs(answers.refused):
            waiting = self._waiting.pop(number, None)
            if waiting is not None:
                refusal = RefusalReason.of(reason)
                is_doubtful = waiting.is_resent and refusal in _NOT_DONE_NOW
                _refuse(waiting.answer, RefusalReason.outcome_is_unknown if is_doubtful else refusal)

    def _answer_with(self, number: int, sequence: int, row: JournalRow | None, *, is_repetition: bool) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return
        if sequence > self.head[0]:
            self._late.setdefault(sequence, []).append((waiting, is_repetition))
            self._late_count += 1
        elif row is not None:
            self._resolve(waiting, row, is_repetition=is_repetition)
        else:
            # It was answered so late that its row is kept no more; it is done, and cannot be told what came of it.
            _refuse(waiting.answer, RefusalReason.outcome_is_unknown)

    def _resolve(self, waiting: _Waiting, row: JournalRow, *, is_repetition: bool) -> None:
        if waiting.answer.done():
            return
        # What was sent again repeats itself; only a row from before its first sending was another's.
        is_repetition = is_repetition and (not waiting.is_resent or row.sequence <= waiting.after)
        waiting.answer.set_result(Outcome(row, is_repetition=is_repetition))

    def _keep(self, rows: list[JournalRow]) -> None:
        kept = self._rows
        for row in rows:
            kept[row.sequence] = row
        if len(kept) > 2 * ROWS_KEPT:
            self._rows = dict(list(kept.items())[-ROWS_KEPT:])

    def _send(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self._write is not None:
            self._write(wire.encode(wire.Commands(outgoing)))


def _encoded(command: Submittable) -> bytes:
    return (command if isinstance(command, EncodedCommand) else EncodedCommand.of(command)).record


def _pairs(flat: list[int]) -> Iterable[tuple[int, int]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _refuse(answer: Answer, reason: RefusalReason) -> None:
    if not answer.done():
        answer.set_exception(RefusedError(reason))
