"""The disk takes no more: what is acknowledged stays, everybody is told, and trading goes on when there is room."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.faults import (
    OrderFlow,
    check_orders,
    file_size_limited,
    finish_orders,
    get,
    is_ready,
    make_exchange,
    read_everything,
    verify,
    wait_until,
)
from tests.support.waiver_process import COMMAND, serving, waiver

LIMITED = """
import resource, sys
from waiver_exchange.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), resource.RLIM_INFINITY))
sys.exit(main())
"""
FILE_SYSTEM = 'mount -t tmpfs -o size=24m none "$0" && cp -a "$1/." "$0" && shift && exec "$@"'
SMALL_FILE_SYSTEM = 'mount -t tmpfs -o size="$1" none "$0" && shift && exec "$@"'


def needs_mount(tmp_path: Path) -> None:
    """Skip where no file system can be mounted; one in a namespace of its own goes with its process."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("mounting a small disk needs root")
    tried = ("unshare", "--mount", "mount", "-t", "tmpfs", "none", str(tmp_path))
    if subprocess.run(tried, capture_output=True, check=False).returncode:  # noqa: S603 - written above
        pytest.skip("this root may not mount")


def fill_disk(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def check_trouble(url: str, data_dir: Path, *, says: str, command: Sequence[str] = COMMAND) -> None:
    """Not ready and it says why, yet alive and readable."""
    ready = get(url, "/readyz")
    error = ready.json()["error"]
    assert (ready.status_code, error["code"]) == (503, "journal_is_unavailable")
    assert ready.headers["retry-after"]
    assert "waiver status" in error["details"]["problem"]
    assert says not in ready.text  # strangers are not told
    assert get(url, "/healthz").status_code == 200
    assert says in waiver("status", "--json", data_dir=data_dir, command=command).json["problem"]
    proof = waiver("verify", "--json", data_dir=data_dir, command=command)
    assert (proof.code, proof.json["error"]["code"]) == (1, "journal_is_unavailable")


def test_a_refused_write_loses_nothing_and_trading_goes_on_without_a_restart(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    with serving(data_dir=data_dir) as server:
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=60)
            log = data_dir / "journal.db-wal"
            with file_size_limited(server.process.pid, log.stat().st_size):
                flow.wait_for_more(refused=30)
                check_trouble(server.url, data_dir, says="check the disk, the file size limit")
                acknowledged = flow.acknowledged
                seen = [read_everything(server.url, trader) for trader in traders]
                assert sum(len(everything["orders"]) for everything in seen) == acknowledged
            wait_until(lambda: is_ready(server.url), 10)
            flow.wait_for_more(acknowledged=60)
        assert {code for trader in traders for code in trader.refusals} == {"journal_is_unavailable"}
        finish_orders(server.url, traders)
        check_orders(server.url, traders)
        verify(data_dir)
        assert server.end() == 0
    with serving(data_dir=data_dir) as server:
        check_orders(server.url, traders)
        verify(data_dir)


def test_stopping_while_the_disk_refuses_takes_no_time_and_loses_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    with serving(data_dir=data_dir) as server, OrderFlow(server.url, traders) as flow:
        flow.wait_for_more(acknowledged=20)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        wait_until(lambda: not is_ready(server.url))
        # Orders are under way whose outcome nobody knows: not even what is committed can be read back.
        started = time.monotonic()
        assert server.end(signal.SIGTERM) in {0, 1}
        assert time.monotonic() - started < 8
    codes = {code for trader in traders for code in trader.refusals}
    assert codes <= {"outcome_is_unknown", "journal_is_unavailable", "exchange_is_stopping"}
    with serving(data_dir=data_dir) as server:
        finish_orders(server.url, traders)
        check_orders(server.url, traders)
        verify(data_dir)


def test_a_disk_that_is_really_full_is_named_and_trading_goes_on_when_there_is_room(tmp_path: Path) -> None:
    needs_mount(tmp_path)
    template, data_dir = tmp_path / "template", tmp_path / "exchange"
    traders = make_exchange(template)
    data_dir.mkdir()
    private = ("unshare", "--mount", "sh", "-c", FILE_SYSTEM, str(data_dir), str(template), *COMMAND)
    with serving(data_dir=data_dir, command=private) as server:
        pid = str(server.process.pid)
        inside = ("nsenter", "--mount", "--target", pid, *COMMAND)
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=30)
            ballast = Path(f"/proc/{pid}/root{data_dir}/ballast")
            with pytest.raises(OSError, match="No space left"):
                fill_disk(ballast)
            flow.wait_for_more(refused=30)
            check_trouble(server.url, data_dir, says="the disk is full; free some space on it", command=inside)
            read_everything(server.url, traders[0])
            ballast.unlink()
            wait_until(lambda: is_ready(server.url), 10)
            flow.wait_for_more(acknowledged=30)
        finish_orders(server.url, traders)
        check_orders(server.url, traders)
        assert waiver("verify", "--json", data_dir=data_dir, command=inside).json["ok"]
        assert server.end() == 0


@pytest.mark.parametrize("size", [0, 33_000])
def test_a_first_start_without_room_for_its_files_is_told(tmp_path: Path, size: int) -> None:
    data_dir = tmp_path / "exchange"
    command = (sys.executable, "-c", LIMITED, str(size))
    ran = waiver("serve", "--port", "0", "--json", data_dir=data_dir, command=command)
    assert (ran.code, ran.json["error"]["code"]) == (3, "data_directory_unusable"), ran
    assert "Traceback" not in ran.stderr
    assert str(data_dir) in ran.json["error"]["message"]
    with serving(data_dir=data_dir):  # with room, what the first one left is in nobody's way
        verify(data_dir)


@pytest.mark.parametrize("size", ["4k", "200k"])
def test_a_first_start_on_a_full_disk_is_told(tmp_path: Path, size: str) -> None:
    needs_mount(tmp_path)
    private = ("unshare", "--mount", "sh", "-c", SMALL_FILE_SYSTEM, str(tmp_path), size, *COMMAND)
    ran = waiver("serve", "--port", "0", "--json", data_dir=tmp_path / "exchange", command=private)
    assert (ran.code, ran.json["error"]["code"]) == (3, "data_directory_unusable"), ran
    assert "Traceback" not in ran.stderr
