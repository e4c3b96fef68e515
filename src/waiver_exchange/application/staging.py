"""Executed but not yet durable: the rows of the next commit and those who wait for them."""

from dataclasses import dataclass, field
from typing import Protocol

from waiver_exchange.application.command_keys import refusal_of_repetition
from waiver_exchange.application.encoded_command import Submittable
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.ports import JournalRow
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason


class Answer(Protocol):
    """Where the outcome of a command goes, once; a future of asyncio is one.

    It is called in the sequencer's own step, so it does little and raises nothing.
    """

    def done(self) -> bool:
        """Whether nobody waits any more."""

    def set_result(self, outcome: Outcome, /) -> None:
        """The command is durable; its outcome may be a refusal by the engine."""

    def set_exception(self, error: RefusedError, /) -> None:
        """The service could not do it, does not know, or the key belongs to another command."""


@dataclass(slots=True)
class Submission:
    """A command, its key if it has one, and where its outcome goes (None: nobody waits for it).

    `followers` sent the same key while the command was under way; they get its outcome. One with a `refusal` is
    answered if it repeats an earlier command and refused if it does not: it is never executed. `following` is executed
    right behind an urgent one that is no repetition.
    """

    command: Submittable
    key: bytes | None = None
    answer: Answer | None = None
    followers: "list[Submission] | None" = None
    refusal: RefusalReason | None = None
    following: "Submission | None" = None

    def resolve(self, row: JournalRow) -> None:
        """Answer with the command's own row, which is durable now."""
        answer = self.answer
        if answer is not None and not answer.done():
            answer.set_result(Outcome(row, is_repetition=False))
        if self.followers is not None:
            for follower in self.followers:
                follower.repeat(row)

    def repeat(self, row: JournalRow) -> None:
        """Answer with the durable row of an earlier command with the same key, if it was the same command."""
        answer = self.answer
        if answer is not None and not answer.done():
            refusal = refusal_of_repetition(self.command, row.command)
            if refusal is None:
                answer.set_result(Outcome(row, is_repetition=True))
            else:
                answer.set_exception(RefusedError(refusal))
        for follower in self.followers or ():
            follower.repeat(row)

    def refuse(self, reason: RefusalReason) -> None:
        """Answer that the service could not do it, or does not know whether it did."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(RefusedError(reason))
        for follower in self.followers or ():
            follower.refuse(reason)

    def follow(self, other: "Submission") -> None:
        """Wait for the outcome of another submission with the same key."""
        if other.followers is None:
            other.followers = []
        other.followers.append(self)


@dataclass(slots=True)
class Staged:
    """Rows in order of sequence, and the submission that each answers."""

    rows: list[JournalRow] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)

    def resolve(self) -> None:
        """Answer everybody: the rows are durable."""
        for row, submission in zip(self.rows, self.submissions, strict=True):
            submission.resolve(row)

    def refuse(self, reason: RefusalReason) -> None:
        """Answer everybody that it was not done, or that nobody knows."""
        for submission in self.submissions:
            submission.refuse(reason)
