"""The single writer: drains what waits, stamps time and sequence, runs the engine, commits, then shows and answers.

While one group of rows is being committed the next one is executed and gathers; it is committed as soon as the first is
durable. So groups grow with load and nobody waits for a timer. Nothing is answered or projected before its row is
durable.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from struct import error as StructError  # noqa: N812 - an exception by its kind
from typing import Final

from waiver_exchange.application.chain import chain_hash
from waiver_exchange.application.command_keys import key_of
from waiver_exchange.application.encoded_command import Submittable, encode_submitted, is_opening
from waiver_exchange.application.feed import Feed
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.ports import Clock, Journal, JournalBrokenError, JournalError, JournalRow
from waiver_exchange.application.recovery import EngineAt, catch_up
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.staging import Answer, Staged, Submission
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import BeginDay, Command, ExpireOrder, ResumeMarket
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.fold import Projector

GROUP_ROWS_MAX: Final = 256
QUEUE_MAX: Final = 10_000
# Urgent is the kill switch alone: as many as operators may press it while one commit takes long.
URGENT_MAX: Final = 64
TICK_SECONDS: Final = 0.25
_REFUSALS: Final = frozenset({codes.ORDER_DENIED, codes.COMMAND_REFUSED})
_RETRY_SECONDS_MAX: Final = 2.0
# After 1.3 s those who wait are told that nobody knows; a stop gives requests 3 s.
_READ_BACK_TRIES: Final = 6

_log = logging.getLogger(__name__)


class ForeignRowError(JournalBrokenError):
    """The journal holds a row that this process did not write: somebody else writes to it."""

    def __init__(self, sequence: int) -> None:
        """Name the row."""
        super().__init__(
            f"Journal row {sequence} was written by somebody else while this service ran. Find the other writer and "
            "stop it, then run `waiver verify` before starting again."
        )


class Sequencer:
    """Takes commands one after another to the engine and the journal. `run` must be running."""

    def __init__(
        self,
        *,
        at: EngineAt,
        journal: Journal,
        projector: Projector,
        clock: Clock,
        recover: Callable[[], Awaitable[EngineAt]],
        end_of_day: Callable[[int], int] | None = None,
    ) -> None:
        """Continue from `at`; the projector has folded the same rows.

        `recover` builds the engine anew from the journal. `end_of_day` gives the end of the trading day that a time
        (UNIX nanoseconds) lies in; without it no days begin. Every part belongs to the sequencer from now on.
        `head` is the last durable row that is shown, with its hash. `on_durable` is told of rows in the step that shows
        them, before anybody is answered, and does little.
        """
        self._at = at
        self._journal = journal
        self._projector = projector
        self.feed = Feed(projector)
        self._clock = clock
        self._recover = recover
        self._end_of_day = end_of_day
        self._queue: deque[Submission] = deque()
        # What goes in front of everything that is not executed yet.
        self._urgent: deque[Submission] = deque()
        self._staged = Staged()
        self._committing = Staged()
        self._commit: asyncio.Task[None] | None = None
        self._in_flight: dict[bytes, Submission] = {}
        self._wake = asyncio.Event()
        self._quiet: deque[asyncio.Future[None]] = deque()
        self._is_stopping = False
        self._is_tick_due = False
        self._is_clock_behind = False
        self._suspicion: JournalError | None = None
        self.failure: str | None = None
        self.head = (at.sequence, at.chain)
        self.on_durable: Callable[[Sequence[JournalRow]], None] | None = None

    @property
    def refusal(self) -> RefusalReason | None:
        """What every command is refused with now, or None."""
        if self.failure is not None:
            return RefusalReason.journal_is_unavailable
        return RefusalReason.exchange_is_stopping if self._is_stopping else None

    @property
    def engine_at(self) -> EngineAt:
        """The engine and its row; ahead of the journal except inside `at_rest`."""
        return self._at

    async def submit(
        self,
        command: Submittable,
        *,
        key: bytes | None = None,
        refusal: RefusalReason | None = None,
        is_urgent: bool = False,
        behind: Submittable | None = None,
    ) -> Outcome:
        """Return what came of a command once it is durable; a command with a key seen before gets the first outcome.

        A command with a `refusal` gets that outcome too, and is refused if there is none. One that is urgent, which
        has no refusal, is executed before all that wait, however many they are, and `behind` right behind it unless it
        is a repetition. Raises `RefusedError` when the service cannot take it, and when the key belongs to another
        command. A refusal by the engine is an outcome.
        """
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
        """Take a command as `submit` does, for one who does not wait in a task of his own.

        Raises `RefusedError` when the service cannot take it, or it has a `refusal` and no key by which it could be a
        repetition; then the answer gets nothing.
        """
        reason = self.refusal
        if reason is not None:
            raise RefusedError(reason)
        if len(self._urgent if is_urgent else self._queue) >= (URGENT_MAX if is_urgent else QUEUE_MAX):
            raise RefusedError(RefusalReason.exchange_is_busy)
        if key is None:
            key = key_of(command)
        if refusal is not None and key is None:
            raise RefusedError(refusal)
        if is_urgent:
            following = Submission(behind) if behind is not None else None
            self._urgent.append(Submission(command, key, answer, following=following))
        else:
            self._queue.append(Submission(command, key, answer, refusal=refusal))
        self._wake.set()

    async def at_rest(self) -> None:
        """Return when every executed row is durable and projected; no row is executed before the next await."""
        if self._is_at_rest():
            return
        moment: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._quiet.append(moment)
        self._wake.set()
        await moment

    async def run(self) -> None:
        """Work until `stop`. Raises what breaks the engine or the chain: then the process must end."""
        ticker = asyncio.create_task(self._tick())
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._step()
                if self._is_stopping and not self._is_waiting() and not self._is_working():
                    return
        finally:
            self._is_stopping = True
            ticker.cancel()
            if self._commit is not None:
                self._commit.cancel()
                await asyncio.gather(self._commit, return_exceptions=True)
            self._refuse_all(RefusalReason.outcome_is_unknown)

    def stop(self) -> None:
        """Take no more commands; `run` returns when what was taken is answered."""
        self._is_stopping = True
        self._wake.set()

    def suspect(self, error: JournalError) -> None:
        """Look at the journal although no command asks for it: it cannot be reached, and whoever asks is to know."""
        if self.refusal is None:
            self._suspicion = error
            self.failure = str(error)
            self._wake.set()

    def _is_waiting(self) -> bool:
        return bool(self._queue or self._urgent)

    def _is_working(self) -> bool:
        return self._commit is not None or bool(self._staged.rows)

    def _is_at_rest(self) -> bool:
        return self.failure is None and not self._is_working()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._is_tick_due = True
            self._wake.set()

    async def _step(self) -> None:
        if self._commit is not None and self._commit.done():
            await self._finish_commit()
        if self._suspicion is not None and not self._is_working():
            await self._recover_from(self._suspicion)
        if self._quiet and self._is_at_rest():
            self._quiet.popleft().set_result(None)
            # The one who waited acts before anything else is executed.
            self._wake.set()
            await asyncio.sleep(0)
            return
        room = GROUP_ROWS_MAX - len(self._staged.rows)
        if room > 0 and self._may_stage() and (self._is_waiting() or self._is_tick_due):
            self._is_tick_due = False
            await self._stage(room)
        if self._commit is None and self._staged.rows:
            self._start_commit()
        # Only for work that the next step can do: a step that cannot would follow itself without ever giving way, and
        # the end of the commit that it waits for would never be heard of.
        if (
            self._is_waiting()
            and self._may_stage()
            and (self._commit is None or len(self._staged.rows) < GROUP_ROWS_MAX)
        ):
            self._wake.set()

    def _may_stage(self) -> bool:
        """Whether commands may be executed: nobody waits for a quiet moment, and the journal is not in doubt."""
        return not self._quiet and self._suspicion is None

    async def _finish_commit(self) -> None:
        """Wait for the commit under way and show its rows, or go back to what is durable if it failed."""
        if self._commit is None:
            return
        commit, self._commit = self._commit, None
        try:
            await commit
        except JournalError as error:
            await self._recover_from(error)
            return
        durable, self._committing = self._committing, Staged()
        if self._staged.rows:
            # The next group becomes durable while this one is shown and answered.
            self._start_commit()
        self._publish(durable)

    def _start_commit(self) -> None:
        self._committing, self._staged = self._staged, Staged()
        self._commit = asyncio.create_task(self._journal.append(self._committing.rows))
        self._commit.add_done_callback(lambda _: self._wake.set())

    async def _stage(self, limit: int) -> None:
        """Execute what is urgent and what is due, then up to the rest of `limit` waiting commands, in this order."""
        time_ns = max(self._clock.now_ns(), self._at.time_ns)
        self._warn_of_clock(time_ns)
        due = [Submission(command) for command in self._due_commands(time_ns, limit=limit)]
        room = limit - len(due)
        if room == 0:
            self._is_tick_due = True
            self._wake.set()
        taken = [self._queue.popleft() for _ in range(min(room, len(self._queue)))]
        try:
            fresh = await self._without_repetitions(taken)
            # Taken last: what became urgent while the journal was asked for keys still comes first.
            submissions = [*await self._take_urgent(), *due, *fresh]
        except BaseException:
            self._refuse_all(RefusalReason.outcome_is_unknown, taken)
            raise
        if not submissions:
            return
        self._begin_first_day(submissions, time_ns=time_ns)
        try:
            self._execute(submissions, time_ns=time_ns)
        except BaseException:
            # Nothing of them is in the journal, and this engine is not used again.
            for submission in submissions:
                submission.refuse(RefusalReason.internal_error)
            raise

    async def _take_urgent(self) -> list[Submission]:
        """Return what is urgent, each with what follows it; nothing urgent is left when the caller goes on."""
        taken: list[Submission] = []
        while self._urgent:
            waiting = list(self._urgent)
            self._urgent.clear()
            for submission in await self._without_repetitions(waiting):
                taken.append(submission)
                if submission.following is not None:
                    taken.append(submission.following)
        return taken

    async def _without_repetitions(self, submissions: list[Submission]) -> list[Submission]:
        """Return the submissions to execute; the others join those in flight, or are answered from the journal."""
        fresh: list[Submission] = []
        keyed: list[bytes] = []
        for submission in submissions:
            key = submission.key
            if key is None:
                fresh.append(submission)
            elif (first := self._in_flight.get(key)) is not None:
                submission.follow(first)
            else:
                # Entered before the journal is asked: a later one with the same key follows it.
                self._in_flight[key] = submission
                keyed.append(key)
                fresh.append(submission)
        try:
            found = await self._journal.find(keyed) if keyed else {}
            await self._check_shown(found)
        except JournalError as error:
            # Nothing of these was executed. What was goes its way first; then the journal is looked at.
            self._suspicion = error
            self.failure = str(error)
            for key in keyed:
                del self._in_flight[key]
            for submission in fresh:
                submission.refuse(RefusalReason.journal_is_unavailable)
            self._wake.set()
            return []
        if found:
            for key, row in found.items():
                self._in_flight.pop(key).repeat(row)
            fresh = [submission for submission in fresh if submission.key not in found]
        if any(submission.refusal for submission in fresh):
            fresh = [submission for submission in fresh if not self._is_refused(submission)]
        return fresh

    async def _check_shown(self, found: Mapping[bytes, JournalRow]) -> None:
        """Raise what breaks the exchange when a row was found that this process neither wrote nor read."""
        unknown = [row.sequence for row in found.values() if row.sequence > self.head[0]]
        if unknown:
            await self._journal.check_writable()  # who may write no more is told who may
            raise ForeignRowError(min(unknown))

    def _is_refused(self, submission: Submission) -> bool:
        """Refuse what is no repetition and came with a refusal; those who followed it are heard on their own."""
        if submission.refusal is None:
            return False
        if submission.key is not None:
            del self._in_flight[submission.key]
        self._queue.extend(submission.followers or ())
        submission.followers = None
        submission.refuse(submission.refusal)
        return True

    def _due_commands(self, time_ns: int, *, limit: int) -> list[Command]:
        engine = self._at.engine
        due: list[Command] = self._day_to_begin(time_ns)
        due += [ExpireOrder(order_id=order_id) for order_id in engine.due_orders(time_ns, limit - len(due))]
        # A resume lets held orders trade: first everything leaves whose time is over.
        due += [ResumeMarket(market=market) for market in engine.due_resumes(time_ns)[: limit - len(due)]]
        return due

    def _day_to_begin(self, time_ns: int) -> list[Command]:
        """Return what begins the trading day of a time when the day before is over, or accounts have none yet."""
        engine = self._at.engine
        if self._end_of_day is None or not engine.has_accounts() or time_ns < engine.day_ends_at():
            return []
        return [BeginDay(ends_at_ns=self._end_of_day(time_ns))]

    def _begin_first_day(self, submissions: list[Submission], *, time_ns: int) -> None:
        """Let the first day of a new exchange begin right behind its first account, wherever a group may end."""
        if self._end_of_day is None or self._at.engine.has_accounts():
            return
        for place, submission in enumerate(submissions, start=1):
            if is_opening(submission.command):
                submissions.insert(place, Submission(BeginDay(ends_at_ns=self._end_of_day(time_ns))))
                return

    def _execute(self, submissions: list[Submission], *, time_ns: int) -> None:
        encoded = []
        for submission in submissions:
            record = self._encode(submission, time_ns=time_ns)
            if record is not None:
                encoded.append((submission, record))
        at = self._at
        at.engine.execute_batch(b"".join([record for _, record in encoded]))
        ends = at.engine.take_ends()
        events = at.engine.take_events()
        rows = self._staged.rows
        waiting = self._staged.submissions
        start = 0
        sequence, chain = at.sequence, at.chain
        for (submission, record), end in zip(encoded, ends, strict=True):
            sequence += 1
            own = events[start:end]
            # A refusal does not use the id up: the same may be sent again when its reason has passed.
            key = None if own[0] in _REFUSALS else submission.key
            chain = chain_hash(previous=chain, sequence=sequence, key=key, command=record, events=own)
            account = int.from_bytes(record[16:24], "little")
            rows.append(JournalRow(sequence, time_ns, account, key, record, own, chain))
            waiting.append(submission)
            start = end
        at.sequence, at.time_ns, at.chain = sequence, time_ns, chain

    def _encode(self, submission: Submission, *, time_ns: int) -> bytes | None:
        """Return the record, or refuse a command that no record can hold: the gateway bounds what it lets in."""
        try:
            return encode_submitted(submission.command, time_ns=time_ns)
        except (StructError, UnicodeEncodeError):
            if submission.key is not None:
                del self._in_flight[submission.key]
            submission.refuse(RefusalReason.number_is_too_large)
            return None

    def _publish(self, done: Staged) -> None:
        """Show durable rows to the projections, then answer those who wait for them."""
        for row, submission in zip(done.rows, done.submissions, strict=True):
            self._projector.apply(row)
            if submission.key is not None:
                del self._in_flight[submission.key]
                if row.key is None and submission.followers is not None:
                    # The first was refused and its id is free again: the others are heard on their own.
                    self._queue.extend(submission.followers)
                    submission.followers = None
        self.head = (done.rows[-1].sequence, done.rows[-1].chain)
        self.feed.publish(time_ns=done.rows[-1].time_ns)
        self._tell(done.rows)
        done.resolve()

    async def _recover_from(self, error: JournalError) -> None:
        """Go back to what is durable: the engine is ahead of it, and whether the last commit arrived is unknown."""
        self.failure = str(error)
        self._suspicion = None
        _log.critical("journal failed, no command is taken until it works again: %s", error)
        uncertain, executed = self._committing, self._staged
        self._committing, self._staged = Staged(), Staged()
        for waiting in (self._urgent, self._queue):
            while waiting:
                waiting.popleft().refuse(RefusalReason.journal_is_unavailable)
        executed.refuse(RefusalReason.journal_is_unavailable)
        try:
            await self._read_back(uncertain)
        except BaseException:
            uncertain.refuse(RefusalReason.outcome_is_unknown)
            raise
        self._in_flight.clear()
        if await self._wait_until_writable():
            self.failure = None
            _log.warning("journal works again; continuing after row %d", self._at.sequence)

    async def _read_back(self, uncertain: Staged) -> None:
        """Build the engine anew from the durable rows and answer those of the uncertain commit accordingly."""
        for attempt in range(1_000_000_000):
            try:
                self._at = await self._recover()
                await catch_up(self._projector, journal=self._journal, until=self._at.sequence, on_folded=self._show)
                self.head = (self._at.sequence, self._at.chain)
                self.feed.publish(time_ns=self._at.time_ns)
            except JournalError as error:
                self.failure = str(error)
                if attempt == _READ_BACK_TRIES:
                    uncertain.refuse(RefusalReason.outcome_is_unknown)
                if self._is_stopping:
                    raise
                await asyncio.sleep(min(0.02 * 2 ** min(attempt, 10), _RETRY_SECONDS_MAX))
            else:
                break
        if not uncertain.rows:
            return
        last = uncertain.rows[-1]
        if self._at.sequence < last.sequence:
            uncertain.refuse(RefusalReason.journal_is_unavailable)
        elif (self._at.sequence, self._at.chain) == (last.sequence, last.chain):
            uncertain.resolve()
        else:
            raise ForeignRowError(last.sequence)

    async def _wait_until_writable(self) -> bool:
        """Return True when the journal takes writes again, False when the service is to stop before that."""
        attempt = 0
        while not self._is_stopping:
            try:
                await self._journal.check_writable()
            except JournalError as error:
                self.failure = str(error)
                attempt += 1
                await asyncio.sleep(min(0.02 * 2 ** min(attempt, 10), _RETRY_SECONDS_MAX))
            else:
                return True
        return False

    def _show(self, rows: Sequence[JournalRow]) -> None:
        """Tell of rows that were read back; the head comes first, for whoever asks before the next are read."""
        self.head = (rows[-1].sequence, rows[-1].chain)
        self._tell(rows)

    def _tell(self, rows: Sequence[JournalRow]) -> None:
        if self.on_durable is not None:
            self.on_durable(rows)

    def _refuse_all(self, reason: RefusalReason, taken: Iterable[Submission] = ()) -> None:
        for staged in (self._committing, self._staged):
            staged.refuse(reason)
        for submission in (*self._urgent, *self._queue, *self._in_flight.values(), *taken):
            submission.refuse(reason)
        self._urgent.clear()
        self._queue.clear()

    def _warn_of_clock(self, time_ns: int) -> None:
        behind_ns = time_ns - self._clock.now_ns()
        is_behind = behind_ns > NANOSECONDS_PER_SECOND
        if is_behind and not self._is_clock_behind:
            _log.warning(
                "the clock is %.1f s behind the journal; its time stands still until the clock has caught up",
                behind_ns / NANOSECONDS_PER_SECOND,
            )
        self._is_clock_behind = is_behind
