"""How PostgreSQL holds a season: speed and size of the journal and the read model as they grow.

    nice .venv/bin/python benchmarks/season.py --orders 250000 1000000

`benchmarks/README.md` explains it. Everything lies in a temporary folder, which is removed at the end.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402 -- a script's own folder is on the path, its parent is not

from benchmarks import season_filling as filling  # noqa: E402 -- as above
from benchmarks.season_work import Season, reads_of  # noqa: E402 -- as above
from tests.support.postgres_database import PostgresDatabase, postgres_database  # noqa: E402 -- as above
from tests.support.postgres_server import PostgresServer, running_postgres  # noqa: E402 -- as above

CHUNK_ORDERS: Final = 250_000
FREE_BYTES_MIN: Final = 20 << 30
REPEATS: Final = 40
BATCHES: Final = (64, 256, 1_000)
# Version 1 of control groups, where a limit counts the pages of files too.
_CGROUPS: Final = Path("/sys/fs/cgroup/memory")


def main() -> None:
    """Fill, measure and print at each size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, nargs="+", default=[250_000])
    parser.add_argument("--partitions", type=int, default=0, help="of the read model's large tables, to compare")
    parser.add_argument("--shared-buffers", default="128MB")
    parser.add_argument("--memory-megabytes", type=int, default=768, help="for the server and its files in memory")
    parser.add_argument("--report", type=Path, default=ROOT / "build" / "season.json")
    given = parser.parse_args()
    report: dict[str, Any] = {"memory_megabytes": given.memory_megabytes, "shared_buffers": given.shared_buffers}
    settings = {"shared_buffers": given.shared_buffers, "max_wal_size": "4GB", "checkpoint_timeout": "5min"}
    with running_postgres(**settings, wal_compression="on") as server, postgres_database(server) as database:
        prepare(database, partitions=given.partitions, orders=max(given.orders))
        filled = 0
        for orders in sorted(given.orders):
            filled = fill(database, first=filled + 1, last=orders)
            with LimitedMemory(server, given.memory_megabytes) as is_limited:
                report[str(orders)] = {"is_limited": is_limited, **measure(database, filled)}
            filled = report[str(orders)].pop("serial")
            given.report.parent.mkdir(exist_ok=True)
            given.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def prepare(database: PostgresDatabase, *, partitions: int, orders: int) -> None:
    """Let the read model begin at 0, and spare the fill what makes single rows durable."""
    if partitions:
        with psycopg.connect(database.administrator_url, autocommit=True) as connection:
            filling.partition(connection, partitions=partitions, orders=orders)
    asyncio.run(Season.begin(database.url))
    database.server.execute("ALTER SYSTEM SET synchronous_commit = off")
    database.server.execute("SELECT pg_reload_conf()")


def fill(database: PostgresDatabase, *, first: int, last: int) -> int:
    """Make the rows of these orders, chunk by chunk; return the last one made."""
    with psycopg.connect(database.administrator_url, autocommit=True) as connection:
        with filling.without_indexes(connection):
            for start in range(first, last + 1, CHUNK_ORDERS):
                if shutil.disk_usage(database.server.folder).free < FREE_BYTES_MIN:
                    raise SystemExit("season: less than 20 GB are free on the disk; stopped")
                begun, end = time.monotonic(), min(last, start + CHUNK_ORDERS - 1)
                filling.fill(connection, first=start, last=end)
                rate = (end - start + 1) / (time.monotonic() - begun)
                print(f"season: {end:>11,} orders, {rate:,.0f} a second", flush=True)
            begun = time.monotonic()
        print(f"season: indexes in {time.monotonic() - begun:.0f} s", flush=True)
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
    return last


