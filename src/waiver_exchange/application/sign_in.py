"""Signing in: to a provider with a sealed note of what was begun, and back from it into a session.

The note lies in the browser's cookie, sealed, so that nothing is kept of sign-ins that are begun and never come back,
and nobody can crowd out the sign-in of another. What came back once is remembered until it is too old anyhow.
"""

import base64
import logging
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from waiver_exchange.application import audit
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.first_sign_in import find_or_open
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sessions import From, LiveSession, begin_session
from waiver_exchange.application.sign_in_ports import (
    ProvenLogin,
    Provider,
    ProviderAnswerError,
    ProviderUnavailableError,
)
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason

BEGUN_SECONDS: Final = 600
USED_STATES_MAX: Final = 100_000
RETURN_TO_DEFAULT: Final = "/"
DEMO: Final = "demo"
DEMO_NAME_LENGTH_MAX: Final = 40
INVITATION_LENGTH_MAX: Final = 100
_RETURN_TO_LENGTH_MAX: Final = 300
_SEALED_LENGTH_MAX: Final = 2_000
_SECRET_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"begun sign-in"

_log = logging.getLogger(__name__)


class BegunSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser takes along to the provider and back, sealed."""

    provider: str
    state: str
    nonce: str
    verifier: str
    return_to: str
    invitation: str
    expires_at_ns: int


class Departure(NamedTuple):
    """Where the browser goes, and the sealed note that it takes along."""

    url: str
    sealed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What a provider sends the browser back with; None for what is missing."""

    state: str | None
    code: str | None
    issuer: str | None
    error: str | None


class Arrival(NamedTuple):
    """A new session, and the local path that the person wanted to."""

    live: LiveSession
    return_to: str


def checked_return_to(text: str | None) -> str:
    """Return a local path of ours. Raises `RefusedError` for everything that a browser could take for elsewhere."""
    if text is None:
        return RETURN_TO_DEFAULT
    is_plain = len(text) <= _RETURN_TO_LENGTH_MAX and text.isascii() and text.isprintable() and " " not in text
    if not is_plain or not text.startswith("/") or text.startswith("//") or "\\" in text:
        raise RefusedError(RefusalReason.return_to_is_not_ours)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise RefusedError(RefusalReason.return_to_is_not_ours) from None
    if parts.scheme or parts.netloc:
        raise RefusedError(RefusalReason.return_to_is_not_ours)
    return text


async def depart(
    exchange: Exchange, *, provider_name: str, return_to: str | None = None, invitation: str = ""
) -> Departure:
    """Begin a sign-in with a provider. Raises `RefusedError`."""
    provider = _provider(exchange, provider_name)
    begun = BegunSignIn(
        provider=provider_name,
        state=_draw_text(exchange),
        nonce=_draw_text(exchange),
        verifier=_draw_text(exchange),
        return_to=checked_return_to(return_to),
        invitation=invitation[:INVITATION_LENGTH_MAX],
        expires_at_ns=exchange.clock.now_ns() + BEGUN_SECONDS * NANOSECONDS_PER_SECOND,
    )
    try:
        url = await provider.authorization_url(
            redirect_uri=redirect_uri(exchange, provider_name),
            state=begun.state,
            nonce=begun.nonce,
            verifier=begun.verifier,
        )
    except (ProviderUnavailableError, ProviderAnswerError) as error:
        raise _said(provider_name, error) from error
    return Departure(url, _seal(exchange, begun))


async def arrive(exchange: Exchange, *, provider_name: str, sealed: str, returned: Return, origin: From) -> Arrival:
    """Complete a sign-in: the session is new, whatever the browser had before. Raises `RefusedError`, `IdentityError`.

    A refusal is counted as a failed sign-in.
    """
    try:
        provider = _provider(exchange, provider_name)
        begun = _open_once(exchange, provider_name, sealed=sealed, state=returned.state)
        login = await _identify(exchange, provider, begun, returned)
        person = await find_or_open(exchange, login, provider=provider_name, invitation=begun.invitation)
    except RefusedError as refused:
        audit.note_failure(exchange, AuditEvent.sign_in_failed, reason=refused.reason.name)
        raise
    live = await begin_session(exchange, person, provider=provider_name, origin=origin)
    return Arrival(live, begun.return_to)


