"""What goes over the link: frames of a length and one message of msgpack, the same for both directions.

Every broadcast has a number, one more than the one before it; what is for one gateway alone has none. Both sides are of
one version of the program, or part at once.
"""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Final

import msgspec

from waiver_exchange.application.identity_changes import IdentityChange, SettingsChange
from waiver_exchange.application.identity_memory.uses import KeyUse, SessionUse
from waiver_exchange.application.ports import JournalRow

# Raised when a message changes; versions of the program are told apart besides.
PROTOCOL: Final = 3
LENGTH_BYTES: Final = 4
# A row of one command can be long (a sweep of many levels), a batch of rows is cut at a part of this.
FRAME_BYTES_MAX: Final = 64 * 1024 * 1024
ROWS_BYTES_MAX: Final = 1024 * 1024
CHANGES_MAX: Final = 1_000
# Of the program that was loaded: what is installed may be another one by the time somebody asks.
_OWN_VERSION: Final = f"{PROTOCOL}/{version('waiver-exchange')}"


class LinkError(Exception):
    """What came over the link is not what this side understands; the message says what."""


class OtherVersionError(Exception):
    """The engine's process takes gateways of its own version only, and this one is of another."""

    def __init__(self, *, own: str, engine: str) -> None:
        """Name both."""
        super().__init__(
            f"This gateway is of version {own}, the engine of {engine}: the program was changed while the service "
            "ran. The gateway ends; if the next one says the same, start the whole service again."
        )


class _Message(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One message; its tag stands first."""


class Hello(_Message, frozen=True, tag=1):
    """A gateway begins: which version it is, and its process id."""

    version: str
    pid: int


class Submitted(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A command of a gateway: its own number (0: nobody waits), the record without its time, its key, and the rest.

    `refusal` is the number of a reason, 0 for none; `behind` is the record of what follows an urgent one, or empty.
    """

    number: int
    record: bytes
    key: bytes | None = None
    refusal: int = 0
    is_urgent: bool = False
    behind: bytes = b""


class Commands(_Message, frozen=True, tag=2):
    """What a gateway was asked in one turn of its loop."""

    commands: list[Submitted]


class Uses(_Message, frozen=True, tag=3):
    """When keys and sessions were used at a gateway."""

    keys: list[KeyUse]
    sessions: list[SessionUse]


class Listen(_Message, frozen=True, tag=4):
    """A gateway hears broadcasts by news from now on, or over the link: then all those after a number first."""

    by_news: bool
    after: int


class Known(_Message, frozen=True, tag=10):
    """A part of all that is known of identity and settings, as of the `Welcome` that follows."""

    identity: list[IdentityChange]
    settings: list[SettingsChange]


class Status(msgspec.Struct, array_like=True, frozen=True):
    """How the engine's process is: what it refuses commands with (0: it takes them), and what is wrong besides."""

    refusal: int = 0
    failure: str | None = None
    warning: str | None = None
    identity_problem: str | None = None
    checkpoint_problem: str | None = None


class Welcome(_Message, frozen=True, tag=11):
    """A gateway is taken: the number of the newest broadcast, the newest row with its hash, and what is stored.

    `token_key` proves what browsers bring back, `news_key` that news are the engine's.
    """

    number: int
    sequence: int
    chain: bytes
    stored: int
    status: Status
    token_key: bytes
    news_key: bytes


class Farewell(_Message, frozen=True, tag=12):
    """The connection ends, and why; `version` is the engine's, where it is another than the gateway's."""

    reason: str
    version: str = ""


class Answers(_Message, frozen=True, tag=13):
    """Outcomes of a gateway's commands, by their numbers; their rows were broadcast before.

    `rows` are pairs of a command and the sequence of its row, `refused` pairs of a command and the number of a reason.
    `repeated` are commands that had been sent before, with the row of the first.
    """

    rows: list[int]
    refused: list[int]
    repeated: list[tuple[int, JournalRow]]


class Beat(_Message, frozen=True, tag=14):
    """The engine's process lives."""


class Rows(_Message, frozen=True, tag=20):
    """Rows became durable."""

    number: int
    rows: list[JournalRow]


class Stored(_Message, frozen=True, tag=21):
    """History is stored up to a row."""

    number: int
    sequence: int


class Changed(_Message, frozen=True, tag=22):
    """What is known of identity or settings changed."""

    number: int
    identity: list[IdentityChange]
    settings: list[SettingsChange]


class StatusChanged(_Message, frozen=True, tag=23):
    """The engine's process is otherwise than before."""

    number: int
    status: Status


# What may go another way than the link, through whoever carries it: nothing of anybody's name, keys or sessions.
News = Rows | Stored
Broadcast = News | Changed | StatusChanged
ToEngine = Hello | Commands | Uses | Listen
ToGateway = Known | Welcome | Farewell | Answers | Beat | Broadcast

_encoder: Final = msgspec.msgpack.Encoder()
_to_engine: Final = msgspec.msgpack.Decoder(ToEngine)
_to_gateway: Final = msgspec.msgpack.Decoder(ToGateway)


def own_version() -> str:
    """Return what both sides have to be."""
    return _OWN_VERSION


def encode(message: ToEngine | ToGateway) -> bytes:
    """Return a message as a frame. Raises `LinkError` when it is larger than the other side takes."""
    body = _encoder.encode(message)
    if len(body) > FRAME_BYTES_MAX:
        reason = f"a message of {len(body)} bytes is larger than a frame may be"
        raise LinkError(reason)
    return len(body).to_bytes(LENGTH_BYTES, "little") + body


def read_by_engine(body: bytes) -> ToEngine:
    """Return the message of a gateway. Raises `LinkError`."""
    try:
        message: ToEngine = _to_engine.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LinkError(str(error)) from error
    return message


def read_by_gateway(body: bytes) -> ToGateway:
    """Return the message of the engine's process. Raises `LinkError`."""
    try:
        message: ToGateway = _to_gateway.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LinkError(str(error)) from error
    return message


class Splitter:
    """Cuts what arrives into the bodies of frames."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rest = bytearray()

    def split(self, data: bytes) -> Iterator[bytes]:
        """Yield what is whole now. Raises `LinkError` for a frame that is larger than one may be."""
        rest = self._rest
        rest += data
        at, end = 0, len(rest)
        try:
            while end - at >= LENGTH_BYTES:
                size = int.from_bytes(rest[at : at + LENGTH_BYTES], "little")
                if size > FRAME_BYTES_MAX:
                    reason = f"a frame of {size} bytes is larger than one may be"
                    raise LinkError(reason)
                start = at + LENGTH_BYTES
                if end - start < size:
                    break
                at = start + size
                yield bytes(rest[start:at])
        finally:
            del rest[:at]


def in_parts(rows: Sequence[JournalRow]) -> Iterator[list[JournalRow]]:
    """Yield rows in parts that fit a frame with much to spare."""
    part: list[JournalRow] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row.command) + len(row.events)
        if size >= ROWS_BYTES_MAX:
            yield part
            part, size = [], 0
    if part:
        yield part
