"""The engine, compiled and not, and the reference model agree event for event and word for word of the state."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.model.digest import digest, engine_is_compiled
from tests.model.recording import Chunk, Recording, record
from tests.model.statistics import tally
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import decode_command
from waiver_exchange.domain.events import CommandRefused, OrderDenied, OrderRejected, decode_events
from waiver_exchange.engine import engine as engine_module
from waiver_exchange.engine.engine import Engine
from waiver_exchange.engine.state import load_state, state_bytes

ROOT = Path(__file__).resolve().parents[2]
WORKLOADS = 10
COMMANDS = 100_000


@pytest.fixture(scope="module", params=range(WORKLOADS), ids=lambda number: f"workload {number}")
def recording(request: pytest.FixtureRequest, seed: int) -> Recording:
    """One of the workloads; all tests that use it run before the next one is made."""
    return record(seed=seed + request.param, count=COMMANDS)


def test_engine_and_model_agree(recording: Recording) -> None:
    engine = Engine()
    for number, chunk in enumerate(recording.chunks):
        assert engine.execute_batch(b"".join(chunk.commands)) == len(chunk.commands)
        events = engine.take_events()
        if events != b"".join(chunk.events):
            pytest.fail(f"seed {recording.seed}, chunk {number}, {explain_difference(chunk, events)}")
        if number % 10 == 9:
            assert state_bytes(engine) == chunk.state, f"seed {recording.seed}: state after chunk {number}"


def test_recording_is_rich_in_stops_triggers_and_replacements(recording: Recording) -> None:
    counts: Counter[str] = Counter()
    for chunk in recording.chunks:
        tally(counts, decode_events(b"".join(chunk.events)))
    for kind in ("StopOrderAccepted", "OrderTriggered", "OrderReplaced", "MarketHalted", "OrderExpired"):
        assert counts[kind] > COMMANDS // 1_000, kind


def explain_difference(chunk: Chunk, events: bytes) -> str:
    """Name the first command to which the engine answered something else, and both answers."""
    at = 0
    for number, (command, expected) in enumerate(zip(chunk.commands, chunk.events, strict=True)):
        if events[at : at + len(expected)] != expected:
            lines = [f"command {number}: {decode_command(command)}", "model:"]
            lines += [f"    {event}" for event in decode_events(expected)]
            lines += ["engine, with what follows:"]
            lines += [f"    {event}" for event in list(decode_events(events[at:]))[: len(expected) // 8 + 3]]
            return "\n".join(lines)
        at += len(expected)
    return f"after all commands the engine adds {list(decode_events(events[at:]))}"


def test_compiled_and_uncompiled_engine_agree(recording: Recording, uncompiled_source: Path, tmp_path: Path) -> None:
    """Without a compiler the engine here is the uncompiled one too; then this test says so and holds trivially."""
    commands = tmp_path / "commands"
    commands.write_bytes(recording.commands())
    completed = subprocess.run(  # noqa: S603 -- our own module
        [sys.executable, "-m", "tests.model.digest", commands],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{uncompiled_source}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    if not engine_is_compiled():
        print("the engine is not compiled here: two uncompiled engines are compared")  # noqa: T201
    assert completed.stdout.split() == ["uncompiled", digest(recording.commands())]


@pytest.fixture(scope="session")
def uncompiled_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sources of the package that runs here, and nothing compiled."""
    package = Path(engine_module.__file__).parents[1]
    folder = tmp_path_factory.mktemp("uncompiled")
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    return folder


@pytest.mark.parametrize("loaded_after", [1, 7, 19])
def test_engine_loaded_from_its_state_goes_on_alike(seed: int, loaded_after: int) -> None:
    chunks = record(seed=seed + 100 + loaded_after, count=20_000).chunks
    engine = load_state(chunks[loaded_after - 1].state)
    assert state_bytes(engine) == chunks[loaded_after - 1].state
    for chunk in chunks[loaded_after:]:
        engine.execute_batch(b"".join(chunk.commands))
        assert engine.take_events() == b"".join(chunk.events)
    assert state_bytes(engine) == chunks[-1].state


def test_command_executed_alone_answers_like_one_in_a_batch_and_returns_its_refusal(seed: int) -> None:
    engine = Engine()
    for chunk in record(seed=seed + 200, count=10_000).chunks:
        for command, expected in zip(chunk.commands, chunk.events, strict=True):
            outcome = engine.execute(command)
            assert engine.take_events() == expected
            assert outcome == refusal_of(expected)
        assert state_bytes(engine) == chunk.state


def refusal_of(events: bytes) -> int:
    """The reason of the refusal that a command led to, or 0."""
    if events[0] not in (codes.COMMAND_REFUSED, codes.ORDER_DENIED, codes.ORDER_REJECTED):
        return 0
    (event,) = decode_events(events)
    assert isinstance(event, CommandRefused | OrderDenied | OrderRejected)
    return event.reason
