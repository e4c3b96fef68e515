"""Failures that come by the thousand, counted: the first of a kind is told at once, the rest once a minute.

Memory and rows are bounded whoever fails how often: a flood neither fills the journal nor takes trading's time.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from waiver_exchange.application.audit_facts import Fact, encode_facts
from waiver_exchange.application.command_intake import CommandIntake
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.commands import RecordAudit

TELL_SECONDS: Final = 60
# So many groups are told apart within a minute; what goes beyond is counted by its kind alone.
GROUPS_MAX: Final = 64


class FailureGroup(NamedTuple):
    """Failures that are told together. `credential` is a key or session that exists, or empty."""

    event: AuditEvent
    account: int = 0
    credential: str = ""
    reason: str = ""


@dataclass(slots=True)
class FailureCounts:
    """How often each group failed since it was last told of."""

    counts: dict[FailureGroup, int] = field(default_factory=dict)

    def note(self, group: FailureGroup, sequencer: CommandIntake) -> None:
        """Tell of the first failure of a group, without waiting; count the others until `tell`."""
        counts = self.counts
        if group not in counts and len(counts) >= GROUPS_MAX:
            group = FailureGroup(group.event)  # one for each kind, and these are few
        count = counts.get(group)
        if count is None:
            counts[group] = 0 if _begin(sequencer, group, count=1) else 1
        else:
            counts[group] = count + 1

    def tell(self, sequencer: CommandIntake) -> None:
        """Tell of what was counted since the last time; groups that were quiet since then are forgotten."""
        counted = [(group, count) for group, count in self.counts.items() if count]
        self.counts = {group: 0 if _begin(sequencer, group, count=count) else count for group, count in counted}


class _Nobody:
    """Nobody waits for the outcome."""

    def done(self) -> bool:
        return True

    def set_result(self, outcome: Outcome, /) -> None:
        """Never called."""

    def set_exception(self, error: RefusedError, /) -> None:
        """Never called."""


_NOBODY: Final = _Nobody()


def _begin(sequencer: CommandIntake, group: FailureGroup, *, count: int) -> bool:
    """Send a row on its way; return whether it was taken."""
    facts: dict[str, Fact] = {"count": count}
    if group.credential:
        facts["credential"] = group.credential
    if group.reason:
        facts["reason"] = group.reason
    command = RecordAudit(account=group.account, event=int(group.event), facts=encode_facts(facts))
    try:
        sequencer.begin(command, answer=_NOBODY)
    except RefusedError:
        return False
    return True
