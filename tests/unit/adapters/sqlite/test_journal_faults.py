"""The journal on SQLite when the disk, the file or the process fails: real causes, no mocks."""
# ruff: noqa: S603, S607 - the tests start processes of their own

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from tests.fakes.journal import chained_rows
from waiver_exchange.adapters.sqlite import journal_file
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.application.chain import ChainBrokenError, verify_chain
from waiver_exchange.application.ports import GENESIS_CHAIN, JournalError, JournalRow

PROJECT = Path(__file__).parents[4]
BATCH = 50
# What the scripts below share: a journal, and batches that continue its chain.
PROLOGUE = f"""
import asyncio, os, resource, sys
from pathlib import Path
from tests.fakes.journal import chained_rows
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.application.ports import JournalError

path = Path(sys.argv[1])

async def append_until_refused(journal):
    last = None
    while True:
        rows = chained_rows({BATCH}, after=last)
        try:
            await journal.append(rows)
        except JournalError as error:
            print(error, flush=True)
            return last
        last = rows[-1]
"""


def run_script(body: str, path: Path, *, prefix: tuple[str, ...] = (), **environment: str) -> str:
    """Run the body in a process of its own and return what it printed."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", PROLOGUE + body, str(path)],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_all(path: Path) -> list[JournalRow]:
    """All rows, after their chain was verified."""

    async def read() -> list[JournalRow]:
        journal = SqliteJournal.open(path)
        try:
            return await journal.read(after=0, limit=1_000_000)
        finally:
            await journal.close()

    rows = asyncio.run(read())
    verify_chain(rows, previous=GENESIS_CHAIN)
    return rows


async def write_all(path: Path, rows: list[JournalRow]) -> None:
    journal = SqliteJournal.open(path)
    await journal.append(rows)
    await journal.close()


FULL_DISK = """
async def main():
    journal = SqliteJournal.open(path)
    last = await append_until_refused(journal)
    assert last is not None
    assert await journal.last() == last
    try:
        await journal.check_writable()
    except JournalError as error:
        print(error)
    os.unlink(path.parent / "ballast")
    await journal.check_writable()
    rows = chained_rows(20, after=last)
    await journal.append(rows)
    await journal.close()
    journal = SqliteJournal.open(path, read_only=True)
    assert await journal.last() == rows[-1]
    await journal.close()
asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounting a small disk needs root")
def test_full_disk_is_named_and_work_goes_on_when_there_is_space(tmp_path: Path) -> None:
    # The disk is mounted in a namespace of its own and goes with the process.
    mount = 'mount -t tmpfs -o size=9m none "$0" && head -c 7000000 /dev/zero > "$0/ballast" && exec "$@"'
    private = ("unshare", "--mount", "sh", "-c", mount, str(tmp_path))
    if subprocess.run([*private, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this root may not mount")
    printed = run_script(FULL_DISK, tmp_path / "journal.db", prefix=private)
    assert printed.count("the disk is full; free some space on it. (database or disk is full)") == 2


async def test_full_disk_by_page_count_is_named(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "journal.db")
    writer = journal._writer
    assert writer is not None
    await writer.run(lambda: writer._connection.execute("PRAGMA max_page_count = 40").fetchall())
    rows = chained_rows(1_000)
    for write in (journal.append(rows), journal.check_writable()):
        with pytest.raises(JournalError, match="the disk is full; free some space on it") as caught:
            await write
        assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    assert await journal.last() is None
    await journal.close()


REFUSED_WRITE = """
async def main():
    journal = SqliteJournal.open(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    last = await append_until_refused(journal)
    assert last is not None
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert await journal.last() == last
    rows = chained_rows(20, after=last)
    await journal.append(rows)
    assert await journal.last() == rows[-1]
    await journal.close()
    print(rows[-1].sequence)
asyncio.run(main())
"""


def test_refused_write_leaves_nothing_of_its_batch(tmp_path: Path) -> None:
    printed = run_script(REFUSED_WRITE, tmp_path / "journal.db").splitlines()
    assert "the operating system could not read or write the file; check the disk" in printed[0]
    assert read_all(tmp_path / "journal.db")[-1].sequence == int(printed[1])


FAILING_FSYNC = r"""
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>
static int refuse(void) { const char *flag = getenv("FAIL_FSYNC_WHILE"); return flag && access(flag, F_OK) == 0; }
int fsync(int fd) { if (refuse()) { errno = EIO; return -1; } return (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { if (refuse()) { errno = EIO; return -1; } return (int)syscall(SYS_fdatasync, fd); }
"""
FSYNC_FAILS = """
async def main():
    flag = Path(os.environ["FAIL_FSYNC_WHILE"])
    journal = SqliteJournal.open(path)
    rows = chained_rows(10)
    await journal.append(rows)
    flag.touch()
    try:
        await journal.append(chained_rows(10, after=rows[-1]))
    except JournalError as error:
        print(error, flush=True)
    flag.unlink()
    if os.environ["READ_BACK"] == "yes":
        print((await journal.last()).sequence, flush=True)
    os._exit(0)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="needs a C compiler on Linux")
@pytest.mark.parametrize("read_back", ["yes", "no"])
def test_answer_read_after_a_failed_fsync_survives_a_crash(tmp_path: Path, read_back: str) -> None:
    # SQLite leaves the batch complete in its log, and recovery would take it for committed.
    source, library = tmp_path / "fsync.c", tmp_path / "fsync.so"
    source.write_text(FAILING_FSYNC)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    printed = run_script(
        FSYNC_FAILS,
        tmp_path / "journal.db",
        LD_PRELOAD=str(library),
        FAIL_FSYNC_WHILE=str(tmp_path / "flag"),
        READ_BACK=read_back,
    ).splitlines()
    assert "the operating system could not read or write the file" in printed[0]
    rows = read_all(tmp_path / "journal.db")
    if read_back == "yes":
        assert printed[1] == "10"
        assert rows == chained_rows(10)
    else:
        assert rows == chained_rows(20)  # nobody was told what became of them


KILLED = """
async def main():
    journal = SqliteJournal.open(path)
    last = None
    while True:
        rows = chained_rows(37, after=last)
        await journal.append(rows)
        last = rows[-1]
        print(last.sequence, flush=True)
asyncio.run(main())
"""


def test_killed_process_keeps_whole_batches_and_all_that_were_answered(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROLOGUE + KILLED, str(tmp_path / "journal.db")]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(60):
            answered = int(process.stdout.readline())
        process.kill()
        answered = max([answered, *map(int, process.stdout.read().split())])
    rows = read_all(tmp_path / "journal.db")
    assert len(rows) % 37 == 0
    assert len(rows) in {answered, answered + 37}


async def test_file_locked_by_another_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "BUSY_TIMEOUT_SECONDS", 0.05)
    path = tmp_path / "journal.db"
    journal = SqliteJournal.open(path)
    rows = chained_rows(3)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="another program holds the file locked; close it"):
            await journal.append(rows)
        assert await journal.last() is None
        other.execute("ROLLBACK")
    await journal.append(rows)
    assert await journal.last() == rows[-1]
    await journal.close()


async def test_unclear_outcome_is_not_answered_while_another_program_holds_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "BUSY_TIMEOUT_SECONDS", 0.05)
    path = tmp_path / "journal.db"
    journal = SqliteJournal.open(path)
    rows = chained_rows(3)
    await journal.append(rows)
    writer = journal._writer
    assert writer is not None
    writer.is_settled = False
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM journal").fetchone()
        for question in (journal.last(), journal.read(after=0, limit=1), journal.find([bytes(16)])):
            with pytest.raises(JournalError, match="another program is reading or writing the file; close it"):
                await question
        with pytest.raises(JournalError, match="another program"):
            await journal.append(chained_rows(1, after=rows[-1]))
    assert await journal.last() == rows[-1]
    assert writer.is_settled
    await journal.close()


CRASHED = """
async def main():
    journal = SqliteJournal.open(path)
    await journal.append(chained_rows(30))
    os._exit(0)
asyncio.run(main())
"""


def test_torn_or_garbled_log_loses_a_tail_and_alters_nothing(tmp_path: Path, seed: int) -> None:
    crashed = tmp_path / "crashed" / "journal.db"
    crashed.parent.mkdir()
    run_script(CRASHED, crashed)
    main, log = crashed.read_bytes(), crashed.with_name("journal.db-wal").read_bytes()
    assert len(log) > 10_000
    random = Random(seed)
    torn = [log[: random.randrange(len(log))] for _ in range(40)]
    for _ in range(40):
        at = random.randrange(len(log))
        torn.append(log[:at] + bytes([log[at] ^ 1 << random.randrange(8)]) + log[at + 1 :])
    for number, content in enumerate(torn):
        path = tmp_path / str(number) / "journal.db"
        path.parent.mkdir()
        path.write_bytes(main)
        path.with_name("journal.db-wal").write_bytes(content)
        rows = read_all(path)
        assert rows in ([], chained_rows(30))


def test_garbled_file_is_reported_or_reads_as_written(tmp_path: Path, seed: int) -> None:
    whole = tmp_path / "journal.db"
    written = chained_rows(60)
    asyncio.run(write_all(whole, written))
    content = whole.read_bytes()
    path = tmp_path / "garbled.db"
    random = Random(seed)
    reported = 0
    for _ in range(150):
        at = random.randrange(len(content))
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :])
        try:
            rows = read_all(path)
        except (JournalError, ChainBrokenError):
            reported += 1
        else:
            assert rows == written[: len(rows)]
    assert reported > 50


def test_cut_file_is_reported_or_reads_as_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    written = chained_rows(60)
    asyncio.run(write_all(path, written))
    content = path.read_bytes()
    for length in range(len(content) - 1, 4096, -1_500):
        path.write_bytes(content[:length])
        with pytest.raises((JournalError, ChainBrokenError)):
            read_all(path)
