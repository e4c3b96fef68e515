"""The routes of the second factor: the person's passkeys, and the step-up of the session that asks."""

from typing import Any, Final

import msgspec

from waiver_exchange.application import passkeys
from waiver_exchange.application.identity_ports import Passkey
from waiver_exchange.application.passkeys import RelyingParty
from waiver_exchange.application.step_up import stepped_up_until_ns
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import body
from waiver_exchange.gateway.rest.bodies import format_time, time_or_none
from waiver_exchange.gateway.rest.body import Body
from waiver_exchange.gateway.rest.formats import Time
from waiver_exchange.gateway.rest.parameters import Parameter
from waiver_exchange.gateway.rest.refusal_groups import WRITING
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer

_R = RefusalReason
_TAG: Final = "sign-in"
_STORING: Final = (_R.identity_is_unavailable, *WRITING)
_FORM: Final = (_R.field_is_missing, _R.field_is_unknown, _R.field_is_invalid)
PASSKEY_PATH: Final[Parameter[str]] = Parameter(
    name="passkey_id",
    schema={"type": "string"},
    description="The passkey's id.",
    parse=str,
    default="",
    place="path",
    is_required=True,
)
_NAME_SCHEMA: Final = {"type": "string", "maxLength": passkeys.PASSKEY_NAME_LENGTH_MAX}
_NAME: Final = body.optional_text("name", _NAME_SCHEMA, "What its owner calls it, printable.")
_NEW_NAME: Final = body.required_text("name", _NAME_SCHEMA, "What its owner calls it, printable.")
_CREDENTIAL: Final = body.required_object(
    "credential", "What `navigator.credentials` returned, as JSON (WebAuthn level 3: `toJSON()`)."
)
REGISTRATION_BODY: Final = Body("PasskeyRegistration", _CREDENTIAL, _NAME)
STEP_UP_BODY: Final = Body("StepUpRequest", _CREDENTIAL)
PASSKEY_NAME_BODY: Final = Body("PasskeyNameRequest", _NEW_NAME)


