"""What a gateway process serves from its replica; everything else is for the engine's process."""

from typing import Final

from waiver_exchange.gateway.rest.routing import Routing

# What changes or reads people, keys, sessions and what operators do is kept by one process.
_FORWARDED_TAGS: Final = frozenset({"keys", "sign-in", "audit", "operator"})
# By its name: it reads the signed checkpoints, which lie with the engine.
_FORWARDED_ROUTES: Final = frozenset({"getConservation"})
# Of the face that Alpaca's clients know: what is kept among the preferences.
_FORWARDED_PATHS: Final = ("/v2/watchlists", "/v2/account/configurations")


def is_forwarded(path: str, routing: Routing) -> bool:
    """Return whether the engine's process answers requests for a path, whatever their method."""
    found = routing.find(path)
    if found is None:
        return path.startswith(_FORWARDED_PATHS)
    route = next(iter(found.routes.values()))
    return route.tag in _FORWARDED_TAGS or route.name in _FORWARDED_ROUTES
