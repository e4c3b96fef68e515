"""The operator's commands on accounts, markets, shares and cash. Each is one method of the control table."""

import click

from waiver_exchange.cli.options import common_options
from waiver_exchange.cli.output import print_result
from waiver_exchange.cli.reach import run_on_exchange
from waiver_exchange.gateway.control.protocol import Params, Result

_account_option = click.option("--account", required=True, metavar="ID", help="The account's UUID, or house.")
_symbol_option = click.option("--symbol", required=True, metavar="S", help="The player's ticker, such as MAHOMES.")
_quantity_option = click.option("--quantity", required=True, metavar="SHARES", help="Up to four decimals.")
_reference_option = click.option(
    "--reference", default="", metavar="TEXT", help="The same reference twice is done once."
)


def _run(data_dir: str | None, as_json: bool, method: str, params: Params, *, may_create: bool = False) -> None:  # noqa: FBT001 - passed on from click
    print_result(run_on_exchange(data_dir, method, params, may_create=may_create), as_json=as_json)


@click.group()
def account() -> None:
    """Open, show and halt accounts."""


@account.command("create")
@click.option("--name", required=True, metavar="NAME")
@click.option("--cash", default="0", metavar="DOLLARS", help="Cash to start with, such as 10000.00.")
@common_options
def account_create(data_dir: str | None, as_json: bool, name: str, cash: str) -> None:  # noqa: FBT001
    """Open an account; its API secret is shown this once."""
    _run(data_dir, as_json, "account.create", {"name": name, "cash": cash}, may_create=True)


@account.command("new-key")
@_account_option
@click.option("--name", default="", metavar="NAME", help="What the key is for.")
@click.option("--scopes", default="", metavar="SCOPES", help="Of read,trade,admin,audit; without it the first three.")
@common_options
def account_new_key(data_dir: str | None, as_json: bool, **key: object) -> None:  # noqa: FBT001
    """Make one more API key for an account; its secret is shown this once."""
    _run(data_dir, as_json, "account.new_key", key)


@account.command("keys")
@_account_option
@common_options
def account_keys(data_dir: str | None, as_json: bool, account: str) -> None:  # noqa: FBT001
    """List an account's API keys with their scopes and last use."""
    _run(data_dir, as_json, "account.keys", {"account": account})


@account.command("revoke-key")
@_account_option
@click.option("--key", required=True, metavar="KEY", help="The API key, not its secret.")
@common_options
def account_revoke_key(data_dir: str | None, as_json: bool, **key: object) -> None:  # noqa: FBT001
    """End an API key and its tokens at once."""
    _run(data_dir, as_json, "account.revoke_key", key)


@account.command("limits")
@_account_option
@click.option("--orders", default="", metavar="N", help="Orders per second and key; 0 lifts it; or default.")
@click.option("--reads", default="", metavar="N", help="Reads per second and key; 0 lifts it; or default.")
@common_options
def account_limits(data_dir: str | None, as_json: bool, **limits: object) -> None:  # noqa: FBT001
    """Show or set an account's own request limits; they take effect at once."""
    _run(data_dir, as_json, "account.limits", limits)


@account.command("show")
@_account_option
@common_options
def account_show(data_dir: str | None, as_json: bool, account: str) -> None:  # noqa: FBT001
    """Show an account's cash and positions."""
    _run(data_dir, as_json, "account.show", {"account": account})


