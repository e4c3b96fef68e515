"""Reach an exchange: over the socket when a server runs, else by taking the data directory and opening it here."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Final, TypeVar

from waiver_exchange.adapters.files.data_directory import (
    DataDirectory,
    DataDirectoryError,
    DataDirectoryInUseError,
    DataDirectoryLock,
)
from waiver_exchange.cli.failures import CommandFailedError, unavailable
from waiver_exchange.cli.settings import Flags, load_settings
from waiver_exchange.config import Settings
from waiver_exchange.gateway.control.client import NoServerError, ServerSilentError, call_server
from waiver_exchange.gateway.control.protocol import ControlError, Params, Result

# A server that starts or stops, or another command at work, holds the lock without answering for about this long.
BUSY_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.05
_T = TypeVar("_T")


def settings_of(data_dir: str | None) -> Settings:
    """Return the settings of a command that is not `serve`. Raises `CommandFailedError`."""
    return load_settings(os.environ, Flags(data_dir=data_dir))


def run_on_exchange(data_dir: str | None, method: str, params: Params, *, may_create: bool = False) -> Result:
    """Run a method of the control table, wherever the exchange is. Raises `CommandFailedError`.

    Only with `may_create` is a data directory without an exchange turned into one.
    """
    settings = settings_of(data_dir)
    directory = open_directory(settings, may_create=may_create)
    return reach(
        directory,
        online=lambda: call(directory, method, params),
        offline=lambda: _run_offline(settings, method, params),
    )


def open_directory(settings: Settings, *, may_create: bool, may_be_moved: bool = False) -> DataDirectory:
    """Return the data directory. Raises `CommandFailedError` when it cannot be used or has no exchange in it.

    Files whose exchange goes on in a database are opened with `may_be_moved` alone: they prove nothing about it.
    """
    path = settings.data_dir
    try:
        # Whether there is an exchange in a database turns out when it is opened.
        if may_create or settings.database_url:
            return DataDirectory(path)
        if path.is_dir():
            directory = DataDirectory(path)
            if directory.journal.exists():
                if not may_be_moved:
                    directory.check_not_moved()
                return directory
    except DataDirectoryError as error:
        raise unavailable("data_directory_unusable", error) from error
    except OSError as error:
        raise unavailable("data_directory_unusable", f"The data directory {path}: {error.strerror}.") from error
    raise unavailable("exchange_not_found", f"There is no exchange in {path}; name its data directory with --data-dir.")


def reach(directory: DataDirectory, *, online: Callable[[], _T], offline: Callable[[], _T]) -> _T:
    """Do it `online` when a server answers, else `offline` with the lock held. Raises `CommandFailedError`."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return online()
        except NoServerError:
            pass
        try:
            lock = acquire(directory)
        except DataDirectoryInUseError as error:
            if time.monotonic() > until:
                raise unavailable(
                    "server_does_not_answer",
                    f"{error} It does not answer on its control socket: it may be starting, stopping or stuck; "
                    "try again in a moment.",
                ) from error
            time.sleep(_RETRY_SECONDS)
            continue
        with lock:
            return offline()


def acquire(directory: DataDirectory) -> DataDirectoryLock:
    """Take the lock. Raises `DataDirectoryInUseError`, and `CommandFailedError` when there can be none."""
    try:
        return directory.acquire_lock()
    except DataDirectoryInUseError:
        raise
    except DataDirectoryError as error:
        raise unavailable("data_directory_unusable", error) from error


def call(directory: DataDirectory, method: str, params: Params) -> Result:
    """Ask the running server. Raises `NoServerError`, `CommandFailedError`."""
    try:
        return call_server(directory.control_socket, method, params)
    except ControlError as error:
        raise CommandFailedError(code=error.code, message=error.message, details=error.details) from error
    except ServerSilentError as error:
        raise unavailable("server_does_not_answer", error) from error


def _run_offline(settings: Settings, method: str, params: Params) -> Result:
    # Imported only here: the stores and the engine take longer to load than a request to the server takes.
    from waiver_exchange.cli.offline import run_offline  # noqa: PLC0415

    return asyncio.run(run_offline(settings, method, params))
