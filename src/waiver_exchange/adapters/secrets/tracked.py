"""Whether a file is in the git repository around it, read from git's index: git itself need not be installed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_HEAD_BYTES: Final = 12
_STAT_BYTES: Final = 40
_EXTENDED: Final = 0x4000
_SHA256: Final = re.compile(r"objectformat\s*=\s*sha256", re.IGNORECASE)
_COMPRESSED_VERSION: Final = 4


def is_tracked(path: Path) -> bool:
    """Return whether a git repository in a folder above holds the file; an index that makes no sense holds none."""
    path = path.resolve()
    for folder in path.parents:
        git = _git_folder(folder / ".git")
        if git is not None:
            wanted = path.relative_to(folder).as_posix().encode()
            return wanted in _paths_of(git)
    return False


def _git_folder(place: Path) -> Path | None:
    if place.is_dir():
        return place
    if place.is_file():  # a work tree or a submodule: the file says where
        text = place.read_text(encoding="utf-8", errors="replace").strip()
        folder = place.parent / text.removeprefix("gitdir:").strip()
        return folder if folder.is_dir() else None
    return None


def _paths_of(git: Path) -> set[bytes]:
    try:
        index = (git / "index").read_bytes()
        config = (git / "config").read_text(encoding="utf-8", errors="replace") if (git / "config").exists() else ""
        return set(_read_index(index, hash_bytes=32 if _SHA256.search(config) else 20))
    except (OSError, ValueError, IndexError):
        return set()


def _read_index(index: bytes, *, hash_bytes: int) -> Iterator[bytes]:
    """Yield the paths of an index of version 2, 3 or 4 (git's Documentation/gitformat-index)."""
    if index[:4] != b"DIRC":
        return
    version, count = int.from_bytes(index[4:8], "big"), int.from_bytes(index[8:12], "big")
    at, before = _HEAD_BYTES, b""
    for _ in range(count):
        start = at
        at += _STAT_BYTES + hash_bytes
        flags = int.from_bytes(index[at : at + 2], "big")
        at += 4 if flags & _EXTENDED else 2
        kept = b""
        if version == _COMPRESSED_VERSION:
            cut, at = _read_offset(index, at)
            kept = before[: len(before) - cut]
        end = index.index(b"\0", at)
        before = kept + index[at:end]
        yield before
        at = end + 1 if version == _COMPRESSED_VERSION else start + (end - start) // 8 * 8 + 8


def _read_offset(index: bytes, at: int) -> tuple[int, int]:
    value = index[at] & 0x7F
    while index[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (index[at] & 0x7F)
    return value, at + 1
