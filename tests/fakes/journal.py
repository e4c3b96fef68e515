"""A journal in memory that fails on demand, and chained rows to write into any journal."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto

from waiver_exchange.application.chain import chain_hash
from waiver_exchange.application.ports import GENESIS_CHAIN, Journal, JournalError, JournalRow, PlainRow
from waiver_exchange.domain.commands import CancelOrder, encode_command

EVENT_WORDS = 31


class Failure(Enum):
    """What becomes of the rows of an append that raises."""

    nothing_written = auto()
    all_written = auto()  # the commit went through and its answer was lost


class FakeJournal(Journal):
    """Keeps rows in a list. Share `rows` between two of them to close one and open the other.

    `fail_next` queues failures for the coming appends. `is_full` refuses writes and `is_broken` everything
    until they are set back. `gate` holds appends while it is cleared, `delay_seconds` slows each one.
    """

    def __init__(self, rows: list[JournalRow] | None = None) -> None:
        self.rows = [] if rows is None else rows
        self.is_full = False
        self.is_broken = False
        self.is_closed = False
        self.delay_seconds = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.appends = 0
        self._finds_to_fail = 0
        self._failures: deque[Failure] = deque()
        self._order = asyncio.Lock()

    def fail_finds(self, count: int) -> None:
        """Make that many of the coming look-ups fail; everything else works."""
        self._finds_to_fail += count

    def fail_next(self, *failures: Failure) -> None:
        """Make the coming appends fail, one after the other."""
        self._failures.extend(failures)

    async def append(self, rows: Sequence[JournalRow]) -> None:
        self._check()
        async with self._order:  # as with one writing thread: appends queue
            await self.gate.wait()
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            self._write(rows)

    async def last(self) -> JournalRow | None:
        self._check()
        return self.rows[-1] if self.rows else None

    async def read(self, *, after: int, limit: int) -> list[JournalRow]:
        self._check()
        return self.rows[after : after + limit]

    async def read_plain(self, *, after: int, limit: int) -> list[PlainRow]:
        return list(await self.read(after=after, limit=limit))

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, JournalRow]:
        self._check()
        if self._finds_to_fail:
            self._finds_to_fail -= 1
            raise JournalError("The fake journal was told to fail a look-up.")
        wanted = set(keys)
        return {row.key: row for row in self.rows if row.key is not None and row.key in wanted}

    async def check_writable(self) -> None:
        self._check()
        if self.is_full:
            raise JournalError("The fake journal was told to be full.")

    async def find_damage(self) -> str | None:
        self._check()
        return None

    async def watch(self, suspect: Callable[[JournalError], None]) -> None:  # noqa: ARG002 - as the protocol has it
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        async with self._order:
            self.is_closed = True

    def _write(self, rows: Sequence[JournalRow]) -> None:
        self.appends += 1
        failure = self._failures.popleft() if self._failures else None
        if self.is_full or self.is_broken or failure is Failure.nothing_written:
            raise JournalError("The fake journal was told to fail.")
        sequences = {row.sequence for row in self.rows}
        keys = {row.key for row in self.rows if row.key is not None}
        for row in rows:
            if row.sequence in sequences or row.key in keys:
                raise JournalError(f"Row {row.sequence} or its key is in the journal already.")
            sequences.add(row.sequence)
            if row.key is not None:
                keys.add(row.key)
        self.rows.extend(rows)
        if failure is Failure.all_written:
            raise JournalError("The fake journal was told to lose the answer of a commit.")

    def _check(self) -> None:
        if self.is_closed:
            raise JournalError("The journal is closed.")
        if self.is_broken:
            raise JournalError("The fake journal was told to fail.")


def key_of(sequence: int) -> bytes:
    """The key that `chained_rows` gives a row."""
    return hashlib.blake2b(b"key %d" % sequence, digest_size=16).digest()


def chained_rows(count: int, *, after: JournalRow | None = None, are_keyed: bool = True) -> list[JournalRow]:
    """Rows that continue the chain of `after`, the same on every call; 250 bytes of events are pseudo-random."""
    first = 1 if after is None else after.sequence + 1
    previous = GENESIS_CHAIN if after is None else after.chain
    rows = []
    for sequence in range(first, first + count):
        time_ns, account = 1_788_739_200_000_000_000 + sequence, sequence % 7 + 1
        key = key_of(sequence) if are_keyed else None
        command = encode_command(CancelOrder(account=account, order_id=sequence), time_ns=time_ns)
        events = hashlib.shake_128(b"events %d" % sequence).digest(EVENT_WORDS * 8)
        previous = chain_hash(previous=previous, sequence=sequence, key=key, command=command, events=events)
        rows.append(JournalRow(sequence, time_ns, account, key, command, events, previous))
    return rows
