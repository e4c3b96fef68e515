"""`waiver transfer`: move an exchange from the files of a data directory into PostgreSQL."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from waiver_exchange.adapters.files.data_directory import DataDirectory, DataDirectoryInUseError
from waiver_exchange.cli.failures import EXIT_USAGE, CommandFailedError, unavailable
from waiver_exchange.cli.options import common_options
from waiver_exchange.cli.output import print_result, say
from waiver_exchange.cli.reach import acquire, open_directory, settings_of
from waiver_exchange.config import DATABASE_URL_FORM, DATABASE_URL_RULES, Settings, is_database_url
from waiver_exchange.gateway.control.protocol import Result

_SQLITE: Final = "sqlite:"
_POSTGRESQL: Final = "postgresql:"


@click.command()
@click.option(
    "--from",
    "source",
    default=_SQLITE,
    metavar="sqlite:DIR",
    help="The exchange's data directory; `sqlite:` alone is that of --data-dir, as is leaving this out.",
)
@click.option(
    "--to",
    "target",
    required=True,
    metavar="postgresql:URL",
    help="The database, as the service; `postgresql:` alone is WAIVER_DATABASE_URL, which no list of processes shows.",
)
@common_options
def transfer(source: str, target: str, data_dir: str | None, as_json: bool) -> int:  # noqa: FBT001
    """Move an exchange into a migrated, empty database, and prove that all of it is there.

    No server may run on either. Interrupted, it can be run again; the source stays as it is.
    """
    from_settings, to_settings = _read(source, target, data_dir=data_dir)
    directory = open_directory(from_settings, may_create=False, may_be_moved=True)
    try:
        with acquire(directory):
            result = asyncio.run(_transfer(from_settings, to_settings, directory=directory))
            _mark_as_moved(directory, str(result["database"]))
    except DataDirectoryInUseError as error:
        raise unavailable("data_directory_in_use", error) from error
    print_result(result, as_json=as_json)
    say(
        "the exchange goes on in the database: set WAIVER_DATABASE_URL for every server and command from now on. Keep "
        f"{directory.path} as the data directory: its secrets, of which the master key opens what was moved, and its "
        "checkpoints stay there. Without WAIVER_DATABASE_URL no server starts on it any more; to go back to the files, "
        f"without what came since, remove {directory.moved_marker}"
    )
    return 0


def _read(source: str, target: str, *, data_dir: str | None) -> tuple[Settings, Settings]:
    """Return the settings of both sides. Raises `CommandFailedError`."""
    if not source.startswith(_SQLITE):
        raise _usage("--from must be sqlite: and a data directory, such as sqlite:data.")
    if not target.startswith(_POSTGRESQL):
        raise _usage("--to must be an address such as postgresql://user@host:5432/database, or postgresql: alone.")
    settings = settings_of(data_dir)
    url = settings.database_url if target == _POSTGRESQL else target
    if not url:
        raise _usage("--to postgresql: takes the address from WAIVER_DATABASE_URL, which is not set.")
    if not is_database_url(url):
        raise _usage(f"--to must be an address such as {DATABASE_URL_FORM} ({DATABASE_URL_RULES}).")
    path = source.removeprefix(_SQLITE)
    here = replace(settings, data_dir=Path(path) if path else settings.data_dir, database_url="", database_owner_url="")
    return here, replace(here, database_url=url)


async def _transfer(source: Settings, target: Settings, *, directory: DataDirectory) -> Result:
    # Imported only here: the stores, the engine and the libraries of PostgreSQL are slow to load.
    from waiver_exchange.adapters.migrations.compatibility import SchemaError  # noqa: PLC0415
    from waiver_exchange.adapters.migrations.postgres import DatabaseUnreachableError, place_of  # noqa: PLC0415
    from waiver_exchange.bootstrap.transferring import (  # noqa: PLC0415
        TransferFailedError,
        TransferFinishedError,
        TransferInProgressError,
        TransferRefusedError,
        transfer_to_postgres,
    )
    from waiver_exchange.cli.offline import OPENING_FAILURES  # noqa: PLC0415

    try:
        done = await transfer_to_postgres(source, target, report=say)
    except TransferFinishedError as error:
        if error.has_all_rows:  # it may have been cut short just before this
            _mark_as_moved(directory, place_of(target.database_url))
        raise unavailable("transfer_is_finished", error) from error
    except TransferRefusedError as error:
        raise CommandFailedError(code="transfer_refused", message=str(error)) from error
    except TransferFailedError as error:
        raise CommandFailedError(code="transfer_failed", message=str(error)) from error
    except TransferInProgressError as error:
        raise unavailable("transfer_in_progress", error) from error
    except (SchemaError, DatabaseUnreachableError, *OPENING_FAILURES) as error:
        raise unavailable("database_unusable", error) from error
    return {
        "database": place_of(target.database_url),
        "sequence": done.sequence,
        "state_hash": done.state_hash,
        "tables": [{"table": name, "rows": count} for name, count in sorted(done.rows.items())],
    }


def _mark_as_moved(directory: DataDirectory, place: str) -> None:
    directory.moved_marker.write_text(f"{place}\n", encoding="utf-8")
    directory.moved_marker.chmod(0o600)


def _usage(message: str) -> CommandFailedError:
    return CommandFailedError(code="usage", message=message, exit_code=EXIT_USAGE)