class LimitedMemory:
    """Restart the server with none of its files in memory, and let it keep only so much there, if that can be set."""

    def __init__(self, server: PostgresServer, megabytes: int) -> None:
        self._server = server
        self._group = _CGROUPS / f"waiver-season-{os.getpid()}"
        self._bytes = megabytes << 20

    def __enter__(self) -> bool:
        """Return whether the limit holds."""
        self._server.stop()
        forget_files(self._server.folder)
        self._server.start()
        try:
            self._group.mkdir(exist_ok=True)
            (self._group / "memory.limit_in_bytes").write_text(str(self._bytes))
            for pid in self._server.pids():
                (self._group / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        if self._group.exists():
            self._group.rmdir()
        self._server.start()


def forget_files(folder: Path) -> None:
    """Have the operating system drop the pages of these files from its memory."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_socket():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


def measure(database: PostgresDatabase, orders: int) -> dict[str, Any]:
    """Return sizes, the speed of batches, and of reads, at this size."""
    with psycopg.connect(database.administrator_url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_commit = on")
        connection.execute("SELECT pg_reload_conf()")
        figures: dict[str, Any] = {"sizes_megabytes": sizes(connection)}
        show(f"{orders:,} orders", figures["sizes_megabytes"])
        serial = asyncio.run(measure_all(database, orders, connection, figures))
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")
        connection.execute("SELECT pg_reload_conf()")
    return {**figures, "serial": serial}


async def measure_all(
    database: PostgresDatabase, orders: int, connection: psycopg.Connection, into: dict[str, Any]
) -> int:
    """Measure what is written and then what is read; return the last order that was written."""
    season = await Season.open(database.url, serial=orders)
    try:
        for size in BATCHES:
            # Behind a restart, every page is written to the log whole when it is touched first.
            for name, work in (("journal", season.append), ("read model", season.store)):
                into[f"{name}, batch of {size}"] = await timed(connection, partial(work, size))
                show(f"{name}, batch of {size}", into[f"{name}, batch of {size}"])
        for name, read in reads_of(season, Random(7)).items():
            into[name] = await timed(connection, read)
            show(name, into[name])
    finally:
        await season.close()
    return season.serial


async def timed(connection: psycopg.Connection, work: Callable[[], Awaitable[object]]) -> dict[str, float]:
    """Do it many times; return milliseconds, pages that were not in the server's own memory, and bytes of log."""
    times: list[float] = []
    before = await settled_counters(connection, work)
    for _ in range(REPEATS):
        begun = time.perf_counter()
        await work()
        times.append((time.perf_counter() - begun) * 1_000)
    after = await settled_counters(connection, work)
    times.sort()
    return {
        "p50_ms": round(statistics.median(times), 2),
        "p95_ms": round(times[int(len(times) * 0.95)], 2),
        "max_ms": round(times[-1], 2),
        "pages_read": round((after[0] - before[0]) / (REPEATS + 1), 1),
        "log_kilobytes": round((after[1] - before[1]) / (REPEATS + 1) / 1_024, 1),
    }


async def settled_counters(connection: psycopg.Connection, work: Callable[[], Awaitable[object]]) -> tuple[int, int]:
    """Return the counters when a session has told of all it did, which it does once a second, after something more."""
    await asyncio.sleep(1.1)
    await work()
    return counters(connection)


def counters(connection: psycopg.Connection) -> tuple[int, int]:
    """Return the pages read so far and the bytes of log written so far."""
    row = connection.execute(
        "SELECT (SELECT sum(blks_read) FROM pg_stat_database)::bigint, pg_current_wal_lsn() - '0/0'::pg_lsn"
    ).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def sizes(connection: psycopg.Connection) -> dict[str, int]:
    """Return the size of every table and index that counts, partitions together, in megabytes."""
    rows = connection.execute(
        "SELECT coalesce(parent.relname, own.relname), own.relkind::text, sum(pg_relation_size(own.oid))::bigint "
        "FROM pg_class AS own LEFT JOIN pg_inherits ON inhrelid = own.oid "
        "LEFT JOIN pg_class AS parent ON parent.oid = inhparent "
        "WHERE own.relnamespace::regnamespace::text IN ('exchange', 'read_model') AND own.relkind IN ('r', 'i') "
        "GROUP BY 1, 2 HAVING sum(pg_relation_size(own.oid)) > 1000000 ORDER BY 3 DESC"
    ).fetchall()
    found = {f"{name}{'' if kind == 'r' else ' (index)'}": round(size / 1_048_576) for name, kind, size in rows}
    return {"all": sum(found.values()), **found}


def show(name: str, figures: dict[str, Any]) -> None:
    """Print one line."""
    print(f"season: {name}: " + ", ".join(f"{key} {value:,}" for key, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
