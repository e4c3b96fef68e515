"""Carry out an admin action: first its request is durable, then it runs, then its outcome is durable.

The action's id makes it happen once: repeated, it gets the first outcome; cut short, it is run again under the same id,
and what it sends to the engine carries that id too.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from waiver_exchange.application.audit_facts import Fact, encode_facts
from waiver_exchange.application.authority import ROLE_NAMES, role_of
from waiver_exchange.application.command_keys import audit_key, reference_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating.action import Action, Doing, Ran
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.codes import OPERATOR, ROLE_OPERATOR
from waiver_exchange.domain.commands import Command, RecordAudit
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.actions import (
    DONE,
    PROPOSED,
    REFUSED,
    UNFINISHED,
    ActionView,
)

# The host's command line, which the file system lets in.
HOST: Final = OPERATOR
REASON_LENGTH_MAX: Final = 500
PROPOSALS_MAX: Final = 1_000
_ACTION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
_ACTION_ID_BYTES: Final = 12
_NOT_TRIED_AGAIN: Final = "this is what came of it the first time; to try again, use a new action_id"
_R = RefusalReason
# After these nobody can say that it was not done, or it was not tried: the action stays open.
_UNDECIDED: Final = frozenset(
    {
        _R.journal_is_unavailable,
        _R.exchange_is_busy,
        _R.exchange_is_stopping,
        _R.engine_is_unavailable,
        _R.outcome_is_unknown,
        _R.identity_is_unavailable,
        _R.history_is_unavailable,
        _R.internal_error,
    }
)


class Performed(NamedTuple):
    """An action as it is now; `told` is what is told this once. `is_repetition`: it was done before."""

    view: ActionView
    told: object = None
    is_repetition: bool = False


class Request(NamedTuple):
    """Who asks for an action (an account, or `HOST`), why, and under which id; without one it is given one."""

    actor: int
    reason: str
    action_id: str = ""


async def perform(exchange: Exchange, action: Action, parameters: object, request: Request) -> Performed:
    """Carry out an action, or put it down for a second operator: its view says which.

    Raises `RefusedError`: the form of the request, the action's own refusal (also of its first outcome), and an id that
    was used with other content.
    """
    reason = checked_reason(request.reason)
    action_id = _checked_id(exchange, request.action_id)
    asked = Request(request.actor, reason, action_id)
    # An id that was just drawn is nobody's, and what is to be done at once waits for no store: the journal itself tells
    # a repetition.
    is_looked_up = bool(request.action_id) and action.at_once is None
    return await _alone(
        exchange, action_id, lambda: _perform(exchange, action, parameters, asked, is_looked_up=is_looked_up)
    )


async def run_open(exchange: Exchange, action: Action, view: ActionView, parameters: object, *, by: int) -> Performed:
    """Run an action whose request is durable and which nobody has to decide any more, once whoever asks at once."""
    return await _alone(exchange, view.action_id, lambda: _run(exchange, action, view, parameters, by=by))


async def journal_action(
    exchange: Exchange,
    event: AuditEvent,
    *,
    key: bytes,
    actor: int,
    account: int,
    facts: Mapping[str, Fact],
    at_once: Command | None = None,
) -> bool:
    """Make a row of the audit trail durable; return whether the very same was there before. Raises `RefusedError`."""
    command = RecordAudit(account=account, event=int(event), actor=actor, facts=encode_facts(facts))
    outcome = await exchange.sequencer.submit(command, key=key, is_urgent=at_once is not None, behind=at_once)
    outcome.first_event()
    return outcome.is_repetition


async def find_action(exchange: Exchange, action_id: str) -> ActionView | None:
    """Return an action as of now. Raises `ReadModelError`."""
    return exchange.state.actions.get(action_id) or await exchange.read_model.find_action(action_id)


def decision_key(action_id: str) -> bytes:
    """Return the key that only one decision about an action can have, for or against it."""
    return reference_key("decision", OPERATOR, action_id)


def checked_reason(reason: str) -> str:
    """Return a reason without the blanks around it. Raises `RefusedError`."""
    said = reason.strip()
    if not 0 < len(said) <= REASON_LENGTH_MAX or not said.isprintable():
        raise RefusedError(_R.reason_is_missing)
    return said


def _checked_id(exchange: Exchange, given: str) -> str:
    if not given:
        return exchange.draw_bytes(_ACTION_ID_BYTES).hex()
    if not _ACTION_ID.fullmatch(given):
        raise RefusedError(_R.field_is_invalid, field="action_id", expected="1 to 64 letters, digits and . _ : -")
    return given


async def _alone(exchange: Exchange, action_id: str, work: Callable[[], Awaitable[Performed]]) -> Performed:
    """Do the work unless the same action is under way: then wait for it, and do what is left, which may be nothing."""
    under_way = exchange.operations.under_way
    while (first := under_way.get(action_id)) is not None:
        await asyncio.wait([first])
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    under_way[action_id] = done
    try:
        return await work()
    finally:
        del under_way[action_id]
        done.cancel()


async def _perform(
    exchange: Exchange, action: Action, parameters: object, request: Request, *, is_looked_up: bool
) -> Performed:
    view = await find_action(exchange, request.action_id) if is_looked_up else None
    if view is None:
        await _ask(exchange, action, parameters, request)
        view = await _known(exchange, request.action_id)
    asked = (action.name, request.actor, request.reason, encode_facts(action.facts_of(parameters)))
    if (view.name, view.actor, view.reason, view.parameters) != asked:
        raise RefusedError(_R.action_id_used_with_other_content)
    if not view.is_open:
        return _first_outcome(view)
    if view.status not in UNFINISHED:
        return Performed(view)
    return await _run(exchange, action, view, parameters, by=request.actor)


async def _ask(exchange: Exchange, action: Action, parameters: object, request: Request) -> None:
    needs_approval = _needs_approval(exchange, action, parameters, actor=request.actor)
    if needs_approval:
        waiting = sum(view.status == PROPOSED for view in exchange.state.actions.values())
        if waiting >= PROPOSALS_MAX:
            raise RefusedError(_R.too_many_proposals, limit=PROPOSALS_MAX)
    facts: dict[str, Fact] = {
        **action.facts_of(parameters),
        "action": action.name,
        "action_id": request.action_id,
        "reason": request.reason,
        "four_eyes": int(needs_approval),
    }
    event = AuditEvent.action_requested
    try:
        await journal_action(
            exchange,
            event,
            key=audit_key(int(event), request.action_id),
            actor=request.actor,
            account=action.account_of(parameters),
            facts=facts,
            at_once=action.at_once,
        )
    except RefusedError as refused:
        if refused.reason is _R.reference_used_with_other_content:
            raise RefusedError(_R.action_id_used_with_other_content) from refused
        raise


def has_operator(exchange: Exchange) -> bool:
    """Return whether there is an account that could be the second operator of the host."""
    return any(view.role == ROLE_OPERATOR and not view.is_halted for view in exchange.state.accounts.values())


def _needs_approval(exchange: Exchange, action: Action, parameters: object, *, actor: int) -> bool:
    if action.at_once is not None:
        return False
    if action.gives and actor != HOST and _is_for(exchange, action, parameters, actor):
        return True
    if action.name not in exchange.operations.four_eyes or not action.matters(exchange, parameters):
        return False
    # Before there is an operator, nobody could approve what sets an exchange up.
    return actor != HOST or has_operator(exchange)


def _is_for(exchange: Exchange, action: Action, parameters: object, account: int) -> bool:
    """Return whether an action gives to an account, by its number or to all of its role."""
    if given := action.account_of(parameters):
        return given == account
    return getattr(parameters, "role", "") == ROLE_NAMES[role_of(exchange, account)]


async def _run(exchange: Exchange, action: Action, view: ActionView, parameters: object, *, by: int) -> Performed:
    view = await _known(exchange, view.action_id)
    if view.status not in UNFINISHED:
        return _first_outcome(view)
    try:
        ran = await action.run(exchange, parameters, Doing(view.action_id, view.actor))
    except RefusedError as refused:
        if refused.reason not in _UNDECIDED:
            await _end(exchange, view, by=by, outcome=refused.reason.name, ran=Ran())
        raise
    await _end(exchange, view, by=by, outcome=DONE, ran=ran)
    return Performed(await _known(exchange, view.action_id), ran.told)


async def _end(exchange: Exchange, view: ActionView, *, by: int, outcome: str, ran: Ran) -> None:
    event = AuditEvent.action_done
    facts: dict[str, Fact] = {
        **ran.facts,
        "action": view.name,
        "action_id": view.action_id,
        "outcome": outcome,
        "sequence": exchange.state.sequence,
    }
    key = audit_key(int(event), view.action_id)
    await journal_action(exchange, event, key=key, actor=by, account=view.account, facts=facts)


def _first_outcome(view: ActionView) -> Performed:
    """Return what came of an action that is no longer open. Raises `RefusedError` when it was refused."""
    if view.status == REFUSED:
        raise RefusedError(RefusalReason[view.outcome], action_id=view.action_id, repeated=_NOT_TRIED_AGAIN)
    return Performed(view, is_repetition=True)


async def _known(exchange: Exchange, action_id: str) -> ActionView:
    view = await find_action(exchange, action_id)
    if view is None:
        message = f"action {action_id} is durable and cannot be read"
        raise LookupError(message)
    return view
