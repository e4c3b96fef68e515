"""How long an exchange with a long journal takes from its start to its first request: `restart_seconds_10m_rows`.

    .venv/bin/python benchmarks/restart.py [--rows 10000000] [--database sqlite|postgres]

The last 200,000 rows lie behind the newest snapshot, the last 10,000 behind the read model: about the most there is
after a `kill -9`. These rows, and those that led to 10,000 resting orders, are real. What lies before them is filler of
the same size, which a restart does not read; the read model holds the orders of the real rows alone. The processor's
time is that of the server alone, and says how long it took where nothing else ran.
"""

import argparse
import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import psycopg

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.measuring import Figure  # noqa: E402 -- a script's own folder is on the path, its parent is not
from benchmarks.workload import Workload  # noqa: E402 -- as above
from tests.support.postgres_database import postgres_database  # noqa: E402 -- as above
from tests.support.postgres_server import running_postgres  # noqa: E402 -- as above
from waiver_exchange.adapters.sqlite.journal_file import open_writer  # noqa: E402 -- as above
from waiver_exchange.application.chain import chain_hash  # noqa: E402 -- as above
from waiver_exchange.application.ports import JournalRow, Snapshot  # noqa: E402 -- as above
from waiver_exchange.bootstrap.backend import open_journal, open_read_model, open_snapshots  # noqa: E402 -- as above
from waiver_exchange.config import Settings  # noqa: E402 -- as above
from waiver_exchange.engine.engine import Engine  # noqa: E402 -- as above
from waiver_exchange.engine.state import state_bytes  # noqa: E402 -- as above
from waiver_exchange.projections.fold import Projector  # noqa: E402 -- as above
from waiver_exchange.projections.state import ReadModelState  # noqa: E402 -- as above

RUNS: Final = 3
ROWS: Final = 10_000_000
RESTING: Final = 10_000
BEHIND_SNAPSHOT: Final = 200_000
BEHIND_READ_MODEL: Final = 10_000
GROUP: Final = 1_000
BYTES_PER_ROW: Final = 1_500  # with indexes, logs and some room
FILLING_SECONDS_MAX: Final = 1_800
START_SECONDS_MAX: Final = 300
COMMAND_BYTES: Final = 72
EVENTS_BYTES: Final = 208

_SQLITE_FILLER: Final = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
INSERT INTO journal SELECT n, n, 2, randomblob(16), zeroblob(?), zeroblob(?), zeroblob(32) FROM numbers
"""
_POSTGRES_FILLER: Final = """
INSERT INTO exchange.journal
SELECT n, n, 2, decode(md5(n::text), 'hex'), decode(repeat('00', %s), 'hex'), decode(repeat('00', %s), 'hex'),
    decode(repeat('00', 32), 'hex')
FROM generate_series(1, %s) AS n
"""


def measure(progress: Callable[[str], None]) -> list[Figure]:
    """Return the figures of PostgreSQL; takes some minutes."""
    progress(f"restart with {ROWS:,} rows")
    seconds, busy = _measure("postgres", ROWS)
    return [
        Figure(key="restart_seconds_10m_rows", runs=seconds, at_most=10),
        Figure(key="restart_processor_seconds_10m_rows", runs=busy),
    ]


def main() -> None:
    """Fill, start some times, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--database", choices=("sqlite", "postgres"), action="append")
    chosen = parser.parse_args()
    for name in chosen.database or ("sqlite", "postgres"):
        seconds, busy = _measure(name, chosen.rows)
        shown = ", ".join(f"{value:.2f}" for value in seconds)
        figure = f"{statistics.median(seconds):.2f} of {shown}; processor {min(busy):.2f}"
        print(f"restart_seconds_10m_rows, {name}, {chosen.rows:,} rows: {figure}", flush=True)


