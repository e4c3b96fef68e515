"""The description of the native interface, for programs and for people."""

from collections.abc import Sequence
from importlib.resources import files

import msgspec

from waiver_exchange.gateway.rest.docs_page import docs_page
from waiver_exchange.gateway.rest.openapi import openapi_document
from waiver_exchange.gateway.rest.route import Answer, Call, Route, answer_if_changed


def document_routes(routes: Sequence[Route], *, asyncapi: bytes) -> tuple[Route, ...]:
    """Return the routes that describe some routes, and the WebSocket; they are made once, now."""
    document = openapi_document(routes)
    page = docs_page(msgspec.json.decode(document))
    style = (files("waiver_exchange.gateway") / "web" / "docs.css").read_bytes()
    return (
        _file_route("/openapi.json", document, "application/json"),
        _file_route("/asyncapi.json", asyncapi, "application/json"),
        _file_route("/docs", page, "text/html; charset=utf-8"),
        _file_route("/docs.css", style, "text/css; charset=utf-8"),
    )


def _file_route(path: str, content: bytes, media_type: str) -> Route:
    async def show(call: Call) -> Answer:
        answer = answer_if_changed(call, content)
        others = tuple(header for header in answer.headers if header[0] != b"content-type")
        return answer._replace(headers=((b"content-type", media_type.encode()), *others))

    return Route(
        method="GET",
        path=path,
        name=path,
        summary="Describe the interface.",
        tag="exchange",
        handler=show,
        answer=None,
        access="public",
        may_be_unchanged=True,
        media_type=media_type,
    )
