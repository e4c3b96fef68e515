"""The sequencer with the real journal, in process: durable commands a second, and rows a second at recovery."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.measuring import RUNS, Figure
from benchmarks.recordings import write_recording

ROOT: Final = Path(__file__).resolve().parents[1]
SEED: Final = 2
RESTING: Final = 10_000
MEASURED: Final = 120_000


def measure(progress: Callable[[str], None]) -> list[Figure]:
    """Return the figures of the sequencer; takes about a minute."""
    # On the disk of the checkout: a temporary folder may lie in memory.
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        recording = write_recording(Path(folder) / "recording", seed=SEED, resting=RESTING, count=MEASURED)
        values: dict[str, list[float]] = {}
        for run in range(1, RUNS + 1):
            progress(f"sequencer, run {run} of {RUNS}")
            for kind in ("unnamed", "named"):
                durable, recovery = _run_worker(recording, kind, data_dir=Path(folder) / f"{kind}-{run}")
                values.setdefault(kind, []).append(durable)
                values.setdefault(f"{kind} recovery", []).append(recovery)
    return [
        Figure(key="sequencer_durable_per_second", runs=values["unnamed"], at_least=60_000),
        Figure(key="sequencer_durable_named_per_second", runs=values["named"]),
        Figure(key="recovery_rows_per_second", runs=values["unnamed recovery"], at_least=500_000),
    ]


def _run_worker(recording: Path, kind: str, *, data_dir: Path) -> tuple[float, float]:
    completed = subprocess.run(
        [sys.executable, "-m", "benchmarks.sequencer_worker", str(recording), kind, str(data_dir)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode != 0:
        raise SystemExit(f"bench: the measurement of the sequencer failed:\n{completed.stderr}")
    durable, recovery = completed.stdout.split()
    return float(durable), float(recovery)
