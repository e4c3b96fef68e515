"""`waiver serve`: starting, stopping, who may start, and what happens when something breaks."""

import os
import signal
import socket
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.waiver_process import serving, waiver, waiver_json
from waiver_exchange.adapters.files.data_directory import DataDirectory

BROKEN_EXCHANGE = """
import asyncio, sys
from waiver_exchange.application.sequencer import Sequencer
from waiver_exchange.cli import main

async def run(self):
    await asyncio.sleep(0.5)
    raise RuntimeError("cash was conserved")

Sequencer.run = run
sys.exit(main())
"""
STALLED_DISK = """
import sys, time
from waiver_exchange.cli import main, stopping
from waiver_exchange.cli.serving import exchange

async def close(*_, **__):
    time.sleep(60)

stopping.STOP_SECONDS_MAX = 10
exchange._close = close
sys.exit(main())
"""
INTERRUPTED_OPENING = """
import os, signal, sys
from waiver_exchange.cli import main
from waiver_exchange.cli.serving import exchange

async def open_exchange(settings):
    os.kill(os.getpid(), signal.SIGTERM)
    raise RuntimeError("still there")

exchange.open_exchange = open_exchange
sys.exit(main())
"""
FAILING_DEMO = """
import sys
from waiver_exchange.cli import main
from waiver_exchange.cli.serving import exchange

async def run_demo(_):
    raise RuntimeError("no players today")

exchange.run_demo = run_demo
sys.exit(main())
"""


def read(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - our own server
        return int(response.status)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_the_next_start_continues(tmp_path: Path, number: signal.Signals) -> None:
    data_dir = tmp_path / "exchange"
    with serving(data_dir=data_dir) as server:
        assert read(f"{server.url}/readyz") == 200
        waiver_json("account", "create", "--name", "Ann", "--cash", "7.00", data_dir=data_dir)
        started = time.monotonic()
        assert server.end(number) == 0
        assert time.monotonic() - started < 10
        assert server.log.splitlines()[-1] == "waiver: stopped; everything is stored"
    assert not (data_dir / "control.sock").exists()
    with serving(data_dir=data_dir):
        (_, ann) = waiver_json("account", "list", data_dir=data_dir)["accounts"]
        assert ann["cash"] == "7.00"


def test_a_connection_that_stays_open_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    with serving(data_dir=tmp_path / "exchange") as server:
        address = server.url.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1])), timeout=10) as idle:
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n")
            assert server.end() == 0


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    with serving(data_dir=tmp_path / "exchange", command=[sys.executable, "-c", STALLED_DISK]) as server:
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert server.end() == 130


def test_a_signal_while_opening_ends_it_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED_OPENING]
    ran = waiver("serve", "--port", "0", data_dir=tmp_path / "exchange", command=command)
    assert (ran.code, ran.stdout) == (0, "")
    assert ran.stderr == "waiver: stopped while opening the exchange; nothing was changed\n"


def test_a_stop_that_hangs_is_cut_short(tmp_path: Path) -> None:
    hurried = STALLED_DISK.replace("STOP_SECONDS_MAX = 10", "STOP_SECONDS_MAX = 1")
    with serving(data_dir=tmp_path / "exchange", command=[sys.executable, "-c", hurried]) as server:
        assert server.end() == 1
        assert "could not stop within 1 s" in server.log


def test_a_second_server_on_a_data_directory_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    with serving(data_dir=data_dir) as server:
        second = waiver("serve", "--port", "0", "--json", data_dir=data_dir)
        error = second.json["error"]
        assert (second.code, error["code"]) == (3, "data_directory_in_use")
        assert f"pid {server.process.pid}" in error["message"]
        refused = waiver("demo-reset", "--json", data_dir=data_dir)
        assert (refused.code, refused.json["error"]["code"]) == (3, "data_directory_in_use")
        assert read(f"{server.url}/healthz") == 200
        assert waiver_json("status", data_dir=data_dir)["sequence"] == 0


