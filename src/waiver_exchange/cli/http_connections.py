"""All open HTTP connections: how many there may be, and which are closed because nothing comes or nobody reads."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import Final, Protocol

from waiver_exchange.config import ConnectionLimits
from waiver_exchange.gateway.rate_limits import network_of
from waiver_exchange.gateway.sockets.addresses import ClientAddresses

SWEEP_SECONDS: Final = 1.0
DRAINED_IDLE_SECONDS: Final = 3.0
# Stores, snapshots, the control socket and its connections, and what is accepted in one go before anything is closed.
RESERVED_HANDLES: Final = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What one connection may keep waiting, and how many there may be; 0 lifts a bound on connections.

    A connection without a request is closed after `idle_seconds`, one whose request is not whole after
    `request_seconds`, and one that has not read `progress_bytes` of what is meant for it, or all, in `unread_seconds`.
    """

    idle_seconds: float = 15.0
    request_seconds: float = 20.0
    unread_seconds: float = 30.0
    progress_bytes: int = 65_536
    connections_max: int = 10_000
    connections_per_address_max: int = 5_000


def bound_by_handles(limits: ConnectionLimits, handles: int) -> ConnectionLimits:
    """Return the bounds that so many file handles allow: WebSocket and HTTP connections may each take half of them."""
    most = max(1, (handles - RESERVED_HANDLES) // 2)
    return ConnectionLimits(
        connections=min(limits.connections or most, most),
        address_connections=limits.address_connections,
        key_connections=limits.key_connections,
    )


class HttpConnection(Protocol):
    """What is watched over."""

    def look_after(self, now: float) -> None:
        """Close a connection that has kept something waiting for too long."""

    def cut_off(self) -> None:
        """Close a connection at once, because its place is needed."""

    def drain(self) -> None:
        """Answer what is asked once more at most, and close then."""


class HttpConnections:
    """The connections of a server. When there are too many, those that have waited longest for a request go first.

    So whoever does send a request is served, however many others only hold their connections open.
    """

    def __init__(
        self,
        limits: HttpLimits | None = None,
        *,
        trusted_proxies: tuple[str, ...] = (),
    ) -> None:
        """Bound connections; a trusted proxy brings those of many clients, and is not bounded as one address."""
        self.limits = limits or HttpLimits()
        self.is_draining = False
        self._addresses = ClientAddresses(trusted_proxies)
        self._open: dict[HttpConnection, str] = {}
        self._by_address: Counter[str] = Counter()
        # In the order in which they began to wait.
        self._waiting: dict[HttpConnection, None] = {}
        self._waiting_by_address: defaultdict[str, dict[HttpConnection, None]] = defaultdict(dict)
        self._sweeping: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def drain(self) -> None:
        """Let every connection end with the answer to its next request, or when none follows for a short while.

        So nobody's request meets a connection that is closed under it, as far as that can be.
        """
        self.is_draining = True
        self.limits = replace(self.limits, idle_seconds=min(self.limits.idle_seconds, DRAINED_IDLE_SECONDS))
        for connection in self._open:
            connection.drain()

    def take(self, connection: HttpConnection, peer: str) -> bool:
        """Count a new connection, which waits for a request; return False when there is no room for it."""
        address = "" if self._addresses.is_trusted(peer) else network_of(peer)
        total, each = self.limits.connections_max, self.limits.connections_per_address_max
        is_address_full = bool(each and address and self._by_address[address] >= each)
        if is_address_full and not self._cut_off_first(self._waiting_by_address.get(address)):
            return False
        if total and len(self._open) >= total and not self._cut_off_first(self._waiting):
            return False
        self._open[connection] = address
        self._by_address[address] += 1
        self.wait(connection)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)
        return True

    def discard(self, connection: HttpConnection) -> None:
        """Forget a connection that is closed, or goes on as a WebSocket."""
        address = self._open.get(connection)
        if address is None:
            return
        self.serve(connection)
        del self._open[connection]
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
            self._waiting_by_address.pop(address, None)

    def wait(self, connection: HttpConnection) -> None:
        """Note that a connection waits for a request from now on."""
        address = self._open.get(connection)
        if address is not None:
            self._waiting[connection] = self._waiting_by_address[address][connection] = None

    def serve(self, connection: HttpConnection) -> None:
        """Note that a connection's request is whole."""
        if connection in self._waiting:
            del self._waiting[connection]
            del self._waiting_by_address[self._open[connection]][connection]

    def _cut_off_first(self, waiting: dict[HttpConnection, None] | None) -> bool:
        if not waiting:
            return False
        connection = next(iter(waiting))
        self.discard(connection)
        connection.cut_off()
        return True

    def _sweep(self) -> None:
        """Look after every connection; one timer for all, so that an idle connection costs nothing else."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._open):
            connection.look_after(now)
        self._sweeping = loop.call_later(SWEEP_SECONDS, self._sweep) if self._open else None
