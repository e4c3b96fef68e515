"""What every answer carries: an id to find it by, and what browsers must not do with it."""

import itertools
import secrets
from typing import Any, Final

from litestar.types import Message, Scope

from waiver_exchange.application.request_counts import Allowance

Headers = tuple[tuple[bytes, bytes], ...]

_REQUEST_ID: Final = "request_id"
_ALLOWANCE: Final = "allowance"
# Ids tell requests apart, over restarts too; nothing hangs on nobody guessing them, and drawing each costs as much as
# reading a request.
_RUN: Final = secrets.token_hex(4)
_numbers: Final = itertools.count(1)

# The pages need their own files and the API, and no answer of ours needs more.
_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# What pages may use of the browser and the machine: passkeys of our own pages, and nothing else.
_PERMISSIONS_POLICY: Final = (
    "publickey-credentials-create=(self), publickey-credentials-get=(self), accelerometer=(), autoplay=(), "
    "browsing-topics=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), "
    "geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), "
    "picture-in-picture=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()"
)
SECURITY_HEADERS: Final = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", _PERMISSIONS_POLICY.encode()),
)
# Two years, as browsers' preload lists want it.
_STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_SECURITY: Final = "security_headers"
_UNCACHED: Final = (b"cache-control", b"no-store")


def new_request_id() -> str:
    """Return the id of a request that is not asked for again."""
    return f"{_RUN}{next(_numbers) & 0xFFFFFFFF:08x}"


def request_id_of(scope: Scope) -> str:
    """Return the id of a request, the same whenever it is asked for."""
    state: dict[str, Any] = scope["state"]
    found = state.get(_REQUEST_ID)
    if found is None:
        found = state[_REQUEST_ID] = new_request_id()
    return str(found)


def address_of(scope: Scope) -> str:
    """Return the network address that a request comes from."""
    client = scope.get("client")
    return client[0] if client else ""


def security_headers_for(public_url: str) -> Headers:
    """Return what browsers must not do with the answers of a service; one behind TLS is never asked without it."""
    is_https = public_url.startswith("https://")
    return (*SECURITY_HEADERS, _STRICT_TRANSPORT) if is_https else SECURITY_HEADERS


def keep_security_headers(scope: Scope, headers: Headers) -> None:
    """Keep which of them the answer to a request carries."""
    scope["state"][_SECURITY] = headers


def keep_allowance(scope: Scope, allowance: Allowance | None, *, times: int = 1) -> None:
    """Keep what is left of the limit of a request's sender, for the answer's headers, which tell so many times it."""
    if allowance is not None:
        scope["state"][_ALLOWANCE] = (allowance, times)


def allowance_headers_of(scope: Scope) -> Headers:
    """Return what the answer to a request says about what is left of a limit; nothing without one."""
    kept: tuple[Allowance, int] | None = scope["state"].get(_ALLOWANCE)
    if kept is None:
        return ()
    allowance, times = kept
    return (
        (b"x-ratelimit-limit", b"%d" % (times * allowance.limit)),
        (b"x-ratelimit-remaining", b"%d" % (times * allowance.remaining)),
        (b"x-ratelimit-reset", b"%d" % allowance.reset_at_s),
    )


async def add_headers(message: Message, scope: Scope) -> None:
    """Complete the headers of an answer; what says nothing about caching is not to be kept."""
    if message["type"] == "http.response.start":
        message["headers"] = complete_headers(list(message.get("headers", ())), scope)


def complete_headers(headers: list[tuple[bytes, bytes]], scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with those that every answer has."""
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append(_UNCACHED)
    state = scope["state"]
    headers += state.get(_SECURITY, SECURITY_HEADERS)
    headers += allowance_headers_of(scope)
    headers.append((b"x-request-id", request_id_of(scope).encode()))
    return headers
