"""`waiver serve`: the settings and the data directory; the serving itself is in `server`."""

import os

import click

from waiver_exchange.adapters.files.data_directory import DataDirectory, DataDirectoryError, DataDirectoryInUseError
from waiver_exchange.cli.contradictions import check_served
from waiver_exchange.cli.failures import unavailable
from waiver_exchange.cli.options import common_options
from waiver_exchange.cli.settings import Flags, load_settings


@click.command()
@click.option("--host", metavar="H", help="Address to listen on.  [env WAIVER_HOST; default: 127.0.0.1]")
@click.option("--port", metavar="P", help="Port to listen on; 0 takes a free one.  [env WAIVER_PORT; default: 8081]")
@click.option("--demo", is_flag=True, help="List about 250 players and let bots trade them.")
@common_options
def serve(data_dir: str | None, as_json: bool, host: str | None, port: str | None, demo: bool) -> int:  # noqa: FBT001
    """Run the exchange until Ctrl-C."""
    settings = load_settings(os.environ, Flags(data_dir=data_dir, host=host, port=port, is_demo=demo))
    check_served(settings)
    try:
        directory = DataDirectory(settings.data_dir)
        lock = directory.acquire_lock()
    except DataDirectoryInUseError as error:
        raise unavailable("data_directory_in_use", error) from error
    except DataDirectoryError as error:
        raise unavailable("data_directory_unusable", error) from error
    with lock:
        if settings.is_demo and not settings.database_url and not directory.journal.exists():
            directory.demo_marker.touch(mode=0o600)
        # Imported only here: every other command starts without a web server.
        from waiver_exchange.cli.serving.one_process import serve_until_stopped  # noqa: PLC0415

        return serve_until_stopped(
            settings, parameters=dict(settings.parameters), socket_path=directory.control_socket, as_json=as_json
        )
