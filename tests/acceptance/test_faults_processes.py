"""Processes that die at the wrong moment, or come where another one is already."""

import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from tests.support.faults import (
    OrderFlow,
    Trader,
    check_orders,
    finish_orders,
    make_exchange,
    refused_start,
    verify,
    wait_until,
)
from tests.support.waiver_process import COMMAND, environment, serving, waiver, waiver_json

# A program that kills itself as kill -9 would, before or after the step that is put in.
DIES = """
import asyncio, os, signal, sys
from waiver_exchange.adapters.files import snapshots
from waiver_exchange.adapters.sqlite import read_model
from waiver_exchange.application import recovery
from waiver_exchange.cli import main

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def then_die(step):
    def run(*arguments, **named):
        step(*arguments, **named)
        die()
    return run

def write_half(path, content):
    path.write_bytes(content[: len(content) // 2])
    die()

recovery.READ_ROWS = 16
{patch}
sys.exit(main())
"""
STARTING = {
    "in the replay": "recovery.replay = then_die(recovery.replay)",
    "before the read model is made": "read_model.SqliteReadModel._create = die",
    "in the middle of making the read model": "read_model.schema.metadata.create_all = die",
    "before history is stored": "read_model._store = die",
    "after history is stored": "read_model._store = then_die(read_model._store)",
}
SNAPSHOTTING = {
    "in the replay": "recovery.replay = then_die(recovery.replay)",
    "while it is written": "snapshots._write_durably = write_half",
    "before it has its name": "snapshots.Path.replace = die",
    "before the old ones are removed": "snapshots.FileSnapshotStore._remove_all_but = die",
}


def dying(patch: str) -> tuple[str, ...]:
    return (sys.executable, "-c", DIES.replace("{patch}", patch))


def trade_and_kill(data_dir: Path, traders: list[Trader], *, orders: int = 60) -> None:
    with serving(data_dir=data_dir) as server, OrderFlow(server.url, traders) as flow:
        flow.wait_for_more(acknowledged=orders)
        server.process.kill()
        server.wait()


def check_all(data_dir: Path, traders: list[Trader]) -> None:
    with serving(data_dir=data_dir) as server:
        finish_orders(server.url, traders)
        check_orders(server.url, traders)
        verify(data_dir)
        assert server.end() == 0


def test_kill_9_while_starting_does_no_harm_wherever_it_comes(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    trade_and_kill(data_dir, traders)
    for where, patch in STARTING.items():
        if "the read model" in where:
            (data_dir / "read_model.db").unlink(missing_ok=True)
        ran = waiver("serve", "--port", "0", data_dir=data_dir, command=dying(patch))
        assert (ran.code, ran.stdout) == (-signal.SIGKILL, ""), where
    check_all(data_dir, traders)


def test_kill_9_while_a_snapshot_is_taken_does_no_harm_wherever_it_comes(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    assert waiver_json("snapshot", data_dir=data_dir)["sequence"] > 0
    with serving(data_dir=data_dir) as server:
        with OrderFlow(server.url, traders) as flow:
            for where, patch in SNAPSHOTTING.items():
                flow.wait_for_more(acknowledged=5)
                ran = waiver("snapshot", data_dir=data_dir, command=dying(patch))
                assert ran.code == -signal.SIGKILL, (where, ran)
            assert waiver_json("snapshot", data_dir=data_dir)["sequence"] > 0
        server.process.kill()
        server.wait()
    names = [path.name for path in (data_dir / "snapshots").iterdir()]
    assert all(name.endswith(".snapshot") for name in names)
    assert 0 < len(names) <= 2
    check_all(data_dir, traders)


def test_a_snapshot_taken_during_trade_is_what_the_next_start_begins_with(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    snapshots = data_dir / "snapshots"
    with (
        serving(data_dir=data_dir, settings={"WAIVER_SNAPSHOT_ROWS": "200"}) as server,
        OrderFlow(server.url, traders) as flow,
    ):
        wait_until(lambda: list(snapshots.glob("*.snapshot")))
        flow.wait_for_more(acknowledged=20)
        server.process.kill()
        server.wait()
    sequence = int(max(snapshots.glob("*.snapshot")).stem)
    assert sequence >= 200
    # Its state is the one that all rows from the first lead to.
    assert verify(data_dir)["sequence"] > sequence
    # A start that executed the rows before it would not outlive this.
    only_behind = f"""
def replay(at, rows, step=recovery.replay):
    if at.sequence < {sequence}:
        die()
    step(at, rows)
recovery.replay = replay
"""
    with serving(data_dir=data_dir, command=dying(only_behind)) as server:
        finish_orders(server.url, traders)
        check_orders(server.url, traders)
        verify(data_dir)
        assert server.end() == 0


def test_a_second_server_is_refused_and_the_first_goes_on_unharmed(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    with serving(data_dir=data_dir) as server:
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=10)
            for _ in range(2):
                refused_start(data_dir, says=f"Another waiver process (pid {server.process.pid}) uses")
            flow.wait_for_more(acknowledged=10)
        assert flow.refused == 0
        check_orders(server.url, traders)
        verify(data_dir)
        assert server.end() == 0


def test_commands_without_a_server_wait_for_each_other(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    trader = make_exchange(data_dir)[0]
    deposit = (
        "cash",
        "deposit",
        "--reason",
        "test",
        "--account",
        trader.account_id,
        "--amount",
        "10",
        "--json",
        "--data-dir",
    )
    commands = [
        subprocess.Popen(  # noqa: S603 - our own program
            [*COMMAND, *deposit, str(data_dir), "--reference", reference],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for reference in ("one", "two", "two", "three")
    ]
    for command in commands:
        stdout, stderr = command.communicate(timeout=30)
        assert command.returncode == 0, stdout + stderr
    account = waiver_json("account", "show", "--account", trader.account_id, data_dir=data_dir)
    assert Decimal(account["cash"]) == Decimal("100030.00")
    verify(data_dir)


def test_the_socket_of_a_killed_server_is_replaced(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    trade_and_kill(data_dir, traders, orders=3)
    assert (data_dir / "control.sock").is_socket()
    assert waiver_json("status", data_dir=data_dir)["account_count"] == len(traders) + 1
    verify(data_dir)
    check_all(data_dir, traders)
    assert not (data_dir / "control.sock").exists()


def test_a_file_in_the_place_of_the_socket_is_replaced(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    (data_dir / "control.sock").write_text("left by somebody")
    assert waiver_json("status", data_dir=data_dir)["account_count"] == len(traders) + 1
    with serving(data_dir=data_dir) as server:
        assert (data_dir / "control.sock").is_socket()
        assert waiver_json("status", data_dir=data_dir)["account_count"] == len(traders) + 1
        assert server.end() == 0


def test_a_folder_in_the_place_of_the_socket_is_told(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    make_exchange(data_dir)
    (data_dir / "control.sock").mkdir()
    refused_start(data_dir, says="The control socket cannot be opened in the data directory")
    assert waiver_json("status", data_dir=data_dir)["sequence"] > 0
