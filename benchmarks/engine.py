"""The engine alone: called one by one, replayed, interpreted, and with a million resting orders."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import waiver_exchange
from benchmarks.measuring import RUNS, Figure
from benchmarks.recordings import write_recording
from waiver_exchange.engine import engine as engine_module

ROOT: Final = Path(__file__).resolve().parents[1]
SEED: Final = 1
FEW_RESTING: Final = 10_000
MANY_RESTING: Final = 1_000_000
WARM_UP: Final = 100_000
MEASURED: Final = 600_000
# Interpreted, the same takes about twenty times as long.
INTERPRETED_WARM_UP: Final = 2_000
INTERPRETED_MEASURED: Final = 20_000


def measure(progress: Callable[[str], None]) -> list[Figure]:
    """Return the figures of the engine; takes about a minute."""
    if not str(engine_module.__file__).endswith(".so"):
        raise SystemExit("bench: the engine is not compiled here (see build/engine.log): there is nothing to measure")
    with tempfile.TemporaryDirectory() as folder:
        return _Bench(progress=progress, folder=Path(folder)).figures()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    progress: Callable[[str], None]
    folder: Path

    def figures(self) -> list[Figure]:
        """Measure everything, the same figures in turn in every run, so that a slow minute hits them all."""
        self.progress(f"making the workload with {FEW_RESTING:,} resting orders")
        few = write_recording(self.folder / "few", seed=SEED, resting=FEW_RESTING, count=WARM_UP + MEASURED)
        self.progress(f"making the workload with {MANY_RESTING:,} resting orders")
        many = write_recording(self.folder / "many", seed=SEED, resting=MANY_RESTING, count=WARM_UP + MEASURED)
        interpreted = _copy_uncompiled(self.folder / "uncompiled")
        values: dict[str, list[float]] = {}
        for run in range(1, RUNS + 1):
            self.progress(f"engine, run {run} of {RUNS}")
            for name, value in {
                "calls": _run_worker(few, "calls"),
                "interpreted_calls": _run_worker(few, "calls", source=interpreted),
                "replay": _run_worker(few, "replay"),
                "replay_many": _run_worker(many, "replay"),
                "interpreted_replay": _run_worker(few, "replay", source=interpreted),
                "submit": _run_worker(few, "submit"),
                "memory": _run_worker(many, "memory"),
            }.items():
                values.setdefault(name, []).append(value)
        return _figures_of(values)


def _figures_of(values: dict[str, list[float]]) -> list[Figure]:
    return [
        Figure(key="engine_calls_per_second", runs=values["calls"], at_least=1_200_000),
        Figure(key="engine_interpreted_per_second", runs=values["interpreted_calls"]),
        Figure(
            key="engine_calls_over_interpreted",
            runs=_ratios(values["calls"], values["interpreted_calls"]),
            at_least=4,
        ),
        Figure(key="engine_replay_per_second", runs=values["replay"], at_least=4_000_000),
        Figure(key="engine_interpreted_replay_per_second", runs=values["interpreted_replay"]),
        Figure(
            key="engine_replay_over_interpreted",
            runs=_ratios(values["replay"], values["interpreted_replay"]),
            at_least=12,
        ),
        Figure(key="engine_submit_p999_microseconds", runs=values["submit"], at_most=20),
        Figure(
            key="engine_cost_ratio_1m_resting",
            runs=_ratios(values["replay"], values["replay_many"]),
            at_most=1.5,
        ),
        Figure(key="engine_bytes_per_resting_order", runs=values["memory"], at_most=150),
    ]


def _ratios(numerators: list[float], denominators: list[float]) -> list[float]:
    return [numerator / denominator for numerator, denominator in zip(numerators, denominators, strict=True)]


def _copy_uncompiled(folder: Path) -> Path:
    """Copy the package without what is compiled, so that its sources run; return what to put on the path."""
    package = Path(str(waiver_exchange.__file__)).parent
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return folder


def _run_worker(recording: Path, kind: str, *, source: Path | None = None) -> float:
    """Measure in a new process; with a source, the package that lies there."""
    is_interpreted = source is not None
    warm_up = INTERPRETED_WARM_UP if is_interpreted else WARM_UP
    count = INTERPRETED_MEASURED if is_interpreted else MEASURED
    paths = [str(source)] if is_interpreted else []
    completed = subprocess.run(
        [sys.executable, "-m", "benchmarks.engine_worker", str(recording), kind, str(warm_up), str(count)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode != 0:
        raise SystemExit(f"bench: the measurement of {kind} failed:\n{completed.stderr}")
    return float(completed.stdout)
