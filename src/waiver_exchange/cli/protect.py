"""Commands on the secrets and on what is encrypted with them."""

from pathlib import Path

import click

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.making import NAMES, make_secrets
from waiver_exchange.cli.failures import EXIT_USAGE, CommandFailedError
from waiver_exchange.cli.options import common_options
from waiver_exchange.cli.output import print_result, say
from waiver_exchange.cli.reach import settings_of


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
    print_result({"directory": str(path), "made": " ".join(made), "kept": " ".join(kept)}, as_json=as_json)
