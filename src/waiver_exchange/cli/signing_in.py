"""Commands on who gets in: invitations, and the key that signs access tokens."""

import click

from waiver_exchange.cli.options import common_options, reason_option
from waiver_exchange.cli.output import print_result
from waiver_exchange.cli.reach import run_on_exchange


@click.command("invite")
@click.option("--count", default=1, metavar="N", help="How many codes, up to 100.", show_default=True)
@click.option("--days", default=7, metavar="D", help="For how many days they are good.", show_default=True)
@click.option("--account", default="", metavar="ID", help="One to this account, which nobody signs in to.")
@reason_option
@common_options
def account_invite(data_dir: str | None, as_json: bool, **invitations: object) -> None:  # noqa: FBT001
    """Make codes that let one person each open an account; they are shown this once."""
    print_result(run_on_exchange(data_dir, "account.invite", invitations), as_json=as_json)


@click.command("revoke-invitation")
@click.option("--code", required=True, metavar="CODE", help="What `waiver account invite` showed.")
@reason_option
@common_options
def account_revoke_invitation(data_dir: str | None, as_json: bool, code: str, reason: str) -> None:  # noqa: FBT001
    """Take an invitation back that nobody used."""
    params = {"code": code, "reason": reason}
    print_result(run_on_exchange(data_dir, "account.revoke_invitation", params), as_json=as_json)


@click.command("rotate-signing-key")
@click.option("--at-once", is_flag=True, help="End all access tokens that were given before.")
@reason_option
@common_options
def secrets_rotate_signing_key(data_dir: str | None, as_json: bool, **rotation: object) -> None:  # noqa: FBT001
    """Sign access tokens with a new key; it does so by itself every 30 days."""
    print_result(run_on_exchange(data_dir, "secrets.rotate_signing_key", rotation), as_json=as_json)
