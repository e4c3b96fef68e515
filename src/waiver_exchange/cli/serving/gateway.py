"""A gateway's process: a replica of the exchange, and the web server on the socket that all gateways share."""

import asyncio
import signal
from functools import partial
from typing import Final

import uvloop

from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.link.wire import OtherVersionError
from waiver_exchange.application.ports import JournalBrokenError
from waiver_exchange.bootstrap import Following, open_follower, request_counts
from waiver_exchange.cli.failures import CommandFailedError, opening_failure, unavailable
from waiver_exchange.cli.offline import OPENING_FAILURES
from waiver_exchange.cli.serving.process import prepare_process, settle_memory
from waiver_exchange.cli.serving.supervised import handed_listener, http_socket_of, report_failure, tell_supervisor
from waiver_exchange.cli.serving.web import serve_web, web_server_of
from waiver_exchange.cli.stopping import StopSignals
from waiver_exchange.config import Settings
from waiver_exchange.gateway.app import BODY_BYTES_MAX, build_gateway
from waiver_exchange.gateway.forwarding.forwarder import Forwarder

# Less than the supervisor waits for it.
_DRAIN_SECONDS: Final = 20.0


def serve_gateway(settings: Settings) -> int:
    """Serve on the socket that was handed over until a signal; return the exit code.

    SIGHUP says that another gateway has this one's place: it takes nothing more and finishes what it has.
    """
    try:
        settings = prepare_process(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(settings, StopSignals()))
    except CommandFailedError as failure:
        return report_failure(failure)
    except (JournalBrokenError, OtherVersionError) as error:
        return report_failure(unavailable("engine_cannot_be_followed", error))


async def _run(settings: Settings, signals: StopSignals) -> int:
    following = await _open(settings)
    running = asyncio.create_task(following.run())
    try:
        await _until_ready(following, running)
        signals.serve()
        forwarder = Forwarder(http_socket_of(DataDirectory(settings.data_dir)), body_bytes_max=BODY_BYTES_MAX)
        try:
            await _serve(following, running, settings=settings, signals=signals, forwarder=forwarder)
        finally:
            await forwarder.close()
    finally:
        signals.bound_stopping()
        broke = running.done()
        following.stop()
        outcomes = await asyncio.gather(running, return_exceptions=True)
        await following.close()
    if broke and isinstance(outcomes[0], Exception):
        raise outcomes[0]
    return 0


async def _open(settings: Settings) -> Following:
    try:
        return await open_follower(settings)
    except OPENING_FAILURES as error:
        raise opening_failure(error, settings) from error
    except OSError as error:
        raise unavailable("data_directory_unusable", f"The data directory {settings.data_dir}: {error}") from error


async def _until_ready(following: Following, running: asyncio.Task[None]) -> None:
    ready = asyncio.create_task(following.ready())
    await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if running.done():
        running.result()


async def _serve(
    following: Following,
    running: asyncio.Task[None],
    *,
    settings: Settings,
    signals: StopSignals,
    forwarder: Forwarder,
) -> None:
    exchange = following.exchange
    async with request_counts(settings, clock=exchange.clock) as counts:
        web = web_server_of(build_gateway(exchange, settings, counts=counts, forwarder=forwarder), settings)

        def on_ready() -> None:
            settle_memory()
            asyncio.get_running_loop().add_signal_handler(
                signal.SIGHUP, partial(web.drain_soon, seconds=_DRAIN_SECONDS)
            )
            tell_supervisor()

        with handed_listener() as listener:
            await serve_web(web, listener, running=running, signals=signals, on_ready=on_ready)
