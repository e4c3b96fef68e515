"""The routes by which somebody comes in: to a provider, back from it, and the way in of a demonstration."""

from typing import Final
from urllib.parse import urlencode

from waiver_exchange.application.ports import IdentityError
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sessions import From, LiveSession
from waiver_exchange.application.sign_in import Return, arrive, depart, sign_in_to_demo
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.gateway.rest.parameters import Parameter
from waiver_exchange.gateway.rest.refusal_groups import WRITING
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer
from waiver_exchange.gateway.signin.bodies import (
    AS_PROGRAM,
    DEMO_BODY,
    INVITATION,
    NAME,
    RETURN_TO,
    SIGN_IN_BODY,
    DepartureBody,
    ProviderBody,
    ProvidersBody,
    SignedInBody,
    tokens_body,
)
from waiver_exchange.gateway.signin.cookies import BEGUN, begun_cookie, no_begun_cookie, read_cookie, session_cookies

_R = RefusalReason
SIGN_IN_PAGE: Final = "/sign-in"
_HTML: Final = "text/html"
_SEE_OTHER: Final = 303
PROVIDER_PATH: Final[Parameter[str]] = Parameter(
    name="provider",
    schema={"type": "string"},
    description="The provider's name.",
    parse=str,
    default="",
    place="path",
    is_required=True,
)


def _free_text(name: str, description: str) -> Parameter[str | None]:
    """Return a parameter that takes whatever comes: a provider's codes may be long, and what they are is its own."""
    return Parameter(name=name, schema={"type": "string"}, description=description, parse=str, default=None)


_STATE: Final = _free_text("state", "What the sign-in was begun with.")
_CODE: Final = _free_text("code", "What the provider is asked with who it was.")
_ISSUER: Final = _free_text("iss", "Which provider answers (RFC 9207).")
_ERROR: Final = _free_text("error", "Why the provider signs nobody in.")
_DEPARTING: Final = (
    _R.provider_not_found,
    _R.return_to_is_not_ours,
    _R.provider_is_unavailable,
    _R.provider_answer_is_wrong,
)


async def _providers(call: Call) -> Answer:
    parts = call.exchange.sign_in
    providers = [ProviderBody(name=provider.name, label=provider.label) for provider in parts.providers.values()]
    return json_answer(ProvidersBody(providers=providers, sign_up=str(parts.rules.mode), demo=parts.is_demo))


async def _begin(call: Call) -> Answer:
    fields = SIGN_IN_BODY.read(call.given)
    departure = await depart(
        call.exchange,
        provider_name=call[PROVIDER_PATH],
        return_to=fields[RETURN_TO],
        invitation=fields[INVITATION] or "",
    )
    return with_headers(json_answer(DepartureBody(location=departure.url)), begun_cookie(departure.sealed))


async def _arrive(call: Call) -> Answer:
    """Answer with a page in any case: it is a person's browser that comes back."""
    returned = Return(state=call[_STATE], code=call[_CODE], issuer=call[_ISSUER], error=call[_ERROR])
    try:
        arrival = await arrive(
            call.exchange,
            provider_name=call[PROVIDER_PATH],
            sealed=read_cookie(call.headers, BEGUN),
            returned=returned,
            origin=from_of(call),
        )
    except RefusedError as refused:
        return _refused(refused.reason)
    except IdentityError:
        return _refused(_R.identity_is_unavailable)
    return see_other(arrival.return_to, no_begun_cookie(), *session_cookies(arrival.live))


async def _demo(call: Call) -> Answer:
    fields = DEMO_BODY.read(call.given)
    live = await sign_in_to_demo(call.exchange, name=fields[NAME], origin=from_of(call))
    if fields[AS_PROGRAM]:
        return json_answer(tokens_body(live, account_id=to_text(IdKind.account, live.session.account)))
    return signed_in(live)


def signed_in(live: LiveSession) -> Answer:
    """Return the answer that gives a browser its session."""
    body = SignedInBody(
        account_id=to_text(IdKind.account, live.session.account),
        session_id=live.session.session_id,
        expires_at=format_time(live.access.expires_at_ns),
    )
    return with_headers(json_answer(body), *session_cookies(live))


def from_of(call: Call) -> From:
    """Return where a request comes from, for its session's owner to recognise."""
    return From(address=call.address, device=call.headers.get(b"user-agent", b"").decode("latin-1"))


def see_other(location: str, *headers: tuple[bytes, bytes]) -> Answer:
    """Return the answer that sends a browser elsewhere."""
    return Answer(b"", _SEE_OTHER, ((b"location", location.encode("ascii")), *headers))


def with_headers(answer: Answer, *headers: tuple[bytes, bytes]) -> Answer:
    """Return an answer with more headers."""
    return answer._replace(headers=(*answer.headers, *headers))


def _refused(reason: RefusalReason) -> Answer:
    # The sign-in that was begun is over in any case: nobody comes back with it a second time.
    return see_other(f"{SIGN_IN_PAGE}?{urlencode({'error': reason.name})}", no_begun_cookie())


ARRIVING_ROUTES: Final = (
    Route(
        method="GET",
        path="/auth/providers",
        name="listProviders",
        summary="List the ways to sign in.",
        tag="sign-in",
        handler=_providers,
        answer=ProvidersBody,
        access="public",
    ),
    Route(
        method="POST",
        path="/auth/sign-in/{provider}",
        name="beginSignIn",
        begins_sign_in=True,
        summary="Begin to sign in with a provider, from a page.",
        tag="sign-in",
        handler=_begin,
        answer=DepartureBody,
        access="public",
        parameters=(PROVIDER_PATH,),
        body=SIGN_IN_BODY,
        refusals=(*_DEPARTING, _R.field_is_missing, _R.origin_is_foreign),
    ),
    Route(
        method="GET",
        path="/auth/callback/{provider}",
        name="arriveFromProvider",
        summary="Come back from a provider: into a session, or to the sign-in page with the reason why not.",
        tag="sign-in",
        handler=_arrive,
        answer=None,
        media_type=_HTML,
        status=_SEE_OTHER,
        access="public",
        parameters=(PROVIDER_PATH, _STATE, _CODE, _ISSUER, _ERROR),
        ignores_unknown=True,
    ),
    Route(
        method="POST",
        path="/auth/demo",
        name="signInToDemo",
        begins_sign_in=True,
        summary="Be somebody on a demonstration that listens on this machine only.",
        tag="sign-in",
        handler=_demo,
        answer=SignedInBody,
        access="public",
        body=DEMO_BODY,
        refusals=(
            _R.demo_sign_in_is_off,
            _R.field_is_missing,
            _R.origin_is_foreign,
            _R.account_is_halted,
            _R.sign_up_is_closed,
            _R.invitation_is_wrong,
            _R.email_domain_is_not_allowed,
            _R.identity_is_unavailable,
            *WRITING,
        ),
    ),
)
