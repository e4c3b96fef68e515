"""The second operator: approve or reject what waits for it, and finish what a stop of the exchange cut short."""

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating.action import Action
from waiver_exchange.application.operating.perform import (
    Performed,
    checked_reason,
    decision_key,
    find_action,
    journal_action,
    run_open,
)
from waiver_exchange.application.operating.table import ACTIONS
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.actions import (
    APPROVED,
    DONE,
    EXPIRED,
    PROPOSAL_NS,
    PROPOSED,
    REFUSED,
    UNFINISHED,
    ActionView,
)

_R = RefusalReason


def status_of(exchange: Exchange, view: ActionView) -> str:
    """Return the status of an action as of now: a proposal whose day is over has expired, whoever asks."""
    is_late = view.status == PROPOSED and exchange.clock.now_ns() - view.requested_at_ns > PROPOSAL_NS
    return EXPIRED if is_late else view.status


async def approve(exchange: Exchange, *, action_id: str, actor: int, reason: str) -> Performed:
    """Approve what another operator asked for, and carry it out; the same again gets the first outcome.

    What the journal does not hold all of (a name, a text) or tells a secret stays `approved`: who asked for it carries
    it out, by asking again with its id.
    Raises `RefusedError`: no such action, one's own, decided or expired already, and what the action itself meets.
    """
    said = checked_reason(reason)
    view = await _found(exchange, action_id)
    action = _action_of(view)
    if view.actor == actor:
        raise RefusedError(_R.own_proposal)
    is_mine = view.decided_at_ns != 0 and view.decided_by == actor and view.status in {APPROVED, DONE, REFUSED}
    if not is_mine:
        await _decide(exchange, view, event=AuditEvent.action_approved, actor=actor, reason=said)
    if action.unkept:
        return Performed(await _found(exchange, action_id))
    return await run_open(exchange, action, view, action.restore(view.parameters), by=actor)


async def reject(exchange: Exchange, *, action_id: str, actor: int, reason: str) -> ActionView:
    """Reject what an operator asked for, or take one's own back. Raises `RefusedError`."""
    said = checked_reason(reason)
    view = await _found(exchange, action_id)
    await _decide(exchange, view, event=AuditEvent.action_rejected, actor=actor, reason=said)
    return await _found(exchange, action_id)


async def finish(exchange: Exchange, *, action_id: str, actor: int) -> Performed:
    """Carry out what was asked for, and approved where that is needed, and is not done: under its id, so only once.

    Raises `RefusedError`: no such action, nothing to finish, or parameters that the journal does not have.
    """
    view = await _found(exchange, action_id)
    action = _action_of(view)
    if view.status not in UNFINISHED:
        raise RefusedError(_R.proposal_is_decided, status=status_of(exchange, view))
    if action.unkept:
        raise RefusedError(_R.action_is_not_repeatable)
    return await run_open(exchange, action, view, action.restore(view.parameters), by=actor)


async def _decide(exchange: Exchange, view: ActionView, *, event: AuditEvent, actor: int, reason: str) -> None:
    status = status_of(exchange, view)
    if status == EXPIRED:
        raise RefusedError(_R.proposal_has_expired)
    if status != PROPOSED:
        raise RefusedError(_R.proposal_is_decided, status=status)
    facts = {"action": view.name, "action_id": view.action_id, "reason": reason}
    key = decision_key(view.action_id)
    try:
        await journal_action(exchange, event, key=key, actor=actor, account=view.account, facts=facts)
    except RefusedError as refused:
        if refused.reason is _R.reference_used_with_other_content:
            # Somebody else decided at the same moment.
            raise RefusedError(_R.proposal_is_decided) from refused
        raise


async def _found(exchange: Exchange, action_id: str) -> ActionView:
    view = await find_action(exchange, action_id)
    if view is None:
        raise RefusedError(_R.proposal_not_found)
    return view


def _action_of(view: ActionView) -> Action:
    action = ACTIONS.get(view.name)
    if action is None:
        # An action of another version of the exchange.
        raise RefusedError(_R.action_is_not_repeatable)
    return action
