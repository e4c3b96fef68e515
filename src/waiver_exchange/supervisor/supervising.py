"""The supervisor's loop: it starts, restarts, replaces and stops the processes of the service."""

import os
import selectors
import signal
import socket
import time
from collections import deque
from functools import partial
from types import FrameType
from typing import Final

from waiver_exchange.supervisor.children import Child, keep_above, spawn
from waiver_exchange.supervisor.places import Place, must_not_start_again
from waiver_exchange.supervisor.plan import LED_BY_ANOTHER, TRY_AGAIN, Plan
from waiver_exchange.supervisor.report import announce, describe_end, log, report_failure

# A process of the service ends by itself within 10 s of being told to; who does not is killed.
STOP_SECONDS_MAX: Final = 15.0
# How long a gateway that was replaced may take to finish what it has.
DRAIN_SECONDS_MAX: Final = 30.0
SUCCESSOR_SECONDS_MAX: Final = 120.0
_EXIT_FAILED: Final = 1
_EXIT_UNAVAILABLE: Final = 3
_EXIT_INTERRUPTED: Final = 130
_SIGNALS: Final = (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_WAKING_BYTES_MAX: Final = 4_096


class Supervisor:
    """One run of the service."""

    def __init__(self, plan: Plan) -> None:
        """Take the signals over."""
        self._plan = plan
        self._engine = Place("the engine", self._starting(plan.engine, keep_above(plan.lock)))
        listener = keep_above(plan.listener)
        self._gateways = [
            Place(f"gateway {number}", self._starting(plan.gateway, listener)) for number in range(1, plan.gateways + 1)
        ]
        self._replacing: deque[Place] = deque()
        self._is_announced = False
        self._is_stopping = False
        self._is_engine_told = False
        self._exit_code = 0
        self._selector = selectors.DefaultSelector()
        self._signals: set[int] = set()
        self._wake_on_signals()

    def run(self) -> int:
        """Keep the service running until it is to stop; return the exit code."""
        while True:
            try:
                self._work()
            except OSError as error:  # there are too many processes, or no memory is left
                log("error", f"no process can be started; it is tried again: {error}")
                time.sleep(1.0)
                continue
            if self._is_stopping and not self._children():
                return self._exit_code
            self._wait()

    def _starting(self, command: list[str], handed: int) -> "partial[Child]":
        return partial(self._start, command, handed)

    def _start(self, command: list[str], handed: int) -> Child:
        child = spawn(command, handed=handed, now=time.monotonic())
        self._selector.register(child.ready, selectors.EVENT_READ, child)
        return child

    def _places(self) -> tuple[Place, ...]:
        return (self._engine, *self._gateways)

    def _children(self) -> list[Child]:
        return [child for place in self._places() for child in place.children]

    # What happens

    def _wait(self) -> None:
        """Wait for something to happen, or for the time of what is due next."""
        for key, _ in self._selector.select(self._seconds_until_due()):
            if isinstance(key.data, Child):
                self._selector.unregister(key.fileobj)
                key.data.hear(time.monotonic())
            else:
                key.data.recv(_WAKING_BYTES_MAX)

    def _seconds_until_due(self) -> float | None:
        due = [place.next_at for place in self._places() if place.next_at is not None and self._may_fill(place)]
        due += [child.due for child in self._children() if child.due is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _work(self) -> None:
        """Do what the moment asks for."""
        self._reap()
        self._take_signals()
        now = time.monotonic()
        for child in self._children():
            if child.due is not None and now >= child.due:
                what = "was not ready" if child.kill_at is None else "did not end"
                log("error", f"process {child.pid} {what} in time and is killed")
                child.kill()
        if self._is_stopping:
            self._go_on_stopping(now)
            return
        for place in self._places():
            if self._may_fill(place):
                place.fill(now)
            if place.is_ready and not place.has_been_ready:
                place.has_been_ready = True
        self._go_on_replacing(now)
        if not self._is_announced and all(place.is_ready for place in self._places()):
            self._is_announced = True
            announce(self._plan, self._engine.current.said if self._engine.current else {})

    def _may_fill(self, place: Place) -> bool:
        """Gateways come after the engine at the beginning, and stay when it is away."""
        return not self._is_stopping and (place is self._engine or self._engine.has_been_ready)

    def _take_signals(self) -> None:
        taken, self._signals = self._signals, set()
        if signal.SIGHUP in taken and not self._is_stopping:
            self._begin_replacing()
        if signal.SIGINT in taken and self._is_stopping:
            log("warning", "ended at once; the next start takes a little longer")
            self._exit_code = _EXIT_INTERRUPTED
            for child in self._children():
                child.kill()
        elif taken & {signal.SIGINT, signal.SIGTERM} and not self._is_stopping:
            self._begin_stopping()

    def _reap(self) -> None:
        """Look who has ended; as the first process of a container, also those that nobody else looks after."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for place in self._places():
                for child in list(place.children):
                    if child.pid == pid:
                        self._lose(place, child, os.waitstatus_to_exitcode(status))

    def _lose(self, place: Place, child: Child, code: int) -> None:
        if child.ready >= 0:
            self._selector.unregister(child.ready)
            child.hear(time.monotonic())  # its last words
        is_successor, is_leaving = child is place.successor, child in place.leaving
        was_ready = place.has_been_ready
        seconds = place.lose(child, time.monotonic())
        if self._is_stopping:
            if place is self._engine and self._exit_code == 0:
                self._exit_code = _told(code) if code >= 0 else _EXIT_FAILED
        elif is_leaving:
            if code != 0:
                log("warning", f"the {place.name} that was replaced {describe_end(code)}")
        elif is_successor:
            self._replacing.clear()
            log("error", f"the new {place.name} {describe_end(code)}; the old ones stay")
        elif self._must_end(place, code, was_ready=was_ready):
            why = "must not be started again" if was_ready else "was never ready"
            log("critical", f"{place.name} {describe_end(code)} and {why}: the service ends")
            self._exit_code = _told(code)
            if not self._is_announced:
                report_failure(self._plan, child.said)
            self._begin_stopping()
        elif seconds is not None:
            log("error", f"{place.name} (process {child.pid}) {describe_end(code)}; it is started again {_in(seconds)}")

    def _must_end(self, place: Place, code: int, *, was_ready: bool) -> bool:
        """Whether an end is no accident: an engine that refuses to run, and what fails at the very first start."""
        if not was_ready and not self._is_announced:
            return code > 0
        seconds_away = time.monotonic() - place.empty_since
        return place is self._engine and must_not_start_again(code, seconds_away=seconds_away)

    # One after another

    def _begin_replacing(self) -> None:
        log("info", "the gateways are replaced one by one")
        self._replacing = deque(self._gateways)

    def _go_on_replacing(self, now: float) -> None:
        """Go on when nothing of the last step is left: the old process is gone before the next place is touched."""
        for place in self._gateways:
            successor = place.successor
            if successor is not None:
                if successor.ready_at is not None:
                    place.finish_replacing(drain_until=now + DRAIN_SECONDS_MAX)
                return
            if place.leaving:
                return
        while self._replacing:
            place = self._replacing.popleft()
            if place.current is not None:
                place.begin_replacing(ready_until=now + SUCCESSOR_SECONDS_MAX)
                return
            # A place that is empty is filled anew anyway.

    # The end

    def _begin_stopping(self) -> None:
        self._is_stopping = True
        self._replacing.clear()
        until = time.monotonic() + STOP_SECONDS_MAX
        for place in self._gateways:
            for child in place.children:
                child.kill_at = until
                child.send(signal.SIGTERM)

    def _go_on_stopping(self, now: float) -> None:
        """Tell the engine when no gateway is left, so that what they took is still answered."""
        if self._is_engine_told or any(True for place in self._gateways for _ in place.children):
            return
        self._is_engine_told = True
        for child in self._engine.children:
            child.kill_at = now + STOP_SECONDS_MAX
            child.send(signal.SIGTERM)

    # Signals

    def _wake_on_signals(self) -> None:
        waking, woken = socket.socketpair()
        for end in (waking, woken):
            end.setblocking(False)  # noqa: FBT003 - its only form
        self._waking = waking
        self._selector.register(woken, selectors.EVENT_READ, woken)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._signals.add(number)


def _told(code: int) -> int:
    """Return the service's exit code for that of a process: what only the supervisor understands stays here."""
    return _EXIT_UNAVAILABLE if code in {TRY_AGAIN, LED_BY_ANOTHER} else code


def _in(seconds: float) -> str:
    return f"in {seconds:g} s" if seconds else "at once"
