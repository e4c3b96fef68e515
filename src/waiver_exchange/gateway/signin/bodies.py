"""What `/auth` takes and answers."""

from typing import Annotated, Final

import msgspec

from waiver_exchange.application.access_tokens import TOKEN_SECONDS
from waiver_exchange.application.authority import ALL_SCOPES, ROLES
from waiver_exchange.application.identity_ports import Session
from waiver_exchange.application.sessions import LiveSession
from waiver_exchange.application.sign_in import DEMO_NAME_LENGTH_MAX, INVITATION_LENGTH_MAX
from waiver_exchange.application.sign_in_ports import SignUp
from waiver_exchange.gateway.rest import body
from waiver_exchange.gateway.rest.bodies import format_time, time_or_none
from waiver_exchange.gateway.rest.body import Body
from waiver_exchange.gateway.rest.formats import Id, Time

RETURN_TO: Final = body.optional_text("return_to", {"type": "string"}, "The local path to go on to afterwards.")
INVITATION: Final = body.optional_text(
    "invitation", {"type": "string", "maxLength": INVITATION_LENGTH_MAX}, "The code of an invitation, if one is needed."
)
SIGN_IN_BODY: Final = Body("SignInRequest", RETURN_TO, INVITATION)

NAME: Final = body.required_text(
    "name",
    {"type": "string", "minLength": 1, "maxLength": DEMO_NAME_LENGTH_MAX},
    "Who to be; the same name again is the same account.",
)
AS_PROGRAM: Final = body.flag("as_program", "Answer with the tokens instead of setting cookies.")
DEMO_BODY: Final = Body("DemoSignInRequest", NAME, AS_PROGRAM)

REFRESH_TOKEN: Final = body.required_text(
    "refresh_token", {"type": "string"}, "The newest refresh token of the session."
)
REFRESH_BODY: Final = Body("RefreshRequest", REFRESH_TOKEN)

Scope = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(ALL_SCOPES)})]
Role = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(ROLES)})]
Mode = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [str(mode) for mode in SignUp]})]


class ProviderBody(msgspec.Struct, frozen=True, kw_only=True):
    """One way to sign in."""

    name: str
    label: str


class ProvidersBody(msgspec.Struct, frozen=True, kw_only=True):
    """How one signs in here, who may open an account, and whether it goes without a provider."""

    providers: list[ProviderBody]
    sign_up: Mode
    demo: bool


class DepartureBody(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes to sign in."""

    location: str


class MeBody(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. With a key there is no session, and an account that nobody signs in to has no person."""

    account_id: Id
    name: str | None
    email: str | None
    role: Role
    scopes: list[Scope]
    provider: str | None
    session_id: str | None
    stepped_up_at: Time | None


class SessionBody(msgspec.Struct, frozen=True, kw_only=True):
    """One of the own sessions: which device it is on, and whether it is the one that asks."""

    id: str
    provider: str
    device: str
    address: str
    created_at: Time
    last_used_at: Time | None
    expires_at: Time
    is_current: bool


class SignedInBody(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's session began or goes on; its tokens are in cookies."""

    account_id: Id
    session_id: str
    expires_at: Time


class TokensBody(msgspec.Struct, frozen=True, kw_only=True):
    """A program's session: the access token for an hour, and the refresh token, good once, for what comes after."""

    account_id: str
    session_id: str
    access_token: str
    token_type: str
    expires_in: int
    expires_at: str
    refresh_token: str


class EndedBody(msgspec.Struct, frozen=True, kw_only=True):
    """How many sessions were ended."""

    ended: int


class EndedEverywhereBody(EndedBody, frozen=True, kw_only=True):
    """How many sessions were ended, and how many API keys with them."""

    keys_revoked: int


class KeySetBody(msgspec.Struct, frozen=True, kw_only=True):
    """The public keys that access tokens are checked with (RFC 7517)."""

    keys: list[dict[str, str]]


def session_body(session: Session, *, current: str) -> SessionBody:
    """Return what its owner is shown of a session."""
    return SessionBody(
        id=session.session_id,
        provider=session.provider,
        device=session.device,
        address=session.address,
        created_at=format_time(session.created_at_ns),
        last_used_at=time_or_none(session.last_used_at_ns),
        expires_at=format_time(session.expires_at_ns),
        is_current=session.session_id == current,
    )


def tokens_body(live: LiveSession, *, account_id: str) -> TokensBody:
    """Return the tokens of a session for a program."""
    return TokensBody(
        account_id=account_id,
        session_id=live.session.session_id,
        access_token=live.access.text,
        token_type="Bearer",  # noqa: S106 - the name of a scheme
        expires_in=TOKEN_SECONDS,
        expires_at=format_time(live.access.expires_at_ns),
        refresh_token=live.refresh_token,
    )
