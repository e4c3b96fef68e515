"""The operator's commands on accounts, markets, shares and cash. Each is one method of the control table."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from waiver_exchange.application.authority import ROLES
from waiver_exchange.cli.options import common_options
from waiver_exchange.cli.output import print_result
from waiver_exchange.cli.reach import run_on_exchange
from waiver_exchange.gateway.control.protocol import Params, Result

_F = TypeVar("_F", bound=Callable[..., Any])

_account_option = click.option("--account", required=True, metavar="ID", help="The account's UUID, or house.")
_symbol_option = click.option("--symbol", required=True, metavar="S", help="The player's ticker, such as MAHOMES.")
_quantity_option = click.option("--quantity", required=True, metavar="SHARES", help="Up to four decimals.")
_set_up_option = click.option(
    "--reason", default="", metavar="TEXT", help="Why, for the journal; may be left out until there is an operator."
)
_reason_option = click.option(
    "--reason", required=True, metavar="TEXT", help="Why, for the journal: 1 to 500 characters, nobody's personal data."
)
_action_id_option = click.option(
    "--action-id", default="", metavar="ID", help="The same id twice is done once; one is made without it."
)
_reference_option = click.option(
    "--reference", default="", metavar="TEXT", help="The same reference twice is done once."
)


def run_and_print(
    data_dir: str | None,
    as_json: bool,  # noqa: FBT001 - passed on from click
    method: str,
    params: Params,
    *,
    may_create: bool = False,
) -> None:
    """Run a method of the control table and print its result. Raises `CommandFailedError`."""
    print_result(run_on_exchange(data_dir, method, params, may_create=may_create), as_json=as_json)


def changing(function: _F) -> _F:
    """Add what every change takes: its reason, and the id by which it is done once."""
    return _reason_option(_action_id_option(common_options(function)))


def setting_up(function: _F) -> _F:
    """Add the same to what begins an exchange; until there is an operator its reason may be left out."""
    return _set_up_option(_action_id_option(common_options(function)))


@click.group()
def account() -> None:
    """Open, show and halt accounts."""


@account.command("create")
@click.option("--name", required=True, metavar="NAME")
@click.option("--cash", default="0", metavar="DOLLARS", help="Cash to start with, such as 10000.00.")
@setting_up
def account_create(data_dir: str | None, as_json: bool, **opened: object) -> None:  # noqa: FBT001
    """Open an account; its API secret is shown this once."""
    run_and_print(data_dir, as_json, "account.create", opened, may_create=True)


@account.command("new-key")
@_account_option
@click.option("--name", default="", metavar="NAME", help="What the key is for.")
@click.option("--scopes", default="", metavar="SCOPES", help="Of read,trade,admin,audit; without it the first three.")
@changing
def account_new_key(data_dir: str | None, as_json: bool, **key: object) -> None:  # noqa: FBT001
    """Make one more API key for an account; its secret is shown this once."""
    run_and_print(data_dir, as_json, "account.new_key", key)


@account.command("keys")
@_account_option
@common_options
def account_keys(data_dir: str | None, as_json: bool, account: str) -> None:  # noqa: FBT001
    """List an account's API keys with their scopes and last use."""
    run_and_print(data_dir, as_json, "account.keys", {"account": account})


@account.command("revoke-key")
@_account_option
@click.option("--key", required=True, metavar="KEY", help="The API key, not its secret.")
@changing
def account_revoke_key(data_dir: str | None, as_json: bool, **key: object) -> None:  # noqa: FBT001
    """End an API key and its tokens at once."""
    run_and_print(data_dir, as_json, "account.revoke_key", key)


@account.command("limits")
@_account_option
@click.option("--orders", default="", metavar="N", help="Orders per second and key; 0 lifts it; or default.")
@click.option("--reads", default="", metavar="N", help="Reads per second and key; 0 lifts it; or default.")
@click.option("--all-orders", default="", metavar="N", help="Orders per second of all keys together.")
@click.option("--all-reads", default="", metavar="N", help="Reads per second of all keys together.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the journal; needed to set them.")
@_action_id_option
@common_options
def account_limits(data_dir: str | None, as_json: bool, **limits: object) -> None:  # noqa: FBT001
    """Show or set an account's own request limits; they take effect at once."""
    run_and_print(data_dir, as_json, "account.limits", limits)


