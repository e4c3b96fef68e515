"""Answers of JSON, whole or only as far as they changed."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec
from litestar import Response

from waiver_exchange.gateway.rest.context import AnyRequest

JSON: Final = "application/json"
_ETAG_BYTES: Final = 12
# Public answers may be kept, but are asked for again each time: an unchanged one costs a 304.
_REVALIDATED: Final = "no-cache"


def answer(body: object, *, status_code: int = 200, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """Return an answer with the JSON of a body."""
    return Response(
        msgspec.json.encode(body), media_type=JSON, status_code=status_code, headers=dict(headers) if headers else None
    )


def etag_of(content: bytes) -> str:
    """Return the name of exactly this content."""
    return f'"{blake2b(content, digest_size=_ETAG_BYTES).hexdigest()}"'


def answer_if_changed(
    request: AnyRequest, content: bytes, *, etag: str | None = None, media_type: str = JSON
) -> Response[bytes]:
    """Return encoded content, or 304 without it when the client has the same."""
    etag = etag or etag_of(content)
    headers = {"etag": etag, "cache-control": _REVALIDATED}
    known = request.headers.get("if-none-match", "")
    if etag in known or known.strip() == "*":
        return Response(b"", media_type=media_type, status_code=304, headers=headers)
    return Response(content, media_type=media_type, status_code=200, headers=headers)
