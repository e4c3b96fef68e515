import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from waiver_exchange.adapters.files.data_directory import (
    DataDirectory,
    DataDirectoryError,
    DataDirectoryInUseError,
)

HOLD_LOCK = """
import sys
from pathlib import Path
from waiver_exchange.adapters.files.data_directory import DataDirectory
lock = DataDirectory(Path(sys.argv[1])).acquire_lock()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A second process that holds the lock until it is killed."""
    with subprocess.Popen(  # noqa: S603 - a script of our own
        [sys.executable, "-c", HOLD_LOCK, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_directory_is_created_for_its_owner_only(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "new" / "data")
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    DataDirectory(directory.path)


def test_names_of_the_files(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    names = [
        directory.journal,
        directory.read_model,
        directory.identity,
        directory.preferences,
        directory.snapshots,
        directory.control_socket,
        directory.lock,
    ]
    expected = ["journal.db", "read_model.db", "identity.db", "preferences.db", "snapshots", "control.sock", "lock"]
    assert names == [tmp_path / name for name in expected]


def test_second_process_is_refused_and_told_who_has_the_directory(tmp_path: Path) -> None:
    with holder(tmp_path) as process, pytest.raises(DataDirectoryInUseError) as caught:
        DataDirectory(tmp_path).acquire_lock()
    assert str(caught.value) == (
        f"Another waiver process (pid {process.pid}) uses the data directory {tmp_path}; stop it, or choose another "
        "with --data-dir."
    )


def test_lock_is_free_when_its_process_was_killed(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.kill()
        process.wait()
        DataDirectory(tmp_path).acquire_lock().close()


def test_lock_is_free_after_close_and_names_its_newest_holder(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    with directory.acquire_lock() as lock:
        assert directory.lock.read_text() == f"{os.getpid()}\n"
        assert stat.S_IMODE(directory.lock.stat().st_mode) == 0o600
        with pytest.raises(DataDirectoryInUseError):
            directory.acquire_lock()
    lock.close()
    with holder(tmp_path) as process:
        assert directory.lock.read_text() == f"{process.pid}\n"


def test_holder_that_has_not_written_its_id_is_unknown(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    with directory.acquire_lock():
        directory.lock.write_text("")
        with pytest.raises(DataDirectoryInUseError, match=r"\(pid unknown\)"):
            directory.acquire_lock()


def test_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("")
    for path in (file, file / "below"):
        with pytest.raises(DataDirectoryError, match=r"is a file, or lies below one; name another with --data-dir"):
            DataDirectory(path)


def test_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(DataDirectoryError, match="belongs to another user"):
        DataDirectory(tmp_path)


def test_unwritable_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:  # root may write everywhere
        monkeypatch.setattr("os.access", lambda _path, _mode: False)
    else:
        tmp_path.chmod(0o500)
    with pytest.raises(DataDirectoryError, match="cannot be written; make it writable"):
        DataDirectory(tmp_path)


def test_lock_that_cannot_be_opened_is_explained(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    directory.lock.mkdir()
    with pytest.raises(DataDirectoryError, match=r"lock file .* cannot be opened"):
        directory.acquire_lock()


def test_impossible_path_is_explained() -> None:
    with pytest.raises(DataDirectoryError, match="cannot be created"):
        DataDirectory(Path("/proc/waiver"))
