"""Orders at an even pace over one connection, alone and beside a flood of wrong keys and tokens."""

import asyncio
import json
import secrets
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from benchmarks.network_exchange import Served, serving_exchange

ORDERS_PER_SECOND: Final = 200
WRONG_PER_SECOND: Final = 1_000
CONNECTIONS: Final = 8
SECONDS: Final = 3.0
ROUNDS: Final = 3
_WRONG: Final = (
    "X-API-Key: {key}\r\nX-API-Secret: wrong\r\n",
    "X-API-Key: WXNOBODY\r\nX-API-Secret: wrong\r\n",
    "Authorization: Bearer garbage\r\n",
    "Authorization: Bearer eyJhbGciOiJFZERTQSIsImtpZCI6Im5vYm9keSJ9.e30.AAAA\r\n",
    # Signed by nobody, in the name of a key that there is.
    "Authorization: Bearer {forged}\r\n",
    "Authorization: Bearer {forged}\r\n",
)


def measure_flood() -> tuple[list[float], list[float]]:
    """Return the p99 of orders in milliseconds of each round: alone, and beside the flood."""
    with tempfile.TemporaryDirectory() as folder, serving_exchange(Path(folder)) as served:
        return asyncio.run(_rounds(served))


async def _rounds(served: Served) -> tuple[list[float], list[float]]:
    alone, flooded = [], []
    token = await asyncio.to_thread(_token_of, served)
    await _orders(served)
    for _ in range(ROUNDS):
        alone.append(await _orders(served))
        floods = [asyncio.create_task(_flood(served, number, token)) for number in range(CONNECTIONS)]
        flooded.append(await _orders(served))
        for flood in floods:
            flood.cancel()
        await asyncio.gather(*floods, return_exceptions=True)
    return alone, flooded


async def _orders(served: Served) -> float:
    """Return the p99 of the time from sending an order to its answer, in milliseconds."""
    key = served.keys[0]
    order = {"symbol": served.symbols[0], "side": "buy", "type": "limit", "quantity": "1", "limit_price": "15.00"}
    body = json.dumps(order)
    head = f"X-API-Key: {key['api_key']}\r\nX-API-Secret: {key['api_secret']}\r\nContent-Type: application/json\r\n"
    start = "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\n"
    request = f"{start}{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    reader, writer = await connect(served)
    took: list[float] = []
    began = time.perf_counter()
    for number in range(int(SECONDS * ORDERS_PER_SECOND)):
        due = began + number / ORDERS_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        sent = time.perf_counter()
        writer.write(request)
        status = await read_answer(reader)
        took.append(time.perf_counter() - sent)
        if status != 200:
            raise SystemExit(f"bench: an order was answered {status}")
    writer.close()
    return statistics.quantiles(took, n=100)[-1] * 1e3


def _token_of(served: Served) -> str:
    """Return a good token: all of it but the signature is what a forger who knows the key's id would write."""
    key = served.keys[0]
    headers = {"X-API-Key": key["api_key"], "X-API-Secret": key["api_secret"]}
    with urlopen(Request(f"{served.url}/api/v1/tokens", method="POST", headers=headers)) as answer:  # noqa: S310 - our own server
        return str(json.load(answer)["token"])


async def _flood(served: Served, number: int, token: str) -> None:
    pace = CONNECTIONS / WRONG_PER_SECOND
    with suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await connect(served)
        began, count = time.perf_counter(), 0
        while True:
            forged = f"{token.rpartition('.')[0]}.{secrets.token_urlsafe(64)}"
            wrong = _WRONG[(number + count) % len(_WRONG)].format(key=served.keys[0]["api_key"], forged=forged)
            writer.write(f"GET /api/v1/account HTTP/1.1\r\nHost: x\r\n{wrong}\r\n".encode())
            await read_answer(reader)
            count += 1
            await asyncio.sleep(max(0.0, began + count * pace - time.perf_counter()))


async def connect(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection to a server."""
    url = urlsplit(served.url)
    return await asyncio.open_connection(url.hostname, url.port)


async def read_answer(reader: asyncio.StreamReader) -> int:
    """Read an answer whole, and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)
    await reader.readexactly(length)
    return int(lines[0].split()[1])
