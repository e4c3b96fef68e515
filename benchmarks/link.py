"""What the link costs: an engine's process, a gateway in this one, and orders from many senders or from one.

Run alone: `PYTHONPATH=. .venv/bin/python benchmarks/link.py`. Time of the processor is counted for each process by
itself, so that it says something on a busy machine too; latencies and rates want a quiet one.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

import uvloop

from tests.support.linked import running_link
from waiver_exchange.adapters.link import wire
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.ports import JournalRow
from waiver_exchange.bootstrap import running_exchange, running_follower
from waiver_exchange.cli.serving.process import settle_memory
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import PlaceOrder, pack_terms

ORDERS: Final = 30_000
SENDERS: Final = 256
ALONE: Final = 1_000
TERMS: Final = pack_terms(side=codes.BUY, order_type=codes.LIMIT, time_in_force=codes.IOC)
LISTING: Final = Listing(
    symbol="MAHOMES",
    name="Patrick Mahomes",
    position="QB",
    team="KC",
    supply_units=100_000_000,
    reference_price_cents=2_500,
)


async def serve(data_dir: Path) -> None:
    """Be the engine's process."""
    async with running_link(data_dir):
        settle_memory()
        print("ready", flush=True)
        await asyncio.Event().wait()


async def send(exchange: Exchange, *, account: int, orders: int, senders: int) -> list[float]:
    """Have senders wait for each of their orders; return how long each took, in seconds."""
    times: list[float] = []
    order = PlaceOrder(account=account, market=1, terms=TERMS, quantity_units=100, price_cents=2_000)

    async def sender() -> None:
        for _ in range(orders // senders):
            began = time.perf_counter()
            await exchange.sequencer.submit(order)
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(sender() for _ in range(senders)))
    return times


async def measured(exchange: Exchange, *, account: int, pid: int | None) -> dict[str, float]:
    """Return rate, latency of one sender, and the processor's time for each order, in this process and in another."""
    await send(exchange, account=account, orders=2_000, senders=64)
    began, own, other = time.perf_counter(), time.process_time(), seconds_of(pid)
    await send(exchange, account=account, orders=ORDERS, senders=SENDERS)
    seconds = time.perf_counter() - began
    figures = {
        "per_second": ORDERS / seconds,
        "own_microseconds": (time.process_time() - own) / ORDERS * 1e6,
        "engine_microseconds": (seconds_of(pid) - other) / ORDERS * 1e6,
    }
    figures["alone_p50_microseconds"] = median(await send(exchange, account=account, orders=ALONE, senders=1)) * 1e6
    return figures


def seconds_of(pid: int | None) -> float:
    """Return how much of a processor a process has used."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def prepare(data_dir: Path) -> int:
    """Make the exchange, and return the account that orders."""
    async with running_exchange(Settings(data_dir=data_dir)) as exchange:
        await list_player(exchange, LISTING)
        return (await create_account(exchange, name="Ann", cash_micros=10**15)).account


async def in_one_process(data_dir: Path, account: int) -> dict[str, float]:
    """Return the figures where the engine is."""
    async with running_exchange(Settings(data_dir=data_dir)) as exchange:
        settle_memory()
        return await measured(exchange, account=account, pid=None)


async def over_the_link(data_dir: Path, account: int, pid: int) -> dict[str, float]:
    """Return the figures of a gateway, and what it costs to look whether it is behind."""
    async with running_follower(Settings(data_dir=data_dir)) as exchange:
        settle_memory()
        freshness = exchange.freshness
        rounds = 1_000_000
        began = time.process_time()
        for _ in range(rounds):
            freshness is not None and freshness.is_behind  # noqa: B018 - what is measured
        look = (time.process_time() - began) / rounds * 1e9
        return await measured(exchange, account=account, pid=pid) | {"look_nanoseconds": look}


def encoding_cost() -> dict[str, float]:
    """Return what encoding and reading a row costs, in microseconds."""
    rows = [JournalRow(number, 2, 3, None, bytes(72), bytes(160), bytes(32)) for number in range(64)]
    rounds = 3_000
    frame = wire.encode(wire.Rows(1, rows))
    began = time.process_time()
    for _ in range(rounds):
        wire.encode(wire.Rows(1, rows))
    encoded = time.process_time()
    for _ in range(rounds):
        wire.read_by_gateway(frame[wire.LENGTH_BYTES :])
    read = time.process_time()
    each = rounds * len(rows) / 1e6
    return {"encode_row_microseconds": (encoded - began) / each, "read_row_microseconds": (read - encoded) / each}


def main() -> None:
    """Measure and print."""
    if len(sys.argv) > 1:
        uvloop.run(serve(Path(sys.argv[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "exchange"
        account = uvloop.run(prepare(data_dir))
        alone = uvloop.run(in_one_process(data_dir, account))
        engine = subprocess.Popen([sys.executable, __file__, str(data_dir)], stdout=subprocess.PIPE, text=True)
        try:
            if engine.stdout is not None:
                engine.stdout.readline()
            linked = uvloop.run(over_the_link(data_dir, account, engine.pid))
        finally:
            engine.kill()
            engine.wait()
    for name, figures in (("in one process", alone), ("over the link", linked), ("wire", encoding_cost())):
        print(name, json.dumps({key: round(value, 1) for key, value in figures.items()}))


if __name__ == "__main__":
    main()