def test_a_busy_port_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = waiver("serve", "--port", port, "--json", data_dir=tmp_path / "exchange")
    assert (ran.code, ran.json["error"]["code"]) == (1, "cannot_listen")
    assert f"Port {port} on 127.0.0.1 is in use" in ran.json["error"]["message"]
    assert "Traceback" not in ran.stderr


def test_a_host_that_is_not_here_is_refused(tmp_path: Path) -> None:
    ran = waiver("serve", "--host", "192.0.2.1", "--port", "0", "--json", data_dir=tmp_path / "exchange")
    assert (ran.code, ran.json["error"]["code"]) == (1, "cannot_listen")


def test_a_killed_server_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    with serving(data_dir=data_dir) as server:
        waiver_json("account", "create", "--name", "Ann", data_dir=data_dir)
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
    assert (data_dir / "control.sock").exists()
    assert len(waiver_json("account", "list", data_dir=data_dir)["accounts"]) == 2  # opened without a server
    with serving(data_dir=data_dir):
        assert waiver_json("verify", data_dir=data_dir)["ok"]


def test_a_lock_whose_holder_does_not_answer_is_told(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "Ann", data_dir=data_dir)
    with DataDirectory(data_dir).acquire_lock():
        ran = waiver("account", "list", "--json", data_dir=data_dir)
    assert (ran.code, ran.json["error"]["code"]) == (3, "server_does_not_answer")
    assert f"pid {os.getpid()}" in ran.json["error"]["message"]


def test_parameters_given_are_set_and_the_others_stay(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    for settings in ({"WAIVER_TAKER_FEE_BPS": "10"}, {"WAIVER_MAKER_FEE_BPS": "5"}, {}):
        with serving(data_dir=data_dir, settings=settings) as server:
            assert server.end() == 0
    # The third start changed nothing, the second only its own: two actions, each of them asked for, done, and ended.
    assert waiver_json("status", data_dir=data_dir)["sequence"] == 6


def test_parameters_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    settings = {"WAIVER_LIFETIME_DAYS_MAX": "1"}  # below the default lifetime of 7 days
    ran = waiver("serve", "--port", "0", "--json", data_dir=tmp_path / "exchange", settings=settings)
    assert ran.code == 2
    assert "WAIVER_LIFETIME_DAYS_MAX" in ran.json["error"]["message"]


def test_an_exchange_that_breaks_ends_the_process_with_70(tmp_path: Path) -> None:
    with serving(data_dir=tmp_path / "exchange", command=[sys.executable, "-c", BROKEN_EXCHANGE]) as server:
        assert server.wait() == 70
        critical = next(line for line in server.log.splitlines() if '"critical"' in line)
        assert "cash was conserved" in critical
        assert "waiver verify" in critical


def test_a_failing_demo_does_not_take_the_exchange_down(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FAILING_DEMO]
    with serving("--demo", data_dir=tmp_path / "exchange", command=command) as server:
        until = time.monotonic() + 10
        while "no players today" not in server.log and time.monotonic() < until:
            time.sleep(0.05)
        assert "the demo failed" in server.log
        assert read(f"{server.url}/readyz") == 200
        assert server.end() == 0


def test_the_demo_trades_and_can_be_continued(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    for _ in range(2):
        with serving("--demo", data_dir=data_dir) as server:
            until = time.monotonic() + 30
            while waiver_json("status", data_dir=data_dir)["open_order_count"] == 0 and time.monotonic() < until:
                time.sleep(0.2)
            assert waiver_json("verify", data_dir=data_dir)["ok"]
            assert server.end() == 0
    status = waiver_json("status", data_dir=data_dir)
    assert status["market_count"] >= 200
    assert status["open_order_count"] > 0


def test_a_damaged_journal_is_told(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "Ann", data_dir=data_dir)
    (data_dir / "journal.db").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    ran = waiver("serve", "--port", "0", "--json", data_dir=data_dir)
    assert (ran.code, ran.json["error"]["code"]) == (3, "data_directory_unusable")
    assert "Traceback" not in ran.stderr
