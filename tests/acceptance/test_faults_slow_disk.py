"""The disk is slow or lies about what it did: answers wait, none is lost, and the service stays alive meanwhile."""

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.faults import (
    OrderFlow,
    check_orders,
    finish_orders,
    get,
    is_ready,
    make_exchange,
    read_everything,
    verify,
    wait_until,
)
from tests.support.waiver_process import serving, waiver

LOCKED_SECONDS = 1.5
# What syncs the journal waits while one file exists and fails while the other does.
FSYNC = r"""
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static int is_there(const char *name) { const char *file = getenv(name); return file && access(file, F_OK) == 0; }
static int sync_with(long call, int fd) {
    if (is_there("SLOW_FSYNC_WHILE")) usleep(250000);
    if (is_there("FAIL_FSYNC_WHILE")) { errno = EIO; return -1; }
    return (int)syscall(call, fd);
}
int fsync(int fd) { return sync_with(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_with(SYS_fdatasync, fd); }
"""
IMPATIENT = """
import sys
from waiver_exchange.adapters.sqlite import journal_file
from waiver_exchange.cli import main
journal_file.BUSY_TIMEOUT_SECONDS = 0.5
sys.exit(main())
"""
needs_compiler = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="needs a C compiler on Linux"
)


def preload(tmp_path: Path) -> dict[str, str]:
    """The settings of a server whose fsync obeys the files `slow` and `fail` in a directory."""
    source, library = tmp_path / "fsync.c", tmp_path / "fsync.so"
    source.write_text(FSYNC)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)  # noqa: S603, S607
    return {
        "LD_PRELOAD": str(library),
        "SLOW_FSYNC_WHILE": str(tmp_path / "slow"),
        "FAIL_FSYNC_WHILE": str(tmp_path / "fail"),
    }


def test_orders_wait_while_another_program_holds_the_journal_and_then_arrive(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    with serving(data_dir=data_dir) as server:
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=10)
            with closing(sqlite3.connect(data_dir / "journal.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                time.sleep(0.1)  # what was being answered is answered
                acknowledged = flow.acknowledged
                until = time.monotonic() + LOCKED_SECONDS
                while time.monotonic() < until:
                    started = time.monotonic()
                    assert get(server.url, "/healthz").status_code == 200
                    assert is_ready(server.url)
                    read_everything(server.url, traders[0])
                    assert time.monotonic() - started < 1
                    time.sleep(0.1)
                assert flow.acknowledged == acknowledged
                other.execute("ROLLBACK")
            flow.wait_for_more(acknowledged=10)
        assert flow.refused == 0
        check_orders(server.url, traders)
        verify(data_dir)


def test_a_journal_that_stays_locked_is_told_and_works_again_when_it_is_free(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    with serving(data_dir=data_dir, command=(sys.executable, "-c", IMPATIENT)) as server:
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=10)
            with closing(sqlite3.connect(data_dir / "journal.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                wait_until(lambda: not is_ready(server.url), 10)
                problem = waiver("status", "--json", data_dir=data_dir).json["problem"]
                assert "another program holds the file locked; close it" in problem
                other.execute("ROLLBACK")
            wait_until(lambda: is_ready(server.url), 10)
            flow.wait_for_more(acknowledged=10)
        finish_orders(server.url, traders)
        check_orders(server.url, traders)
        verify(data_dir)


@needs_compiler
def test_a_slow_disk_makes_answers_wait_and_nothing_else(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    with serving(data_dir=data_dir, settings=preload(tmp_path)) as server:
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=10)
            (tmp_path / "slow").touch()
            time.sleep(0.1)
            acknowledged = flow.acknowledged
            started = time.monotonic()
            while time.monotonic() - started < 1.5:
                asked = time.monotonic()
                assert get(server.url, "/healthz").status_code == 200
                read_everything(server.url, traders[0])
                assert time.monotonic() - asked < 1
            groups_max = int((time.monotonic() - started) / 0.25) + 3
            assert 0 < flow.acknowledged - acknowledged <= groups_max * len(traders)
            (tmp_path / "slow").unlink()
            flow.wait_for_more(acknowledged=10)
        assert flow.refused == 0
        check_orders(server.url, traders)
        verify(data_dir)


@needs_compiler
@pytest.mark.parametrize("is_killed", [False, True])
def test_what_a_failing_disk_may_have_kept_is_answered_truthfully(tmp_path: Path, is_killed: bool) -> None:  # noqa: FBT001
    data_dir = tmp_path / "exchange"
    traders = make_exchange(data_dir)
    with serving(data_dir=data_dir, settings=preload(tmp_path)) as server:
        with OrderFlow(server.url, traders) as flow:
            flow.wait_for_more(acknowledged=10)
            (tmp_path / "fail").touch()
            wait_until(lambda: not is_ready(server.url))
            problem = waiver("status", "--json", data_dir=data_dir).json["problem"]
            assert "could not read or write the file" in problem
            assert get(server.url, "/healthz").status_code == 200
            if is_killed:
                server.process.kill()
            (tmp_path / "fail").unlink()
            if not is_killed:
                wait_until(lambda: is_ready(server.url), 10)
                flow.wait_for_more(acknowledged=10)
        if is_killed:
            server.wait()
        else:
            finish_orders(server.url, traders)
            check_orders(server.url, traders)
            verify(data_dir)
    with serving(data_dir=data_dir) as server:
        finish_orders(server.url, traders)
        check_orders(server.url, traders)
        verify(data_dir)
