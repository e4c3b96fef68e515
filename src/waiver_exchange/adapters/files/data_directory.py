"""The one directory that holds everything an exchange knows, and the lock that gives it to one process."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_PID_BYTES_MAX: Final = 32
_OTHERS: Final = 0o077


class DataDirectoryError(Exception):
    """The data directory cannot be used; the message says why and what to do."""


class DataDirectoryInUseError(DataDirectoryError):
    """Another process has the data directory's lock; the message names it and says what to do."""


class DataDirectory:
    """The directory and the names of the files in it. Only its lock is opened here."""

    def __init__(self, path: Path) -> None:
        """Create the directory and its missing parents, unless it is there, and close it to others (mode 0700).

        Raises `DataDirectoryError` when it is a file, cannot be created or written, or belongs to another user.
        """
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            owner = path.stat().st_uid
        except (FileExistsError, NotADirectoryError) as error:
            raise DataDirectoryError(
                f"The data directory {path} is a file, or lies below one; name another with --data-dir."
            ) from error
        except OSError as error:
            raise DataDirectoryError(
                f"The data directory {path} cannot be created ({error.strerror}); create it, or name another with "
                "--data-dir."
            ) from error
        user = os.geteuid()
        if owner != user:
            raise DataDirectoryError(
                f"The data directory {path} belongs to another user (id {owner}, this process runs as {user}); run as "
                "that user, or name another with --data-dir."
            )
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise DataDirectoryError(
                f"The data directory {path} cannot be written; make it writable, or name another with --data-dir."
            )

        if path.stat().st_mode & _OTHERS:
            # Whoever else may enter could read the keys' hashes or take the socket's place.
            path.chmod(0o700)

    @property
    def history_generation(self) -> Path:
        """What names the answers about history that are kept since the engine's process was started."""
        return self.path / "run" / "history"

    @property
    def demo_marker(self) -> Path:
        """An empty file that says: this exchange was begun as a demo and may be reset."""
        return self.path / "demo"

    @property
    def moved_marker(self) -> Path:
        """A file that says: what is in the databases here was transferred to where it names, and goes on there."""
        return self.path / "moved"

    @property
    def journal(self) -> Path:
        """The journal's database."""
        return self.path / "journal.db"

    @property
    def read_model(self) -> Path:
        """The read model's database; rebuilt from the journal when lost."""
        return self.path / "read_model.db"

    @property
    def identity(self) -> Path:
        """The database of people, keys and sessions."""
        return self.path / "identity.db"

    @property
    def preferences(self) -> Path:
        """The database of account settings and watchlists."""
        return self.path / "preferences.db"

    @property
    def snapshots(self) -> Path:
        """The directory of the engine's snapshots."""
        return self.path / "snapshots"

    @property
    def checkpoints(self) -> Path:
        """The directory of the signed checkpoints and the public keys that signed them."""
        return self.path / "checkpoints"

    @property
    def control_socket(self) -> Path:
        """The socket by which the command line reaches the running service."""
        return self.path / "control.sock"

    @property
    def run(self) -> Path:
        """The directory, made when it is not there, of what the processes of one service reach each other by."""
        path = self.path / "run"
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    @property
    def link_socket(self) -> Path:
        """The socket by which gateway processes follow the engine's."""
        return self.run / "link.sock"

    @property
    def link_head(self) -> Path:
        """The eight bytes that say how far a gateway process has to be."""
        return self.run / "head"

    @property
    def lock(self) -> Path:
        """The file that carries the lock, and the id of the process that holds it."""
        return self.path / "lock"

    def moved_to(self) -> str | None:
        """Return the database that the exchange in the files here was transferred to, None when it was not."""
        if not self.moved_marker.exists():
            return None
        return self.moved_marker.read_text(encoding="utf-8", errors="replace").strip()

    def check_not_moved(self) -> None:
        """Check that the exchange in the files here does not go on elsewhere. Raises `DataDirectoryError`."""
        place = self.moved_to()
        if place is not None:
            raise DataDirectoryError(
                f"The exchange in {self.path} was transferred to {place} and goes on there: set WAIVER_DATABASE_URL. "
                f"To go back to the files, without what came since, remove {self.moved_marker}."
            )

    def acquire_lock(self) -> "DataDirectoryLock":
        """Take the directory for this process, without waiting; hold on to the result.

        Raises `DataDirectoryInUseError` when another process has it, `DataDirectoryError` when the lock file cannot be
        opened or the file system has no locks.
        """
        try:
            descriptor = os.open(self.lock, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise DataDirectoryError(
                f"The lock file {self.lock} cannot be opened ({error.strerror}); check its owner and permissions."
            ) from error
        try:
            self._lock_file(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return DataDirectoryLock(descriptor)

    def _lock_file(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        except BlockingIOError as error:
            # The holder may not have written its id yet.
            pid = os.pread(descriptor, _PID_BYTES_MAX, 0).decode(errors="replace").strip() or "unknown"
            raise DataDirectoryInUseError(
                f"Another waiver process (pid {pid}) uses the data directory {self.path}; stop it, or choose another "
                "with --data-dir."
            ) from error
        except OSError as error:
            raise DataDirectoryError(
                f"The data directory {self.path} cannot be locked ({error.strerror}); put it on a local disk with some "
                "free space."
            ) from error


class DataDirectoryLock:
    """A held lock; the system takes it back when the process dies. The file stays, so that nobody locks a ghost."""

    def __init__(self, descriptor: int) -> None:
        """Take the open file that carries the lock."""
        self._descriptor: int | None = descriptor

    def hand_over(self) -> int:
        """Return the open file, which another process or program is to have; the lock is not this object's any more."""
        descriptor, self._descriptor = self._descriptor, None
        assert descriptor is not None  # noqa: S101 - it is handed over once
        return descriptor

    def close(self) -> None:
        """Give the lock back; closing again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        """Hold the lock for a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the lock back."""
        self.close()
