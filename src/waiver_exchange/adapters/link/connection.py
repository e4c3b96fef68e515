"""One connection of a gateway to the engine's process: what it says, in order, and whether it still lives."""

import asyncio
from collections.abc import Callable
from typing import Final, cast, final

from waiver_exchange.adapters.link import wire
from waiver_exchange.adapters.link.wire import LinkError

# While a gateway catches up with the journal, what happens meanwhile waits here.
HELD_MAX: Final = 100_000
# The engine's process says every second that it lives.
SILENT_SECONDS: Final = 5.0
# A backlog that the engine does not read for so long is no use to anybody.
UNREAD_BYTES_MAX: Final = 64 * 1024 * 1024


@final
class Connection(asyncio.Protocol):
    """Made for each attempt; used until `lost` is done."""

    def __init__(self) -> None:
        """Hold everything that comes, until somebody takes it."""
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.welcome: asyncio.Future[wire.Welcome] = loop.create_future()
        self.known: list[wire.Known] = []
        self.reason = "the engine's process is gone"
        self._held: list[wire.ToGateway] = []
        self._take: Callable[[wire.ToGateway], None] | None = None
        self._splitter = wire.Splitter()
        self._heard_at = self._looked_at = loop.time()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        self._heard_at = asyncio.get_running_loop().time()
        try:
            for body in self._splitter.split(data):
                self._receive(wire.read_by_gateway(body))
        except Exception as error:  # noqa: BLE001 - the boundary of a connection: whoever waits for `lost` is told
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side is gone."""
        self._fail(LinkError(self.reason if exc is None else str(exc)))

    # What the follower uses.

    def write(self, frame: bytes) -> None:
        """Send a frame."""
        self._transport.write(frame)
        if self._transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self.cut("the engine's process reads nothing")

    def take(self, call: Callable[[wire.ToGateway], None]) -> None:
        """Have everything that was held, and what comes from now on, taken in order. Raises what `call` raises."""
        held, self._held = self._held, []
        for message in held:
            call(message)
        self._take = call

    def look_after(self) -> None:
        """Cut the connection when nothing was heard for too long; to be called every second or so."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at > SILENT_SECONDS / 2:
            # This process stood still itself: what was said meanwhile is read first.
            self._heard_at = now
        self._looked_at = now
        if now - self._heard_at > SILENT_SECONDS:
            self.cut("the engine's process is silent")

    def cut(self, reason: str) -> None:
        """End it at once."""
        self._fail(LinkError(reason))

    def close(self) -> None:
        """End it after what was written."""
        self._transport.close()

    def _receive(self, message: wire.ToGateway) -> None:
        if isinstance(message, wire.Farewell):
            self.reason = message.reason
            other = message.version
            self._fail(
                wire.OtherVersionError(own=wire.own_version(), engine=other) if other else LinkError(self.reason)
            )
        elif isinstance(message, wire.Beat):
            pass
        elif isinstance(message, wire.Known):
            self.known.append(message)
        elif isinstance(message, wire.Welcome):
            if not self.welcome.done():
                self.welcome.set_result(message)
        elif self._take is not None:
            self._take(message)
        else:
            self._held.append(message)
            if len(self._held) > HELD_MAX:
                self._fail(LinkError("catching up with the journal takes too long"))

    def _fail(self, error: Exception) -> None:
        self._take = None
        self._held.clear()
        self._transport.abort()
        for moment in (self.lost, self.welcome):
            if not moment.done():
                moment.set_exception(error)
                # Whoever waits is told; that nobody does is no mistake.
                moment.exception()
