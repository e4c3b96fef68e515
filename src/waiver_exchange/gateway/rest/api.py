"""The native interface as an ASGI application: every request goes the same way, as its route describes it.

Thin on purpose: a framework's own way costs as much as the order behind it.
"""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from litestar.types import HTTPScope, Receive, Send

from waiver_exchange.application import audit
from waiver_exchange.application.access import Caller, authenticate, authenticate_token, require, require_beyond
from waiver_exchange.application.authority import AUDIT, OPERATE
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.request_counts import Allowance
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.headers import address_of, complete_headers, keep_allowance
from waiver_exchange.gateway.rate_limits import RateRefusedError
from waiver_exchange.gateway.rest.errors import answer_of_failure, refusal
from waiver_exchange.gateway.rest.json_object import decode_object
from waiver_exchange.gateway.rest.query import read_query
from waiver_exchange.gateway.rest.route import JSON, Answer, Call, Route, Services
from waiver_exchange.gateway.rest.routing import Routing, allowed
from waiver_exchange.gateway.rest.values import Values
from waiver_exchange.gateway.signin.cookies import ACCESS, read_cookie
from waiver_exchange.gateway.signin.own_pages import caller_by_cookie, check_own_page

if TYPE_CHECKING:
    from litestar.types.asgi_types import HTTPResponseBodyEvent, HTTPResponseStartEvent

_R = RefusalReason
_FAILED: Final = frozenset(
    {
        _R.credentials_are_wrong,
        _R.token_is_wrong,
        _R.refresh_token_is_wrong,
        _R.invitation_is_wrong,
        _R.passkey_is_wrong,
    }
)
_BEYOND: Final = frozenset({AUDIT, OPERATE})
_BEARER: Final = "bearer "
_WITHOUT_LENGTH: Final = frozenset({204, 304})


class ClientGoneError(Exception):
    """The client went away before its request was whole; nobody is there to be answered."""


