"""Whether a request that a browser sends with our cookies comes from a page of ours, and not from somebody else's."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from waiver_exchange.application import audit
from waiver_exchange.application.access import Caller, authenticate_token
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sessions import is_csrf_token
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.signin.cookies import ACCESS, cookie_of

CSRF_HEADER: Final = b"x-csrf-token"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})


def caller_by_cookie(
    exchange: Exchange, *, method: str, headers: Mapping[bytes, bytes], token: str, admit: Callable[[str], object]
) -> Caller:
    """Return whose session the cookie of a request is, which our own page sent if it changes something.

    Raises `RefusedError`.
    """
    caller = authenticate_token(exchange, token=token, admit=admit)
    if method not in _READING:
        check_own_page(exchange, headers)
        check_csrf(exchange, headers, session_id=caller.session_id)
    return caller


def check_own_page(exchange: Exchange, headers: Mapping[bytes, bytes]) -> None:
    """Raise `RefusedError` when a browser says that a request comes from a page that is not ours."""
    origin = headers.get(b"origin")
    site = headers.get(b"sec-fetch-site")
    is_foreign = origin is not None and origin.decode("latin-1") not in exchange.sign_in.origins
    if is_foreign or (site is not None and site.decode("latin-1") not in _OWN_SITES):
        audit.note_failure(exchange, AuditEvent.request_forged, reason=RefusalReason.origin_is_foreign.name)
        raise RefusedError(RefusalReason.origin_is_foreign)


def check_csrf(exchange: Exchange, headers: Mapping[bytes, bytes], *, session_id: str) -> None:
    """Raise `RefusedError` unless a request carries the CSRF token of the session, which only our pages can read."""
    given = headers.get(CSRF_HEADER, b"").decode("latin-1")
    if not session_id or not is_csrf_token(exchange, session_id=session_id, given=given):
        audit.note_failure(exchange, AuditEvent.request_forged, reason=RefusalReason.csrf_token_is_wrong.name)
        raise RefusedError(RefusalReason.csrf_token_is_wrong)


def is_welcome(origins: frozenset[str], *, origin: str | None, host: str | None) -> bool:
    """Return whether a WebSocket may be opened by a page of this origin; programs name none.

    A client that names the very host that it connects to is no page of another site.
    """
    if origin is None or origin in origins:
        return True
    try:
        return bool(host) and urlsplit(origin).netloc == host
    except ValueError:
        return False


def caller_of_handshake(
    exchange: Exchange, *, origin: str | None, cookies: str | None, admit: Callable[[str], object]
) -> Caller | None:
    """Return whose session the cookie of a WebSocket's handshake is, sent by a page of ours; None for nobody's."""
    if not cookies or origin not in exchange.sign_in.origins:
        return None
    token = cookie_of(cookies, ACCESS)
    if not token:
        return None
    try:
        return authenticate_token(exchange, token=token, admit=admit)
    except RefusedError:
        return None
