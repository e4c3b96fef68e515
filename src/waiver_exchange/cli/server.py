"""The serving process: opens the exchange, runs it with its two servers, and stops them in order."""

import asyncio
import gc
import logging
import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import uvloop

from waiver_exchange.adapters.secrets.addresses import redis_url_of
from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.application.audit_facts import encode_facts
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.market_classes import classify_markets
from waiver_exchange.application.operating.decide import status_of
from waiver_exchange.application.operating.perform import HOST, Request, perform
from waiver_exchange.application.operating.table import ACTIONS
from waiver_exchange.application.personal_data import resume_erasures
from waiver_exchange.application.ports import JournalError
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.request_counts import RequestCounts
from waiver_exchange.bootstrap import open_exchange, request_counts
from waiver_exchange.cli.failures import (
    EXIT_FAILED,
    EXIT_INTERNAL,
    EXIT_USAGE,
    CommandFailedError,
    opening_failure,
    unavailable,
)
from waiver_exchange.cli.http_connections import HttpConnections, HttpLimits, bound_by_handles
from waiver_exchange.cli.logs import configure_logging
from waiver_exchange.cli.offline import OPENING_FAILURES
from waiver_exchange.cli.output import print_json, say
from waiver_exchange.cli.settings import PARAMETERS
from waiver_exchange.cli.stopping import StopSignals
from waiver_exchange.cli.web import WebServer, bind, url_of
from waiver_exchange.config import Settings
from waiver_exchange.demo.run_demo import run_demo
from waiver_exchange.engine import engine as engine_module
from waiver_exchange.gateway.app import build_gateway
from waiver_exchange.gateway.control.server import ControlServer
from waiver_exchange.projections.actions import PROPOSED

_HANDLES_UNLIMITED: Final = 2**31
# Why, for the journal, parameters are set at the start.
_CONFIGURING: Final = "the environment that the server was started with"
_PROGRESS_SECONDS: Final = 3.0
# Measured while 200,000 orders come to 200,000 in memory, CPython 3.11: with its own thresholds (700, 10, 10) the
# collector takes 47 % of the time and stops everything for up to 115 ms; with these it is 10 % and 10 ms.
_GC_THRESHOLDS: Final = (50_000, 20, 50)

_log = logging.getLogger(__name__)


def serve_until_stopped(settings: Settings, *, parameters: dict[str, int], socket_path: Path, as_json: bool) -> int:
    """Serve the exchange of a data directory whose lock the caller holds; return the exit code.

    `parameters` are fields of `ExchangeParameters` to set. Raises `CommandFailedError` when it cannot start.
    """
    configure_logging()
    settings = _with_redis(settings)
    handles = _allow_many_connections()
    settings = replace(settings, connection_limits=bound_by_handles(settings.connection_limits, handles))
    signals = StopSignals()
    listener = bind(settings.host, settings.port)
    settings = replace(settings, port=listener.getsockname()[1])
    with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        server = _Server(settings, parameters=parameters, socket_path=socket_path, as_json=as_json, signals=signals)
        return runner.run(server.run(listener))


def _with_redis(settings: Settings) -> Settings:
    try:
        return replace(settings, redis_url=redis_url_of(settings))
    except SecretsError as error:
        raise CommandFailedError(code="setting_is_wrong", message=str(error), exit_code=EXIT_USAGE) from error


