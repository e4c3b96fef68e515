"""Signals and the time limit of stopping: the process ends on request, whatever hangs."""

import asyncio
import os
import signal
import sys
import threading
from types import FrameType
from typing import Final, NoReturn

from waiver_exchange.cli.failures import EXIT_FAILED, EXIT_INTERRUPTED

STOP_SECONDS_MAX: Final = 10.0


class StopSignals:
    """SIGINT and SIGTERM: at once while the exchange is being opened, in order when it serves, at once the second time.

    Leaving at once is safe: everything acknowledged is durable, and the next start reads it back.
    """

    def __init__(self) -> None:
        """Take both signals over for the rest of the process."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_requested = False
        self._limit: threading.Timer | None = None
        self.requested = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def serve(self) -> None:
        """From now on a signal sets `requested`; called from the running loop."""
        self._loop = asyncio.get_running_loop()

    def bound_stopping(self) -> None:
        """Start the clock, once: the process ends after `STOP_SECONDS_MAX` even if stopping hangs on a stalled disk."""
        if self._limit is None:
            message = (
                f"could not stop within {STOP_SECONDS_MAX:.0f} s and ended without; what was acknowledged is durable"
            )
            self._limit = threading.Timer(STOP_SECONDS_MAX, _leave, (message, EXIT_FAILED))
            self._limit.daemon = True
            self._limit.start()

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._loop is None:
            _leave("stopped while opening the exchange; nothing was changed", 0)
        elif not self._is_requested:
            self._is_requested = True
            self._loop.call_soon_threadsafe(self.requested.set)
        elif number == signal.SIGINT:
            _leave("ended at once; the next start takes a little longer", EXIT_INTERRUPTED)


def _leave(message: str, exit_code: int) -> NoReturn:
    # Written past the buffers: the signal may have interrupted a write to them.
    os.write(sys.stderr.fileno(), f"waiver: {message}\n".encode())
    os._exit(exit_code)
