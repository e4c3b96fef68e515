"""The engine's process: the exchange, the link that gateways follow, and a web server for what they pass on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import uvloop

from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.link.server import LinkServer
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import IdentityError, JournalError, PreferencesError, UnfitJournalError
from waiver_exchange.bootstrap.fan_out import news_publisher
from waiver_exchange.cli.failures import CommandFailedError, unavailable
from waiver_exchange.cli.http_connections import HttpConnections, HttpLimits
from waiver_exchange.cli.serving.exchange import Serving, is_engine_compiled, run_exchange, run_guests
from waiver_exchange.cli.serving.process import prepare_process, settle_memory
from waiver_exchange.cli.serving.supervised import http_socket_of, report_failure, tell_supervisor
from waiver_exchange.cli.serving.web import WebServer, serve_web
from waiver_exchange.cli.stopping import StopSignals
from waiver_exchange.config import Settings
from waiver_exchange.gateway.app import Gateway, build_gateway
from waiver_exchange.gateway.control.listening import bind_unix
from waiver_exchange.gateway.forwarding.door import InternalDoor
from waiver_exchange.projections.changes import ReadModelError
from waiver_exchange.supervisor.plan import LED_BY_ANOTHER, TRY_AGAIN

# A database that does not answer now may do so in a moment.
_PASSING: Final = (IdentityError, JournalError, PreferencesError, ReadModelError)


def serve_engine(settings: Settings, *, parameters: dict[str, int]) -> int:
    """Serve gateways until a signal; return the exit code. The supervisor holds the data directory's lock."""
    try:
        settings = prepare_process(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(settings, parameters=parameters, signals=StopSignals()))
    except CommandFailedError as failure:
        failure.exit_code = exit_code_of(failure)
        return report_failure(failure)


async def _run(settings: Settings, *, parameters: dict[str, int], signals: StopSignals) -> int:
    directory = DataDirectory(settings.data_dir)

    async def serve(serving: Serving) -> None:
        exchange = serving.exchange
        gateway = build_gateway(exchange, settings, counts=serving.counts)
        # Who is behind a gateway is bounded there; here all come from the same few.
        connections = HttpConnections(HttpLimits(connections_max=0, connections_per_address_max=0))
        web = WebServer(Gateway(InternalDoor(gateway.app), gateway.sockets), connections=connections)  # type: ignore[arg-type]

        def on_ready() -> None:
            settle_memory()
            tell_supervisor(is_engine_compiled=is_engine_compiled())

        guests = partial(run_guests, exchange, settings)
        path = http_socket_of(directory)
        with bind_unix(path) as listener:
            await serve_web(web, listener, running=serving.running, signals=signals, on_ready=on_ready, guests=guests)
        path.unlink(missing_ok=True)

    return await run_exchange(
        settings,
        parameters=parameters,
        socket_path=directory.control_socket,
        signals=signals,
        serve=serve,
        linked=partial(_linked, settings, directory),
    )


@asynccontextmanager
async def _linked(settings: Settings, directory: DataDirectory, exchange: Exchange) -> AsyncIterator[None]:
    """Let gateways follow the exchange for the block."""
    link = LinkServer(
        exchange, path=directory.link_socket, head_path=directory.link_head, news=news_publisher(settings)
    )
    try:
        await link.start()
    except OSError as error:
        raise unavailable("data_directory_unusable", f"The link for gateways cannot be opened: {error}") from error
    try:
        yield
    finally:
        await link.close()


def exit_code_of(failure: CommandFailedError) -> int:
    """Return what tells the supervisor whether another start may go better."""
    from waiver_exchange.adapters.postgres.leadership import SecondEngineError  # noqa: PLC0415 - slow to load

    cause = failure.__cause__
    if isinstance(cause, SecondEngineError):
        return LED_BY_ANOTHER
    is_passing = isinstance(cause, _PASSING) and not isinstance(cause, UnfitJournalError)
    return TRY_AGAIN if is_passing else failure.exit_code
