"""What every answer carries: an id to find it by, and what browsers must not do with it."""

import itertools
import secrets
from typing import Any, Final

from litestar.types import Message, Scope

from waiver_exchange.gateway.rate_limits import Allowance

_REQUEST_ID: Final = "request_id"
_ALLOWANCE: Final = "allowance"
# Ids tell requests apart, over restarts too; nothing hangs on nobody guessing them, and drawing each costs as much as
# reading a request.
_RUN: Final = secrets.token_hex(4)
_numbers: Final = itertools.count(1)

# The page needs its own files and the API, and no answer of ours needs more.
_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SECURITY: Final = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
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


def keep_allowance(scope: Scope, allowance: Allowance | None) -> None:
    """Keep what is left of the limit of a request's sender, for the answer's headers."""
    if allowance is not None:
        scope["state"][_ALLOWANCE] = allowance


def _allowance_headers(allowance: Allowance) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"x-ratelimit-limit", b"%d" % allowance.limit),
        (b"x-ratelimit-remaining", b"%d" % allowance.remaining),
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
    headers += _SECURITY
    allowance: Allowance | None = scope["state"].get(_ALLOWANCE)
    if allowance is not None:
        headers += _allowance_headers(allowance)
    headers.append((b"x-request-id", request_id_of(scope).encode()))
    return headers
