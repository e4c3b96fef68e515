"""How much memory service, PostgreSQL and Redis take with 500 players, 10,000 accounts and 100,000 open orders.

What counts is each process's proportional share (PSS of /proc/PID/smaps_rollup): a page that several processes share is
counted once. The processes run without containers; PostgreSQL and Redis are set as compose.yaml sets them.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.measuring import Figure
from tests.support.postgres_database import postgres_database
from tests.support.postgres_server import PostgresServer, find_program, running_postgres
from tests.support.redis_server import running_redis
from waiver_exchange.gateway.control.client import call_server

ROOT: Final = Path(__file__).resolve().parents[1]
PLAYERS: Final = 500
ACCOUNTS: Final = 10_000
ORDERS: Final = 100_000
MEGABYTES_MAX: Final = 900
CONNECTIONS: Final = 32
THREADS: Final = 8
# After the load, so that what is written behind has been.
REST_SECONDS: Final = 10.0
START_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 60.0
_MEGABYTE: Final = 1_000_000
_PRICE_CENTS: Final = 2_000
_SETTINGS: Final = {
    "WAIVER_ORDERS_PER_SECOND": "0",
    "WAIVER_READS_PER_SECOND": "0",
    "WAIVER_ADDRESS_REQUESTS_PER_SECOND": "0",
}


def measure(progress: Callable[[str], None]) -> list[Figure]:
    """Return the figure, or nothing where PostgreSQL or Redis is not installed."""
    if find_program("initdb") is None or shutil.which("redis-server") is None:
        progress("stack memory: left out, no PostgreSQL or no Redis here")
        return []
    progress(f"stack memory: {ACCOUNTS:,} accounts, {ORDERS:,} orders")
    with (
        tempfile.TemporaryDirectory(prefix="memory-") as folder,
        running_postgres(**postgres_settings()) as postgres,
        running_redis() as redis,
        postgres_database(postgres) as database,
    ):
        settings = {"WAIVER_DATABASE_URL": database.url, "WAIVER_REDIS_URL": redis.url, **_SETTINGS}
        with serving(Path(folder), settings) as (url, service):
            port = int(url.rpartition(":")[2])
            load(Path(folder), port, progress)
            time.sleep(REST_SECONDS)
            roots = {"service": service, "postgres": pid_of(postgres), "redis": redis.pid}
            parts = {name: sum(map(pss_bytes, with_children(root))) / _MEGABYTE for name, root in roots.items()}
    shown = ", ".join(f"{name} {size:.0f}" for name, size in parts.items())
    progress(f"stack memory: {shown} MB")
    total = Figure(key="stack_memory_megabytes", runs=[sum(parts.values())], at_most=MEGABYTES_MAX)
    return [total, *(Figure(key=f"stack_memory_megabytes_{name}", runs=[size]) for name, size in parts.items())]


def postgres_settings() -> dict[str, str]:
    """Return what compose.yaml sets, read from it, so that what is measured is what is shipped."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    return dict(re.findall(r"^ +- -c(\w+)=(\w+)$", text, re.MULTILINE))


@contextmanager
def serving(folder: Path, settings: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Serve with one worker; yield the address and the process that all others descend from."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WAIVER_")}
    command = [sys.executable, "-m", "waiver_exchange", "serve", "--workers", "1", "--port", "0", "--json"]
    with (
        (folder / "exchange.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(
            [*command, "--data-dir", str(folder / "exchange")],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=clean | settings,
        ) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            if '"url"' not in line:
                process.kill()
                raise RuntimeError(line + (folder / "exchange.log").read_text(encoding="utf-8"))
            yield str(json.loads(line)["url"]), process.pid
        finally:
            process.terminate()
            process.wait(STOP_SECONDS_MAX)


def load(folder: Path, port: int, progress: Callable[[str], None]) -> None:
    """List players, open accounts, and leave orders in the books: all of them bids, so that none trades."""
    control = folder / "exchange" / "control.sock"
    symbols = [f"P{number:03d}" for number in range(PLAYERS)]
    for symbol in symbols:
        facts = {"name": symbol, "position": "QB", "team": "KC", "supply": "10000", "reference_price": "20.00"}
        call_server(control, "market.list_player", {"symbol": symbol, **facts})

    def open_account(number: int) -> tuple[str, str]:
        account = call_server(control, "account.create", {"name": f"Trader {number}", "cash": "10000"})
        return str(account["api_key"]), str(account["api_secret"])

    # Some at a time, because those that wait for a commit can share it.
    with ThreadPoolExecutor(THREADS) as threads:
        keys = list(threads.map(open_account, range(ACCOUNTS)))
    progress("stack memory: accounts are open")
    asyncio.run(place_orders(port, keys, symbols))
    progress("stack memory: orders rest")


async def place_orders(port: int, keys: list[tuple[str, str]], symbols: list[str]) -> None:
    """Send every account's orders over some connections, each answered before the next."""
    waiting = iter(range(ORDERS))

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in waiting:
            key, secret = keys[number % len(keys)]
            cents = _PRICE_CENTS - number // PLAYERS % 400
            order = {
                "symbol": symbols[number % PLAYERS],
                "side": "buy",
                "type": "limit",
                "quantity": "0.5",
                "limit_price": f"{cents // 100}.{cents % 100:02d}",
            }
            body = json.dumps(order).encode()
            head = (
                f"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\nX-API-Secret: {secret}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answered = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answered, re.IGNORECASE)
            content = await reader.readexactly(int(length[1])) if length else b""
            if not answered.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"an order was refused: {content.decode()}")
        writer.close()

    await asyncio.gather(*(send() for _ in range(CONNECTIONS)))


def with_children(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    children = Path(f"/proc/{root}/task/{root}/children").read_text(encoding="ascii").split()
    return [root, *(pid for child in children for pid in with_children(int(child)))]


def pss_bytes(pid: int) -> int:
    """Return the proportional share of memory of a process."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = re.search(r"^Pss:\s+(\d+) kB$", rollup, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def pid_of(postgres: PostgresServer) -> int:
    """Return the postmaster's id, as it wrote it down."""
    return int((postgres.folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])
