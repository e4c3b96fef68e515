"""Which part of the gateway a request is for; every request counts for its network address, with or without a key."""

from typing import Final

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Receive, Scope, Send

from waiver_exchange.application.command_intake import Freshness
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.gateway.alpaca.errors import error_of, is_alpaca_path, keep_allowance_per_minute
from waiver_exchange.gateway.forwarding.door import is_counted
from waiver_exchange.gateway.forwarding.forwarder import Forwarder
from waiver_exchange.gateway.forwarding.table import is_forwarded
from waiver_exchange.gateway.headers import (
    SECURITY_HEADERS,
    Headers,
    address_of,
    keep_allowance,
    keep_security_headers,
)
from waiver_exchange.gateway.rate_limits import RateLimits
from waiver_exchange.gateway.rest.api import NativeApi, send_answer
from waiver_exchange.gateway.rest.errors import answer_of_failure
from waiver_exchange.gateway.rest.route import json_answer
from waiver_exchange.gateway.rest.routing import ROOT, Routing

# Who watches over the service is told the truth however much others ask, or he himself asks elsewhere.
_HEALTH: Final = frozenset({"/healthz", "/readyz"})


class Dispatch:
    """Leads each request to the native interface or to the framework."""

    def __init__(
        self,
        *,
        native: NativeApi,
        framework: Litestar,
        routing: Routing,
        limits: RateLimits,
        security: Headers = SECURITY_HEADERS,
        forwarder: Forwarder | None = None,
        freshness: Freshness | None = None,
    ) -> None:
        """Take both; `security` is what every answer tells browsers not to do.

        With a `forwarder` what this process does not serve itself goes to the engine's; what it serves waits until its
        `freshness` says that it shows what other processes had answered.
        """
        self._forwarder = forwarder
        self._native = native
        self._framework = framework
        self._routing = routing
        self._limits = limits
        self._security = security
        self._freshness = freshness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != ScopeType.HTTP:
            await self._framework(scope, receive, send)
            return
        path: str = scope["path"]
        scope.setdefault("state", {})
        keep_security_headers(scope, self._security)
        is_native = path.startswith(ROOT) or self._routing.find(path) is not None
        freshness = self._freshness
        try:
            self._count(scope, is_alpaca=not is_native and is_alpaca_path(path))
            if self._forwarder is not None and is_forwarded(path, self._routing):
                await self._forwarder(scope, receive, send)
                return
            if freshness is not None and freshness.is_behind and path not in _HEALTH:
                # What was answered anywhere before this request began is shown before it is served.
                await freshness.wait()
        except RefusedError as error:
            answer = answer_of_failure(error, scope)
            if is_alpaca_path(path):
                answer = answer._replace(body=json_answer(error_of(error).body()).body)
            await send_answer(answer, scope, send)
            return
        await (self._native if is_native else self._framework)(scope, receive, send)

    def _count(self, scope: HTTPScope, *, is_alpaca: bool) -> None:
        if is_counted(scope):
            return
        if scope["path"] in _HEALTH:
            self._limits.take_health(address_of(scope))
            return
        allowance = self._limits.take(address=address_of(scope), kind="read")
        (keep_allowance_per_minute if is_alpaca else keep_allowance)(scope, allowance)
