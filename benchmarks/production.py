"""The exchange on PostgreSQL, in one process and with gateway workers, beside SQLite in one process in the same run.

Nothing is pinned: the load generator, PostgreSQL, the engine process and the gateways share what cores there are, as
the scheduler likes, so that with two cores the figures are of a machine that is full.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.measuring import Figure
from benchmarks.network_exchange import ROOT, Served, run_load, serving_exchange
from tests.support.postgres_database import postgres_database
from tests.support.postgres_server import running_postgres

RUNS: Final = 3
SECONDS: Final = 5
SOCKETS: Final = {"connections": 20, "in_flight": 64, "seconds": SECONDS}
PACED: Final = {"connections": 20, "rate": 1_000, "seconds": 5}
# As deploy/compose gives it on a small server.
_POSTGRES: Final = {"shared_buffers": "128MB", "max_wal_size": "2GB"}

_Values = dict[str, list[float]]


def measure(progress: Callable[[str], None]) -> list[Figure]:
    """Return the figures of both databases; takes about four minutes."""
    (ROOT / "build").mkdir(exist_ok=True)
    values: _Values = {}
    for run in range(1, RUNS + 1):
        progress(f"production, run {run} of {RUNS}")
        with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
            with serving_exchange(Path(folder) / "sqlite") as served:
                _keep(values, "ws_durable_per_second_sqlite", _orders_per_second(served))
                _keep(values, "ws_p99_milliseconds_at_1000_sqlite", _p99_milliseconds(served))
            for name, workers in (("postgres", 0), ("postgres_1_worker", 1), ("postgres_2_workers", 2)):
                with _serving_on_postgres(Path(folder) / name, workers=workers) as served:
                    _keep(values, f"ws_durable_per_second_{name}", _orders_per_second(served))
                    _keep(values, f"ws_p99_milliseconds_at_1000_{name}", _p99_milliseconds(served))
    return list(_figures(values))


def _figures(values: _Values) -> Iterator[Figure]:
    sqlite, one = values["ws_durable_per_second_sqlite"], values["ws_durable_per_second_postgres_1_worker"]
    for key, runs in values.items():
        yield Figure(key=key, runs=runs, at_most=15 if key.startswith("ws_p99") and "postgres" in key else None)
    for name in ("postgres", "postgres_1_worker", "postgres_2_workers"):
        runs = values[f"ws_durable_per_second_{name}"]
        yield Figure(
            key=f"ws_durable_{name}_over_sqlite",
            runs=[own / base for own, base in zip(runs, sqlite, strict=True)],
            at_least=0.8 if name == "postgres_1_worker" else None,
        )
    two = values["ws_durable_per_second_postgres_2_workers"]
    yield Figure(
        key="ws_durable_postgres_2_workers_over_1",
        runs=[own / base for own, base in zip(two, one, strict=True)],
        at_least=1.0,
    )


@contextmanager
def _serving_on_postgres(folder: Path, *, workers: int) -> Iterator[Served]:
    """Serve on a database server of its own, so that no run finds the disk work of the one before."""
    with running_postgres(**_POSTGRES) as server, postgres_database(server) as database:
        settings = {"WAIVER_DATABASE_URL": database.url, "WAIVER_WORKERS": str(workers)}
        with serving_exchange(folder, **settings) as served:
            yield served


def _orders_per_second(served: Served) -> float:
    result = run_load("full", _parameters(served) | SOCKETS)
    if result["refused"]:
        raise SystemExit(f"bench: {result['refused']} requests were refused")
    return float(result["per_second"])


def _p99_milliseconds(served: Served) -> float:
    return float(run_load("paced", _parameters(served) | PACED)["p99_ms"])


def _parameters(served: Served) -> dict[str, Any]:
    return {"url": served.socket_url, "keys": served.keys, "symbols": served.symbols}


def _keep(values: _Values, key: str, value: float) -> None:
    values.setdefault(key, []).append(value)