@account.command("list")
@common_options
def account_list(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """List all accounts."""
    accounts: list[object] = []
    cursor: object = 0
    while cursor is not None:
        page = run_on_exchange(data_dir, "account.list", {"cursor": cursor})
        found = page["accounts"]
        accounts += found if isinstance(found, list) else []
        cursor = page["next_cursor"]
    result: Result = {"accounts": accounts}
    print_result(result, as_json=as_json)


@account.command("halt")
@_account_option
@common_options
def account_halt(data_dir: str | None, as_json: bool, account: str) -> None:  # noqa: FBT001
    """Stop an account's new orders."""
    _run(data_dir, as_json, "account.halt", {"account": account})


@account.command("resume")
@_account_option
@common_options
def account_resume(data_dir: str | None, as_json: bool, account: str) -> None:  # noqa: FBT001
    """Let an account place orders again."""
    _run(data_dir, as_json, "account.resume", {"account": account})


@click.group()
def market() -> None:
    """List players, show, halt and resume their markets."""


@market.command("list-player")
@_symbol_option
@click.option("--name", required=True, metavar="NAME")
@click.option("--position", required=True, metavar="POS", help="Such as QB.")
@click.option("--team", required=True, metavar="TEAM", help="Such as KC.")
@click.option("--supply", required=True, metavar="SHARES", help="Issued to the house; a hard cap.")
@click.option("--reference-price", default="0", metavar="DOLLARS", help="Without one, market orders wait for a trade.")
@click.option("--bye-week", default=0, type=click.IntRange(0, 30), metavar="WEEK")
@click.option("--projected-points", default="", metavar="POINTS")
@common_options
def market_list_player(data_dir: str | None, as_json: bool, **facts: object) -> None:  # noqa: FBT001
    """List a player; listing the same again changes nothing."""
    _run(data_dir, as_json, "market.list_player", facts, may_create=True)


@market.command("show")
@_symbol_option
@common_options
def market_show(data_dir: str | None, as_json: bool, symbol: str) -> None:  # noqa: FBT001
    """Show a market's prices and state."""
    _run(data_dir, as_json, "market.show", {"symbol": symbol})


@market.command("halt")
@_symbol_option
@common_options
def market_halt(data_dir: str | None, as_json: bool, symbol: str) -> None:  # noqa: FBT001
    """Take no new orders in a market until it is resumed."""
    _run(data_dir, as_json, "market.halt", {"symbol": symbol})


@market.command("resume")
@_symbol_option
@common_options
def market_resume(data_dir: str | None, as_json: bool, symbol: str) -> None:  # noqa: FBT001
    """Take orders in a market again."""
    _run(data_dir, as_json, "market.resume", {"symbol": symbol})


@market.command("halt-all")
@common_options
def market_halt_all(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Take no new orders anywhere."""
    _run(data_dir, as_json, "market.halt_all", {})


@market.command("resume-all")
@common_options
def market_resume_all(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Take orders again; markets that were halted one by one stay halted."""
    _run(data_dir, as_json, "market.resume_all", {})


@click.group()
def shares() -> None:
    """Grant shares out of the house's holding, or issue more."""


@shares.command("grant")
@_account_option
@_symbol_option
@_quantity_option
@_reference_option
@common_options
def shares_grant(data_dir: str | None, as_json: bool, **grant: object) -> None:  # noqa: FBT001
    """Move shares from the house to an account."""
    _run(data_dir, as_json, "shares.grant", grant)


@shares.command("issue")
@_symbol_option
@_quantity_option
@_reference_option
@common_options
def shares_issue(data_dir: str | None, as_json: bool, **issue: object) -> None:  # noqa: FBT001
    """Issue more shares of a player to the house; everybody can see it."""
    _run(data_dir, as_json, "shares.issue", issue)


@click.group()
def cash() -> None:
    """Issue play money."""


@cash.command("deposit")
@_account_option
@click.option("--amount", required=True, metavar="DOLLARS", help="Such as 50.00.")
@click.option("--reference", required=True, metavar="TEXT", help="The same reference twice is one deposit.")
@common_options
def cash_deposit(data_dir: str | None, as_json: bool, **deposit: object) -> None:  # noqa: FBT001
    """Issue cash to an account."""
    _run(data_dir, as_json, "cash.deposit", deposit)


@click.command()
@common_options
def status(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Show how far the exchange is and whether anything is wrong with it."""
    _run(data_dir, as_json, "status", {})
