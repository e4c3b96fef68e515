"""The routes of somebody who is in: who am I, refresh, sign out, and the list of sessions."""

from typing import Final

from waiver_exchange.application import sessions
from waiver_exchange.application.authority import ALL_SCOPES, ROLE_NAMES, role_of
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.bodies import time_or_none
from waiver_exchange.gateway.rest.parameters import Parameter, flag
from waiver_exchange.gateway.rest.refusal_groups import WRITING
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer
from waiver_exchange.gateway.signin.arriving import from_of, signed_in, with_headers
from waiver_exchange.gateway.signin.bodies import (
    REFRESH_BODY,
    REFRESH_TOKEN,
    EndedBody,
    EndedEverywhereBody,
    KeySetBody,
    MeBody,
    SessionBody,
    SignedInBody,
    TokensBody,
    session_body,
    tokens_body,
)
from waiver_exchange.gateway.signin.cookies import REFRESH, no_session_cookies, read_cookie
from waiver_exchange.gateway.signin.own_pages import check_csrf, check_own_page

_R = RefusalReason
_STORING: Final = (_R.identity_is_unavailable, *WRITING)
_BY_COOKIE: Final = (_R.origin_is_foreign, _R.csrf_token_is_wrong)
SESSION_PATH: Final[Parameter[str]] = Parameter(
    name="session_id",
    schema={"type": "string"},
    description="The session's id.",
    parse=str,
    default="",
    place="path",
    is_required=True,
)

_ENDS_KEYS: Final = flag("revoke_keys", description="Whether the account's API keys end too.")


async def _me(call: Call) -> Answer:
    exchange, caller = call.exchange, call.caller
    person = exchange.people.find_person_of(caller.account)
    session = exchange.sessions.find_session(caller.session_id) if caller.session_id else None
    own_name = person.display_name if person is not None else ""
    return json_answer(
        MeBody(
            account_id=to_text(IdKind.account, caller.account),
            name=own_name or exchange.identity.find_name(caller.account),
            # For the person, not for every program that trades.
            email=(person.email or None) if person is not None and session is not None else None,
            role=ROLE_NAMES[role_of(exchange, caller.account)],
            scopes=[scope for scope in ALL_SCOPES if scope in caller.scopes],
            provider=session.provider if session is not None else None,
            session_id=caller.session_id or None,
            stepped_up_at=time_or_none(session.stepped_up_at_ns) if session is not None else None,
        )
    )


async def _refresh(call: Call) -> Answer:
    """Refresh by cookie; what is not good any more is taken from the browser."""
    # First: what a foreign page sends has no cookie, and would count as a wrong token of who looks at it.
    check_own_page(call.exchange, call.headers)
    token = read_cookie(call.headers, REFRESH)
    if not token:
        raise RefusedError(_R.refresh_token_is_wrong)
    check_csrf(call.exchange, call.headers, session_id=sessions.session_id_of(token))
    return signed_in(await sessions.refresh_session(call.exchange, refresh_token=token, origin=from_of(call)))


async def _refresh_program(call: Call) -> Answer:
    token = REFRESH_BODY.read(call.given)[REFRESH_TOKEN]
    live = await sessions.refresh_session(call.exchange, refresh_token=token, origin=from_of(call))
    return json_answer(tokens_body(live, account_id=to_text(IdKind.account, live.session.account)))


async def _sign_out(call: Call) -> Answer:
    await sessions.sign_out(call.exchange, call.caller)
    return with_headers(json_answer(EndedBody(ended=1)), *no_session_cookies())


async def _sign_out_everywhere(call: Call) -> Answer:
    ended, keys = await sessions.sign_out_everywhere(call.exchange, call.caller, ends_keys=call[_ENDS_KEYS])
    return with_headers(json_answer(EndedEverywhereBody(ended=ended, keys_revoked=keys)), *no_session_cookies())


async def _list(call: Call) -> Answer:
    found = sessions.list_sessions(call.exchange, call.caller)
    return json_answer([session_body(session, current=call.caller.session_id) for session in found])


async def _revoke(call: Call) -> Answer:
    await sessions.revoke_session(call.exchange, call.caller, session_id=call[SESSION_PATH])
    return json_answer(EndedBody(ended=1))


async def _keys(call: Call) -> Answer:
    return json_answer(KeySetBody(keys=call.exchange.tokens.public_keys()))


SESSION_ROUTES: Final = (
    Route(
        method="GET",
        path="/auth/me",
        name="getMe",
        summary="Who asks, and what may be done with this key or session.",
        tag="sign-in",
        handler=_me,
        answer=MeBody,
        access="key",
    ),
    Route(
        method="POST",
        path="/auth/refresh",
        name="refreshSession",
        summary="Exchange the refresh token in the browser's cookie for new tokens in cookies.",
        tag="sign-in",
        handler=_refresh,
        answer=SignedInBody,
        access="public",
        refusals=(_R.refresh_token_is_wrong, *_BY_COOKIE, *_STORING),
    ),
    Route(
        method="POST",
        path="/auth/tokens",
        name="refreshTokens",
        summary="Exchange a program's refresh token for new tokens; each is good once.",
        tag="sign-in",
        handler=_refresh_program,
        answer=TokensBody,
        access="public",
        body=REFRESH_BODY,
        refusals=(_R.refresh_token_is_wrong, _R.field_is_missing, *_STORING),
    ),
    Route(
        method="POST",
        path="/auth/sign-out",
        name="signOut",
        summary="End the session that asks.",
        tag="sign-in",
        handler=_sign_out,
        answer=EndedBody,
        access="key",
        kind="order",
        refusals=(_R.session_is_required, *_STORING),
    ),
    Route(
        method="POST",
        path="/auth/sign-out-everywhere",
        name="signOutEverywhere",
        summary="End all sessions of the person, this one too; API keys go on unless it is said that they end.",
        tag="sign-in",
        handler=_sign_out_everywhere,
        answer=EndedEverywhereBody,
        access="admin",
        kind="order",
        parameters=(_ENDS_KEYS,),
        refusals=_STORING,
    ),
    Route(
        method="GET",
        path="/auth/sessions",
        name="listSessions",
        summary="List the person's sessions: device, address, last use.",
        tag="sign-in",
        handler=_list,
        answer=list[SessionBody],
        access="admin",
    ),
    Route(
        method="DELETE",
        path="/auth/sessions/{session_id}",
        name="revokeSession",
        summary="End one of the person's sessions at once.",
        tag="sign-in",
        handler=_revoke,
        answer=EndedBody,
        access="admin",
        kind="order",
        parameters=(SESSION_PATH,),
        refusals=(_R.session_not_found, *_STORING),
    ),
    Route(
        method="GET",
        path="/.well-known/jwks.json",
        name="getTokenKeys",
        summary="The public keys that access tokens are checked with.",
        tag="sign-in",
        handler=_keys,
        answer=KeySetBody,
        access="public",
    ),
)