async def sign_in_to_demo(exchange: Exchange, *, name: str, origin: From) -> LiveSession:
    """Begin a session of a demo account, opened when the name is new. Raises `RefusedError`, `IdentityError`."""
    if not exchange.sign_in.is_demo:
        raise RefusedError(RefusalReason.demo_sign_in_is_off)
    chosen = name.strip()
    if not 0 < len(chosen) <= DEMO_NAME_LENGTH_MAX or not chosen.isprintable():
        raise RefusedError(RefusalReason.field_is_invalid, field="name")
    login = ProvenLogin(issuer=DEMO, subject=chosen.casefold(), display_name=chosen)
    person = await find_or_open(exchange, login, provider=DEMO)
    return await begin_session(exchange, person, provider=DEMO, origin=origin)


def redirect_uri(exchange: Exchange, provider_name: str) -> str:
    """Return the one address that a provider sends browsers back to: each provider has its own."""
    return f"{exchange.sign_in.public_url}/auth/callback/{provider_name}"


def _provider(exchange: Exchange, name: str) -> Provider:
    provider = exchange.sign_in.providers.get(name)
    if provider is None:
        raise RefusedError(RefusalReason.provider_not_found)
    return provider


async def _identify(exchange: Exchange, provider: Provider, begun: BegunSignIn, returned: Return) -> ProvenLogin:
    if returned.error is not None or returned.code is None:
        raise RefusedError(RefusalReason.provider_refused)
    try:
        return await provider.identify(
            code=returned.code,
            said_issuer=returned.issuer,
            redirect_uri=redirect_uri(exchange, provider.name),
            nonce=begun.nonce,
            verifier=begun.verifier,
        )
    except (ProviderUnavailableError, ProviderAnswerError) as error:
        raise _said(provider.name, error) from error


def _said(provider_name: str, error: Exception) -> RefusedError:
    _log.warning("sign-in with %s: %s", provider_name, error)
    if isinstance(error, ProviderUnavailableError):
        return RefusedError(RefusalReason.provider_is_unavailable)
    return RefusedError(RefusalReason.provider_answer_is_wrong)


def _open_once(exchange: Exchange, provider_name: str, *, sealed: str, state: str | None) -> BegunSignIn:
    """Return what this browser began with this provider and has not come back with yet. Raises `RefusedError`."""
    begun = _unseal(exchange, sealed)
    now_ns = exchange.clock.now_ns()
    used = exchange.sign_in.used_states
    if (
        begun is None
        or begun.provider != provider_name
        or state != begun.state
        or now_ns >= begun.expires_at_ns
        or begun.state in used
    ):
        raise RefusedError(RefusalReason.sign_in_is_unknown)
    used[begun.state] = begun.expires_at_ns
    _forget_old(used, now_ns=now_ns)
    return begun


def _forget_old(used: dict[str, int], *, now_ns: int) -> None:
    """Drop those that are too old anyhow, from the front; when there are too many, the oldest."""
    while used:
        oldest = next(iter(used))
        if used[oldest] > now_ns and len(used) <= USED_STATES_MAX:
            return
        del used[oldest]


def _seal(exchange: Exchange, begun: BegunSignIn) -> str:
    nonce = exchange.draw_bytes(_NONCE_BYTES)
    content = _cipher(exchange).encrypt(nonce, msgspec.msgpack.encode(begun), _PURPOSE)
    return base64.urlsafe_b64encode(nonce + content).decode()


def _unseal(exchange: Exchange, sealed: str) -> BegunSignIn | None:
    if not 0 < len(sealed) <= _SEALED_LENGTH_MAX:
        return None
    try:
        content = base64.urlsafe_b64decode(sealed.encode("ascii"))
        plain = _cipher(exchange).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], _PURPOSE)
    except (ValueError, InvalidTag):
        return None
    return msgspec.msgpack.decode(plain, type=BegunSignIn)


def _cipher(exchange: Exchange) -> AESGCM:
    return AESGCM(sha256(_PURPOSE + exchange.token_key).digest())


def _draw_text(exchange: Exchange) -> str:
    return base64.urlsafe_b64encode(exchange.draw_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
