"""One key's orders at an even pace, alone and beside another key that sends ten times what it may."""

import asyncio
import json
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from benchmarks.network_exchange import Served, serving_exchange
from benchmarks.security_flood import connect, read_answer

ORDERS_PER_SECOND: Final = 50
LIMIT_PER_SECOND: Final = 100
FLOOD_PER_SECOND: Final = 1_000
CONNECTIONS: Final = 8
SECONDS: Final = 4.0
ROUNDS: Final = 3
_OK: Final = 200


def measure_fairness(**settings: str) -> tuple[list[float], list[float]]:
    """Return the p99 of orders in milliseconds of each round: alone, and beside the flood; of a server so set."""
    limited = {"WAIVER_ORDERS_PER_SECOND": str(LIMIT_PER_SECOND)} | settings
    with tempfile.TemporaryDirectory() as folder, serving_exchange(Path(folder), **limited) as served:
        return asyncio.run(_rounds(served))


async def _rounds(served: Served) -> tuple[list[float], list[float]]:
    alone, flooded = [], []
    await _orders(served)
    for _ in range(ROUNDS):
        alone.append(await _orders(served))
        floods = [asyncio.create_task(_flood(served)) for _ in range(CONNECTIONS)]
        flooded.append(await _orders(served))
        for flood in floods:
            flood.cancel()
        await asyncio.gather(*floods, return_exceptions=True)
    return alone, flooded


async def _orders(served: Served) -> float:
    """Return the p99 of the time from sending an order of the first key to its answer, in milliseconds."""
    request = _order_of(served, 0)
    reader, writer = await connect(served)
    took: list[float] = []
    began = time.perf_counter()
    for number in range(int(SECONDS * ORDERS_PER_SECOND)):
        await asyncio.sleep(max(0.0, began + number / ORDERS_PER_SECOND - time.perf_counter()))
        sent = time.perf_counter()
        writer.write(request)
        status = await read_answer(reader)
        took.append(time.perf_counter() - sent)
        if status != _OK:
            raise SystemExit(f"bench: an order was answered {status}")
    writer.close()
    return statistics.quantiles(took, n=100)[-1] * 1e3


async def _flood(served: Served) -> None:
    """Send orders of the second key on one of the connections; most are refused, because they are too many."""
    pace = CONNECTIONS / FLOOD_PER_SECOND
    request = _order_of(served, 1)
    with suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await connect(served)
        began, count = time.perf_counter(), 0
        while True:
            writer.write(request)
            await read_answer(reader)
            count += 1
            await asyncio.sleep(max(0.0, began + count * pace - time.perf_counter()))


def _order_of(served: Served, number: int) -> bytes:
    key = served.keys[number]
    body = json.dumps(
        {"symbol": served.symbols[0], "side": "buy", "type": "limit", "quantity": "1", "limit_price": "15.00"}
    )
    head = f"X-API-Key: {key['api_key']}\r\nX-API-Secret: {key['api_secret']}\r\nContent-Type: application/json\r\n"
    return f"POST /api/v1/orders HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
