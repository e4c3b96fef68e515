"""References of what operators issue: which of them are the exchange's own, and whether one was used before."""

from collections.abc import Mapping
from typing import Final

from waiver_exchange.application.audit_facts import Fact
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.first_sign_in import STARTING_GRANT
from waiver_exchange.application.operating.action import NOTHING, Doing
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason

# An operator who took one of these would keep the exchange's own deposit from being made, or have it taken for his.
_RESERVED_STARTS: Final = ("action ", "opening of ")
_USED_BEFORE: Final[Mapping[str, Fact]] = {"reference_used_before": 1}


def chosen_reference(given: str, doing: Doing) -> str:
    """Return the reference that was given, or the action's own. Raises `RefusedError` for one of the exchange's."""
    if given == STARTING_GRANT or given.startswith(_RESERVED_STARTS):
        raise RefusedError(RefusalReason.reference_is_reserved)
    return given or doing.reference


def facts_of_use(exchange: Exchange, outcome: Outcome, doing: Doing) -> Mapping[str, Fact]:
    """Return the fact that nothing was issued now, because the reference was used before this action."""
    view = exchange.state.actions.get(doing.action_id)
    if view is None or not outcome.is_repetition:
        return NOTHING
    # An action that a stop cut short meets its own row, which is behind the one that asks for it, or approves it.
    is_earlier = outcome.row.sequence < view.sequence or outcome.row.time_ns < view.decided_at_ns
    return _USED_BEFORE if is_earlier else NOTHING
