"""Passes requests on to the engine's process and its answers back, byte for byte as far as HTTP lets it."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import httpcore
from litestar.types import HTTPScope, Receive, Send

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.forwarding.door import CLIENT, SCHEME
from waiver_exchange.gateway.headers import Headers, address_of, allowance_headers_of

if TYPE_CHECKING:
    from litestar.types.asgi_types import HTTPResponseBodyEvent, HTTPResponseStartEvent

CONNECTIONS_MAX: Final = 64
_ADDRESS_BYTES_MAX: Final = 100
# Shorter than the engine keeps a connection without a request: it never closes one that is about to be used.
_IDLE_SECONDS: Final = 5.0
_TIMEOUTS: Final = {"connect": 5.0, "pool": 5.0, "write": 20.0, "read": 60.0}
# These belong to one connection and not to the request, or are said anew (RFC 9110, 7.6.1).
_OF_THE_CONNECTION: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# What only a gateway may say.
_OURS: Final = frozenset({CLIENT, SCHEME, b"x-forwarded-for", b"x-forwarded-proto", b"forwarded"})
_ASIDE: Final = _OF_THE_CONNECTION | _OURS
# The web server of this process says these itself; an answer's length is known when the engine knew it.
_OF_THE_ANSWER: Final = _OF_THE_CONNECTION - {b"content-length"} | {b"date"}
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_AWAY: Final = (httpcore.ConnectError, httpcore.ConnectTimeout)
_BROKEN: Final = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)

_log = logging.getLogger(__name__)


class Forwarder:
    """The way from a gateway to the engine's process."""

    def __init__(self, socket_path: Path, *, body_bytes_max: int) -> None:
        """Reach the engine at a unix socket.

        Of a body that is too large only so much is passed on that the engine sees it and refuses.
        """
        self._body_bytes_max = body_bytes_max
        # However long the path of the data directory is, an address in it is short.
        self._directory = os.open(socket_path.parent, os.O_RDONLY | os.O_DIRECTORY)
        self._pool = httpcore.AsyncConnectionPool(
            uds=f"/proc/self/fd/{self._directory}/{socket_path.name}" if _is_long(socket_path) else str(socket_path),
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=CONNECTIONS_MAX,
            keepalive_expiry=_IDLE_SECONDS,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()
        os.close(self._directory)

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Pass a request on. Raises `RefusedError` when the engine is away, before anything was answered."""
        body = await _read(receive, largest=self._body_bytes_max)
        if body is None:
            return
        is_begun = False
        try:
            async with self._pool.stream(
                scope["method"],
                httpcore.URL(scheme=b"http", host=b"engine", target=_target_of(scope)),
                headers=_headers_of(scope),
                content=body or None,
                extensions={"timeout": _TIMEOUTS},
            ) as response:
                is_begun = True
                await _pass_back(response, scope, send)
        except _AWAY as error:
            raise RefusedError(RefusalReason.engine_is_unavailable) from error
        except httpcore.PoolTimeout as error:
            raise RefusedError(RefusalReason.exchange_is_busy) from error
        except _BROKEN as error:
            if is_begun:
                # The client sees that the rest is missing: the connection ends without it.
                _log.warning("an answer of the engine broke off: %r", error)
                return
            is_read = scope["method"] in _READS
            reason = RefusalReason.engine_is_unavailable if is_read else RefusalReason.outcome_is_unknown
            raise RefusedError(reason) from error


def _is_long(path: Path) -> bool:
    return len(os.fsencode(path)) > _ADDRESS_BYTES_MAX


def _target_of(scope: HTTPScope) -> bytes:
    target = scope["raw_path"]
    return target + b"?" + scope["query_string"] if scope["query_string"] else target


def _headers_of(scope: HTTPScope) -> list[tuple[bytes, bytes]]:
    headers = [header for header in scope["headers"] if header[0] not in _ASIDE]
    return [*headers, (CLIENT, address_of(scope).encode("latin-1")), (SCHEME, scope["scheme"].encode())]


async def _read(receive: Receive, *, largest: int) -> bytes | None:
    """Return the body of a request, of a larger one a byte more than the most; None when the client has gone."""
    body = bytearray()
    while len(body) <= largest:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += cast("bytes", message.get("body", b""))
        if not message.get("more_body", False):
            break
    return bytes(body[: largest + 1])


async def _pass_back(response: httpcore.Response, scope: HTTPScope, send: Send) -> None:
    headers = [(name.lower(), value) for name, value in response.headers]
    passed = [header for header in headers if header[0] not in _OF_THE_ANSWER]
    passed += _allowance(passed, scope)
    start = {"type": "http.response.start", "status": response.status, "headers": passed}
    await send(cast("HTTPResponseStartEvent", start))
    async for piece in response.aiter_stream():
        await _send_piece(piece, send, is_last=False)
    await _send_piece(b"", send, is_last=True)


def _allowance(headers: Iterable[tuple[bytes, bytes]], scope: HTTPScope) -> Headers:
    """Return what the request's address has left, unless the engine says what its sender has left."""
    if any(name == b"x-ratelimit-limit" for name, _ in headers):
        return ()
    return allowance_headers_of(scope)


async def _send_piece(piece: bytes, send: Send, *, is_last: bool) -> None:
    await send(cast("HTTPResponseBodyEvent", {"type": "http.response.body", "body": piece, "more_body": not is_last}))
