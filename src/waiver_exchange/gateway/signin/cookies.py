"""The cookies of a browser's session. All are `__Host-`: never sent in the clear nor set by a subdomain."""

from collections.abc import Mapping
from typing import Final

from waiver_exchange.application.access_tokens import TOKEN_SECONDS
from waiver_exchange.application.sessions import REFRESH_SECONDS, LiveSession
from waiver_exchange.application.sign_in import BEGUN_SECONDS

ACCESS: Final = "__Host-waiver_access"
REFRESH: Final = "__Host-waiver_refresh"
CSRF: Final = "__Host-waiver_csrf"
BEGUN: Final = "__Host-waiver_sign_in"

Header = tuple[bytes, bytes]


def read_cookie(headers: Mapping[bytes, bytes], name: str) -> str:
    """Return the value of a cookie, or nothing."""
    cookies = headers.get(b"cookie")
    return cookie_of(cookies.decode("latin-1"), name) if cookies else ""


def cookie_of(cookies: str, name: str) -> str:
    """Return the value of a cookie out of a `Cookie` header, or nothing."""
    for pair in cookies.split(";"):
        found, _, value = pair.strip().partition("=")
        if found == name:
            return value
    return ""


def session_cookies(live: LiveSession) -> tuple[Header, ...]:
    """Return the headers that give a browser its session; only the CSRF token is for its scripts to read.

    The access token goes along when somebody follows a link to here, the refresh token only from our own pages.
    """
    return (
        _set(ACCESS, live.access.text, seconds=TOKEN_SECONDS, rest="HttpOnly; SameSite=Lax"),
        _set(REFRESH, live.refresh_token, seconds=REFRESH_SECONDS, rest="HttpOnly; SameSite=Strict"),
        _set(CSRF, live.csrf_token, seconds=REFRESH_SECONDS, rest="SameSite=Strict"),
    )


def no_session_cookies() -> tuple[Header, ...]:
    """Return the headers that take the session's cookies from a browser."""
    return (
        _set(ACCESS, "", seconds=0, rest="HttpOnly; SameSite=Lax"),
        _set(REFRESH, "", seconds=0, rest="HttpOnly; SameSite=Strict"),
        _set(CSRF, "", seconds=0, rest="SameSite=Strict"),
    )


def begun_cookie(sealed: str) -> Header:
    """Return the header with the note of a sign-in that was begun; it comes along on the way back from the provider."""
    return _set(BEGUN, sealed, seconds=BEGUN_SECONDS, rest="HttpOnly; SameSite=Lax")


def no_begun_cookie() -> Header:
    """Return the header that takes the note away."""
    return _set(BEGUN, "", seconds=0, rest="HttpOnly; SameSite=Lax")


def _set(name: str, value: str, *, seconds: int, rest: str) -> Header:
    return b"set-cookie", f"{name}={value}; Path=/; Max-Age={seconds}; Secure; {rest}".encode("latin-1")