def _allow_many_connections() -> int:
    """Take as many file handles as the system grants, and return how many.

    Without one left a connection is dropped without a word.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return _HANDLES_UNLIMITED if hard == resource.RLIM_INFINITY else hard


class _Server:
    """One run of the service."""

    def __init__(
        self, settings: Settings, *, parameters: dict[str, int], socket_path: Path, as_json: bool, signals: StopSignals
    ) -> None:
        self._settings = settings
        self._parameters = parameters
        self._socket_path = socket_path
        self._as_json = as_json
        self._signals = signals

    async def run(self, listener: socket.socket) -> int:
        """Open, serve until a signal or a breakdown, stop in order; return the exit code."""
        exchange = await self._open()
        running = asyncio.create_task(exchange.run())
        self._signals.serve()
        control = ControlServer(exchange, path=self._socket_path)
        try:
            await _configure(exchange, self._parameters)
            await resume_erasures(exchange)
            await _classify(exchange)
            await _start_control(control)
            async with request_counts(self._settings, clock=exchange.clock) as counts:
                await self._serve(exchange, running, listener=listener, counts=counts)
        finally:
            self._signals.bound_stopping()
            await control.close()
            exit_code = await _close(exchange, running, data_dir=self._settings.data_dir)
        if exit_code == 0:
            say("stopped; everything is stored")
        return exit_code

    async def _open(self) -> Exchange:
        with _progress():
            try:
                return await open_exchange(self._settings)
            except OPENING_FAILURES as error:
                raise opening_failure(error) from error
            except OSError as error:
                message = f"The data directory {self._settings.data_dir}: {error}"
                raise unavailable("data_directory_unusable", message) from error

    async def _serve(
        self, exchange: Exchange, running: asyncio.Task[None], *, listener: socket.socket, counts: RequestCounts
    ) -> None:
        """Serve until a signal comes, the exchange breaks or the web server ends; then let requests finish."""
        settings = self._settings
        bounds = settings.connection_limits
        limits = HttpLimits(connections_max=bounds.connections, connections_per_address_max=bounds.address_connections)
        connections = HttpConnections(limits, trusted_proxies=settings.trusted_proxies)
        web = WebServer(
            build_gateway(exchange, settings, counts=counts),
            connections=connections,
            trusted_proxies=settings.trusted_proxies,
        )
        serving = asyncio.create_task(web.serve(sockets=[listener]))
        stop = asyncio.create_task(self._signals.requested.wait())
        ready = asyncio.create_task(web.ready.wait())
        demo: asyncio.Task[None] | None = None
        try:
            ends = {running, serving, stop}
            await asyncio.wait({*ends, ready}, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                return
            self._announce(listener)
            _settle_memory()
            if self._settings.is_demo:
                demo = asyncio.create_task(_run_demo(exchange))
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._signals.bound_stopping()
            for task in (stop, ready, demo):
                if task is not None:
                    task.cancel()
            web.should_exit = True
            await serving
            if demo is not None:
                with suppress(asyncio.CancelledError):
                    await demo

    def _announce(self, listener: socket.socket) -> None:
        is_compiled = not str(engine_module.__file__).endswith(".py")
        url = url_of(listener)
        if self._as_json:
            print_json({"url": url, "pid": os.getpid(), "is_engine_compiled": is_compiled})
            return
        print(f"engine: {'compiled' if is_compiled else 'running uncompiled, some 50 times slower'}")
        print(f"Waiver Exchange: {url}  (data directory {self._settings.data_dir}; Ctrl-C stops it)", flush=True)


async def _configure(exchange: Exchange, parameters: dict[str, int]) -> None:
    """Set what the environment says, as an action of the host; what is so already is none."""
    wanted = replace(exchange.state.parameters, **parameters)
    if wanted == exchange.state.parameters:
        return
    configuring = ACTIONS["configure_exchange"]
    facts = encode_facts(configuring.facts_of(wanted))
    waiting = [view for view in exchange.state.actions.values() if status_of(exchange, view) == PROPOSED]
    if any((view.name, view.parameters) == (configuring.name, facts) for view in waiting):
        _log.warning("the parameters in the environment wait for a second operator: see `waiver proposals list`")
        return
    try:
        await perform(exchange, configuring, wanted, Request(HOST, _CONFIGURING))
    except RefusedError as error:
        names = ", ".join(name for name, (field, _) in PARAMETERS.items() if field in parameters)
        raise CommandFailedError(
            code="setting_is_wrong",
            message=f"The exchange refused its parameters: {error.reason.message} Check {names}.",
            exit_code=EXIT_USAGE,
        ) from error


async def _classify(exchange: Exchange) -> None:
    """Classify markets that an older version listed; what cannot be written now is tried again at the next start."""
    try:
        await classify_markets(exchange)
    except RefusedError as error:
        _log.warning("not every market is classified by team and position: %s", error.reason.message)


async def _start_control(control: ControlServer) -> None:
    try:
        await control.start()
    except OSError as error:
        raise unavailable(
            "data_directory_unusable", f"The control socket cannot be opened in the data directory: {error}"
        ) from error


async def _run_demo(exchange: Exchange) -> None:
    try:
        await run_demo(exchange)
    except Exception:  # noqa: BLE001 - the demo is a guest; whatever happens to it ends there
        _log.exception("the demo failed and has ended; the exchange goes on without it")


async def _close(exchange: Exchange, running: asyncio.Task[None], *, data_dir: Path) -> int:
    """Finish what was taken and close the stores; return the exit code."""
    broke = running.done()
    exchange.stop()
    try:
        await running
        await exchange.close()
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - logged, and the exit code says it
        if isinstance(error, JournalError) and not broke:
            _log.exception("the journal failed while stopping; everything acknowledged is durable")
            return EXIT_FAILED
        _log.critical(
            "the exchange stopped, because it is not what it should be: %s. No more commands were taken. Keep a copy "
            "of %s, run `waiver verify --data-dir %s`, and start again only if that passes; else restore a backup",
            error,
            data_dir,
            data_dir,
            exc_info=True,
        )
        return EXIT_INTERNAL
    return 0


@contextmanager
def _progress() -> Iterator[None]:
    """Say now and then that the exchange is still being opened, from a thread: opening keeps the loop busy."""
    is_open = threading.Event()

    def report() -> None:
        seconds = 0.0
        while not is_open.wait(_PROGRESS_SECONDS):
            seconds += _PROGRESS_SECONDS
            say(f"replaying the journal behind the last snapshot, {seconds:.0f} s so far")

    reporter = threading.Thread(target=report, name="progress", daemon=True)
    reporter.start()
    try:
        yield
    finally:
        is_open.set()
        reporter.join()


def _settle_memory() -> None:
    """Keep the garbage collector from going through everything that lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
