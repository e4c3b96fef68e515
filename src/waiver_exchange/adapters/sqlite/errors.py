"""Sentences for what SQLite and the operating system report: what is wrong and what the operator can do."""

import errno
import sqlite3
from pathlib import Path
from typing import Final

_PRIMARY_CODE: Final = 0xFF  # the low byte of an extended code is the kind of failure

_SENTENCES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space on it",
    sqlite3.SQLITE_READONLY: "the file or its folder cannot be written; check their owner and permissions",
    sqlite3.SQLITE_PERM: "the file may not be used; check its owner and permissions",
    sqlite3.SQLITE_CANTOPEN: "the file, or the -wal and -shm files beside it, cannot be opened; check that the folder "
    "exists and their owner and permissions",
    sqlite3.SQLITE_BUSY: "another program holds the file locked; close it (a database browser, a backup) and try again",
    sqlite3.SQLITE_LOCKED: "another connection holds the table locked; close it and try again",
    sqlite3.SQLITE_IOERR: "the operating system could not read or write the file; check the disk, the file size limit "
    "and the system log",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; keep a copy of it and restore a backup",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database or its head is damaged; restore a backup or name another "
    "file",
    sqlite3.SQLITE_CONSTRAINT: "a row of it exists already or breaks a rule of the table; another process may have "
    "written to the file: stop it, and verify the journal",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
    sqlite3.SQLITE_TOOBIG: "a row is larger than SQLite can hold",
}

_SYSTEM_SENTENCES: Final = {
    errno.ENOSPC: _SENTENCES[sqlite3.SQLITE_FULL],
    errno.EDQUOT: _SENTENCES[sqlite3.SQLITE_FULL],
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: _SENTENCES[sqlite3.SQLITE_PERM],
    errno.EPERM: _SENTENCES[sqlite3.SQLITE_PERM],
    errno.ENOENT: "its folder does not exist; create it or name another",
    errno.ENOTDIR: "its folder is a file; name another",
}


# What sqlite3 raises on its own account. The last one comes from a damaged file, whose names SQLite quotes in a message
# that Python cannot decode.
SQLITE_FAILURES: Final = (sqlite3.Error, UnicodeDecodeError)


def primary_code(error: BaseException) -> int:
    """Return the kind of an SQLite failure, one of the `SQLITE_...` numbers; 0 when it is none of SQLite's."""
    if isinstance(error, UnicodeDecodeError):
        return sqlite3.SQLITE_CORRUPT
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY_CODE


def explain_failure(error: Exception, *, action: str, path: Path) -> str:
    """Return a sentence for the operator; `action` completes "could not", such as `write the journal`."""
    if isinstance(error, OSError):
        sentence = _SYSTEM_SENTENCES.get(error.errno or 0, "the operating system refused it")
    else:
        sentence = _SENTENCES.get(primary_code(error), "SQLite refused it")
    return f"Could not {action} {path}: {sentence}. ({error})"
