"""Commands on the data directory itself: prove it, take a snapshot, remove a demo's."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from waiver_exchange.adapters.files.data_directory import DataDirectory, DataDirectoryInUseError
from waiver_exchange.cli.failures import EXIT_FAILED, CommandFailedError, unavailable
from waiver_exchange.cli.options import common_options
from waiver_exchange.cli.output import print_result, say
from waiver_exchange.cli.reach import acquire, call, open_directory, reach, settings_of
from waiver_exchange.config import Settings
from waiver_exchange.gateway.control.protocol import Result

_JOURNAL: Final = "journal.db"
_MOVED: Final = "moved"
# What an exchange keeps, as prefixes: SQLite adds -wal, -shm and -journal.
_OWN_PREFIXES: Final = (_JOURNAL, "read_model.db", "identity.db", "preferences.db")
_OWN_NAMES: Final = frozenset({"snapshots", "checkpoints", "control.sock", "lock", "demo", _MOVED, "run", "secrets"})


@click.command()
@common_options
def verify(data_dir: str | None, as_json: bool) -> int:  # noqa: FBT001
    """Replay the journal from its first row and compare everything with it.

    Checked are the chain of hashes, snapshot and live state, the projections, and that cash and shares are conserved.
    """
    settings = settings_of(data_dir)
    directory = open_directory(settings, may_create=False)
    result = reach(
        directory,
        online=lambda: _verify(settings, ask_live=lambda: call(directory, "verify.live", {})),
        offline=lambda: _verify(settings, ask_live=None),
    )
    if not as_json:
        result.pop("error", None)  # people read the difference
    print_result(result, as_json=as_json)
    return 0 if result["ok"] else EXIT_FAILED


def _verify(settings: Settings, *, ask_live: Callable[[], Result] | None) -> Result:
    # Imported only here: the stores and the engine are slow to load.
    from waiver_exchange.cli.proof import prove  # noqa: PLC0415

    return asyncio.run(prove(settings, ask_live=ask_live))


@click.command(hidden=True)
@common_options
def snapshot(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Read the journal and keep a snapshot of the engine; the running server starts this by itself."""
    from waiver_exchange.cli.proof import take  # noqa: PLC0415 - slow to load

    settings = settings_of(data_dir)
    directory = open_directory(settings, may_create=False)
    directory.snapshots.mkdir(mode=0o700, exist_ok=True)
    # The data directory's lock is the server's; this one keeps two snapshots from writing at once.
    descriptor = os.open(directory.snapshots, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        print_result({"sequence": asyncio.run(take(settings))}, as_json=as_json)
    except BlockingIOError as error:
        raise CommandFailedError(
            code="snapshot_in_progress", message="Another process is taking a snapshot of this exchange."
        ) from error
    finally:
        os.close(descriptor)


@click.command("demo-reset")
@common_options
def demo_reset(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Remove a demo exchange, all that it keeps in its data directory, for good."""
    settings = settings_of(data_dir)
    path = settings.data_dir
    _check_all_is_here(settings)
    has_exchange = _looks_like_an_exchange(path)
    if has_exchange:
        _remove_contents(open_directory(settings, may_create=False, may_be_moved=True))
    else:
        say(f"there is no exchange in {path}; nothing to remove")
    print_result({"data_dir": str(path), "is_removed": has_exchange}, as_json=as_json)


def _check_all_is_here(settings: Settings) -> None:
    """Raise `CommandFailedError` for an exchange in a database, whose master key lies in the data directory."""
    if settings.database_url or (settings.data_dir / _MOVED).exists():
        raise CommandFailedError(
            code="not_in_files",
            message=f"The exchange of {settings.data_dir} is in PostgreSQL, and without the master key in this "
            "directory nobody can read its names and keys: nothing was removed. To give it up, drop that database as "
            "its owner, make it anew and run `waiver migrate`; then remove the directory.",
        )


def _looks_like_an_exchange(path: Path) -> bool:
    """Return False when nothing is there. Raises `CommandFailedError` when something else is."""
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise unavailable("data_directory_unusable", f"{path}: {error.strerror}.") from error
    foreign = [name for name in names if name not in _OWN_NAMES and not name.startswith(_OWN_PREFIXES)]
    if not foreign and _JOURNAL not in names:
        foreign = [name for name in names if name not in {"lock", "control.sock"}]
    if foreign:
        raise CommandFailedError(
            code="not_a_data_directory",
            message=f"{path} is no exchange's data directory: it holds {', '.join(foreign[:5])}. Nothing was removed.",
        )
    return _JOURNAL in names


def _remove_contents(directory: DataDirectory) -> None:
    """Remove all but the directory and its lock, which must not vanish under a process that waits for it."""
    try:
        lock = acquire(directory)
    except DataDirectoryInUseError as error:
        raise unavailable("data_directory_in_use", error) from error
    with lock:
        if not directory.demo_marker.exists():
            raise CommandFailedError(
                code="not_a_demo",
                message=f"The exchange in {directory.path} was not begun with `serve --demo`; nothing was removed.",
            )
        entries = [entry for entry in directory.path.iterdir() if entry != directory.lock]
        # The journal goes last: as long as it is there, an interrupted reset can be repeated.
        for entry in sorted(entries, key=lambda entry: entry.name == _JOURNAL):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
