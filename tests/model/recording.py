"""What the reference engine answered to a workload, kept as bytes so that any engine can be held against it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.model.reference_engine import ReferenceEngine
from tests.model.reports import encode_events
from tests.model.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Commands, the events of each as the journal holds them, and the canonical state after the last."""

    commands: tuple[bytes, ...]
    events: tuple[bytes, ...]
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A workload with the model's answers."""

    seed: int
    chunks: tuple[Chunk, ...]

    def commands(self) -> bytes:
        """All commands, one behind another."""
        return b"".join(command for chunk in self.chunks for command in chunk.commands)


def record(*, seed: int, count: int, chunk_size: int = 1_000) -> Recording:
    """Run `count` commands of a workload through the reference engine."""
    return Recording(seed=seed, chunks=tuple(_record_chunks(seed=seed, count=count, chunk_size=chunk_size)))


def _record_chunks(*, seed: int, count: int, chunk_size: int) -> Iterator[Chunk]:
    workload, model = Workload(seed), ReferenceEngine()
    for start in range(0, count, chunk_size):
        commands, answers = [], []
        for _ in range(start, min(start + chunk_size, count)):
            command = workload.next()
            events = model.execute(command)
            workload.observe(events)
            commands.append(command)
            answers.append(encode_events(events))
        yield Chunk(commands=tuple(commands), events=tuple(answers), state=model.state_bytes())
