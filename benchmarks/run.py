"""Measure, print a table, write `build/bench.json`. `make bench` runs it; `benchmarks/README.md` explains it."""

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import (  # noqa: E402 -- a script's own folder is on the path, its parent is not
    container,
    engine,
    history_cache,
    network,
    production,
    restart,
    security,
    sequencer,
    stack_memory,
)
from benchmarks.measuring import Figure, shown  # noqa: E402 -- as above

# A suite takes a function for progress lines and returns its figures.
SUITES: Final[list[Callable[[Callable[[str], None]], list[Figure]]]] = [
    engine.measure,
    sequencer.measure,
    network.measure,
    production.measure,
    restart.measure,
    security.measure,
    history_cache.measure,
    stack_memory.measure,
    container.measure,
]


def main() -> None:
    """Run every suite and report."""
    started = time.monotonic()

    def progress(message: str) -> None:
        print(f"bench: {time.monotonic() - started:4.0f} s  {message}", flush=True)

    machine = describe_machine()
    figures = [figure for suite in SUITES for figure in suite(progress)]
    progress("done")
    print_table(figures)
    report = ROOT / "build" / "bench.json"
    report.parent.mkdir(exist_ok=True)
    report.write_text(json.dumps(report_of(figures, machine), indent=2) + "\n", encoding="utf-8")
    print(f"\nbench: {report.relative_to(ROOT)}")


def print_table(figures: list[Figure]) -> None:
    """Print one line for each figure."""
    print(f"\n{'key':38} {'median':>12} {'min - max':>25} {'goal':>13}  met")
    for figure in figures:
        spread = f"{shown(min(figure.runs))} - {shown(max(figure.runs))}"
        met = {True: "yes", False: "NO", None: ""}[figure.is_met]
        print(f"{figure.key:38} {shown(figure.median):>12} {spread:>25} {figure.goal:>13}  {met}")


def report_of(figures: list[Figure], machine: dict[str, str | int | float]) -> dict[str, object]:
    """Return the medians by key, then everything needed to judge them."""
    return {
        **{figure.key: round(figure.median, 3) for figure in figures},
        "goals": {figure.key: figure.goal for figure in figures if figure.goal},
        "met": {figure.key: figure.is_met for figure in figures if figure.goal},
        "runs": {figure.key: [round(value, 3) for value in figure.runs] for figure in figures},
        "machine": machine,
    }


def describe_machine() -> dict[str, str | int | float]:
    """Return what the figures depend on; the load is that before the start, of other programs."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
