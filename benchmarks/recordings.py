"""A workload's commands as files, so that each measurement runs in a process of its own on the same commands."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.workload import Workload
from waiver_exchange.domain.codes import HEADER_TAIL_SHIFT, HEADER_WORDS_SHIFT


def write_recording(folder: Path, *, seed: int, resting: int, count: int) -> Path:
    """Write a workload's setup, the orders that fill its books, and the commands that follow; return the folder."""
    folder.mkdir()
    workload = Workload(seed=seed, resting=resting)
    (folder / "setup").write_bytes(b"".join(workload.setup))
    (folder / "filling").write_bytes(b"".join(workload.filling))
    (folder / "commands").write_bytes(b"".join(workload.commands(count)))
    return folder


def read_records(path: Path) -> list[bytes]:
    """Return the records that lie in a file one behind another."""
    content = path.read_bytes()
    records = []
    at = 0
    while at < len(content):
        header = int.from_bytes(content[at : at + 8], "little")
        tail = header >> HEADER_TAIL_SHIFT
        end = at + ((header >> HEADER_WORDS_SHIFT) & 0xFFFF) * 8 + (tail + 7) // 8 * 8
        records.append(content[at:end])
        at = end
    return records


def batches(records: list[bytes], size: int) -> Iterator[bytes]:
    """Yield the records joined, so many at once."""
    for first in range(0, len(records), size):
        yield b"".join(records[first : first + size])
