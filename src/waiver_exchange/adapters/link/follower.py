"""A gateway process follows the engine's: it connects, catches up with the journal, and from then on hears everything.

While the engine's process is away reads go on with all that is durable, and commands are refused. Coming back it goes
on behind the row where it stood, so that whoever listens here hears of every row once and in order.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from waiver_exchange.adapters.link import wire
from waiver_exchange.adapters.link.addresses import connect
from waiver_exchange.adapters.link.connection import Connection
from waiver_exchange.adapters.link.head import Head
from waiver_exchange.adapters.link.news import Hearing, Listener, NewsError, unsealed
from waiver_exchange.adapters.link.replica import Replica
from waiver_exchange.adapters.link.wire import LinkError
from waiver_exchange.application.audit_failures import TELL_SECONDS
from waiver_exchange.application.chain import ChainBrokenError, verify_chain
from waiver_exchange.application.ports import Journal, JournalBrokenError, JournalError, JournalRow
from waiver_exchange.application.recovery import READ_ROWS
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason

# How long a request waits for what was answered elsewhere before it began; usually it is there already.
FRESH_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 0.1
WELCOME_SECONDS: Final = 30.0
TAKE_SECONDS: Final = 0.25
LOOK_SECONDS: Final = 1.0
# A broadcast that was made and does not come by news for so long is missed; then it is tried again ever more seldom.
MISSED_SECONDS: Final = 0.1
NEWS_PAUSE_SECONDS: Final = 1.0
NEWS_PAUSE_SECONDS_MAX: Final = 30.0
EARLY_MAX: Final = 10_000
PROBLEMS_MAX: Final = 8

_log = logging.getLogger(__name__)


class OtherJournalError(JournalBrokenError):
    """The engine's process goes on from another journal than the one that this gateway has followed."""

    def __init__(self, *, sequence: int, newest: int) -> None:
        """Name both rows."""
        super().__init__(
            f"This gateway has shown row {sequence}, and the engine's journal, which ends at row {newest}, does not "
            "hold it: the journal was put back or is another one. The gateway ends and begins anew."
        )


