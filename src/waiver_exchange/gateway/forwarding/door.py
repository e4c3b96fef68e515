"""The engine's end: takes requests that a gateway passes on, with the address that they came from."""

from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

# Only requests on the internal socket are read for these; gateways pass on none that a client sent.
CLIENT: Final = b"x-waiver-client"
SCHEME: Final = b"x-waiver-scheme"
_INTERNAL: Final = frozenset({CLIENT, SCHEME})
_IS_COUNTED: Final = "is_counted"


class InternalDoor:
    """The application as gateways reach it."""

    def __init__(self, app: ASGIApp) -> None:
        """Lead to the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as if it had come from the client itself."""
        if scope["type"] == ScopeType.HTTP:
            _take_over(scope)
        await self._app(scope, receive, send)


def is_counted(scope: HTTPScope) -> bool:
    """Return whether a gateway has counted a request for its address already."""
    return bool(scope["state"].get(_IS_COUNTED))


def _take_over(scope: HTTPScope) -> None:
    said = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _INTERNAL}
    scope["headers"] = [header for header in scope["headers"] if header[0] not in _INTERNAL]
    scope["client"] = (said.get(CLIENT, ""), 0)
    scope["scheme"] = said.get(SCHEME, "http")
    scope.setdefault("state", {})[_IS_COUNTED] = True
