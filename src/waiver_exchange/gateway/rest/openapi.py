"""The OpenAPI 3.1 document, made from the same descriptions that requests are read by."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from inspect import cleandoc
from typing import Any, Final

import msgspec

from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.errors import STATUS_OF, ErrorBody
from waiver_exchange.gateway.rest.parameters import Parameter
from waiver_exchange.gateway.rest.route import JSON, Route
from waiver_exchange.gateway.signin.cookies import ACCESS

_R = RefusalReason
_REF: Final = "#/components/schemas/{name}"
_DESCRIPTION: Final = (
    "Trade shares of NFL players for play money. Prices, quantities and money are decimal strings, times RFC 3339 in "
    "UTC. Unknown fields and parameters are refused. Every answer has an `X-Request-Id`. What takes `GET` takes `HEAD`."
)
_TAGS: Final = {
    "orders": "Place, look at, replace and cancel orders.",
    "account": "What the asking account owns and did.",
    "keys": "API keys and tokens.",
    "sign-in": "How people sign in, and their sessions.",
    "markets": "What everybody may see of the markets.",
    "exchange": "The exchange as a whole.",
    "audit": "What shows that the journal was not changed: checkpoints, and what was issued and is held.",
    "operator": "The operator console: auditors read, operators change things, with a reason.",
}
_SCHEMES: Final = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "Goes with `X-API-Secret`."},
    "secret": {"type": "apiKey", "in": "header", "name": "X-API-Secret", "description": "Goes with `X-API-Key`."},
    "token": {"type": "http", "scheme": "bearer", "description": "From `POST /api/v1/tokens`, good for an hour."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS,
        "description": "A browser's; what changes something also carries `X-CSRF-Token`.",
    },
}
_SECURITY: Final[tuple[dict[str, list[str]], ...]] = ({"key": [], "secret": []}, {"token": []}, {"session": []})
_INTEGER: Final = {"type": "integer", "minimum": 0}
_TEXT: Final = {"type": "string"}
_HEADERS: Final = {
    "X-Request-Id": {
        "description": "By this the operator finds the request.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
    },
    "X-RateLimit-Limit": {"description": "Requests that may come at once.", "schema": _INTEGER},
    "X-RateLimit-Remaining": {"description": "How many of them are left.", "schema": _INTEGER},
    "X-RateLimit-Reset": {"description": "UNIX second at which all are back.", "schema": _INTEGER},
    "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": _INTEGER},
    "ETag": {"description": "Send it as `If-None-Match`: 304 says that nothing changed.", "schema": _TEXT},
}
_EVERYWHERE: Final = ("X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
# What any route may answer.
_ALWAYS: Final = (_R.request_rate_is_too_high, _R.internal_error)
_WITH_KEY: Final = (_R.credentials_are_missing, _R.credentials_are_wrong, _R.token_is_wrong)
_BY_COOKIE: Final = (_R.origin_is_foreign, _R.csrf_token_is_wrong)
_WITH_BODY: Final = (_R.request_is_malformed, _R.request_is_too_large, _R.content_type_is_unsupported)
_WITH_QUERY: Final = (_R.field_is_unknown, _R.field_is_invalid)
_WAIT: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def openapi_document(routes: Sequence[Route]) -> bytes:
    """Return the document of routes as JSON."""
    types = [route.answer for route in routes if route.answer is not None]
    types += [route.unavailable for route in routes if route.unavailable is not None]
    shown, components = msgspec.json.schema_components([*types, ErrorBody], ref_template=_REF)
    schema_of = dict(zip(map(repr, [*types, ErrorBody]), shown, strict=True))
    bodies = {route.body.name: route.body.schema() for route in routes if route.body is not None}
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Waiver Exchange",
            "version": version("waiver-exchange"),
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {name: _unfolded(schema) for name, schema in (components | bodies).items()},
            "securitySchemes": _SCHEMES,
            "headers": _HEADERS,
        },
    }
    return msgspec.json.encode(document)


def _unfolded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema whose description is without the indentation of the source it comes from."""
    plain: dict[str, Any] = _without_tuples(schema)
    return {**plain, **({"description": cleandoc(plain["description"])} if "description" in plain else {})}


def _without_tuples(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a schema whose tuples are arrays of so many of any of their items: tools stumble over `prefixItems`."""
    if isinstance(schema, Mapping):
        plain = {name: _without_tuples(part) for name, part in schema.items() if name != "prefixItems"}
        return plain | {"items": {"anyOf": schema["prefixItems"]}} if "prefixItems" in schema else plain
    return [_without_tuples(part) for part in schema] if isinstance(schema, list) else schema


def refusals_of(route: Route) -> list[RefusalReason]:
    """Return every refusal that a route may answer."""
    found: list[RefusalReason] = [*route.refusals, *_ALWAYS]
    if route.access != "public":
        found += _WITH_KEY
        if route.method != "GET":
            found += _BY_COOKIE
    if route.access not in {"public", "key"}:
        found.append(_R.scope_is_missing)
    if route.body is not None:
        found += _WITH_BODY
    # Every route reads its query: even one without parameters refuses those that are given.
    found += _WITH_QUERY
    return sorted(set(found))


def _operation(route: Route, schema_of: Mapping[str, Any]) -> dict[str, object]:
    operation: dict[str, object] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "security": [] if route.access == "public" else list(_SECURITY),
        "responses": _responses(route, schema_of),
    }
    if route.description:
        operation["description"] = route.description
    if route.access not in {"public", "key"}:
        operation["x-scope"] = route.access
    if route.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in route.parameters]
    if route.body is not None:
        content = {JSON: {"schema": {"$ref": _REF.format(name=route.body.name)}}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameter(parameter: Parameter[Any]) -> dict[str, object]:
    style = {"style": "form", "explode": False} if parameter.is_comma_separated else {}
    return style | {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _responses(route: Route, schema_of: Mapping[str, Any]) -> dict[str, object]:
    success = schema_of[repr(route.answer)] if route.answer is not None else _TEXT
    more = ("ETag",) if route.may_be_unchanged else ()
    done: dict[str, object] = {"description": "Done.", "headers": _headers(*_EVERYWHERE, *more)}
    if route.status == HTTPStatus.OK:
        done["content"] = {route.media_type: {"schema": success}}
    responses: dict[str, object] = {str(route.status): done}
    if route.may_be_unchanged:
        responses["304"] = {
            "description": "Nothing changed since the answer whose `ETag` was sent.",
            "headers": _headers(*_EVERYWHERE, *more),
        }
    by_status: dict[HTTPStatus, list[RefusalReason]] = {}
    for reason in refusals_of(route):
        by_status.setdefault(STATUS_OF[reason], []).append(reason)
    if route.unavailable is not None:
        by_status[HTTPStatus.SERVICE_UNAVAILABLE] = [_R.journal_is_unavailable]
    for status, reasons in sorted(by_status.items()):
        is_special = status == HTTPStatus.SERVICE_UNAVAILABLE and route.unavailable is not None
        schema = schema_of[repr(route.unavailable if is_special else ErrorBody)]
        responses[str(int(status))] = {
            "description": _codes(reasons),
            "headers": _headers(*_EVERYWHERE, *(("Retry-After",) if status in _WAIT else ())),
            "content": {JSON: {"schema": schema}},
        }
    return responses


def _codes(reasons: Iterable[RefusalReason]) -> str:
    return "\n".join(f"- `{reason.name}`: {reason.message}" for reason in reasons)


def _headers(*names: str) -> dict[str, object]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
