"""The exchange as a serving process runs it: opened, set up, reached by its control socket, and closed in order."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from waiver_exchange.application.audit_facts import encode_facts
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.market_classes import classify_markets
from waiver_exchange.application.operating.decide import status_of
from waiver_exchange.application.operating.perform import HOST, Request, perform
from waiver_exchange.application.operating.table import ACTIONS
from waiver_exchange.application.personal_data import resume_erasures
from waiver_exchange.application.ports import FencedError, JournalError
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.request_counts import RequestCounts
from waiver_exchange.bootstrap import open_exchange, request_counts
from waiver_exchange.cli.failures import (
    EXIT_FAILED,
    EXIT_INTERNAL,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
    CommandFailedError,
    opening_failure,
    unavailable,
)
from waiver_exchange.cli.offline import OPENING_FAILURES
from waiver_exchange.cli.output import say
from waiver_exchange.cli.setting_table import PARAMETERS, PARAMETERS_PLACE
from waiver_exchange.cli.stopping import StopSignals
from waiver_exchange.config import Settings
from waiver_exchange.demo.run_demo import run_demo
from waiver_exchange.engine import engine as engine_module
from waiver_exchange.gateway.control.server import ControlServer
from waiver_exchange.projections.actions import PROPOSED

# Why, for the journal, parameters are set at the start.
_CONFIGURING: Final = "the environment that the server was started with"
_PROGRESS_SECONDS: Final = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """An exchange that runs, and what its requests are counted in; `running` ends when it breaks."""

    exchange: Exchange
    running: asyncio.Task[None]
    counts: RequestCounts


async def run_exchange(
    settings: Settings,
    *,
    parameters: dict[str, int],
    socket_path: Path,
    signals: StopSignals,
    serve: Callable[[Serving], Awaitable[None]],
    linked: Callable[[Exchange], AbstractAsyncContextManager[None]] = lambda _: nullcontext(),
) -> int:
    """Open the exchange, `serve` it, and stop in order when that returns; return the exit code.

    `parameters` are fields of `ExchangeParameters` to set. What follows the exchange from elsewhere is `linked` before
    anybody is answered, and for as long. Raises `CommandFailedError` when it cannot start.
    """
    exchange = await _open(settings)
    running = asyncio.create_task(exchange.run())
    signals.serve()
    control = ControlServer(exchange, path=socket_path)
    try:
        await _configure(exchange, parameters)
        await resume_erasures(exchange)
        await _classify(exchange)
        async with linked(exchange), request_counts(settings, clock=exchange.clock) as counts:
            exchange.counts_warning = lambda: counts.warning
            try:
                await _start_control(control)
                await serve(Serving(exchange=exchange, running=running, counts=counts))
            finally:
                signals.bound_stopping()
                await control.close()
    finally:
        signals.bound_stopping()
        exit_code = await _close(exchange, running, data_dir=settings.data_dir)
    if exit_code == 0:
        say("stopped; everything is stored")
    return exit_code


async def run_guests(exchange: Exchange, settings: Settings) -> None:
    """Run the demo, where there is one; what happens to it ends there."""
    if not settings.is_demo:
        return
    try:
        await run_demo(exchange)
    except Exception:  # noqa: BLE001 - the demo is a guest; whatever happens to it ends there
        _log.exception("the demo failed and has ended; the exchange goes on without it")


def is_engine_compiled() -> bool:
    """Return whether the engine is the compiled one."""
    return not str(engine_module.__file__).endswith(".py")


async def _open(settings: Settings) -> Exchange:
    with _progress():
        try:
            return await open_exchange(settings)
        except OPENING_FAILURES as error:
            raise opening_failure(error, settings) from error
        except OSError as error:
            message = f"The data directory {settings.data_dir}: {error}"
            raise unavailable("data_directory_unusable", message) from error


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
        places = {PARAMETERS_PLACE + field for field in parameters}
        names = ", ".join(setting.name for setting in PARAMETERS if setting.place in places)
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


async def _close(exchange: Exchange, running: asyncio.Task[None], *, data_dir: Path) -> int:
    """Finish what was taken and close the stores; return the exit code."""
    broke = running.done()
    exchange.stop()
    try:
        await running
        await exchange.close()
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - logged, and the exit code says it
        if isinstance(error, FencedError):
            _log.critical("the exchange stopped: %s", error)
            return EXIT_UNAVAILABLE
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
