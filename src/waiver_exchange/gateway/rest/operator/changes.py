"""What all changes of the console have in common: a reason, an id by which each is done once, and the answer."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from waiver_exchange.application.api_keys import NewKey
from waiver_exchange.application.operating.perform import REASON_LENGTH_MAX, Performed, Request, perform
from waiver_exchange.application.operating.table import ACTIONS
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import body
from waiver_exchange.gateway.rest.body import Body, Field
from waiver_exchange.gateway.rest.operator.bodies import ActionBody, NewSecretBody, action_facts
from waiver_exchange.gateway.rest.parameters import Parameter
from waiver_exchange.gateway.rest.refusal_groups import FORM, WRITING
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer
from waiver_exchange.gateway.rest.values import Values

T = TypeVar("T")
_R = RefusalReason
TAG: Final = "operator"
ROOT: Final = "/api/v1/operator"
REASON: Final = body.optional_text(
    "reason",
    {"type": "string", "minLength": 1, "maxLength": REASON_LENGTH_MAX},
    "Why; it goes to the journal for good, so nobody's personal data belongs here.",
)
ACTION_ID: Final = body.optional_text(
    "action_id",
    {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"},
    "The same action with the same id is done once and answered alike; without one it is given one.",
)
_UUID_SCHEMA: Final = {"type": "string", "format": "uuid"}
CHANGING: Final = (
    _R.reason_is_missing,
    _R.session_is_required,
    _R.step_up_is_required,
    _R.action_id_used_with_other_content,
    _R.too_many_proposals,
    _R.audit_facts_look_personal,
    _R.audit_facts_are_too_long,
    _R.history_is_unavailable,
    *FORM,
    *WRITING,
)


def _account(given: str) -> int:
    account = from_uuid(IdKind.account, given)
    if account is None:
        raise RefusedError(_R.account_not_found)
    return account


ACCOUNT_PATH: Final = Parameter(
    name="account_id",
    schema=_UUID_SCHEMA,
    description="The account's id.",
    parse=_account,
    default=0,
    place="path",
    is_required=True,
)

Handler = Callable[[Call], Awaitable[Answer]]


def change_body(name: str, *fields: Field[Any]) -> Body:
    """Return the body of a change: its own fields, the reason and the id."""
    return Body(name, *fields, REASON, ACTION_ID)


def change_route(
    *,
    path: str,
    name: str,
    summary: str,
    action: str,
    read: Callable[[Call, Values], object],
    fields: tuple[Field[Any], ...] = (),
    parameters: tuple[Parameter[Any], ...] = (),
    refusals: tuple[RefusalReason, ...] = (),
    tells_secret: bool = False,
) -> Route:
    """Return the route of a change: `read` makes the action's parameters of what came."""
    request = change_body(f"{name[0].upper()}{name[1:]}Request", *fields)

    async def handle(call: Call) -> Answer:
        values = request.read(call.given)
        asked = Request(call.account, values[REASON] or "", values[ACTION_ID] or "")
        performed = await perform(call.exchange, ACTIONS[action], read(call, values), asked)
        return _answer(call, performed, tells_secret=tells_secret)

    return Route(
        method="POST",
        path=f"{ROOT}{path}",
        name=name,
        summary=summary,
        tag=TAG,
        handler=handle,
        answer=NewSecretBody if tells_secret else ActionBody,
        access="operate",
        kind="order",
        parameters=parameters,
        body=request,
        refusals=(*refusals, *CHANGING),
    )


def given(values: Values, field: Field[T | None]) -> T:
    """Return a field that must be there. Raises `RefusedError`."""
    value = values[field]
    if value is None:
        raise RefusedError(_R.field_is_missing, field=field.name)
    return value


def _answer(call: Call, performed: Performed, *, tells_secret: bool) -> Answer:
    facts = action_facts(call.exchange, performed.view)
    if not tells_secret:
        return json_answer(ActionBody(**facts))
    new = performed.told if isinstance(performed.told, NewKey) else None
    secret = None if new is None else new.api_secret
    return json_answer(NewSecretBody(**facts, api_key=facts["facts"].get("key_id"), api_secret=secret))
