"""The engine's side of the link: tells every gateway what happens, and takes their commands.

What happens is encoded once, whoever listens. All that one step of the sequencer leads to, the answers too, goes to
each gateway in one write. A gateway that does not read is cut off, and comes back as if it were new.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar, cast, final

from waiver_exchange.adapters.link import wire
from waiver_exchange.adapters.link.addresses import bind
from waiver_exchange.adapters.link.head import Head
from waiver_exchange.adapters.link.news import KEY_BYTES, Publisher, Remembered, sealed
from waiver_exchange.adapters.link.wire import LinkError, Status, Submitted
from waiver_exchange.application.encoded_command import EncodedCommand
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_changes import IdentityChange, SettingsChange
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.ports import JournalRow
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason

# A gateway that has left so much unread is cut off; it is some seconds of a busy exchange.
BACKLOG_BYTES_MAX: Final = 64 * 1024 * 1024
GATEWAYS_MAX: Final = 256
CLOSING_SECONDS: Final = 2.0
TICK_SECONDS: Final = 0.1
BEAT_TICKS: Final = 10

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


@final
class LinkServer:
    """Serves gateways from `start` until `close`, beside the exchange that runs in this process."""

    def __init__(self, exchange: Exchange, *, path: Path, head_path: Path, news: Publisher | None = None) -> None:
        """Take the exchange, where the socket is to be, and the file of the head, in directories of mode 0700.

        Gateways that ask for it are told by `news` of rows and of what is stored, and only the rest over the link:
        who carries the news reads no name, no key and no secret of anybody.
        """
        self._news = news
        self._news_key = secrets.token_bytes(KEY_BYTES)
        self._remembered = Remembered()
        self.exchange = exchange
        self.writer = exchange.writer
        self._path = path
        self._head_path = head_path
        self._number = 0
        self._status = Status()
        self._gateways: set[_Gateway] = set()
        self.is_closing = False
        self._all_answered = asyncio.Event()
        self._pending: list[tuple[bytes, bool]] = []
        self._flushing: asyncio.Handle | None = None
        self._stop_watching: list[Callable[[], None]] = []

    @property
    def gateways(self) -> int:
        """How many gateways are connected."""
        return sum(gateway.is_welcome for gateway in self._gateways)

    async def start(self) -> None:
        """Open the socket (mode 0600) in place of one that a killed process left. Raises `OSError`.

        From here on gateways hold back what they have not seen: nobody else may be answered before.
        """
        self._head = Head(self._head_path)
        self._number = self._head.number + 1
        self._head.write(self._number)
        exchange = self.exchange
        self._status = self._status_now()
        self.writer.on_durable = self._tell_rows
        exchange.on_stored = self._tell_stored
        self._stop_watching = [
            exchange.identity_memory.watch(self._tell_identity),
            exchange.preferences.watch(self._tell_settings),
        ]
        loop = asyncio.get_running_loop()
        listener = bind(self._path)
        try:
            self._server = await loop.create_unix_server(lambda: _Gateway(self), sock=listener)
        except BaseException:
            listener.close()
            raise
        self._ticking = asyncio.create_task(self._tick())

    async def close(self) -> None:
        """Answer what was taken, take leave of the gateways and remove the socket; the exchange still runs."""
        self.is_closing = True
        self._server.close()
        self._path.unlink(missing_ok=True)
        await self._until_answered()
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)
        self.writer.on_durable = None
        self.exchange.on_stored = lambda _: None
        for stop in self._stop_watching:
            stop()
        self.flush()
        for gateway in list(self._gateways):
            gateway.part("the engine stops")
        self._head.close()
        if self._news is not None:
            await self._news.close()

    async def _until_answered(self) -> None:
        self.note_answered()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._all_answered.wait()

    # What the gateways' connections use.

    def join(self, gateway: "_Gateway") -> bool:
        """Count a connection; return whether there is room for it."""
        if len(self._gateways) >= GATEWAYS_MAX:
            return False
        self._gateways.add(gateway)
        return True

    def leave(self, gateway: "_Gateway") -> None:
        """Count a connection no more."""
        self._gateways.discard(gateway)

    def welcome(self, gateway: "_Gateway") -> None:
        """Tell a gateway all that is known and where it begins; everything later follows."""
        self.flush()
        exchange = self.exchange
        identity, settings = exchange.identity_memory.dump(), exchange.preferences.dump()
        for known in _in_parts(identity):
            gateway.write(wire.encode(wire.Known(known, [])))
        for chosen in _in_parts(settings):
            gateway.write(wire.encode(wire.Known([], chosen)))
        sequence, chain = self.writer.head
        gateway.write(
            wire.encode(
                wire.Welcome(
                    self._number,
                    sequence,
                    chain,
                    exchange.stored_sequence,
                    self._status,
                    exchange.token_key,
                    self._news_key,
                )
            )
        )
        gateway.is_welcome = True

    def listen(self, gateway: "_Gateway", wanted: wire.Listen) -> None:
        """Tell a gateway broadcasts by news from now on, or over the link from behind the last that it has."""
        self.flush()
        was_by_news, gateway.is_by_news = gateway.is_by_news, wanted.by_news and self._news is not None
        if gateway.is_by_news or not was_by_news:
            return
        missed = self._remembered.after(wanted.after)
        if missed is None:
            gateway.part("it has missed too much")
        else:
            gateway.write(missed)

    def note_answered(self) -> None:
        """See whether a command of anybody is still under way; called with each answer."""
        if self.is_closing and not any(gateway.under_way for gateway in self._gateways):
            self._all_answered.set()

    def flush_soon(self) -> None:
        """Send what waits when the step that goes on is over."""
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Send what waits: to everybody the same, and to each its answers behind it."""
        handle, self._flushing = self._flushing, None
        if handle is not None:
            handle.cancel()
        pending, self._pending = self._pending, []
        frames = b"".join([frame for frame, _ in pending])
        kept_back = b""
        if self._news is not None and pending and any(gateway.is_by_news for gateway in self._gateways):
            kept_back = b"".join([frame for frame, is_news in pending if not is_news])
            news = b"".join([frame for frame, is_news in pending if is_news])
            if news:
                self._news.publish(sealed(self._news_key, news))
        for gateway in self._gateways:
            if gateway.is_welcome:
                gateway.send(kept_back if gateway.is_by_news else frames)

    # What happens.

    def _tell_rows(self, rows: Sequence[JournalRow]) -> None:
        for part in wire.in_parts(rows):
            self._broadcast(wire.Rows(self._next(), part))

    def _tell_stored(self, sequence: int) -> None:
        self._broadcast(wire.Stored(self._next(), sequence))

    def _tell_identity(self, changes: tuple[IdentityChange, ...]) -> None:
        self._broadcast(wire.Changed(self._next(), list(changes), []))

    def _tell_settings(self, change: SettingsChange) -> None:
        self._broadcast(wire.Changed(self._next(), [], [change]))

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _broadcast(self, message: wire.Broadcast) -> None:
        """Have everybody told, and nobody answered anywhere who would not see it: the head comes first."""
        self._head.write(self._number)
        if self._gateways:
            frame = wire.encode(message)
            self._pending.append((frame, isinstance(message, wire.News)))
            if self._news is not None:
                self._remembered.add(self._number, frame)
            self.flush_soon()

    async def _tick(self) -> None:
        """Say now and then how this process is, and that it lives."""
        beat = wire.encode(wire.Beat())
        ticks = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            ticks += 1
            try:
                if ticks % BEAT_TICKS == 0:
                    for gateway in list(self._gateways):
                        if gateway.is_welcome:
                            gateway.write(beat)
                self._tell_status()
            except Exception:  # noqa: BLE001 - a worker's boundary: without beats every gateway would leave
                _log.exception("gateways could not be told how the engine's process is; it is tried again")

    def _tell_status(self) -> None:
        status = self._status_now()
        if status != self._status:
            self._status = status
            self._broadcast(wire.StatusChanged(self._next(), status))

    def _status_now(self) -> Status:
        exchange = self.exchange
        refusal = self.writer.refusal
        return Status(
            refusal=0 if refusal is None else int(refusal),
            failure=self.writer.failure,
            warning=exchange.warning,
            identity_problem=exchange.identity.problem,
            checkpoint_problem=exchange.checkpoints.problem,
        )


