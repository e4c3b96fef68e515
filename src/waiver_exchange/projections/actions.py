"""What operators asked for, folded from the audit trail: who, what, why, who decided, and what came of it.

An action is one row of the audit trail when it is asked for, one when a second operator decides, one when it is done.
Between the first and the last the exchange may stop: what is neither done nor decided stays open and is shown.
"""

import json
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Final, final

from waiver_exchange.domain.audit_events import AuditEvent

# Proposals that nobody decided within so long are not decided any more.
PROPOSAL_NS: Final = 86_400_000_000_000

PROPOSED: Final = "proposed"
REQUESTED: Final = "requested"
APPROVED: Final = "approved"
DONE: Final = "done"
REFUSED: Final = "refused"
REJECTED: Final = "rejected"
EXPIRED: Final = "expired"
# What is to be carried out and is not done yet: under way, or cut short by a stop of the exchange.
UNFINISHED: Final[frozenset[str]] = frozenset({REQUESTED, APPROVED})
OPEN_ACTIONS: Final[frozenset[str]] = frozenset({PROPOSED, REQUESTED, APPROVED})

# The facts of a row that are not the action's own parameters.
RESERVED_FACTS: Final[frozenset[str]] = frozenset({"action", "action_id", "four_eyes", "outcome", "reason", "sequence"})


@final
@dataclass
class ActionView:
    """An operator's action; `sequence` is the journal row that asked for it, `actor` an account, 0 for the host.

    `parameters` is the JSON text of ids and numbers. `decided_at_ns` is 0 unless a second operator decided. `outcome`
    is empty, or the name of the refusal that it met; `facts` is the JSON text of what came of it, and `done_by` who
    carried it out.
    """

    sequence: int
    action_id: str
    name: str
    actor: int
    account: int
    parameters: str
    reason: str
    status: str
    requested_at_ns: int
    decided_by: int = 0
    decided_at_ns: int = 0
    decision_reason: str = ""
    done_by: int = 0
    done_at_ns: int = 0
    outcome: str = ""
    facts: str = ""
    is_pending: bool = field(default=False, repr=False, compare=False)

    @property
    def is_open(self) -> bool:
        """Whether somebody is still to decide it, or it is still to be done."""
        return self.status in OPEN_ACTIONS


ACTION_COLUMNS: Final = tuple(column.name for column in fields(ActionView) if column.compare)
action_row: Final = attrgetter(*ACTION_COLUMNS)


def fold_action(
    actions: dict[str, ActionView], *, event: int, actor: int, account: int, text: str, sequence: int, time_ns: int
) -> list[ActionView]:
    """Fold one row of the audit trail into the actions by their ids, and return those that it changed.

    A row that is none of theirs, or says what cannot be, changes nothing: a durable row must fold whatever it says.
    """
    if event not in _EVENTS:
        return []
    facts = _read_facts(text)
    action_id = facts.pop("action_id", "")
    if not isinstance(action_id, str) or not action_id:
        return []
    changed = _expire(actions, now_ns=time_ns)
    if event == _REQUESTED:
        if action_id not in actions:
            actions[action_id] = view = _requested(facts, actor=actor, account=account, time_ns=time_ns)
            view.action_id, view.sequence = action_id, sequence
            changed.append(view)
        return changed
    known = actions.get(action_id)
    if known is None or not known.is_open:
        return changed
    if event == _DONE:
        known.status = DONE if facts.get("outcome") == DONE else REFUSED
        known.outcome = "" if known.status == DONE else str(facts.get("outcome", ""))
        known.facts = _without_reserved(facts)
        known.done_by, known.done_at_ns = actor, time_ns
    elif known.status == PROPOSED:
        known.status = APPROVED if event == _APPROVED else REJECTED
        known.decided_by, known.decided_at_ns = actor, time_ns
        known.decision_reason = str(facts.get("reason", ""))
    else:
        return changed
    changed.append(known)
    return changed


_REQUESTED: Final = int(AuditEvent.action_requested)
_APPROVED: Final = int(AuditEvent.action_approved)
_REJECTED: Final = int(AuditEvent.action_rejected)
_DONE: Final = int(AuditEvent.action_done)
_EVENTS: Final[frozenset[int]] = frozenset({_REQUESTED, _APPROVED, _REJECTED, _DONE})


def _requested(facts: dict[str, object], *, actor: int, account: int, time_ns: int) -> ActionView:
    return ActionView(
        sequence=0,
        action_id="",
        name=str(facts.get("action", "")),
        actor=actor,
        account=account,
        parameters=_without_reserved(facts),
        reason=str(facts.get("reason", "")),
        status=PROPOSED if facts.get("four_eyes") else REQUESTED,
        requested_at_ns=time_ns,
    )


def _expire(actions: dict[str, ActionView], *, now_ns: int) -> list[ActionView]:
    """Close the proposals whose day is over, by the time of the row: the same whenever the rows are folded."""
    late = [
        view for view in actions.values() if view.status == PROPOSED and now_ns - view.requested_at_ns > PROPOSAL_NS
    ]
    for view in late:
        view.status = EXPIRED
    return late


def _read_facts(text: str) -> dict[str, object]:
    try:
        facts = json.loads(text)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _without_reserved(facts: dict[str, object]) -> str:
    own = {name: value for name, value in facts.items() if name not in RESERVED_FACTS}
    return json.dumps(own, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
