"""Snapshots as files: each appears whole under its final name, and a damaged one is known by its checksum."""

import hashlib
import logging
import os
from pathlib import Path
from struct import Struct
from typing import Final

from waiver_exchange.adapters.files.syncing import sync_directory
from waiver_exchange.application.ports import Snapshot, SnapshotStore

_log = logging.getLogger(__name__)

MAGIC: Final = b"WXSNAP\r\n"  # the line end shows a file that was copied as text
VERSION: Final = 1
KEPT: Final = 2

# Little-endian: magic, version (u32), sequence (u64), time (i64, UNIX ns), chain (32 bytes), length of the state (u64);
# then the state, then the SHA-256 of all before it.
_HEAD: Final = Struct("<8sIQq32sQ")
_CHECKSUM_BYTES: Final = 32
_SUFFIX: Final = ".snapshot"
_TEMPORARY_SUFFIX: Final = ".snapshot.part"


class FileSnapshotStore(SnapshotStore):
    """Snapshots in a directory of their own, which is created (mode 0700) when it is missing; the files have mode 0600.

    One process at a time may write; the lock of the data directory sees to that.
    """

    def __init__(self, directory: Path) -> None:
        """Take the directory. Raises `OSError` when it cannot be created."""
        directory.mkdir(mode=0o700, exist_ok=True)
        self._directory = directory

    async def load_latest(self) -> Snapshot | None:
        """Return the newest snapshot that is whole, or None; damaged ones are skipped with a warning in the log.

        Whether it belongs to the journal at hand is the caller's to check, by its sequence and chain. Raises `OSError`
        when the directory cannot be listed.
        """
        for path in reversed(self._list()):
            try:
                return _decode(path.read_bytes())
            except (OSError, _DamagedSnapshotError) as error:
                _log.warning("Skipped the snapshot %s: %s. The start takes longer and loses nothing.", path, error)
        return None

    async def store(self, snapshot: Snapshot) -> None:
        """Keep a snapshot durably, then remove all but it and the newest one before it.

        Snapshots of later rows go too: the journal has been set back behind them. Raises `OSError`; then the earlier
        snapshots are as they were.
        """
        final = self._directory / f"{snapshot.sequence:020d}{_SUFFIX}"
        temporary = final.with_suffix(_TEMPORARY_SUFFIX)
        try:
            _write_durably(temporary, _encode(snapshot))
            temporary.replace(final)
            sync_directory(self._directory)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._remove_all_but(final)

    def _remove_all_but(self, newest: Path) -> None:
        kept = [path for path in self._list() if path.name <= newest.name][-KEPT:]
        for path in self._directory.iterdir():
            if path.name.endswith((_SUFFIX, _TEMPORARY_SUFFIX)) and path not in kept:
                path.unlink(missing_ok=True)

    def _list(self) -> list[Path]:
        return sorted(path for path in self._directory.iterdir() if path.name.endswith(_SUFFIX))


class _DamagedSnapshotError(Exception):
    """The file is not a whole snapshot of this version; the message says what is wrong with it."""


def _encode(snapshot: Snapshot) -> bytes:
    head = _HEAD.pack(MAGIC, VERSION, snapshot.sequence, snapshot.time_ns, snapshot.chain, len(snapshot.state))
    checksum = hashlib.sha256(head)
    checksum.update(snapshot.state)
    return b"".join((head, snapshot.state, checksum.digest()))


def _decode(content: bytes) -> Snapshot:
    if len(content) < _HEAD.size + _CHECKSUM_BYTES:
        raise _DamagedSnapshotError("it is cut short")
    magic, version, sequence, time_ns, chain, length = _HEAD.unpack_from(content)
    if magic != MAGIC:
        raise _DamagedSnapshotError("it does not start like a snapshot")
    if version != VERSION:
        raise _DamagedSnapshotError(f"it has format {version} and this program knows format {VERSION}")
    if len(content) != _HEAD.size + length + _CHECKSUM_BYTES:
        raise _DamagedSnapshotError("its length is wrong")
    body = memoryview(content)[:-_CHECKSUM_BYTES]
    if hashlib.sha256(body).digest() != content[-_CHECKSUM_BYTES:]:
        raise _DamagedSnapshotError("its checksum is wrong")
    return Snapshot(sequence=sequence, time_ns=time_ns, chain=chain, state=bytes(body[_HEAD.size :]))


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
