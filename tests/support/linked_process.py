"""The engine's process or a gateway as a program on SQLite files: `python -m tests.support.linked_process ROLE serve`.

What `waiver serve --workers` runs, without the supervisor and without PostgreSQL, so that a test can kill each alone.
"""

import argparse
import asyncio
import os
import socket
from pathlib import Path

import uvloop

from tests.support.linked import running_link
from waiver_exchange.bootstrap import running_follower
from waiver_exchange.cli.logs import configure_logging
from waiver_exchange.cli.output import print_json
from waiver_exchange.cli.serving.process import settle_memory
from waiver_exchange.cli.serving.web import WebServer
from waiver_exchange.config import RequestLimits, Settings
from waiver_exchange.gateway.app import build_gateway

UNLIMITED = RequestLimits(
    orders_per_second=0, reads_per_second=0, address_requests_per_second=0, failed_authentications_per_minute=0
)


def say_ready(**said: object) -> None:
    settle_memory()
    print_json({"pid": os.getpid(), **said})


async def run_engine(data_dir: Path) -> None:
    async with running_link(data_dir):
        say_ready(url="")
        await asyncio.Event().wait()


async def run_gateway(data_dir: Path, port: int) -> None:
    settings = Settings(data_dir=data_dir, limits=UNLIMITED)
    with socket.create_server(("127.0.0.1", port)) as listener:
        async with running_follower(settings) as exchange:
            web = WebServer(build_gateway(exchange, settings))
            serving = asyncio.create_task(web.serve(sockets=[listener]))
            await web.ready.wait()
            say_ready(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
            await serving


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("engine", "gateway"))
    parser.add_argument("serve")
    parser.add_argument("--port", type=int)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data-dir", type=Path)
    given = parser.parse_args()
    configure_logging()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_engine(given.data_dir) if given.role == "engine" else run_gateway(given.data_dir, given.port))


if __name__ == "__main__":
    main()