@final
class Follower:
    """Keeps a replica current while `run` runs. Implements `application.command_intake.Freshness`."""

    def __init__(
        self, replica: Replica, *, journal: Journal, path: Path, head: Head, news: Listener | None = None
    ) -> None:
        """Follow the process that listens at a path; the journal is the one that it writes.

        What everybody is told is heard by `news`, as long as nothing of it is missing.
        """
        self._replica = replica
        self._sequencer = replica.sequencer
        self._journal = journal
        self._path = path
        self._head = head
        self._applied = 0
        self._connection: Connection | None = None
        self._connected = asyncio.Event()
        self._waiters: deque[tuple[int, Callable[[], None]]] = deque()
        self._is_stopping = False
        self._is_settled = False
        self._number = 0
        self._news = news
        self._is_by_news = False
        self._news_key = b""
        # Broadcasts that came before one that is still missing, and whether by news.
        self._early: dict[int, tuple[wire.Broadcast, bool]] = {}
        self._hearing_problem = ""
        self._hearing: asyncio.Task[None] | None = None
        self._problems: deque[str] = deque(maxlen=PROBLEMS_MAX)

    # Freshness.

    @property
    def is_by_news(self) -> bool:
        """Whether broadcasts are heard by news now, and not over the link."""
        return self._is_by_news

    @property
    def is_behind(self) -> bool:
        """Whether something was answered somewhere that is not shown here yet."""
        return self._head.number > self._applied

    async def wait(self) -> None:
        """Return when what was answered before is shown here. Raises `RefusedError` when that takes too long."""
        moment: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = self._add_waiter(lambda: None if moment.done() else moment.set_result(None))
        try:
            async with asyncio.timeout(FRESH_SECONDS):
                await moment
        except TimeoutError as error:
            raise RefusedError(RefusalReason.engine_is_unavailable) from error
        finally:
            if moment.cancelled():
                # Those that waited longest stand first, so it is found at once; if it was told meanwhile it is gone.
                with suppress(ValueError):
                    self._waiters.remove(waiter)

    def when_fresh(self, call: Callable[[], None]) -> None:
        """Call once, as soon as what was answered until now is shown, or cannot be waited for any more."""
        self._add_waiter(call)

    def _add_waiter(self, call: Callable[[], None]) -> tuple[int, Callable[[], None]]:
        waiter = (self._head.number, call)
        self._waiters.append(waiter)
        if not self.is_behind:
            asyncio.get_running_loop().call_soon(self._tell_waiters)
        return waiter

    # What keeps it going.

    async def ready(self) -> None:
        """Return when the first welcome is taken in: from then on requests can be answered."""
        await self._connected.wait()

    async def run(self) -> None:
        """Follow until `stop`.

        Raises what makes this process useless: `JournalBrokenError`, `JournalOrderError`, `OtherVersionError`.
        """
        work = [asyncio.create_task(each) for each in (self._look_after(), self._tell_failures(), self._put_aside())]
        try:
            while not self._is_stopping:
                await self._follow_once()
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            self._sequencer.part()
            self._sequencer.give_up()

    def stop(self) -> None:
        """Follow no more: who still waits for an answer is told that nobody knows."""
        self._is_stopping = True
        if self._connection is not None:
            self._connection.cut("this process stops")

    async def _follow_once(self) -> None:
        """Connect and follow until the link breaks, or wait a little before the next attempt."""
        try:
            connection = await self._connect()
        except OSError as error:
            self._complain(f"the engine's process is not reached ({error})")
            if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
                await self._settle()
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._connection = connection
        try:
            if await self._begin(connection):
                if self._news is not None:
                    self._hearing = asyncio.create_task(self._hear(connection, self._news))
                await connection.lost
        except LinkError as error:
            # It may be there again at once; until that is known, nobody is told what is out of date.
            self._complain(f"the link to the engine's process broke: {error}")
        finally:
            await self._stop_hearing()
            self._connection = None
            connection.cut("it is left")
            self._sequencer.part()

    async def _stop_hearing(self) -> None:
        hearing, self._hearing, self._is_by_news = self._hearing, None, False
        if hearing is not None:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(Connection, sock=connect(self._path))
        return connection

    async def _begin(self, connection: Connection) -> bool:
        """Greet, catch up with the journal and go on from there; return whether that worked out."""
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                connection.write(wire.encode(wire.Hello(wire.own_version(), os.getpid())))
                welcome = await connection.welcome
            await self._catch_up(until=welcome.sequence)
        except (LinkError, JournalError, TimeoutError) as error:
            self._complain(f"the engine's process cannot be followed ({str(error) or 'it says nothing'})")
            # It lives and may end keys, of which the journal does not tell: what is here stays out of date.
            await asyncio.sleep(RETRY_SECONDS)
            return False
        if self._sequencer.head != (welcome.sequence, welcome.chain):
            raise OtherJournalError(sequence=self._replica.sequence, newest=welcome.sequence)
        self._join(connection, welcome)
        return True

    def _join(self, connection: Connection, welcome: wire.Welcome) -> None:
        """Know what the engine's process knows, all in one step, and hear from now on what it says."""
        self._replica.welcome(welcome, known=connection.known)
        connection.known.clear()
        self._replica.forget(welcome.stored)
        self._number = welcome.number
        self._news_key = welcome.news_key
        self._early.clear()
        connection.take(self._take)
        self._apply(self._number)
        self._sequencer.join(connection.write)
        self._is_settled = False
        self._connected.set()
        self._problems.clear()
        _log.info("following the engine's process from row %d", welcome.sequence)

    def _take(self, message: wire.ToGateway) -> None:
        """Take what the engine's process tells, in order."""
        if isinstance(message, wire.Answers):
            self._sequencer.answer(message)
            return
        if not isinstance(message, wire.Broadcast):
            reason = f"{type(message).__name__} is not expected here"
            raise LinkError(reason)
        self._take_in_turn(message, is_news=False)

    def _take_in_turn(self, message: wire.Broadcast, *, is_news: bool) -> None:
        """Take a broadcast, and those behind it that came before; or keep it until those before it came."""
        if message.number == self._number + 1:
            self._take_next(message, is_news=is_news)
            while self._early and (next_one := self._early.pop(self._number + 1, None)) is not None:
                self._take_next(next_one[0], is_news=next_one[1])
        elif self._news is None or len(self._early) >= EARLY_MAX:
            reason = f"number {message.number} follows number {self._number}"
            raise LinkError(reason)
        elif message.number > self._number:
            # Of two ways one was faster.
            self._early[message.number] = (message, is_news)

    def _take_next(self, message: wire.Broadcast, *, is_news: bool) -> None:
        if is_news and isinstance(message, wire.Rows) and not self._is_continued_by(message.rows):
            # It stays missing, and comes over the link.
            self._leave_news("a row does not continue the journal")
            return
        self._replica.take(message)
        self._number = message.number
        self._apply(message.number)

    def _is_continued_by(self, rows: list[JournalRow]) -> bool:
        """Return whether the rows that are not shown yet follow the newest one that is, by their hashes."""
        sequence, chain = self._sequencer.head
        try:
            verify_chain([row for row in rows if row.sequence > sequence], previous=chain, after=sequence)
        except ChainBrokenError:
            return False
        return True

    async def _hear(self, connection: Connection, news: Listener) -> None:
        """Hear broadcasts by news while none is missing; else over the link, and try again after a while."""
        pause = NEWS_PAUSE_SECONDS
        while True:
            try:
                async with news(lambda frames: self._take_news(connection, frames)) as hearing:
                    self._is_by_news = True
                    connection.write(wire.encode(wire.Listen(by_news=True, after=self._number)))
                    began = asyncio.get_running_loop().time()
                    await self._until_missed(hearing)
                    if asyncio.get_running_loop().time() - began > NEWS_PAUSE_SECONDS_MAX:
                        pause = NEWS_PAUSE_SECONDS
            except NewsError as error:
                _log.debug("news cannot be heard (%s)", error)
            except Exception as error:  # noqa: BLE001 - whatever ends the hearing, everything goes on over the link
                self._note_hearing_problem(error)
            if self._hearing is not asyncio.current_task():
                # It was cancelled, which a library may have told as a failure of its own.
                return
            self._leave_news("some are missing")
            await asyncio.sleep(pause)
            pause = min(2 * pause, NEWS_PAUSE_SECONDS_MAX)

    async def _until_missed(self, hearing: Hearing) -> None:
        """Return when the connection broke, or a broadcast that was made does not come."""
        loop = asyncio.get_running_loop()
        number, since = self._number, loop.time()
        while hearing.is_alive and self._is_by_news:
            if self._number != number or not self.is_behind:
                number, since = self._number, loop.time()
            elif loop.time() - since > MISSED_SECONDS:
                return
            await asyncio.sleep(MISSED_SECONDS / 5)

    def _leave_news(self, reason: str) -> None:
        """Hear everything over the link from here on, until news are tried again."""
        if not self._is_by_news:
            return
        self._is_by_news = False
        self._early.clear()
        _log.warning("news are left (%s): broadcasts are heard over the link", reason)
        if self._connection is not None:
            self._connection.write(wire.encode(wire.Listen(by_news=False, after=self._number)))

    def _note_hearing_problem(self, error: Exception) -> None:
        """Say what nobody expected, once."""
        problem = f"{type(error).__name__}: {error}"
        if problem != self._hearing_problem:
            _log.error("hearing news ended (%s)", problem, exc_info=error)
        self._hearing_problem = problem

    def _take_news(self, connection: Connection, news: bytes) -> None:
        """Take rows and what is stored, of the engine's own making, and nothing else."""
        try:
            for frames in unsealed(self._news_key, news):
                for body in wire.Splitter().split(frames):
                    message = wire.read_by_gateway(body)
                    if self._is_by_news and isinstance(message, wire.News):
                        self._take_in_turn(message, is_news=True)
        except (NewsError, LinkError) as error:
            self._leave_news(str(error))
        except Exception as error:  # noqa: BLE001 - as of what comes over the link: who waits for its end is told
            connection.cut(str(error))

    def _apply(self, number: int) -> None:
        self._applied = number
        if self._waiters:
            self._tell_waiters()

    def _tell_waiters(self) -> None:
        waiters = self._waiters
        while waiters and waiters[0][0] <= self._applied:
            _, call = waiters.popleft()
            call()

    async def _catch_up(self, *, until: int | None) -> None:
        """Fold what the journal holds up to a row, or all of it, and publish it. Raises `JournalError`."""
        replica = self._replica
        while until is None or replica.sequence < until:
            limit = READ_ROWS if until is None else min(READ_ROWS, until - replica.sequence)
            rows = await self._journal.read(after=replica.sequence, limit=limit)
            if not rows:
                return
            replica.fold(rows)
            replica.take_changes()
            await asyncio.sleep(0)

    async def _settle(self) -> None:
        """The engine's process is gone: show all that is durable, because others may have been answered with it.

        Until the journal could be read what is here is out of date; it is tried again with the next attempt to connect.
        """
        if self._is_settled and not self.is_behind:
            return
        number = self._head.number
        try:
            async with asyncio.timeout(FRESH_SECONDS):
                await self._catch_up(until=None)
        except (JournalError, TimeoutError) as error:
            self._complain(f"what became durable last cannot be read ({str(error) or 'it takes too long'})")
            return
        self._is_settled = True
        self._apply(max(number, self._applied))

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            connection = self._connection
            if connection is not None and self._sequencer.is_joined:
                connection.look_after()
                keys, sessions = self._replica.known.accounts.take_uses(), self._replica.known.sessions.take_uses()
                if keys or sessions:
                    connection.write(wire.encode(wire.Uses(keys, sessions)))

    async def _tell_failures(self) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            if self._replica.exchange is not None:
                self._replica.exchange.failures.tell(self._sequencer)

    async def _put_aside(self) -> None:
        while True:
            await asyncio.sleep(TAKE_SECONDS)
            self._replica.take_changes()

    def _complain(self, problem: str) -> None:
        """Say what is wrong, once until it is over; two things may be wrong by turns."""
        if problem not in self._problems and not self._is_stopping:
            self._problems.append(problem)
            _log.warning("%s; it is tried again", problem)
