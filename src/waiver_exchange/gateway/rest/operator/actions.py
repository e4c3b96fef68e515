"""The second operator: what was asked for, approve or reject it, finish what was cut short."""

from typing import Final

from waiver_exchange.application.operating.decide import approve, finish, reject
from waiver_exchange.application.operating.perform import find_action
from waiver_exchange.application.operating.reads import WHICH, Which, list_actions
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import parameters
from waiver_exchange.gateway.rest.body import Body
from waiver_exchange.gateway.rest.cursors import encode_cursor
from waiver_exchange.gateway.rest.operator.bodies import ActionBody, ActionsPageBody, action_facts
from waiver_exchange.gateway.rest.operator.changes import CHANGING, REASON, ROOT, TAG
from waiver_exchange.gateway.rest.parameters import Parameter
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer
from waiver_exchange.projections.actions import ActionView

_R = RefusalReason
_CURSOR: Final = "action"
_WHICH: Final[dict[str, Which]] = {which: which for which in WHICH}
_STATUS: Final = parameters.word("status", _WHICH, default="all", description="Waiting, cut short, or all.")
_LIMIT: Final = parameters.limit()
_PAGE: Final = parameters.cursor(_CURSOR)
_ACTION: Final = Parameter(
    name="action_id",
    schema={"type": "string"},
    description="The action's id.",
    parse=str,
    default="",
    place="path",
    is_required=True,
)
DECISION_BODY: Final = Body("DecisionRequest", REASON)


async def _list(call: Call) -> Answer:
    cursor = call[_PAGE]
    page = await list_actions(
        call.exchange,
        which=_WHICH[call[_STATUS]],
        before_sequence=cursor[0] if cursor else None,
        limit=call[_LIMIT],
    )
    following = None if page.next_cursor is None else encode_cursor(_CURSOR, page.next_cursor)
    return json_answer(ActionsPageBody(items=[_body(call, view) for view in page.items], next_cursor=following))


async def _show(call: Call) -> Answer:
    view = await find_action(call.exchange, call[_ACTION])
    if view is None:
        raise RefusedError(_R.proposal_not_found)
    return json_answer(_body(call, view))


async def _approve(call: Call) -> Answer:
    reason = DECISION_BODY.read(call.given)[REASON] or ""
    done = await approve(call.exchange, action_id=call[_ACTION], actor=call.account, reason=reason)
    return json_answer(_body(call, done.view))


async def _reject(call: Call) -> Answer:
    reason = DECISION_BODY.read(call.given)[REASON] or ""
    view = await reject(call.exchange, action_id=call[_ACTION], actor=call.account, reason=reason)
    return json_answer(_body(call, view))


async def _finish(call: Call) -> Answer:
    done = await finish(call.exchange, action_id=call[_ACTION], actor=call.account)
    return json_answer(_body(call, done.view))


def _body(call: Call, view: ActionView) -> ActionBody:
    return ActionBody(**action_facts(call.exchange, view))


def _deciding(verb: str, summary: str, *, handler: object, has_reason: bool = True) -> Route:
    return Route(
        method="POST",
        path=f"{ROOT}/actions/{{action_id}}/{verb}",
        name=f"{verb}Action",
        summary=summary,
        tag=TAG,
        handler=handler,  # type: ignore[arg-type]  # one of the functions above
        answer=ActionBody,
        access="operate",
        kind="order",
        parameters=(_ACTION,),
        body=DECISION_BODY if has_reason else None,
        description="When the exchange refuses what is approved, so does the answer; the action is `refused` then.",
        refusals=(
            _R.proposal_not_found,
            _R.proposal_is_decided,
            _R.proposal_has_expired,
            _R.own_proposal,
            _R.action_is_not_repeatable,
            *CHANGING,
        ),
    )


ACTION_ROUTES: Final = (
    Route(
        method="GET",
        path=f"{ROOT}/actions",
        name="listActions",
        summary="List what operators asked for, newest first, with reasons, decisions and outcomes.",
        tag=TAG,
        handler=_list,
        answer=ActionsPageBody,
        access="audit",
        parameters=(_STATUS, _LIMIT, _PAGE),
        refusals=(_R.history_is_unavailable,),
    ),
    Route(
        method="GET",
        path=f"{ROOT}/actions/{{action_id}}",
        name="getAction",
        summary="Show one action.",
        tag=TAG,
        handler=_show,
        answer=ActionBody,
        access="audit",
        parameters=(_ACTION,),
        refusals=(_R.proposal_not_found, _R.history_is_unavailable),
    ),
    _deciding("approve", "Approve what another operator asked for, and have it carried out.", handler=_approve),
    _deciding("reject", "Reject what an operator asked for, or take the own request back.", handler=_reject),
    _deciding(
        "finish", "Carry out what is not done though it may be; it is done once.", handler=_finish, has_reason=False
    ),
)
