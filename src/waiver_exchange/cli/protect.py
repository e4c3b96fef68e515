"""Commands on the secrets and on what is encrypted with them."""

from pathlib import Path

import click

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.making import NAMES, make_secrets
from waiver_exchange.adapters.secrets.store import read_new_key
from waiver_exchange.cli.failures import EXIT_USAGE, CommandFailedError
from waiver_exchange.cli.options import common_options, reason_option
from waiver_exchange.cli.output import print_json, print_result, say
from waiver_exchange.cli.reach import run_on_exchange, settings_of


@click.command("export")
@click.option("--account", required=True, metavar="ID", help="The account's UUID.")
@reason_option
@common_options
def account_export(data_dir: str | None, as_json: bool, **export: object) -> None:  # noqa: ARG001, FBT001
    """Print all that is kept of the person of an account, as JSON."""
    print_json(run_on_exchange(data_dir, "account.export", export))


@click.command("erase")
@click.option("--account", required=True, metavar="ID", help="The account's UUID.")
@click.option("--reason", required=True, metavar="TEXT", help="Goes into the journal; nothing personal.")
@click.option("--yes", is_flag=True, help="It cannot be undone.")
@common_options
def account_erase(data_dir: str | None, as_json: bool, account: str, reason: str, yes: bool) -> None:  # noqa: FBT001
    """Forget the person of an account for good; its trades stay, under a number."""
    if not yes:
        raise click.UsageError("Nothing was erased: it cannot be undone, so say --yes.")
    print_result(run_on_exchange(data_dir, "account.erase", {"account": account, "reason": reason}), as_json=as_json)


@click.group("secrets")
def secrets_group() -> None:
    """Make the exchange's secrets, and change them."""


@secrets_group.command("init")
@click.option("--directory", required=True, metavar="DIR", help="Where to make them; outside of the data directory.")
@common_options
def secrets_init(data_dir: str | None, as_json: bool, directory: str) -> None:  # noqa: FBT001
    """Make the secrets that are missing in a directory, readable by you alone; what is there stays as it is."""
    path = Path(directory)
    data = settings_of(data_dir).data_dir
    if path.resolve().is_relative_to(data.resolve()):
        raise CommandFailedError(
            code="secrets_unusable",
            message=f"{path} is in the data directory {data}, whose backups would carry the keys; name another.",
            exit_code=EXIT_USAGE,
        )
    try:
        made = make_secrets(path)
    except SecretsError as error:
        raise CommandFailedError(code="secrets_unusable", message=str(error), exit_code=EXIT_USAGE) from error
    say(f"name the directory in WAIVER_SECRETS_DIR, and keep a copy of {path} apart from the backups of the data")
    kept = [name for name in NAMES if name not in made]
    if as_json:
        print_json({"directory": str(path), "made": list(made), "kept": kept})
    else:
        print_result({"directory": str(path), "made": " ".join(made), "kept": " ".join(kept)}, as_json=False)


@secrets_group.command("rotate")
@click.option("--wait", is_flag=True, help="Come back when nothing is encrypted with an older key any more.")
@reason_option
@common_options
def secrets_rotate(data_dir: str | None, as_json: bool, wait: bool, reason: str) -> None:  # noqa: FBT001
    """Encrypt personal data with a new data key; the server encrypts what is there anew in the background."""
    result = run_on_exchange(data_dir, "secrets.rotate", {"reason": reason})
    while wait and not result["is_done"]:
        result = run_on_exchange(data_dir, "secrets.reseal", {})
    print_result(result, as_json=as_json)


@secrets_group.command("status")
@common_options
def secrets_status(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Show how much is encrypted, and how much of it with older data keys."""
    print_result(run_on_exchange(data_dir, "secrets.status", {}), as_json=as_json)


@secrets_group.command("rewrap")
@click.option("--new-master-file", required=True, metavar="FILE", help="Holds the new master key.")
@reason_option
@common_options
def secrets_rewrap(data_dir: str | None, as_json: bool, new_master_file: str, reason: str) -> None:  # noqa: FBT001
    """Exchange the master key: wrap the data keys with the one in a file."""
    try:
        key = read_new_key(Path(new_master_file))
    except SecretsError as error:
        raise CommandFailedError(code="secrets_unusable", message=str(error), exit_code=EXIT_USAGE) from error
    result = run_on_exchange(data_dir, "secrets.rewrap", {"master_key": key.hex(), "reason": reason})
    say("from the next start on the master key is the new one: put it where the old one was, and keep a copy")
    print_result(result, as_json=as_json)