class NativeApi:
    """Answers the requests of the native interface."""

    def __init__(self, *, services: Services, routing: Routing, body_bytes_max: int) -> None:
        """Serve the routes."""
        self._services = services
        self._limits = services.limits
        self._routing = routing
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer a request; whatever happens, it is answered in the one form."""
        try:
            answer = await self._answer(scope, receive)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - the boundary of a request; what is unforeseen is logged there
            answer = answer_of_failure(self._counted(error, scope), scope)
        await send_answer(answer, scope, send)

    def _counted(self, error: Exception, scope: HTTPScope) -> Exception:
        """Count a failed proof of who somebody is, and return what to say: that it failed, or failed too often."""
        if isinstance(error, RefusedError) and error.reason in _FAILED:
            try:
                self._limits.take_failure(address_of(scope))
            except RateRefusedError as too_many:
                return too_many
        return error

    def _take_sign_in(self, address: str) -> Allowance | None:
        """Count a sign-in that begins; that there were too many is journaled, and counted as failures are."""
        try:
            return self._limits.take_sign_in(address)
        except RateRefusedError:
            audit.note_failure(self._services.exchange, AuditEvent.sign_in_throttled)
            raise

    async def _answer(self, scope: HTTPScope, receive: Receive) -> Answer:
        method: str = scope["method"]
        found = self._routing.find(scope["path"])
        if found is None:
            raise RefusedError(_R.route_not_found)
        route = found.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            return _other_method(method, allowed(found.routes))
        headers = dict(scope["headers"])
        if route.begins_sign_in:
            # First, so that a page of somebody else does not use up the sign-ins of who looks at it.
            check_own_page(self._services.exchange, headers)
            keep_allowance(scope, self._take_sign_in(address_of(scope)))
        caller = None if route.access == "public" else self._caller_of(route, scope, headers)
        call = Call(
            services=self._services,
            headers=headers,
            caller=caller,
            parameters=_read_parameters(route, found.parts, scope["query_string"]),
            has_query=bool(scope["query_string"]),
            address=address_of(scope),
        )
        if route.body is not None:
            _check_content_type(headers)
            call.given = decode_object(await read_body(receive, headers, largest=self._body_bytes_max))
        return await route.handler(call)

    def _caller_of(self, route: Route, scope: HTTPScope, headers: Mapping[bytes, bytes]) -> Caller:
        caller = self._authenticated(scope, headers)
        keep_allowance(scope, self._limits.take(caller=caller, kind=route.kind))
        if route.access in _BEYOND:
            require_beyond(self._services.exchange, caller, scope=route.access)
        elif route.access != "key":
            require(caller, route.access)
        return caller

    def _authenticated(self, scope: HTTPScope, headers: Mapping[bytes, bytes]) -> Caller:
        exchange = self._services.exchange
        api_key, api_secret = headers.get(b"x-api-key"), headers.get(b"x-api-secret")
        if api_key and api_secret:
            return authenticate(exchange, api_key=api_key.decode("latin-1"), api_secret=api_secret.decode("latin-1"))
        admit = partial(self._limits.take_unproven, address_of(scope))
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        if authorization[: len(_BEARER)].lower() == _BEARER:
            return authenticate_token(exchange, token=authorization[len(_BEARER) :].strip(), admit=admit)
        token = read_cookie(headers, ACCESS)
        if token:
            return caller_by_cookie(exchange, method=scope["method"], headers=headers, token=token, admit=admit)
        raise RefusedError(_R.credentials_are_missing)


async def send_answer(answer: Answer, scope: HTTPScope, send: Send) -> None:
    """Send an answer with the headers that every one has."""
    headers = list(answer.headers)
    body = answer.body
    if isinstance(body, bytes) and answer.status not in _WITHOUT_LENGTH:
        headers.append((b"content-length", b"%d" % len(body)))
    start = {"type": "http.response.start", "status": answer.status, "headers": complete_headers(headers, scope)}
    await send(cast("HTTPResponseStartEvent", start))
    if scope["method"] == "HEAD":
        body = b""
    if not isinstance(body, bytes):
        async for piece in body:
            await _send_piece(piece, send, is_last=False)
        body = b""
    await _send_piece(body, send, is_last=True)


async def _send_piece(piece: bytes, send: Send, *, is_last: bool) -> None:
    await send(cast("HTTPResponseBodyEvent", {"type": "http.response.body", "body": piece, "more_body": not is_last}))


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], *, largest: int) -> bytes:
    """Return the body of a request. Raises `RefusedError` when it is too large, `ClientGoneError`."""
    announced = headers.get(b"content-length")
    if announced is not None and int(announced) > largest:
        raise RefusedError(_R.request_is_too_large)
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        piece = cast("bytes", message.get("body", b""))
        size += len(piece)
        if size > largest:
            raise RefusedError(_R.request_is_too_large)
        if not message.get("more_body", False):
            return b"".join((*pieces, piece)) if pieces else piece
        pieces.append(piece)


def _read_parameters(route: Route, parts: tuple[str, ...], query_string: bytes) -> Values:
    values = dict(route.defaults)
    for parameter, part in zip(route.path_parameters, parts, strict=True):
        values[parameter.name] = parameter.parse(part)
    if query_string:
        known = route.query_parameters
        for name, text in read_query(query_string, known=known, ignores_unknown=route.ignores_unknown).items():
            values[name] = known[name].parse(text)
    return Values(values)


def _check_content_type(headers: Mapping[bytes, bytes]) -> None:
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != JSON.encode():
        raise RefusedError(_R.content_type_is_unsupported)


def _other_method(method: str, methods: str) -> Answer:
    allow = (b"allow", methods.encode())
    if method == "OPTIONS":
        return Answer(b"", 204, (allow,))
    refused = refusal(_R.method_is_not_allowed)
    return refused._replace(headers=(*refused.headers, allow))
