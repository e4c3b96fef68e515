"""Whose connection it is: the peer's address, or the one that a trusted proxy passes on."""

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from websockets.datastructures import Headers

_FORWARDED = "X-Forwarded-For"


class ClientAddresses:
    """Reads addresses as uvicorn does for HTTP, by the same rules about which proxies may speak for others."""

    def __init__(self, trusted_proxies: tuple[str, ...] = ()) -> None:
        """Believe these proxies; without any nobody's word counts."""
        self._proxies = ProxyHeadersMiddleware(_nothing, list(trusted_proxies)).trusted_hosts

    def is_trusted(self, peer: str) -> bool:
        """Return whether a peer passes on the connections of others."""
        return peer in self._proxies

    def of(self, peer: str, headers: Headers) -> str:
        """Return the address of a client by its peer's and what the peer says."""
        said = ",".join(headers.get_all(_FORWARDED))
        if not said or peer not in self._proxies:
            return peer
        return self._proxies.get_trusted_client_address(said)[0]


async def _nothing(*_: object) -> None:
    """The application of a middleware that serves none."""
