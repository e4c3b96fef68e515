"""Checkpoints in a file: whole or not there, never changed, and copied for those who publish them."""

import logging
from pathlib import Path

import pytest

from waiver_exchange.adapters.files.checkpoints import FileCheckpointStore

NOTES = [f"text {number}\nmore\n\n— name {number}\n" for number in range(5)]


@pytest.fixture
def store(tmp_path: Path) -> FileCheckpointStore:
    return FileCheckpointStore(tmp_path / "checkpoints")


def test_what_is_appended_is_read_in_order(store: FileCheckpointStore, tmp_path: Path) -> None:
    assert (store.count(), store.read(start=0, limit=9)) == (0, [])
    for note in NOTES:
        store.append(note)
    assert store.count() == 5
    assert store.read(start=0, limit=9) == NOTES
    assert store.read(start=1, limit=2) == NOTES[1:3]
    assert store.read(start=4, limit=9) == NOTES[4:]
    assert (tmp_path / "checkpoints" / "latest.txt").read_text() == NOTES[4]


def test_what_another_process_appends_is_seen(store: FileCheckpointStore, tmp_path: Path) -> None:
    store.append(NOTES[0])
    other = FileCheckpointStore(tmp_path / "checkpoints")
    assert other.count() == 1
    store.append(NOTES[1])
    assert other.read(start=0, limit=9) == NOTES[:2]


@pytest.mark.parametrize("cut", range(1, len(NOTES[1]) + 1))
def test_a_note_that_a_crash_cut_short_is_none_and_makes_room(
    store: FileCheckpointStore, tmp_path: Path, cut: int
) -> None:
    store.append(NOTES[0])
    store.append(NOTES[1])
    file = tmp_path / "checkpoints" / "checkpoints.txt"
    file.write_bytes(file.read_bytes()[:-cut])
    reopened = FileCheckpointStore(tmp_path / "checkpoints")
    assert reopened.read(start=0, limit=9) == NOTES[:1]
    reopened.append(NOTES[2])
    assert FileCheckpointStore(tmp_path / "checkpoints").read(start=0, limit=9) == [NOTES[0], NOTES[2]]


def test_a_file_that_became_shorter_is_read_again(store: FileCheckpointStore, tmp_path: Path) -> None:
    for note in NOTES:
        store.append(note)
    file = tmp_path / "checkpoints" / "checkpoints.txt"
    assert store.count() == 5
    file.write_text(NOTES[0] + "\n")
    assert store.read(start=0, limit=9) == NOTES[:1]


def test_keys_are_kept_in_order(store: FileCheckpointStore) -> None:
    assert store.public_keys() == []
    store.add_key("first")
    store.add_key("second")
    assert store.public_keys() == ["first", "second"]


def test_copies_are_kept_where_they_are_published(tmp_path: Path) -> None:
    own, public = tmp_path / "checkpoints", tmp_path / "public" / "here"
    store = FileCheckpointStore(own, published=public)
    store.add_key("key")
    for note in NOTES:
        store.append(note)
    for name in ("checkpoints.txt", "latest.txt", "keys.txt"):
        assert (public / name).read_bytes() == (own / name).read_bytes()
    assert (public / "checkpoints.txt").stat().st_mode & 0o777 == 0o644


def test_a_published_copy_that_says_other_things_is_left_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = FileCheckpointStore(tmp_path / "checkpoints", published=tmp_path / "public")
    store.append(NOTES[0])
    copy = tmp_path / "public" / "checkpoints.txt"
    copy.write_text("something else\n")
    store.append(NOTES[1])
    assert copy.read_text() == "something else\n"
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]


def test_a_directory_that_cannot_be_published_to_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "public").write_text("a file")
    store = FileCheckpointStore(tmp_path / "checkpoints", published=tmp_path / "public")
    store.append(NOTES[0])
    assert store.count() == 1
    assert "tried again" in caplog.text
