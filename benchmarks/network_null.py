"""The null handler: the exchange's own protocols with nothing behind, whose figures the others are compared with.

HTTP is by uvicorn, `/ws` by `gateway.sockets`; every request is answered by a constant. An order on `/ws` is also told
to whoever follows its book, in frames of as many milliseconds as those of the exchange.
"""

import asyncio
import json
import socket
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final

import uvicorn

from waiver_exchange.gateway.feeds.channel import FRAME_SECONDS
from waiver_exchange.gateway.sockets.frames import text_frame
from waiver_exchange.gateway.sockets.limits import SocketLimits
from waiver_exchange.gateway.sockets.session import Connection
from waiver_exchange.gateway.sockets.sockets import Sockets

_ANSWER: Final = json.dumps({"result": {"answer": "x" * 480}})[1:].encode()
_BODY: Final = json.dumps({"answer": "x" * 480}).encode()
_LEVEL: Final = b'"data":{"bids":[["16.25","12.5"]],"asks":[]}}'
_SYMBOL: Final = b'"symbol": "'


async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Answer every request with the same."""
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _BODY})


class Broadcast:
    """Tells the orders of a frame to those who follow their books."""

    def __init__(self) -> None:
        self._followers: defaultdict[bytes, list[Connection]] = defaultdict(list)
        self._sequences: Counter[bytes] = Counter()
        self._pushes: defaultdict[bytes, list[bytes]] = defaultdict(list)
        self._is_due = False

    def follow(self, channel: bytes, connection: Connection) -> None:
        """Tell a connection of a book from now on."""
        self._followers[channel].append(connection)
        snapshot = b'{"channel":"%b","type":"snapshot","sequence":%d,%b' % (channel, self._sequences[channel], _LEVEL)
        connection.send(text_frame(snapshot))

    def tell(self, channel: bytes) -> None:
        """Note one change of a book."""
        if channel not in self._followers:
            return
        self._sequences[channel] += 1
        push = b'{"channel":"%b","type":"delta","sequence":%d,%b' % (channel, self._sequences[channel], _LEVEL)
        self._pushes[channel].append(push)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(FRAME_SECONDS, self._send)

    def _send(self) -> None:
        self._is_due = False
        for channel, pushes in self._pushes.items():
            frame = text_frame(b"[" + b",".join(pushes) + b"]")
            for connection in self._followers[channel]:
                connection.send(frame)
        self._pushes.clear()


class NullSession:
    """Answers each message with a constant and its id."""

    is_in_use = True

    def __init__(self, connection: Connection, broadcast: Broadcast) -> None:
        """Begin."""
        self._connection = connection
        self._broadcast = broadcast

    def receive_texts(self, messages: Sequence[bytes]) -> None:
        """Answer messages in one write; of an order only its symbol is read."""
        # The id goes back, so that the time of each answer is known.
        answers = [text_frame(b'{"id":%b,%b' % (text[7 : text.index(b",", 7)], _ANSWER)) for text in messages]
        self._connection.send(b"".join(answers))
        for text in messages:
            if b'"subscribe"' in text:
                for channel in json.loads(text)["params"]["channels"]:
                    self._broadcast.follow(channel.encode(), self._connection)
                continue
            at = text.find(_SYMBOL) + len(_SYMBOL)
            self._broadcast.tell(b"book:" + text[at : text.index(b'"', at)])

    def receive_binary(self, message: bytes) -> None:
        """Nobody sends any."""

    def look_after(self) -> None:
        """Nothing is to be seen."""

    def drained(self) -> None:
        """Nothing was put aside."""

    def too_slow(self) -> None:
        """Nothing more is said."""

    def lost(self) -> None:
        """The process ends with its clients."""


def main() -> None:
    """Serve on a free port, and print where."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
    broadcast = Broadcast()
    sockets = Sockets({"/ws": lambda connection: NullSession(connection, broadcast)}, limits=SocketLimits())
    config = uvicorn.Config(
        app,
        ws=sockets.make_protocol,  # type: ignore[arg-type]  # it makes a protocol, as a class would
        http="httptools",
        loop="uvloop",
        log_level="critical",
        lifespan="off",
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
