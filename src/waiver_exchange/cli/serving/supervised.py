"""The command line becomes the supervisor, and its processes learn what they are handed and tell it how they are."""

import ctypes
import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from waiver_exchange.adapters.files.data_directory import DataDirectory, DataDirectoryLock
from waiver_exchange.cli.failures import CommandFailedError
from waiver_exchange.cli.output import print_failure
from waiver_exchange.cli.serving.listening import BACKLOG, bind, cannot_listen_on, url_of
from waiver_exchange.config import Settings
from waiver_exchange.supervisor.plan import HANDED, READY, SAID_BYTES_MAX, Plan, encode_plan

_PR_SET_PDEATHSIG: Final = 1
# The gateways of a supervisor that was killed end at once, but not at the same instant.
_LEAVING_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.05


def become_supervisor(settings: Settings, *, lock: DataDirectoryLock, as_json: bool) -> NoReturn:
    """Take the port and turn this process into the supervisor, which keeps its id. Raises `CommandFailedError`.

    A new program, because it lives as long as the service and needs nothing of what was imported here.
    """
    listener = _bind_patiently(settings)
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        raise cannot_listen_on(listener, error) from error
    plan = Plan(
        engine=_command("serve-engine", settings, listener),
        gateway=_command("serve-gateway", settings, listener),
        gateways=settings.workers,
        listener=listener.fileno(),
        lock=lock.hand_over(),
        url=url_of(listener),
        data_dir=str(settings.data_dir),
        as_json=as_json,
    )
    for descriptor in (plan.listener, plan.lock):
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - its only form
    sys.stdout.flush()
    program = [sys.executable, "-m", "waiver_exchange.supervisor", encode_plan(plan)]
    os.execv(program[0], program)  # noqa: S606 - our own program


def _bind_patiently(settings: Settings) -> socket.socket:
    until = time.monotonic() + _LEAVING_SECONDS
    while True:
        try:
            return bind(settings.host, settings.port)
        except CommandFailedError:
            if time.monotonic() >= until:
                raise
            time.sleep(_POLL_SECONDS)


def _command(role: str, settings: Settings, listener: socket.socket) -> list[str]:
    """Return the command of a role: flags for what flags may have said, the environment says the rest."""
    flags = ["--data-dir", str(settings.data_dir), "--host", settings.host, "--workers", str(settings.workers)]
    flags += ["--port", str(listener.getsockname()[1]), "--supervisor", str(os.getpid())]
    return [sys.executable, "-m", "waiver_exchange", role, *flags, *(["--demo"] if settings.is_demo else [])]


def begin_under(supervisor: int) -> None:
    """End when the supervisor ends, whatever ends it: nothing is left that holds the port or leads the exchange."""
    for descriptor in (HANDED, READY):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only form
    # Another gateway comes first; and nobody else's hang-up is for this process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(supervisor,), name="supervisor", daemon=True).start()
    if os.getppid() != supervisor:
        os._exit(1)


def http_socket_of(directory: DataDirectory) -> Path:
    """Return where the engine's process takes what gateways pass on."""
    return directory.run / "http.sock"


def handed_listener() -> socket.socket:
    """Return the listening socket that a gateway was handed."""
    return socket.socket(fileno=HANDED)


def tell_supervisor(**said: Any) -> None:  # noqa: ANN401 - any JSON
    """Say once that this process is ready, or why it never will be."""
    with suppress(OSError):
        os.write(READY, _encoded(**said))
        os.close(READY)


def report_failure(failure: CommandFailedError) -> int:
    """Say why this process cannot run, to people and to the supervisor; return the exit code."""
    print_failure(failure, as_json=False)
    tell_supervisor(error=_bounded(failure))
    return failure.exit_code


def _bounded(failure: CommandFailedError) -> dict[str, Any]:
    """Return what is told of a failure, short enough for the one line that the supervisor reads."""
    error: dict[str, Any] = {"code": failure.code, "message": failure.message, "details": failure.details}
    if len(_encoded(error=error)) > SAID_BYTES_MAX:
        error["details"] = {}
    while len(_encoded(error=error)) > SAID_BYTES_MAX:
        # Escaped, a character takes up to twelve bytes.
        error["message"] = error["message"][: len(error["message"]) * 3 // 4]
    return error


def _encoded(**said: Any) -> bytes:  # noqa: ANN401 - any JSON
    return json.dumps(said).encode()


def _watch(supervisor: int) -> None:
    while os.getppid() == supervisor:
        time.sleep(_POLL_SECONDS)
    os._exit(1)