@account.command("show")
@_account_option
@common_options
def account_show(data_dir: str | None, as_json: bool, account: str) -> None:  # noqa: FBT001
    """Show an account's cash and positions."""
    run_and_print(data_dir, as_json, "account.show", {"account": account})


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
@changing
def account_halt(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Stop an account's new orders."""
    run_and_print(data_dir, as_json, "account.halt", change)


@account.command("resume")
@_account_option
@changing
def account_resume(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Let an account place orders again."""
    run_and_print(data_dir, as_json, "account.resume", change)


account.add_command(account_halt, "freeze")
account.add_command(account_resume, "unfreeze")


@account.command("role")
@_account_option
@click.option("--role", required=True, type=click.Choice(list(ROLES)), help="What the account is to the exchange.")
@changing
def account_role(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Give an account a role, which bounds what its keys and sessions may do at once."""
    run_and_print(data_dir, as_json, "account.role", change)


@account.command("cancel-orders")
@_account_option
@click.option("--order", default="", metavar="ID", help="Only this order.")
@click.option("--symbol", default="", metavar="S", help="Only the orders of this market.")
@changing
def account_cancel_orders(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Take open orders of an account back."""
    run_and_print(data_dir, as_json, "account.cancel_order" if change["order"] else "account.cancel_orders", change)


@account.command("risk-limits")
@_account_option
@click.option("--set", "limits", multiple=True, metavar="NAME=N", help="A limit to set: -1 inherits, 0 is none.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the journal; needed to set them.")
@_action_id_option
@common_options
def account_risk_limits(data_dir: str | None, as_json: bool, **change: Any) -> None:  # noqa: FBT001, ANN401
    """Show or set an account's own risk limits, in the exchange's units; they count for its next order."""
    if not change["limits"]:
        run_and_print(data_dir, as_json, "account.show_risk_limits", {"account": change["account"]})
        return
    run_and_print(data_dir, as_json, "account.risk_limits", change | {"limits": _limits(change["limits"])})


def _limits(given: tuple[str, ...]) -> dict[str, int]:
    limits: dict[str, int] = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            limits[name] = int(number)
        except ValueError:
            raise click.UsageError(f"--set takes NAME=N, not {text[:100]!r}.") from None
    return limits


@account.command("notes")
@_account_option
@click.option("--add", "text", default="", metavar="TEXT", help="Write this note; it is not in the journal.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the journal; needed to write one.")
@_action_id_option
@common_options
def account_notes(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """List the notes about an account, or write one."""
    if change["text"]:
        run_and_print(data_dir, as_json, "account.add_note", change)
    else:
        run_and_print(data_dir, as_json, "account.notes", {"account": change["account"]})


@account.command("sessions")
@_account_option
@click.option("--revoke", "session", default="", metavar="ID", help="End this session, or all of them.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the journal; needed to end one.")
@_action_id_option
@common_options
def account_sessions(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """List the sessions of an account's owner, or end them."""
    if not change["session"]:
        run_and_print(data_dir, as_json, "account.sessions", {"account": change["account"]})
        return
    session = "" if change["session"] == "all" else change["session"]
    run_and_print(data_dir, as_json, "account.revoke_sessions", change | {"session": session})


@account.command("passkeys")
@_account_option
@common_options
def account_passkeys(data_dir: str | None, as_json: bool, account: str) -> None:  # noqa: FBT001
    """List the passkeys of an account's owner with their last use."""
    run_and_print(data_dir, as_json, "account.passkeys", {"account": account})


@account.command("remove-passkeys")
@_account_option
@changing
def account_remove_passkeys(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Remove the passkeys of an account whose device is lost, and end its sessions."""
    run_and_print(data_dir, as_json, "account.remove_passkeys", change)


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
@setting_up
def market_list_player(data_dir: str | None, as_json: bool, **facts: object) -> None:  # noqa: FBT001
    """List a player; listing the same again changes nothing."""
    run_and_print(data_dir, as_json, "market.list_player", facts, may_create=True)


@market.command("show")
@_symbol_option
@common_options
def market_show(data_dir: str | None, as_json: bool, symbol: str) -> None:  # noqa: FBT001
    """Show a market's prices and state."""
    run_and_print(data_dir, as_json, "market.show", {"symbol": symbol})


@market.command("halt")
@_symbol_option
@changing
def market_halt(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Take no new orders in a market until it is resumed."""
    run_and_print(data_dir, as_json, "market.halt", change)


@market.command("resume")
@_symbol_option
@changing
def market_resume(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Take orders in a market again."""
    run_and_print(data_dir, as_json, "market.resume", change)


@market.command("halt-all")
@changing
def market_halt_all(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Take no new orders anywhere."""
    run_and_print(data_dir, as_json, "market.halt_all", change)


@market.command("resume-all")
@changing
def market_resume_all(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Take orders again; markets that were halted one by one stay halted."""
    run_and_print(data_dir, as_json, "market.resume_all", change)


@click.group()
def shares() -> None:
    """Grant shares out of the house's holding, or issue more."""


@shares.command("grant")
@_account_option
@_symbol_option
@_quantity_option
@_reference_option
@changing
def shares_grant(data_dir: str | None, as_json: bool, **grant: object) -> None:  # noqa: FBT001
    """Move shares from the house to an account."""
    run_and_print(data_dir, as_json, "shares.grant", grant)


@shares.command("issue")
@_symbol_option
@_quantity_option
@_reference_option
@changing
def shares_issue(data_dir: str | None, as_json: bool, **issue: object) -> None:  # noqa: FBT001
    """Issue more shares of a player to the house; everybody can see it."""
    run_and_print(data_dir, as_json, "shares.issue", issue)


@click.group()
def cash() -> None:
    """Issue play money."""


@cash.command("deposit")
@_account_option
@click.option("--amount", required=True, metavar="DOLLARS", help="Such as 50.00.")
@click.option("--reference", required=True, metavar="TEXT", help="The same reference twice is one deposit.")
@changing
def cash_deposit(data_dir: str | None, as_json: bool, **deposit: object) -> None:  # noqa: FBT001
    """Issue cash to an account."""
    run_and_print(data_dir, as_json, "cash.deposit", deposit)


@click.command()
@common_options
def status(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Show how far the exchange is and whether anything is wrong with it."""
    run_and_print(data_dir, as_json, "status", {})
