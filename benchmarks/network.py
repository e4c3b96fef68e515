"""The exchange over real sockets: a server process, a load generator, and a null handler to compare with."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.measuring import Figure
from benchmarks.network_exchange import MARKETS, ROOT, Served, run_load, serving_exchange, serving_nothing

RUNS: Final = 3
SECONDS: Final = 4
SOCKETS: Final = {"connections": 20, "in_flight": 64, "seconds": SECONDS}
PACED: Final = {"connections": 20, "rate": 1_000, "seconds": 5}
HTTP: Final = {"connections": 64, "seconds": SECONDS}
# Each fan-out has books of its own, because it counts their changes from the first.
FANOUT: Final = {"connections": 500, "books": 10, "rate": 1_000, "seconds": 6, "has_stalled": True}

_Values = dict[str, list[float]]


def measure(progress: Callable[[str], None]) -> list[Figure]:
    """Return the figures of the network; takes about four minutes."""
    # On the disk of the checkout: a temporary folder may lie in memory.
    (ROOT / "build").mkdir(exist_ok=True)
    values: _Values = {}
    for run in range(1, RUNS + 1):
        progress(f"network, run {run} of {RUNS}")
        _measure_exchange(values)
        _measure_nothing(values)
    return [
        Figure(key="ws_durable_orders_per_second", runs=values["ws_durable_orders_per_second"], at_least=25_000),
        Figure(key="ws_named_orders_per_second", runs=values["ws_named_orders_per_second"]),
        Figure(key="ws_p99_milliseconds_at_1000", runs=values["ws_p99_milliseconds_at_1000"], at_most=10),
        Figure(key="rest_orders_per_second", runs=values["rest_orders_per_second"], at_least=6_000),
        Figure(key="rest_reads_per_second", runs=values["rest_reads_per_second"], at_least=8_000),
        Figure(key="fanout_p99_milliseconds", runs=values["fanout_p99_milliseconds"], at_most=150),
        Figure(key="fanout_p99_milliseconds_without_stalled", runs=values["fanout_p99_milliseconds_without_stalled"]),
        *_ratios(values),
    ]


def _ratios(values: _Values) -> list[Figure]:
    """Return each figure over that of the null handler in the same run."""
    null_of = {
        "ws_durable_orders_per_second": "null_ws_per_second",
        "ws_p99_milliseconds_at_1000": "null_ws_p99_milliseconds",
        "rest_orders_per_second": "null_rest_orders_per_second",
        "rest_reads_per_second": "null_rest_reads_per_second",
        "ws_named_orders_per_second": "null_ws_per_second",
        "fanout_p99_milliseconds": "null_fanout_p99_milliseconds",
    }
    return [
        Figure(key=f"{key}_over_null", runs=[own / null for own, null in zip(values[key], values[name], strict=True)])
        for key, name in null_of.items()
    ]


def _measure_exchange(values: _Values) -> None:
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder, serving_exchange(Path(folder)) as served:
        sockets = _parameters(served, served.socket_url)
        http = _parameters(served, served.url)
        # First, because its books have to be fresh.
        halves = {"symbols": served.symbols[: FANOUT["books"]]}, {"symbols": served.symbols[FANOUT["books"] :]}
        stalled = run_load("fanout", sockets | FANOUT | halves[0])
        _keep(values, "fanout_p99_milliseconds", _checked_fanout(stalled, has_stalled=True))
        alone = sockets | FANOUT | halves[1] | {"has_stalled": False}
        _keep(values, "fanout_p99_milliseconds_without_stalled", _checked_fanout(run_load("fanout", alone)))
        _keep(values, "ws_p99_milliseconds_at_1000", run_load("paced", sockets | PACED)["p99_ms"])
        for key, mode, parameters in (
            ("ws_durable_orders_per_second", "full", sockets | SOCKETS),
            ("ws_named_orders_per_second", "full", sockets | SOCKETS | {"is_named": True}),
            ("rest_orders_per_second", "http", http | HTTP | {"kind": "orders"}),
            ("rest_reads_per_second", "http", http | HTTP | {"kind": "reads"}),
        ):
            _keep(values, key, _checked(run_load(mode, parameters)))


def _measure_nothing(values: _Values) -> None:
    with serving_nothing() as url:
        nothing: dict[str, Any] = {"url": url, "keys": [], "symbols": [f"P{number:03d}" for number in range(MARKETS)]}
        sockets = nothing | {"url": url.replace("http://", "ws://") + "/ws"}
        fanout = run_load("fanout", sockets | FANOUT | {"has_stalled": False})
        _keep(values, "null_fanout_p99_milliseconds", _checked_fanout(fanout))
        _keep(values, "null_ws_p99_milliseconds", run_load("paced", sockets | PACED)["p99_ms"])
        _keep(values, "null_ws_per_second", run_load("full", sockets | SOCKETS)["per_second"])
        for kind in ("orders", "reads"):
            per_second = run_load("http", nothing | HTTP | {"kind": kind})["per_second"]
            _keep(values, f"null_rest_{kind}_per_second", per_second)


def _parameters(served: Served, url: str) -> dict[str, Any]:
    return {"url": url, "keys": served.keys, "symbols": served.symbols}


def _keep(values: _Values, key: str, value: float) -> None:
    values.setdefault(key, []).append(value)


def _checked(result: dict[str, Any]) -> float:
    if result["refused"]:
        raise SystemExit(f"bench: {result['refused']} requests were refused")
    return float(result["per_second"])


def _checked_fanout(result: dict[str, Any], *, has_stalled: bool = False) -> float:
    if result["gaps"] or result["deliveries"] != result["expected"]:
        raise SystemExit(f"bench: not every sequence number was received: {result}")
    if has_stalled and not result["stalled_missed"]:
        raise SystemExit("bench: the client that does not read missed nothing, so that it kept nobody waiting")
    return float(result["p99_ms"])
