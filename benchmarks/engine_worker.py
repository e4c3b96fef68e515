"""One measurement of the engine, in a process of its own: the engine found on the path, a recording, a kind of figure.

Run by `benchmarks/engine.py` as `python -m benchmarks.engine_worker FOLDER KIND WARM_UP COUNT`; prints one number.
"""

import gc
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import perf_counter_ns
from typing import Final

from benchmarks.measuring import pin_to_one_core
from benchmarks.recordings import batches, read_records
from waiver_exchange.engine.engine import Engine

BATCH: Final = 512
PAGE_BYTES: Final = 4_096


def main(folder: Path, kind: str, warm_up: int, count: int) -> float:
    """Bring an engine to the recording's state, warm it up, measure."""
    setup, filling, commands = (read_records(folder / name) for name in ("setup", "filling", "commands"))
    warming = commands[:warm_up]
    measured = commands[warm_up : warm_up + count]
    engine = Engine()
    # As the server does: what lives long is left out of collections, and none happens while orders are executed.
    gc.collect()
    gc.freeze()
    gc.disable()
    pin_to_one_core()
    replay(engine, setup)
    before = resident_bytes()
    replay(engine, filling)
    if kind == "memory":
        return (resident_bytes() - before) / len(filling)
    replay(engine, warming)
    return MEASUREMENTS[kind](engine, measured)


def replay(engine: Engine, records: list[bytes]) -> None:
    """Execute records in batches without looking at their events."""
    for batch in batches(records, BATCH):
        engine.execute_batch(batch)
        engine.discard_events()


def calls_per_second(engine: Engine, records: list[bytes]) -> float:
    """Call the engine for one command after the other; take the events of 512 at once, as the sequencer does."""
    execute = engine.execute
    remaining = iter(records)
    started = perf_counter_ns()
    while batch := list(islice(remaining, BATCH)):
        for record in batch:
            execute(record)
        engine.take_events()
    return len(records) * 1e9 / (perf_counter_ns() - started)


def replay_per_second(engine: Engine, records: list[bytes]) -> float:
    """Execute batches of 512 and take their events."""
    prepared = list(batches(records, BATCH))
    started = perf_counter_ns()
    for batch in prepared:
        engine.execute_batch(batch)
        engine.take_events()
    return len(records) * 1e9 / (perf_counter_ns() - started)


def submit_p999_microseconds(engine: Engine, records: list[bytes]) -> float:
    """Time each command on its own, the reading of the clock included; 999 of 1,000 take at most this long."""
    execute = engine.execute
    times = []
    for number, record in enumerate(records):
        started = perf_counter_ns()
        execute(record)
        times.append(perf_counter_ns() - started)
        if number % BATCH == 0:
            engine.discard_events()
    times.sort()
    return times[len(times) * 999 // 1000] / 1_000


def resident_bytes() -> int:
    """Return how much memory of this process is in use (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


MEASUREMENTS: Final[dict[str, Callable[[Engine, list[bytes]], float]]] = {
    "calls": calls_per_second,
    "replay": replay_per_second,
    "submit": submit_p999_microseconds,
}

if __name__ == "__main__":
    print(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