@final
class _Gateway(asyncio.Protocol):
    """The connection of one gateway."""

    def __init__(self, server: LinkServer) -> None:
        self._server = server
        self._splitter = wire.Splitter()
        self._rows: list[int] = []
        self._refused: list[int] = []
        self._repeated: list[tuple[int, JournalRow]] = []
        self.under_way = 0
        self.is_open = False
        self.is_welcome = False
        self.is_by_news = False
        self.name = "a gateway"

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = self._server.join(self)
        if not self.is_open:
            _log.warning("a gateway was refused: %d are connected already", GATEWAYS_MAX)
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._splitter.split(data):
                self._receive(wire.read_by_engine(body))
        except LinkError as error:
            _log.warning("%s is cut off: %s", self.name, error)
            self.part(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self.is_open and self.is_welcome:
            _log.info("%s is gone", self.name)
        self.is_open = False
        self._server.leave(self)

    # What the server uses.

    def write(self, frames: bytes) -> None:
        """Send frames, unless the gateway has left too much unread."""
        if not self.is_open:
            return
        self._transport.write(frames)
        if self._transport.get_write_buffer_size() > BACKLOG_BYTES_MAX:
            _log.warning("%s does not read and is cut off; it begins again", self.name)
            self.is_open = False
            self._transport.abort()

    def send(self, frames: bytes) -> None:
        """Send what everybody gets, and the own answers behind it."""
        if self._rows or self._refused or self._repeated:
            frames += wire.encode(wire.Answers(self._rows, self._refused, self._repeated))
            self._rows, self._refused, self._repeated = [], [], []
        if frames:
            self.write(frames)

    def part(self, reason: str, *, version: str = "") -> None:
        """Say why, and the engine's version where that is why, and close."""
        if self.is_open:
            self.write(wire.encode(wire.Farewell(reason, version)))
            self.is_open = False
            self._transport.close()

    # What came of commands.

    def answer(self, number: int, outcome: Outcome) -> None:
        """Note the row of a command."""
        if outcome.is_repetition:
            self._repeated.append((number, outcome.row))
        else:
            self._rows += (number, outcome.row.sequence)
        self._settle()

    def refuse(self, number: int, reason: RefusalReason) -> None:
        """Note why a command was not done."""
        self._refused += (number, int(reason))
        self._settle()

    def _settle(self) -> None:
        self.under_way -= 1
        self._server.flush_soon()
        self._server.note_answered()

    # What the gateway says.

    def _receive(self, message: wire.ToEngine) -> None:
        if not self.is_welcome:
            self._begin(message)
            return
        match message:
            case wire.Commands(commands=commands):
                for command in commands:
                    self._submit(command)
            case wire.Uses(keys=keys, sessions=sessions):
                self._server.exchange.identity.note_uses(keys)
                self._server.exchange.sessions.note_uses(sessions)
            case wire.Listen():
                self._server.listen(self, message)
            case _:
                reason = f"{type(message).__name__} is not expected here"
                raise LinkError(reason)

    def _begin(self, message: wire.ToEngine) -> None:
        if not isinstance(message, wire.Hello):
            reason = "the first message is no greeting"
            raise LinkError(reason)
        self.name = f"the gateway process {message.pid}"
        own_version = wire.own_version()
        if message.version != own_version:
            reason = f"it is of version {message.version}, the engine of {own_version}"
            _log.warning("%s is cut off: %s", self.name, reason)
            self.part(reason, version=own_version)
            return
        self._server.welcome(self)
        _log.info("%s is connected", self.name)

    def _submit(self, command: Submitted) -> None:
        wanted = EncodedCommand(command.record)
        behind = EncodedCommand(command.behind) if command.behind else None
        if not wanted.is_whole or (behind is not None and not behind.is_whole):
            reason = "a command is cut short"
            raise LinkError(reason)
        self.under_way += bool(command.number)
        if self._server.is_closing:
            self._refuse(command, RefusalReason.exchange_is_stopping)
            return
        try:
            self._server.writer.begin(
                wanted,
                answer=_Answer(self, command.number),
                key=command.key,
                refusal=RefusalReason.of(command.refusal) if command.refusal else None,
                is_urgent=command.is_urgent,
                behind=behind,
            )
        except RefusedError as refused:
            self._refuse(command, refused.reason)

    def _refuse(self, command: Submitted, reason: RefusalReason) -> None:
        if command.number:
            self.refuse(command.number, reason)


@final
class _Answer:
    """Where the first outcome of a gateway's command goes; number 0 is nobody's, or was answered."""

    __slots__ = ("_gateway", "_number")

    def __init__(self, gateway: _Gateway, number: int) -> None:
        self._gateway = gateway
        self._number = number

    def done(self) -> bool:
        return not self._number or not self._gateway.is_open

    def set_result(self, outcome: Outcome, /) -> None:
        self._gateway.answer(self._take_number(), outcome)

    def set_exception(self, error: RefusedError, /) -> None:
        self._gateway.refuse(self._take_number(), error.reason)

    def _take_number(self) -> int:
        number, self._number = self._number, 0
        return number


def _in_parts(items: Iterable[_T]) -> Iterator[list[_T]]:
    """Yield items in parts that a frame holds with much to spare."""
    rest = iter(items)
    while part := list(islice(rest, wire.CHANGES_MAX)):
        yield part
