"""What a connection is for, and what it offers to the one who says so."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from websockets.datastructures import Headers


class Opening(NamedTuple):
    """What the client said when it connected; `address` is the peer's, without its port."""

    path: str
    query: str
    headers: Headers
    address: str


class Connection(Protocol):
    """An open connection. Nothing that is sent after `close`, or after the client has gone, goes anywhere."""

    @property
    def opening(self) -> Opening:
        """How it was opened."""

    @property
    def is_congested(self) -> bool:
        """Whether the client reads too slowly: send nothing now that can be sent newer later."""

    @property
    def is_open(self) -> bool:
        """Whether what is sent can still arrive."""

    def send(self, frames: bytes) -> None:
        """Send frames of `gateway.sockets.frames`, one or several joined. Never waits."""

    def close(self, code: int, reason: str) -> None:
        """Say goodbye with a code and at most 123 bytes of reason; `Session.lost` follows."""


class Session(Protocol):
    """One client's conversation. Called in the event loop, so nothing here may take long; raising closes with 1011."""

    @property
    def is_in_use(self) -> bool:
        """Whether the connection is for something; one that is not is closed after a while."""

    def receive_texts(self, messages: Sequence[bytes]) -> None:
        """Take text messages that arrived together, in order. Nobody has looked whether they are UTF-8."""

    def receive_binary(self, message: bytes) -> None:
        """Take a binary message."""

    def look_after(self) -> None:
        """See now and then whether the client may still be here."""

    def drained(self) -> None:
        """The client has caught up after `is_congested`."""

    def too_slow(self) -> None:
        """The client reads too slowly and is sent away after this: a last word may be sent."""

    def lost(self) -> None:
        """The connection is gone, for whatever reason; called once, nothing is called after it."""


SessionFactory = Callable[[Connection], Session]
