"""Checkpoints in one file that only grows, and the public keys beside it; both can be published as they are.

A note is written behind the others and synced; one that a crash cut short has no signature's end and is dropped by the
next write. A second directory gets the same files, for those who publish them.
"""

import logging
import os
from pathlib import Path
from typing import Final

from waiver_exchange.adapters.files.syncing import sync_directory
from waiver_exchange.application.checkpoints.store import CheckpointStore

NOTES_FILE: Final = "checkpoints.txt"
LATEST_FILE: Final = "latest.txt"
KEYS_FILE: Final = "keys.txt"
_END: Final = b"\n\n"  # behind the text and behind the signatures of each note
_MODE: Final = 0o644  # they are for everybody; the data directory is closed all the same

_log = logging.getLogger(__name__)


class FileCheckpointStore(CheckpointStore):
    """A `CheckpointStore` in a directory, which the first write makes; one process at a time writes.

    Where each note begins is kept in memory, and what others append is seen.
    """

    def __init__(self, directory: Path, *, published: Path | None = None) -> None:
        """Take the directory, and the one that gets copies."""
        self._directory = directory
        self._published = published
        self._notes = directory / NOTES_FILE
        self._ends: list[int] = []

    def count(self) -> int:
        """Return how many whole checkpoints there are."""
        self._look()
        return len(self._ends)

    def read(self, *, start: int, limit: int) -> list[str]:
        """Return up to `limit` notes from one on; the first is 0."""
        self._look()
        ends = self._ends[start : start + limit]
        if not ends:
            return []
        begin = self._ends[start - 1] if start else 0
        with self._notes.open("rb") as file:
            file.seek(begin)
            content = file.read(ends[-1] - begin)
        return [
            content[(self._ends[at - 1] if at else 0) - begin : self._ends[at] - begin - 1].decode()
            for at in range(start, start + len(ends))
        ]

    def append(self, note: str) -> None:
        """Keep a note durably behind the others, and copy what the published directory lacks."""
        self._make_directory()
        self._look()
        whole = self._ends[-1] if self._ends else 0
        is_new = not self._notes.exists()
        descriptor = os.open(self._notes, os.O_CREAT | os.O_WRONLY, _MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(whole)  # what a crash cut short
            file.seek(whole)
            file.write(note.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_directory(self._directory)
        _replace(self._directory / LATEST_FILE, note.encode())
        self.publish()

    def public_keys(self) -> list[str]:
        """Return the public keys in the order of their first use."""
        try:
            return (self._directory / KEYS_FILE).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def add_key(self, key: str) -> None:
        """Keep a public key durably behind the others."""
        self._make_directory()
        text = "".join(f"{known}\n" for known in (*self.public_keys(), key))
        _replace(self._directory / KEYS_FILE, text.encode())

    def publish(self) -> None:
        """Copy what the published directory lacks. What fails there is said and stops nothing: it is tried again."""
        if self._published is None:
            return
        try:
            self._published.mkdir(parents=True, exist_ok=True)
            for name in (KEYS_FILE, NOTES_FILE, LATEST_FILE):
                _copy(self._directory / name, self._published / name, grows=name == NOTES_FILE)
        except OSError as error:
            _log.error("checkpoints cannot be copied (%s); it is tried again with the next one", error)

    def _make_directory(self) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)

    def _look(self) -> None:
        """Learn where the notes end that were appended since the last look."""
        try:
            size = self._notes.stat().st_size
        except FileNotFoundError:
            size = 0
        at = self._ends[-1] if self._ends else 0
        if size < at:
            self._ends, at = [], 0
        if size == at:
            return
        with self._notes.open("rb") as file:
            file.seek(at)
            self._ends += _ends_of(file.read(), begin=at)


def _ends_of(content: bytes, *, begin: int) -> list[int]:
    """Return where the notes end: behind the second of two empty lines."""
    ends: list[int] = []
    at = 0
    while True:
        text_end = content.find(_END, at)
        note_end = content.find(_END, text_end + 1) if text_end >= 0 else -1
        if note_end < 0:
            return ends
        at = note_end + len(_END)
        ends.append(begin + at)


def _copy(source: Path, target: Path, *, grows: bool) -> None:
    if not source.exists():
        return
    content = source.read_bytes()
    there = target.read_bytes() if target.exists() else b""
    if grows and not content.startswith(there):
        _log.critical(
            "%s is not a copy of %s any more: one of the two was changed, and neither is touched. Run `waiver audit "
            "verify` with both",
            target,
            source,
        )
        return
    if content != there:
        _replace(target, content)


def _replace(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all."""
    draft = path.with_name(f".{path.name}.part")
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)
