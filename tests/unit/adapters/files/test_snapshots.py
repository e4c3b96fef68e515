import logging
import stat
from pathlib import Path

import pytest

from waiver_exchange.adapters.files.snapshots import FileSnapshotStore
from waiver_exchange.application.ports import Snapshot


def snapshot(sequence: int, *, state: bytes = b"state of the engine") -> Snapshot:
    return Snapshot(
        sequence=sequence, time_ns=1_788_739_200_000_000_000 + sequence, chain=bytes(range(32)), state=state
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


@pytest.fixture
def store(directory: Path) -> FileSnapshotStore:
    return FileSnapshotStore(directory)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_empty_directory_has_no_snapshot(store: FileSnapshotStore) -> None:
    assert await store.load_latest() is None


@pytest.mark.parametrize("state", [b"", b"\x00", bytes(range(256)) * 5_000])
async def test_snapshot_comes_back_as_it_was_stored(store: FileSnapshotStore, directory: Path, state: bytes) -> None:
    await store.store(snapshot(7, state=state))
    assert await FileSnapshotStore(directory).load_latest() == snapshot(7, state=state)


async def test_only_the_owner_can_read(store: FileSnapshotStore, directory: Path) -> None:
    await store.store(snapshot(7))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700  # noqa: ASYNC240 - a test may block
    assert [stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()] == [0o600]  # noqa: ASYNC240 - see above


async def test_last_two_are_kept(store: FileSnapshotStore, directory: Path) -> None:
    for sequence in (5, 90, 1_000, 20_000):
        await store.store(snapshot(sequence))
    assert names(directory) == ["00000000000000001000.snapshot", "00000000000000020000.snapshot"]
    assert await store.load_latest() == snapshot(20_000)


async def test_same_row_twice_is_one_file(store: FileSnapshotStore, directory: Path) -> None:
    await store.store(snapshot(5))
    await store.store(snapshot(9, state=b"one"))
    await store.store(snapshot(9, state=b"two"))
    assert len(names(directory)) == 2
    assert await store.load_latest() == snapshot(9, state=b"two")


async def test_snapshots_of_rows_that_the_journal_lost_give_way(store: FileSnapshotStore, directory: Path) -> None:
    for sequence in (10, 20, 30):
        await store.store(snapshot(sequence))
    await store.store(snapshot(25))
    assert names(directory) == ["00000000000000000020.snapshot", "00000000000000000025.snapshot"]
    assert await store.load_latest() == snapshot(25)


async def test_every_cut_and_every_changed_byte_is_noticed(store: FileSnapshotStore, directory: Path) -> None:
    await store.store(snapshot(7))
    (path,) = directory.iterdir()  # noqa: ASYNC240 - a test may block
    whole = path.read_bytes()
    damaged = [whole[:length] for length in range(len(whole))]
    damaged += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    damaged.append(whole + b"\x00")
    for content in damaged:
        path.write_bytes(content)
        assert await store.load_latest() is None


async def test_damaged_newest_is_skipped_and_reported(
    store: FileSnapshotStore, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await store.store(snapshot(7))
    await store.store(snapshot(8))
    newest = directory / "00000000000000000008.snapshot"
    newest.write_bytes(newest.read_bytes()[:-1])
    with caplog.at_level(logging.WARNING):
        assert await store.load_latest() == snapshot(7)
    (record,) = caplog.records
    assert "00000000000000000008.snapshot: its length is wrong" in record.getMessage()


async def test_unreadable_file_is_skipped(store: FileSnapshotStore, directory: Path) -> None:
    await store.store(snapshot(7))
    (directory / "00000000000000000009.snapshot").mkdir()
    assert await store.load_latest() == snapshot(7)


async def test_half_written_file_is_no_snapshot_and_is_cleared_by_the_next(
    store: FileSnapshotStore, directory: Path
) -> None:
    await store.store(snapshot(7))
    (directory / "00000000000000000008.snapshot.part").write_bytes(b"half")
    (directory / "notes.txt").write_text("not ours")
    assert await store.load_latest() == snapshot(7)
    await store.store(snapshot(9))
    assert names(directory) == ["00000000000000000007.snapshot", "00000000000000000009.snapshot", "notes.txt"]


async def test_failed_store_leaves_the_earlier_ones(
    store: FileSnapshotStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.store(snapshot(7))
    await store.store(snapshot(8))

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        await store.store(snapshot(9))
    assert names(directory) == ["00000000000000000007.snapshot", "00000000000000000008.snapshot"]
    assert await store.load_latest() == snapshot(8)
