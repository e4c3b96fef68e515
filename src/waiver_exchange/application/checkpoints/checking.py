"""Check a journal against checkpoints: nothing before them was changed, dropped or put in another order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from waiver_exchange.application.chain import ChainBrokenError, verify_chain
from waiver_exchange.application.checkpoints.checkpoint import Checkpoint, origin_of
from waiver_exchange.application.checkpoints.making import describe
from waiver_exchange.application.ports import GENESIS_CHAIN, Journal, JournalBrokenError, PlainRow
from waiver_exchange.application.recovery import READ_ROWS, EngineAt, JournalDisagreesError, replay
from waiver_exchange.engine.engine import Engine
from waiver_exchange.engine.invariant import InvariantError
from waiver_exchange.engine.state import STATE_VERSION

_PROGRESS_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How far the journal is what the checkpoints say.

    `sequence` is the last row that was looked at, `proven_sequence` the last one that an agreeing checkpoint covers.
    With a `difference` the rows from `first_row` to `last_row` are those among which the first changed one is.
    """

    sequence: int
    proven_sequence: int
    checkpoints: int
    difference: str | None = None
    first_row: int = 0
    last_row: int = 0


class _DifferenceError(Exception):
    """The journal is not what a checkpoint says."""

    def __init__(self, problem: str, *, first_row: int, last_row: int) -> None:
        """Say what is wrong and between which rows."""
        super().__init__(problem)
        self.first_row = first_row
        self.last_row = last_row


async def check_journal(
    *,
    journal: Journal,
    checkpoints: Sequence[Checkpoint],
    executes: bool = True,
    report: Callable[[int], None] = lambda _: None,
) -> Finding:
    """Go through the journal from its first row and compare it with every checkpoint, which are in order.

    Rows that come while it runs are left alone. Without `executes` the chain of hashes alone is followed, not what
    the commands lead to: faster, and it shows that the journal is what was signed, not that it was right. Raises
    `JournalError`.
    """
    checking = _Checking(journal, checkpoints, executes=executes, report=report)
    try:
        await checking.run()
    except (ChainBrokenError, JournalDisagreesError) as error:
        return checking.finding(str(error), first_row=error.sequence, last_row=error.sequence)
    except _DifferenceError as error:
        return checking.finding(str(error), first_row=error.first_row, last_row=error.last_row)
    except (JournalBrokenError, InvariantError) as error:
        return checking.finding(str(error), first_row=checking.at.sequence + 1, last_row=checking.at.sequence + 1)
    return checking.finding(None)


class _Checking:
    """One way through the journal."""

    def __init__(
        self, journal: Journal, checkpoints: Sequence[Checkpoint], *, executes: bool, report: Callable[[int], None]
    ) -> None:
        self._journal = journal
        self._checkpoints = checkpoints
        self._executes = executes
        self._report = report
        self._agreed = 0
        self.at = EngineAt(engine=Engine(), sequence=0, time_ns=0, chain=GENESIS_CHAIN)

    async def run(self) -> None:
        newest = await self._journal.last()
        end = 0 if newest is None else newest.sequence
        await self._check_origin()
        for checkpoint in self._checkpoints:
            await self._go_to(checkpoint.sequence)
            self._compare(checkpoint)
            self._agreed += 1
        await self._go_to(end)

    def finding(self, difference: str | None, *, first_row: int = 0, last_row: int = 0) -> Finding:
        return Finding(
            sequence=self.at.sequence,
            proven_sequence=self._proven,
            checkpoints=self._agreed,
            difference=difference,
            first_row=first_row,
            last_row=last_row,
        )

    @property
    def _proven(self) -> int:
        return self._checkpoints[self._agreed - 1].sequence if self._agreed else 0

    async def _check_origin(self) -> None:
        first = await self._journal.read(after=0, limit=1)
        origin = self._checkpoints[0].origin
        if not first or first[0].sequence != 1:
            raise ChainBrokenError(sequence=1, problem="is missing")
        if origin_of(first[0].chain) != origin:
            raise _DifferenceError(
                f"The checkpoints are of the journal {origin}, this is {origin_of(first[0].chain)}: it is another "
                "exchange's, or its first row was changed.",
                first_row=1,
                last_row=1,
            )

    async def _go_to(self, sequence: int) -> None:
        at = self.at
        while at.sequence < sequence:
            rows = await self._journal.read_plain(after=at.sequence, limit=min(READ_ROWS, sequence - at.sequence))
            if not rows:
                return
            self._follow(rows)
            if at.sequence // _PROGRESS_ROWS != (at.sequence - len(rows)) // _PROGRESS_ROWS:
                self._report(at.sequence)

    def _follow(self, rows: list[PlainRow]) -> None:
        at = self.at
        if self._executes:
            replay(at, rows)
            return
        verify_chain(rows, previous=at.chain, after=at.sequence)
        at.sequence, at.time_ns, _, _, _, _, at.chain = rows[-1]

    def _compare(self, checkpoint: Checkpoint) -> None:
        at = self.at
        if at.sequence < checkpoint.sequence:
            raise _DifferenceError(
                f"The journal ends at row {at.sequence}, a checkpoint was signed of row {checkpoint.sequence}: "
                f"{checkpoint.sequence - at.sequence} rows are gone, from its end or, if the chain was made anew, from "
                f"anywhere behind row {self._proven}.",
                first_row=self._proven + 1,
                last_row=checkpoint.sequence,
            )
        if (at.chain, at.time_ns) != (checkpoint.chain, checkpoint.time_ns):
            raise _DifferenceError(
                f"The journal is whole in itself, and at row {checkpoint.sequence} it is not what was signed: a row "
                f"from {self._proven + 1} to {checkpoint.sequence} was changed, dropped or moved, and the chain made "
                "anew behind it.",
                first_row=self._proven + 1,
                last_row=checkpoint.sequence,
            )
        # A state that was hashed in another form cannot be compared; the chain before it was.
        if self._executes and checkpoint.state_format == STATE_VERSION:
            self._compare_state(checkpoint)

    def _compare_state(self, checkpoint: Checkpoint) -> None:
        found = describe(self.at)
        signed = (checkpoint.state_hash, checkpoint.cash_issued_micros, checkpoint.cash_held_micros)
        if (found.state_hash, found.cash_issued_micros, found.cash_held_micros) != signed:
            raise _DifferenceError(
                f"The rows up to {checkpoint.sequence} are what was signed, and executing them leads to another "
                "state: this program is of another version than the one that signed, or one of the two was changed.",
                first_row=self._proven + 1,
                last_row=checkpoint.sequence,
            )