class PasskeyBody(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey; `is_backed_up` says that it is synchronized between devices."""

    id: str
    name: str
    created_at: Time
    last_used_at: Time | None
    is_backed_up: bool


class PasskeysBody(msgspec.Struct, frozen=True, kw_only=True):
    """The person's passkeys, oldest first, and until when the asking session is stepped up."""

    passkeys: list[PasskeyBody]
    stepped_up_until: Time | None


class SteppedUpBody(msgspec.Struct, frozen=True, kw_only=True):
    """Until when the asking session may do what needs a second factor."""

    stepped_up_until: Time


async def _list(call: Call) -> Answer:
    found = passkeys.list_passkeys(call.exchange, call.caller)
    until_ns = stepped_up_until_ns(call.exchange, call.caller.session_id)
    is_up = until_ns > call.exchange.clock.now_ns()
    shown = [passkey_body(passkey) for passkey in found]
    return json_answer(PasskeysBody(passkeys=shown, stepped_up_until=time_or_none(until_ns if is_up else 0)))


async def _begin_registration(call: Call) -> Answer:
    return json_answer(passkeys.begin_registration(call.exchange, call.caller, party=_party(call)))


async def _finish_registration(call: Call) -> Answer:
    fields = REGISTRATION_BODY.read(call.given)
    credential = fields[_CREDENTIAL]
    made = await passkeys.finish_registration(
        call.exchange,
        call.caller,
        party=_party(call),
        credential=credential,
        name=(fields[_NAME] or "").strip(),
    )
    return json_answer(passkey_body(made))


async def _begin_step_up(call: Call) -> Answer:
    return json_answer(passkeys.begin_step_up(call.exchange, call.caller, party=_party(call)))


async def _finish_step_up(call: Call) -> Answer:
    credential = STEP_UP_BODY.read(call.given)[_CREDENTIAL]
    session = await passkeys.finish_step_up(call.exchange, call.caller, party=_party(call), credential=credential)
    until_ns = stepped_up_until_ns(call.exchange, session.session_id)
    return json_answer(SteppedUpBody(stepped_up_until=format_time(until_ns)))


async def _rename(call: Call) -> Answer:
    name = PASSKEY_NAME_BODY.read(call.given)[_NEW_NAME].strip()
    renamed = await passkeys.rename_passkey(call.exchange, call.caller, passkey_id=call[PASSKEY_PATH], name=name)
    return json_answer(passkey_body(renamed))


async def _remove(call: Call) -> Answer:
    removed = await passkeys.remove_passkey(call.exchange, call.caller, passkey_id=call[PASSKEY_PATH])
    return json_answer(passkey_body(removed))


def passkey_body(passkey: Passkey) -> PasskeyBody:
    """Return what its owner is shown of a passkey."""
    return PasskeyBody(
        id=passkeys.id_of(passkey),
        name=passkey.name,
        created_at=format_time(passkey.created_at_ns),
        last_used_at=time_or_none(passkey.last_used_at_ns),
        is_backed_up=passkey.is_backed_up,
    )


def _party(call: Call) -> RelyingParty:
    return RelyingParty.of(call.exchange.sign_in.public_url)


PASSKEY_ROUTES: Final = (
    Route(
        method="GET",
        path="/auth/passkeys",
        name="listPasskeys",
        summary="List the person's passkeys, and until when this session is stepped up.",
        tag=_TAG,
        handler=_list,
        answer=PasskeysBody,
        access="admin",
        refusals=(_R.session_is_required,),
    ),
    Route(
        method="POST",
        path="/auth/passkeys/options",
        name="beginPasskey",
        summary="Get the options for `navigator.credentials.create`.",
        description="A first passkey takes a sign-in of the last ten minutes, one more takes a step-up.",
        tag=_TAG,
        handler=_begin_registration,
        answer=dict[str, Any],
        access="admin",
        kind="order",
        refusals=(
            _R.session_is_required,
            _R.step_up_is_required,
            _R.recent_sign_in_is_required,
            _R.too_many_passkeys,
        ),
    ),
    Route(
        method="POST",
        path="/auth/passkeys",
        name="addPasskey",
        summary="Keep the passkey that the browser made.",
        tag=_TAG,
        handler=_finish_registration,
        answer=PasskeyBody,
        access="admin",
        kind="order",
        body=REGISTRATION_BODY,
        refusals=(
            _R.session_is_required,
            _R.step_up_is_required,
            _R.recent_sign_in_is_required,
            _R.too_many_passkeys,
            _R.passkey_is_wrong,
            *_FORM,
            *_STORING,
        ),
    ),
    Route(
        method="POST",
        path="/auth/passkeys/step-up/options",
        name="beginStepUp",
        summary="Get the options for `navigator.credentials.get`.",
        tag=_TAG,
        handler=_begin_step_up,
        answer=dict[str, Any],
        access="admin",
        kind="order",
        refusals=(_R.session_is_required, _R.passkey_not_found),
    ),
    Route(
        method="POST",
        path="/auth/passkeys/step-up",
        name="stepUp",
        summary="Show a passkey: for ten minutes this session may do what needs a second factor.",
        tag=_TAG,
        handler=_finish_step_up,
        answer=SteppedUpBody,
        access="admin",
        kind="order",
        body=STEP_UP_BODY,
        refusals=(_R.session_is_required, _R.passkey_is_wrong, *_FORM, *_STORING),
    ),
    Route(
        method="PATCH",
        path="/auth/passkeys/{passkey_id}",
        name="renamePasskey",
        summary="Give a passkey another name.",
        tag=_TAG,
        handler=_rename,
        answer=PasskeyBody,
        access="admin",
        kind="order",
        parameters=(PASSKEY_PATH,),
        body=PASSKEY_NAME_BODY,
        refusals=(_R.session_is_required, _R.passkey_not_found, *_FORM, *_STORING),
    ),
    Route(
        method="DELETE",
        path="/auth/passkeys/{passkey_id}",
        name="removePasskey",
        summary="Forget a passkey; this takes a step-up.",
        tag=_TAG,
        handler=_remove,
        answer=PasskeyBody,
        access="admin",
        kind="order",
        parameters=(PASSKEY_PATH,),
        refusals=(_R.session_is_required, _R.step_up_is_required, _R.passkey_not_found, *_STORING),
    ),
)
