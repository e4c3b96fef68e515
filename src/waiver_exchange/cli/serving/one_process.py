"""Everything in one process: the exchange, and the web server that everybody reaches."""

import asyncio
import os
import socket
from dataclasses import replace
from functools import partial
from pathlib import Path

import uvloop

from waiver_exchange.cli.output import print_json
from waiver_exchange.cli.serving.exchange import Serving, is_engine_compiled, run_exchange, run_guests
from waiver_exchange.cli.serving.listening import bind, url_of
from waiver_exchange.cli.serving.process import prepare_process, settle_memory
from waiver_exchange.cli.serving.web import serve_web, web_server_of
from waiver_exchange.cli.stopping import StopSignals
from waiver_exchange.config import Settings
from waiver_exchange.gateway.app import build_gateway


def serve_until_stopped(settings: Settings, *, parameters: dict[str, int], socket_path: Path, as_json: bool) -> int:
    """Serve the exchange of a data directory whose lock the caller holds; return the exit code.

    `parameters` are fields of `ExchangeParameters` to set. Raises `CommandFailedError` when it cannot start.
    """
    settings = prepare_process(settings)
    signals = StopSignals()
    listener = bind(settings.host, settings.port)
    settings = replace(settings, port=listener.getsockname()[1])

    async def serve(serving: Serving) -> None:
        def on_ready() -> None:
            _announce(settings, listener, as_json=as_json)
            settle_memory()

        exchange = serving.exchange
        web = web_server_of(build_gateway(exchange, settings, counts=serving.counts), settings)
        guests = partial(run_guests, exchange, settings)
        await serve_web(web, listener, running=serving.running, signals=signals, on_ready=on_ready, guests=guests)

    with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(
            run_exchange(settings, parameters=parameters, socket_path=socket_path, signals=signals, serve=serve)
        )


def _announce(settings: Settings, listener: socket.socket, *, as_json: bool) -> None:
    url = url_of(listener)
    if as_json:
        print_json({"url": url, "pid": os.getpid(), "is_engine_compiled": is_engine_compiled()})
        return
    print(f"engine: {'compiled' if is_engine_compiled() else 'running uncompiled, some 50 times slower'}")
    print(f"Waiver Exchange: {url}  (data directory {settings.data_dir}; Ctrl-C stops it)", flush=True)
