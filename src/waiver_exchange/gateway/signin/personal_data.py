"""The routes by which somebody takes along what is kept of them, and is forgotten."""

from typing import Any, Final

import msgspec

from waiver_exchange.application.personal_data import erase_person, export_person
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.step_up import require_confirmed, session_of
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import body
from waiver_exchange.gateway.rest.body import Body
from waiver_exchange.gateway.rest.refusal_groups import WRITING
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer
from waiver_exchange.gateway.signin.arriving import with_headers
from waiver_exchange.gateway.signin.cookies import no_session_cookies
from waiver_exchange.gateway.signin.own_pages import check_own_page

_R = RefusalReason
_TAG: Final = "sign-in"
_STORING: Final = (_R.identity_is_unavailable, _R.history_is_unavailable, *WRITING)
# Typed by hand: nobody is erased by one wrong press of a button.
ERASE_WORDS: Final = "erase me"
_CONFIRMATION: Final = body.required_text(
    "confirmation", {"type": "string", "enum": [ERASE_WORDS]}, f"The words `{ERASE_WORDS}`, typed by the person."
)
ERASE_BODY: Final = Body("EraseRequest", _CONFIRMATION)


class ErasedBody(msgspec.Struct, frozen=True, kw_only=True):
    """The person is forgotten; what was traded stays under the account, which nobody can use any more."""

    erased: bool


async def _export(call: Call) -> Answer:
    session_of(call.exchange, call.caller)
    check_own_page(call.exchange, call.headers)
    return json_answer(await export_person(call.exchange, account=call.account, actor=call.account))


async def _erase(call: Call) -> Answer:
    if ERASE_BODY.read(call.given)[_CONFIRMATION] != ERASE_WORDS:
        raise RefusedError(_R.field_is_invalid, field=_CONFIRMATION.name, expected=ERASE_WORDS)
    require_confirmed(call.exchange, call.caller)
    await erase_person(call.exchange, account=call.account, actor=call.account)
    return with_headers(json_answer(ErasedBody(erased=True)), *no_session_cookies())


PERSONAL_DATA_ROUTES: Final = (
    Route(
        method="GET",
        path="/auth/export",
        name="exportPerson",
        summary="Everything that is kept of the person, as one document.",
        tag=_TAG,
        handler=_export,
        answer=dict[str, Any],
        access="admin",
        refusals=(_R.session_is_required, _R.origin_is_foreign, _R.account_is_erased, *_STORING),
    ),
    Route(
        method="POST",
        path="/auth/erase",
        name="erasePerson",
        summary="Forget the person for good; this takes a step-up, or a sign-in of the last ten minutes.",
        description="Open orders are cancelled, and the account trades no more. What was traded stays in the books.",
        tag=_TAG,
        handler=_erase,
        answer=ErasedBody,
        access="admin",
        kind="order",
        body=ERASE_BODY,
        refusals=(
            _R.session_is_required,
            _R.step_up_is_required,
            _R.recent_sign_in_is_required,
            _R.house_cannot_be_erased,
            _R.field_is_missing,
            _R.field_is_unknown,
            _R.field_is_invalid,
            *_STORING,
        ),
    ),
)
