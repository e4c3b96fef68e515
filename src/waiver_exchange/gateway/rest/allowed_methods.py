"""Which methods a path takes: an answer of 405 has to say so."""

import re
from collections.abc import Iterable

from litestar.handlers import HTTPRouteHandler

_PARAMETER = re.compile(r"\{[a-z_]+:str\}")


class AllowedMethods:
    """The methods of every route."""

    def __init__(self, handlers: Iterable[HTTPRouteHandler]) -> None:
        """Read them off the handlers of an application."""
        methods: dict[str, set[str]] = {}
        for handler in handlers:
            for path in handler.paths:
                methods.setdefault(path, {"OPTIONS"}).update(str(method) for method in handler.http_methods)
        self._routes = [
            (re.compile(_PARAMETER.sub("[^/]+", path)), ", ".join(sorted(found))) for path, found in methods.items()
        ]

    def of(self, path: str) -> str:
        """Return the methods of a path as the `Allow` header lists them."""
        wanted = path.rstrip("/") or "/"
        return next((methods for route, methods in self._routes if route.fullmatch(wanted)), "")