def _measure(name: str, rows: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each start, and those of the processor."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    for place in (build, Path(tempfile.gettempdir())):
        if shutil.disk_usage(place).free < rows * BYTES_PER_ROW:
            raise SystemExit(f"restart: {place} needs {rows * BYTES_PER_ROW / 2**30:.0f} GiB of free space")
    with tempfile.TemporaryDirectory(dir=build) as folder, _settings(name, Path(folder)) as (settings, owner_url):
        _fill(settings, owner_url, rows)
        starts = [_start(settings) for _ in range(RUNS)]
    return [seconds for seconds, _ in starts], [busy for _, busy in starts]


@contextmanager
def _settings(name: str, folder: Path) -> Iterator[tuple[Settings, str]]:
    if name == "sqlite":
        yield Settings(data_dir=folder), ""
        return
    with (
        running_postgres(shared_buffers="256MB", max_wal_size="8GB", maintenance_work_mem="512MB") as server,
        postgres_database(server) as database,
    ):
        yield Settings(data_dir=folder, database_url=database.url), database.administrator_url


def _fill(settings: Settings, owner_url: str, rows: int) -> None:
    started = time.monotonic()
    workload = Workload(seed=3, resting=RESTING)
    records = workload.setup + workload.filling + workload.commands(BEHIND_SNAPSHOT)
    filler = rows - len(records)
    if owner_url:
        _fill_postgres(owner_url, filler)
    else:
        _fill_sqlite(settings.data_dir / "journal.db", filler)
    print(f"restart: {filler:,} rows of filler after {time.monotonic() - started:.0f} s", flush=True)
    asyncio.run(_write_real(settings, records, filler=filler))
    print(f"restart: {len(records):,} real rows after {time.monotonic() - started:.0f} s", flush=True)


def _fill_sqlite(path: Path, count: int) -> None:
    with closing(open_writer(path)) as connection:
        connection.execute("DROP INDEX journal_key")
        connection.execute(_SQLITE_FILLER, (count, COMMAND_BYTES, EVENTS_BYTES))
        connection.execute("CREATE UNIQUE INDEX journal_key ON journal (key) WHERE key IS NOT NULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_postgres(owner_url: str, count: int) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(f"SET statement_timeout = '{FILLING_SECONDS_MAX}s'")
        connection.execute("DROP INDEX exchange.journal_key")
        connection.execute(_POSTGRES_FILLER, (COMMAND_BYTES, EVENTS_BYTES, count))
        connection.execute("CREATE UNIQUE INDEX journal_key ON exchange.journal (key) WHERE key IS NOT NULL")
        connection.execute("VACUUM ANALYZE exchange.journal")
        connection.execute("CHECKPOINT")


async def _write_real(settings: Settings, records: list[bytes], *, filler: int) -> None:
    """Execute the records behind the filler, and keep rows, snapshot and read model as a server would."""
    journal = await open_journal(settings, read_only=False)
    read_model = open_read_model(settings)
    await read_model.load()
    engine = Engine()
    projector = Projector(ReadModelState())
    projector.state.sequence = filler  # behind its pending changes, which begin at row 0 as the store does
    sequence, time_ns, chain = filler, 0, bytes(32)
    last = filler + len(records)
    for first in range(0, len(records), GROUP):
        group = records[first : first + GROUP]
        rows = []
        for record in group:
            if sequence == last - BEHIND_SNAPSHOT:
                at = Snapshot(sequence=sequence, time_ns=time_ns, chain=chain, state=state_bytes(engine))
                await open_snapshots(settings).store(at)
            engine.execute_batch(record)
            events = bytes(engine.take_events())
            sequence += 1
            time_ns, account = int.from_bytes(record[8:16], "little"), int.from_bytes(record[16:24], "little")
            key = None if first == 0 else sha256(b"%d" % sequence).digest()[:16]
            chain = chain_hash(previous=chain, sequence=sequence, key=key, command=record, events=events)
            rows.append(JournalRow(sequence, time_ns, account, key, record, events, chain))
        await journal.append(rows)
        if sequence > last - BEHIND_READ_MODEL:
            continue
        for row in rows:
            projector.apply(row)
        changes = projector.take_changes()
        if changes is not None:
            await read_model.store(changes)
            projector.forget_closed(changes)
    await read_model.close()
    await journal.close()


def _start(settings: Settings) -> tuple[float, float]:
    """Return the seconds until the server says that it serves, and its processor's; it is killed then.

    The processor's time is up to its end, some milliseconds later.
    """
    environment = os.environ | {"PYTHONPATH": "", "WAIVER_SNAPSHOT_ROWS": "1000000000"}
    if settings.database_url:
        environment["WAIVER_DATABASE_URL"] = settings.database_url
    command = [sys.executable, "-m", "waiver_exchange", "serve", "--port", "0", "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with subprocess.Popen(
        [*command, "--data-dir", str(settings.data_dir)], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        try:
            if process.stdout is None or "url" not in process.stdout.readline():
                raise SystemExit("restart: the server did not start; see above")
            seconds = time.perf_counter() - started
        finally:
            process.kill()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
