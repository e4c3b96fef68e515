"""`waiver migrate`: bring the database or the files of an exchange up to this program, or say what is pending."""

import asyncio

import click

from waiver_exchange.adapters.files.data_directory import DataDirectoryInUseError
from waiver_exchange.cli.failures import EXIT_FAILED, EXIT_USAGE, CommandFailedError, unavailable
from waiver_exchange.cli.options import common_options
from waiver_exchange.cli.output import print_result, say
from waiver_exchange.cli.reach import acquire, open_directory, settings_of
from waiver_exchange.config import DATABASE_URL_FORM, DATABASE_URL_RULES, Settings, is_database_url
from waiver_exchange.gateway.control.protocol import Result


@click.command()
@click.option("--check", "is_check", is_flag=True, help="Change nothing; exit code 1 tells that something is pending.")
@click.option(
    "--database-url",
    metavar="URL",
    help="The PostgreSQL database, as its owner.  [env WAIVER_DATABASE_OWNER_URL; default: the data directory's files]",
)
@click.option("--service-role", metavar="NAME", help="The role of servers.  [default: the user in WAIVER_DATABASE_URL]")
@click.option("--reader-role", metavar="NAME", help="The role that may only look at views.  [default: waiver_reader]")
@common_options
def migrate(
    *,
    data_dir: str | None,
    as_json: bool,
    is_check: bool,
    database_url: str | None,
    service_role: str | None,
    reader_role: str | None,
) -> int:
    """Bring the database of an exchange up to this program, as its owner.

    Interrupted, it can be run again. A server of the program before this one can go on running meanwhile.
    """
    settings = settings_of(data_dir)
    if database_url and not is_database_url(database_url):
        raise CommandFailedError(
            code="usage",
            message=f"--database-url must be an address such as {DATABASE_URL_FORM} ({DATABASE_URL_RULES}).",
            exit_code=EXIT_USAGE,
        )
    owner_url = database_url or settings.database_owner_url
    if is_check:
        return _check(settings, url=owner_url or settings.database_url, as_json=as_json)
    if settings.database_url and not owner_url:
        raise CommandFailedError(
            code="owner_is_missing",
            message="Only its owner changes the database: set WAIVER_DATABASE_OWNER_URL to its address for the owner.",
            exit_code=EXIT_USAGE,
        )
    result = (
        _migrate_postgres(settings, owner_url, service_role=service_role, reader_role=reader_role)
        if owner_url
        else _migrate_files(settings)
    )
    print_result(result, as_json=as_json)
    return 0


def _check(settings: Settings, *, url: str, as_json: bool) -> int:
    # Imported only here, as below: the stores are slow to load.
    from waiver_exchange.adapters.migrations.compatibility import SchemaError  # noqa: PLC0415
    from waiver_exchange.adapters.migrations.postgres import DatabaseUnreachableError  # noqa: PLC0415
    from waiver_exchange.bootstrap.migrating import pending_in_data_directory, pending_in_postgres  # noqa: PLC0415

    if not url:
        open_directory(settings, may_create=False, may_be_moved=True)
    try:
        found = pending_in_postgres(url) if url else pending_in_data_directory(settings)
    except (SchemaError, DatabaseUnreachableError) as error:
        raise unavailable("database_unusable", error) from error
    pending = [{"line": each.line, "revision": each.id, "title": each.title} for each in found.revisions]
    print_result({"database": found.place, "is_current": not pending, "pending": pending}, as_json=as_json)
    return EXIT_FAILED if pending else 0


def _migrate_postgres(
    settings: Settings, owner_url: str, *, service_role: str | None, reader_role: str | None
) -> Result:
    from waiver_exchange.adapters.migrations.access import RolesMissingError  # noqa: PLC0415
    from waiver_exchange.adapters.migrations.compatibility import SchemaError  # noqa: PLC0415
    from waiver_exchange.adapters.migrations.postgres import (  # noqa: PLC0415
        DatabaseUnreachableError,
        MigrationInProgressError,
    )
    from waiver_exchange.bootstrap.migrating import migrate_postgres, roles_of  # noqa: PLC0415

    roles = roles_of(settings, service=service_role, reader=reader_role)
    try:
        done = migrate_postgres(owner_url, roles=roles, report=say)
    except MigrationInProgressError as error:
        raise unavailable("migration_in_progress", error) from error
    except RolesMissingError as error:
        raise CommandFailedError(code="roles_are_missing", message=str(error)) from error
    except (SchemaError, DatabaseUnreachableError) as error:
        raise unavailable("database_unusable", error) from error
    return {
        "database": done.place,
        "service_role": roles.service,
        "reader_role": roles.reader,
        "applied": [{"line": each.line, "revision": each.id, "title": each.title} for each in done.revisions],
    }


def _migrate_files(settings: Settings) -> Result:
    from waiver_exchange.adapters.migrations.compatibility import SchemaError  # noqa: PLC0415
    from waiver_exchange.bootstrap.migrating import migrate_data_directory  # noqa: PLC0415
    from waiver_exchange.cli.offline import OPENING_FAILURES  # noqa: PLC0415

    directory = open_directory(settings, may_create=False, may_be_moved=True)
    try:
        with acquire(directory):
            done = asyncio.run(migrate_data_directory(settings))
    except DataDirectoryInUseError as error:
        raise unavailable("data_directory_in_use", error) from error
    except (SchemaError, *OPENING_FAILURES) as error:
        raise unavailable("data_directory_unusable", error) from error
    return {
        "database": done.place,
        "applied": [{"line": each.line, "revision": each.id, "title": each.title} for each in done.revisions],
    }
