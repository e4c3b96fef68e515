"""The load generator of the network suite, a process of its own: `python -m benchmarks.network_load MODE PARAMETERS`.

It reads a JSON object of parameters and prints one of results. Its clients are as plain as can be, raw protocols that
count answers by their frames and heads, so that the server is measured and not the client. Frames are masked with
zeros.
"""

import asyncio
import base64
import gc
import json
import os
import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import uvloop

NAMED_MAX: Final = 12_000
WARM_SECONDS: Final = 1.0
ANSWER_SECONDS_MAX: Final = 30.0
_MASKED: Final = 0x80


class Key(NamedTuple):
    """An account that sends."""

    api_key: str
    api_secret: str


def text_frame(message: bytes) -> bytes:
    """Return a client's frame, masked with zeros."""
    length = len(message)
    if length < 126:
        return struct.pack("!BBI", 0x81, _MASKED | length, 0) + message
    return struct.pack("!BBHI", 0x81, _MASKED | 126, length, 0) + message


class Socket(asyncio.Protocol):
    """A WebSocket connection; `received` gets the messages that arrived together."""

    transport: Any

    def __init__(self, url: str, received: Callable[["Socket", list[bytes]], None] | None = None) -> None:
        self.received = received
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._url = urlsplit(url)
        self._rest = b""
        self._answers: list[asyncio.Future[bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to become a WebSocket."""
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET {self._url.path} HTTP/1.1\r\nHost: {self._url.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Take frames."""
        data = self._rest + data
        if not self.opened.done():
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if b" 101 " not in head:
                raise SystemExit(f"the server refused a WebSocket: {head!r} {data!r}")
            self.opened.set_result(None)
        messages, self._rest = split(data)
        if not messages:
            return
        if self._answers:
            self._answers.pop(0).set_result(messages[0])
        elif self.received is not None:
            self.received(self, messages)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits for it to be opened."""
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed while it was opened"))

    async def ask(self, method: str, **params: object) -> bytes:
        """Send a request on a connection where nothing else is under way and return the answer."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        self.transport.write(text_frame(json.dumps({"id": 0, "method": method, "params": params}).encode()))
        message = await asyncio.wait_for(answer, ANSWER_SECONDS_MAX)
        if b'"error"' in message:
            raise SystemExit(f"{method} was refused: {message!r}")
        return message


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the messages of a server's whole frames and the rest."""
    messages = []
    at, size = 0, len(data)
    while size - at >= 2:
        length, head = data[at + 1], at + 2
        if length == 126:
            length, head = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif length == 127:
            length, head = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if head + length > size:
            break
        if data[at] == 0x81:
            messages.append(data[head : head + length])
        elif data[at] == 0x88:
            raise SystemExit(f"the server closed a connection: {data[head : head + length]!r}")
        at = head + length
    return messages, data[at:]


async def open_socket(url: str, received: Callable[[Socket, list[bytes]], None] | None = None) -> Socket:
    """Return an open connection."""
    parts = urlsplit(url)
    _, protocol = await asyncio.get_running_loop().create_connection(
        lambda: Socket(url, received), str(parts.hostname), parts.port or 80
    )
    await asyncio.wait_for(protocol.opened, ANSWER_SECONDS_MAX)
    return protocol


def orders(symbols: list[str], *, seed: int) -> Iterator[dict[str, str]]:
    """Yield orders without end: half rest as bids and a third as asks, the rest trade or are cancelled at once."""
    draw = random.Random(seed)
    while True:
        symbol, kind = draw.choice(symbols), draw.random()
        order = {"symbol": symbol, "type": "limit", "quantity": f"0.{draw.randrange(1, 10)}"}
        if kind < 0.8:
            side, price = (
                ("buy", draw.randrange(1_600, 1_990)) if kind < 0.5 else ("sell", draw.randrange(2_010, 2_400))
            )
            yield order | {"side": side, "limit_price": f"{price / 100:.2f}"}
        else:
            side, price = ("buy", 2_015) if kind < 0.9 else ("sell", 1_985)
            yield order | {"side": side, "limit_price": f"{price / 100:.2f}", "time_in_force": "ioc"}


def order_frames(symbols: list[str], *, seed: int, count: int, name: str = "") -> list[bytes]:
    """Return frames that place orders, each with an id of its own, and with a name where one is given to begin with."""
    source: Iterator[dict[str, str]] = orders(symbols, seed=seed)
    if name:
        source = (order | {"client_order_id": f"{name}-{number}"} for number, order in enumerate(source))
    return [
        text_frame(json.dumps({"id": number, "method": "order.place", "params": next(source)}).encode())
        for number in range(1, count + 1)
    ]


class Flow:
    """Keeps so many orders in flight on one connection, and counts the answers."""

    def __init__(self, frames: list[bytes], *, in_flight: int) -> None:
        self._frames = frames
        self._in_flight = in_flight
        self._next = 0
        self.answered = 0
        self.refused = 0

    def start(self, socket: Socket) -> None:
        """Send the first orders."""
        socket.received = self.received
        self._send(socket, self._in_flight)

    def received(self, socket: Socket, messages: list[bytes]) -> None:
        """Count answers and send as many orders."""
        self.answered += len(messages)
        for message in messages:
            if b'"error":' in message[:40]:
                self.refused += 1
        self._send(socket, len(messages))

    def _send(self, socket: Socket, count: int) -> None:
        frames = self._frames
        batch = [frames[(self._next + index) % len(frames)] for index in range(count)]
        self._next += count
        socket.transport.write(b"".join(batch))


async def run_full(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return answers a second with so many connections and orders in flight on each."""
    keys = [Key(**key) for key in parameters["keys"]]
    flows: list[tuple[Flow, Socket]] = []
    for number in range(parameters["connections"]):
        socket = await open_socket(parameters["url"])
        if keys:
            await socket.ask("auth", **keys[number % len(keys)]._asdict())
        # A name is used once; without names the orders come again and again.
        name, count = (f"{number}", NAMED_MAX) if parameters.get("is_named") else ("", 2_000)
        frames = order_frames(parameters["symbols"], seed=number, count=count, name=name)
        flows.append((Flow(frames, in_flight=parameters["in_flight"]), socket))
    gc.collect()
    gc.freeze()
    for flow, socket in flows:
        flow.start(socket)
    await asyncio.sleep(WARM_SECONDS)
    before, started = sum(flow.answered for flow, _ in flows), time.perf_counter()
    used = time.process_time()
    await asyncio.sleep(parameters["seconds"])
    answered = sum(flow.answered for flow, _ in flows) - before
    seconds = time.perf_counter() - started
    return {
        "per_second": answered / seconds,
        "refused": sum(flow.refused for flow, _ in flows),
        "client_cpu": (time.process_time() - used) / seconds,
    }


async def run_paced(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return percentiles of the time from when an order was due to its answer, at a steady rate."""
    keys = [Key(**key) for key in parameters["keys"]]
    rate, total = parameters["rate"], int(parameters["rate"] * parameters["seconds"])
    due = [0.0] * (total + 1)
    took: list[float] = []
    done = asyncio.get_running_loop().create_future()

    def received(_: Socket, messages: list[bytes]) -> None:
        now = time.perf_counter()
        for message in messages:
            number = int(message[6 : message.index(b",", 6)])
            took.append(now - due[number])
        if len(took) >= total and not done.done():
            done.set_result(None)

    sockets = []
    for number in range(parameters["connections"]):
        socket = await open_socket(parameters["url"])
        if keys:
            await socket.ask("auth", **keys[number % len(keys)]._asdict())
        socket.received = received
        sockets.append(socket)
    frames = order_frames(parameters["symbols"], seed=7, count=total)
    gc.collect()
    gc.freeze()
    started = time.perf_counter()
    sent = 0
    while sent < total:
        now = time.perf_counter()
        while sent < total and started + sent / rate <= now:
            sent += 1
            due[sent] = started + (sent - 1) / rate
            sockets[sent % len(sockets)].transport.write(frames[sent - 1])
        await asyncio.sleep(0.0005)
    await asyncio.wait_for(done, ANSWER_SECONDS_MAX)
    took.sort()
    return {"p50_ms": took[len(took) // 2] * 1_000, "p99_ms": took[int(len(took) * 0.99)] * 1_000}


class HttpClient(asyncio.Protocol):
    """One kept connection that sends a request as soon as the one before is answered."""

    def __init__(self, requests: list[bytes]) -> None:
        self._requests = requests
        self._next = 0
        self._data = b""
        self.answered = 0
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        self._transport: Any = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Count a whole answer and send the next request."""
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._data[: end + 2].lower()
        at = head.index(b"content-length:") + 15
        length = int(head[at : head.index(b"\r\n", at)])
        if len(self._data) < end + 4 + length:
            return
        self.answered += 1
        self.refused += not self._data.startswith(b"HTTP/1.1 200")
        self._data = b""
        self._send()

    def _send(self) -> None:
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1


async def run_http(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return answers a second over so many kept connections, one request under way on each."""
    parts = urlsplit(parameters["url"])
    loop = asyncio.get_running_loop()
    clients = []
    for number in range(parameters["connections"]):
        requests = [text.encode() for text in http_requests(parameters, number)]
        _, client = await loop.create_connection(partial(HttpClient, requests), str(parts.hostname), parts.port or 80)
        clients.append(client)
    await asyncio.sleep(WARM_SECONDS)
    before, started = sum(client.answered for client in clients), time.perf_counter()
    await asyncio.sleep(parameters["seconds"])
    answered = sum(client.answered for client in clients) - before
    return {
        "per_second": answered / (time.perf_counter() - started),
        "refused": sum(client.refused for client in clients),
    }


def http_requests(parameters: dict[str, Any], number: int) -> list[str]:
    """Return requests that place orders, or that read markets and books in turn."""
    symbols, keys = parameters["symbols"], parameters["keys"]
    key = keys[number % len(keys)] if keys else {"api_key": "", "api_secret": ""}
    head = f"Host: exchange\r\nX-API-Key: {key['api_key']}\r\nX-API-Secret: {key['api_secret']}\r\n"
    if parameters["kind"] == "reads":
        paths = [path for symbol in symbols for path in ("/api/v1/markets", f"/api/v1/markets/{symbol}/book")]
        return [f"GET {path} HTTP/1.1\r\n{head}\r\n" for path in paths]
    source = orders(symbols, seed=number)
    bodies = [json.dumps(next(source)) for _ in range(500)]
    return [
        f"POST /api/v1/orders HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        f"{body}"
        for body in bodies
    ]


class Fanout:
    """Who follows which book, when each change was due, and how late it came to each."""

    def __init__(self) -> None:
        self.due: dict[bytes, dict[int, float]] = {}
        self.milliseconds: Counter[int] = Counter()
        self.gaps = 0
        self._read: dict[bytes, list[tuple[bytes, int, bool]]] = {}

    def follow(self) -> Callable[[Socket, list[bytes]], None]:
        """Return what a connection's messages are given to; it sees that no sequence number is missing."""
        expected: dict[bytes, int] = {}

        def received(_: Socket, messages: list[bytes]) -> None:
            now = time.perf_counter()
            for message in messages:
                for channel, sequence, is_snapshot in self._pushes(message):
                    if not is_snapshot and expected.get(channel) != sequence:
                        self.gaps += 1
                    expected[channel] = sequence + 1
                    due = None if is_snapshot else self.due.get(channel, {}).get(sequence)
                    if due is not None:
                        self.milliseconds[int((now - due) * 1_000)] += 1

        return received

    def _pushes(self, message: bytes) -> list[tuple[bytes, int, bool]]:
        """Return channel, sequence and whether it is a snapshot; the same bytes reach many connections."""
        known = self._read.get(message)
        if known is None:
            decoded = json.loads(message)
            pushes = decoded if isinstance(decoded, list) else [decoded]
            known = [
                (push["channel"].encode(), push["sequence"], push["type"] == "snapshot")
                for push in pushes
                if "channel" in push
            ]
            if len(self._read) > 10_000:
                self._read.clear()
            self._read[message] = known
        return known

    def percentile(self, share: float) -> int:
        """Return the milliseconds within which this share of all deliveries came."""
        left = share * self.milliseconds.total()
        for milliseconds in sorted(self.milliseconds):
            left -= self.milliseconds[milliseconds]
            if left <= 0:
                return milliseconds + 1
        return 0


async def run_fanout(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return how late changes of books come to many connections, each on two books; one more may never read.

    The books must be fresh: each order that is placed is one change of one book, counted from 1.
    """
    symbols = parameters["symbols"][: parameters["books"]]
    # It is a socket of this module.
    from benchmarks.network_stalled import open_stalled  # noqa: PLC0415

    fanout = Fanout()
    publisher = await open_socket(parameters["url"])
    if parameters["keys"]:
        await publisher.ask("auth", **parameters["keys"][0])
    stalled = None
    if parameters["has_stalled"]:
        stalled = await open_stalled(parameters["url"], parameters["keys"][0])
        stalled.stall([*(f"book:{symbol}" for symbol in symbols), "orders"])
    for number in range(parameters["connections"]):
        socket = await open_socket(parameters["url"])
        own = [symbols[number % len(symbols)], symbols[(number + 1) % len(symbols)]]
        socket.received = fanout.follow()
        request = {"id": 0, "method": "subscribe", "params": {"channels": [f"book:{symbol}" for symbol in own]}}
        socket.transport.write(text_frame(json.dumps(request).encode()))
    await asyncio.sleep(WARM_SECONDS)
    published = await publish(publisher, symbols, fanout, rate=parameters["rate"], seconds=parameters["seconds"])
    await asyncio.sleep(WARM_SECONDS)
    return {
        "p50_ms": fanout.percentile(0.5),
        "p99_ms": fanout.percentile(0.99),
        "deliveries": fanout.milliseconds.total(),
        "expected": 2 * parameters["connections"] * published // len(symbols),
        "gaps": fanout.gaps,
        "stalled_missed": 0 if stalled is None else published - await stalled.catch_up(),
    }


async def publish(publisher: Socket, symbols: list[str], fanout: Fanout, *, rate: int, seconds: float) -> int:
    """Place orders that rest, each a change of one book, at a steady rate; return how many."""
    total = unanswered = int(rate * seconds)
    done = asyncio.get_running_loop().create_future()

    def received(_: Socket, messages: list[bytes]) -> None:
        nonlocal unanswered
        unanswered -= len(messages)
        if unanswered == 0:
            done.set_result(None)

    sequences = dict.fromkeys(symbols, 0)
    publisher.received = received
    started = time.perf_counter()
    for number in range(total):
        due = started + number / rate
        ahead = due - time.perf_counter()
        if ahead > 0:
            await asyncio.sleep(ahead)
        symbol = symbols[number % len(symbols)]
        sequences[symbol] += 1
        fanout.due.setdefault(f"book:{symbol}".encode(), {})[sequences[symbol]] = due
        price = f"{16 + number % 300 / 100:.2f}"
        params = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": "0.1", "limit_price": price}
        message = json.dumps({"id": number, "method": "order.place", "params": params})
        publisher.transport.write(text_frame(message.encode()))
        if number % 32 == 31:
            await asyncio.sleep(0)
    await asyncio.wait_for(done, ANSWER_SECONDS_MAX)
    return total


MODES: Final = {"full": run_full, "paced": run_paced, "http": run_http, "fanout": run_fanout}


def main() -> None:
    """Run a mode."""
    print(json.dumps(uvloop.run(MODES[sys.argv[1]](json.loads(sys.stdin.read())))))


if __name__ == "__main__":
    main()
