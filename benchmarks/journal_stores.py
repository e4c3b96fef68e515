"""The two journals beside each other: rows written a second, and the time to look for keys. Takes half a minute.

    .venv/bin/python benchmarks/journal_stores.py

Needs a PostgreSQL server, which it starts and ends itself, durable as in production. Both lie on the same disk and take
turns, because a busy machine is busy for both: read the ratios.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import uvloop

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fakes.journal import chained_rows, key_of  # noqa: E402 -- a script's own folder is on the path, its parent is not
from tests.support.postgres_database import postgres_database  # noqa: E402 -- as above
from tests.support.postgres_server import running_postgres  # noqa: E402 -- as above
from waiver_exchange.adapters.postgres.journal import PostgresJournal  # noqa: E402 -- as above
from waiver_exchange.adapters.sqlite.journal import SqliteJournal  # noqa: E402 -- as above
from waiver_exchange.application.ports import Journal, JournalRow  # noqa: E402 -- as above

RUNS: Final = 7
BATCHES: Final = 60
SIZES: Final = (1, 64, 256)
FINDS: Final = 300


def main() -> None:
    """Measure and print."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (
        running_postgres(shared_buffers="256MB") as server,
        postgres_database(server) as database,
        tempfile.TemporaryDirectory(dir=ROOT / "build") as folder,
    ):
        uvloop.run(measure(database.url, Path(folder) / "journal.db"))


async def measure(url: str, path: Path) -> None:
    """Measure both journals in turns."""
    journals = {"sqlite": SqliteJournal.open(path), "postgres": await PostgresJournal.open(url)}
    rows = chained_rows(RUNS * BATCHES * sum(SIZES))
    written = 0
    for size in SIZES:
        rates: dict[str, list[float]] = {name: [] for name in journals}
        for _ in range(RUNS):
            part = rows[written : written + BATCHES * size]
            written += len(part)
            for name, journal in journals.items():
                rates[name].append(await write(journal, part, size=size))
        report(f"batches of {size}, rows a second", rates)
    for count in (1, 64, 256):
        times: dict[str, list[float]] = {name: [] for name in journals}
        for _ in range(RUNS):
            for name, journal in journals.items():
                times[name].append(await find(journal, written, count=count))
        report(f"{count} keys looked for, half of them there, microseconds", times)
    for journal in journals.values():
        await journal.close()


async def write(journal: Journal, rows: list[JournalRow], *, size: int) -> float:
    """Return rows a second."""
    started = time.perf_counter()
    for first in range(0, len(rows), size):
        await journal.append(rows[first : first + size])
    return len(rows) / (time.perf_counter() - started)


async def find(journal: Journal, written: int, *, count: int) -> float:
    """Return microseconds for one look-up."""
    lookups = [
        [key_of(number * 7_919 % (2 * written) + 1) for number in range(start, start + count)]
        for start in range(0, FINDS * count, count)
    ]
    started = time.perf_counter()
    for keys in lookups:
        await journal.find(keys)
    return (time.perf_counter() - started) / FINDS * 1e6


def report(what: str, values: dict[str, list[float]]) -> None:
    """Print the medians of both and how they compare run by run."""
    sqlite, postgres = values["sqlite"], values["postgres"]
    ratio = statistics.median(there / here for there, here in zip(postgres, sqlite, strict=True))
    print(
        f"{what:55} sqlite {statistics.median(sqlite):>10,.0f}   postgres {statistics.median(postgres):>10,.0f}   "
        f"ratio {ratio:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
