"""All open WebSocket connections: which paths take one, how many there may be, and who has gone silent."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from waiver_exchange.application.command_intake import Freshness
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.refusals import error_body
from waiver_exchange.gateway.signin.own_pages import is_welcome
from waiver_exchange.gateway.sockets.addresses import ClientAddresses
from waiver_exchange.gateway.sockets.limits import SocketLimits
from waiver_exchange.gateway.sockets.protocol import SocketProtocol
from waiver_exchange.gateway.sockets.session import Opening, SessionFactory

SWEEP_SECONDS: Final = 1.0
# After each of so many parts of the bound on unsent bytes it is looked how many there are.
UNSENT_LOOKS: Final = 16

_log = logging.getLogger(__name__)

# Returns the JSON that says why a path takes no connection now.
RefusalBody = Callable[[str, RefusalReason], object]


def native_refusal(path: str, reason: RefusalReason) -> object:
    """Return a refusal as the native interface words it."""
    del path
    return {"error": error_body(reason)}


class Sockets:
    """The WebSocket side of the web server."""

    def __init__(
        self,
        routes: Mapping[str, SessionFactory],
        *,
        limits: SocketLimits,
        refusal_body: RefusalBody = native_refusal,
        trusted_proxies: tuple[str, ...] = (),
        origins: frozenset[str] = frozenset(),
        freshness: Freshness | None = None,
    ) -> None:
        """Take connections at the paths of `routes`; `refusal_body` words the others.

        A browser opens one for pages of the `origins` only.

        Only a trusted proxy may say whose connection it passes on. With a `freshness` no message is taken before this
        process shows what others had answered when it arrived.
        """
        self.addresses = ClientAddresses(trusted_proxies)
        self.limits = limits
        self.refusal_body = refusal_body
        self._routes = dict(routes)
        self._origins = origins
        self._freshness = freshness
        self._open: set[SocketProtocol] = set()
        self._by_address: Counter[str] = Counter()
        self._sweeping: asyncio.TimerHandle | None = None
        # Connections that have sent more than one turn holds, in the order of their turns.
        self._waiting: dict[SocketProtocol, None] = {}
        self._unseen_bytes = 0
        self._looking: asyncio.Handle | None = None

    def make_protocol(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> SocketProtocol:
        """Return the protocol of a connection that asks to become a WebSocket; uvicorn calls this."""
        del config, app_state
        return SocketProtocol(self, others=server_state.connections)

    @property
    def count(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def route(self, path: str) -> SessionFactory | None:
        """Return what a path is for, or None when it takes no WebSocket."""
        return self._routes.get(path)

    def is_welcome(self, opening: Opening) -> bool:
        """Return whether who opens a connection is no page of another site."""
        headers = opening.headers
        return is_welcome(self._origins, origin=headers.get("Origin"), host=headers.get("Host"))

    def has_room_for(self, opening: Opening) -> bool:
        """Return whether one more connection may be opened, from this address and at all."""
        total, each = self.limits.connections_max, self.limits.connections_per_address_max
        return (not total or len(self._open) < total) and (not each or self._by_address[opening.address] < each)

    def add(self, protocol: SocketProtocol) -> None:
        """Count an open connection and watch over it."""
        self._open.add(protocol)
        self._by_address[protocol.opening.address] += 1
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def discard(self, protocol: SocketProtocol) -> None:
        """Count a connection no more."""
        self._open.discard(protocol)
        address = protocol.opening.address
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    @property
    def is_behind(self) -> bool:
        """Whether another process has answered what is not shown here yet."""
        return self._freshness is not None and self._freshness.is_behind

    def when_fresh(self, call: Callable[[], None]) -> None:
        """Call once what was answered until now is shown here."""
        assert self._freshness is not None  # noqa: S101 - nobody is behind without
        self._freshness.when_fresh(call)

    def await_turn(self, protocol: SocketProtocol) -> None:
        """Have a connection that has sent much go on after those that wait already, and after everybody else."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._give_turn)
        self._waiting[protocol] = None

    def _give_turn(self) -> None:
        """Let one connection go on in each turn of the loop: however many flood it, others wait for one of them."""
        protocol = next(iter(self._waiting))
        del self._waiting[protocol]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._give_turn)
        protocol.take_turn()

    def note_written(self, count: int) -> None:
        """Count what is written, and see to what of it is unsent whenever it could have become much more."""
        self._unseen_bytes += count
        if self._unseen_bytes > self.limits.unsent_bytes_max // UNSENT_LOOKS and self._looking is None:
            self._looking = asyncio.get_running_loop().call_soon(self._bound_unsent)

    def _bound_unsent(self) -> None:
        """Cut off those who have left most unread, until the rest is within the bound for all."""
        self._looking = None
        self._unseen_bytes = 0
        unsent = {protocol: protocol.unsent_bytes for protocol in self._open}
        excess = sum(unsent.values()) - self.limits.unsent_bytes_max
        if excess <= 0:
            return
        for protocol in sorted(unsent, key=lambda each: unsent[each], reverse=True):
            _log.warning("a WebSocket client with %d unread bytes is cut off: all have too many", unsent[protocol])
            protocol.cut_off()
            excess -= unsent[protocol]
            if excess <= 0:
                return

    def _sweep(self) -> None:
        """Look after every connection; one timer for all, so that an idle connection costs nothing else."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for protocol in list(self._open):
            protocol.look_after(now)
        self._sweeping = loop.call_later(SWEEP_SECONDS, self._sweep) if self._open else None
