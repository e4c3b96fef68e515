"""Where an exchange is, who asks, and how patiently."""

import ipaddress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from waiver_exchange.client.retry import RetryPolicy

TIMEOUT_SECONDS_DEFAULT: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What every connection of one client needs; without a key only the public part can be asked."""

    url: str
    api_key: str | None = None
    api_secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS_DEFAULT
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    @property
    def rest_url(self) -> str:
        """The address that paths of the REST API are added to."""
        return f"{self.url.rstrip('/')}/api/v1"

    @property
    def websocket_url(self) -> str:
        """The address of the WebSocket."""
        scheme, _, rest = self.url.rstrip("/").partition("://")
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws"

    @property
    def credentials(self) -> dict[str, str]:
        """The parameters of `auth`; empty without a key."""
        if self.token is not None:
            return {"token": self.token}
        if self.api_key is None or self.api_secret is None:
            return {}
        return {"api_key": self.api_key, "api_secret": self.api_secret}

    @property
    def headers(self) -> dict[str, str]:
        """The credentials as HTTP headers."""
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token}"}
        given = {"X-API-Key": self.api_key, "X-API-Secret": self.api_secret}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def uses_proxies(self) -> bool:
        """Whether the environment's proxies apply; not on the way to this machine itself."""
        host = urlsplit(self.url).hostname or ""
        try:
            return not (host == "localhost" or ipaddress.ip_address(host).is_loopback)
        except ValueError:
            return True
