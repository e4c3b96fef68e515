"""`waiver serve`: the settings and the data directory; the serving itself is in `serving`."""

import os
import time
from typing import Final

import click

from waiver_exchange.adapters.files.data_directory import (
    DataDirectory,
    DataDirectoryError,
    DataDirectoryInUseError,
    DataDirectoryLock,
)
from waiver_exchange.cli.contradictions import check_served
from waiver_exchange.cli.failures import unavailable
from waiver_exchange.cli.options import common_options, data_dir_option
from waiver_exchange.cli.settings import Flags, load_settings
from waiver_exchange.config import Settings

# The processes of a service whose supervisor was killed end at once, but not at the same instant.
_LEAVING_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.05


@click.command()
@click.option("--host", metavar="H", help="Address to listen on.  [env WAIVER_HOST; default: 127.0.0.1]")
@click.option("--port", metavar="P", help="Port to listen on; 0 takes a free one.  [env WAIVER_PORT; default: 8081]")
@click.option("--demo", is_flag=True, help="List about 250 players and let bots trade them.")
@click.option(
    "--workers",
    metavar="N",
    help="Gateway processes that share the port, beside one with the engine; 0 is one process for all. More need "
    "PostgreSQL.  [env WAIVER_WORKERS; default: 0]",
)
@common_options
def serve(*, data_dir: str | None, as_json: bool, demo: bool, **flags: str | None) -> int:
    """Run the exchange until Ctrl-C."""
    settings = _settings_of(Flags(data_dir=data_dir, is_demo=demo, **flags))
    directory, lock = _take_directory(settings)
    with lock:
        if settings.is_demo and not settings.database_url and not directory.journal.exists():
            directory.demo_marker.touch(mode=0o600)
        # Imported only here: every other command starts without a web server.
        if settings.workers:
            from waiver_exchange.cli.serving.supervised import become_supervisor  # noqa: PLC0415

            become_supervisor(settings, lock=lock, as_json=as_json)
        from waiver_exchange.cli.serving.one_process import serve_until_stopped  # noqa: PLC0415

        return serve_until_stopped(
            settings, parameters=dict(settings.parameters), socket_path=directory.control_socket, as_json=as_json
        )


@click.command(hidden=True)
@click.option("--host")
@click.option("--port")
@click.option("--workers")
@click.option("--demo", is_flag=True)
@click.option("--supervisor", type=int, required=True)
@data_dir_option
def serve_engine(*, data_dir: str, demo: bool, supervisor: int, **flags: str | None) -> int:
    """Run the engine's process of a service; started by its supervisor."""
    from waiver_exchange.cli.serving import supervised  # noqa: PLC0415 - as above

    supervised.begin_under(supervisor)
    from waiver_exchange.cli.serving import engine  # noqa: PLC0415 - as above

    settings = _settings_of(Flags(data_dir=data_dir, is_demo=demo, **flags))
    return engine.serve_engine(settings, parameters=dict(settings.parameters))


@click.command(hidden=True)
@click.option("--host")
@click.option("--port")
@click.option("--workers")
@click.option("--demo", is_flag=True)
@click.option("--supervisor", type=int, required=True)
@data_dir_option
def serve_gateway(*, data_dir: str, demo: bool, supervisor: int, **flags: str | None) -> int:
    """Run a gateway process of a service; started by its supervisor."""
    from waiver_exchange.cli.serving import supervised  # noqa: PLC0415 - as above

    supervised.begin_under(supervisor)
    from waiver_exchange.cli.serving import gateway  # noqa: PLC0415 - as above

    return gateway.serve_gateway(_settings_of(Flags(data_dir=data_dir, is_demo=demo, **flags)))


def _settings_of(flags: Flags) -> Settings:
    settings = load_settings(os.environ, flags)
    check_served(settings)
    return settings


def _take_directory(settings: Settings) -> tuple[DataDirectory, DataDirectoryLock]:
    until = time.monotonic() + (_LEAVING_SECONDS if settings.workers else 0.0)
    while True:
        try:
            directory = DataDirectory(settings.data_dir)
            return directory, directory.acquire_lock()
        except DataDirectoryInUseError as error:
            if time.monotonic() >= until:
                raise unavailable("data_directory_in_use", error) from error
            time.sleep(_POLL_SECONDS)
        except DataDirectoryError as error:
            raise unavailable("data_directory_unusable", error) from error
