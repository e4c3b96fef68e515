"""Where use cases hand in commands: to the sequencer, or in a gateway process to what passes them on to it."""

from collections.abc import Callable
from typing import Protocol

from waiver_exchange.application.encoded_command import Submittable
from waiver_exchange.application.feed import Feed
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.staging import Answer
from waiver_exchange.domain.refusals import RefusalReason


class CommandIntake(Protocol):
    """Takes commands and gives their outcomes, when they are durable and every read of this process shows them."""

    @property
    def feed(self) -> Feed:
        """Where those who want to know what happens listen."""

    @property
    def failure(self) -> str | None:
        """Why no command is taken now, for the operator; None when commands are taken."""

    @property
    def refusal(self) -> RefusalReason | None:
        """What every command is refused with now, or None."""

    @property
    def head(self) -> tuple[int, bytes]:
        """The last durable row that is shown, with its hash."""

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


class Freshness(Protocol):
    """Whether a gateway process has seen all that any process of the service has answered or announced before."""

    @property
    def is_behind(self) -> bool:
        """Whether something was answered somewhere that is not shown here yet."""

    async def wait(self) -> None:
        """Return when what was answered before is shown here. Raises `RefusedError` when that takes too long."""

    def when_fresh(self, call: Callable[[], None]) -> None:
        """Call once, as soon as nothing is missing or nothing can be waited for; in the loop, not now."""
