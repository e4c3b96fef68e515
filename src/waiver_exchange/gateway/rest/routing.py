"""Which route a method and a path lead to; a path with names in it is walked part by part."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from waiver_exchange.gateway.rest.route import Route

ROOT: Final = "/api/v1/"
_ANY: Final = "{}"
_ALWAYS: Final = frozenset({"OPTIONS"})


class Found(NamedTuple):
    """The routes of a path by method, and the parts of the path that have names."""

    routes: dict[str, Route]
    parts: tuple[str, ...]


class _Node:
    __slots__ = ("children", "routes")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.routes: dict[str, Route] = {}


class Routing:
    """All routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Arrange them by the parts of their paths."""
        self._root = _Node()
        for route in routes:
            node = self._root
            for part in _parts(route.path):
                node = node.children.setdefault(_ANY if part.startswith("{") else part, _Node())
            node.routes[route.method] = route

    def find(self, path: str) -> Found | None:
        """Return the routes of a path, or None when it is no route."""
        node = self._root
        named: list[str] = []
        for part in _parts(path):
            child = node.children.get(part)
            if child is None or part == _ANY:
                child = node.children.get(_ANY)
                if child is None or not part:
                    return None
                named.append(part)
            node = child
        return Found(node.routes, tuple(named)) if node.routes else None


def allowed(routes: dict[str, Route]) -> str:
    """Return the methods of a path as the `Allow` header lists them."""
    methods = set(routes) | _ALWAYS
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _parts(path: str) -> list[str]:
    return path.rstrip("/").split("/")
