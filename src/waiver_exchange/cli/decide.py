"""The second operator at the host: look at actions, approve or reject what waits, finish what was cut short."""

import click

from waiver_exchange.cli.operate import run_and_print
from waiver_exchange.cli.options import common_options

_id_option = click.option("--action-id", required=True, metavar="ID", help="The action's id.")
_reason_option = click.option("--reason", required=True, metavar="TEXT", help="Why, for the journal.")


@click.group()
def actions() -> None:
    """Look at what operators did, and finish what a stop of the exchange cut short."""


@actions.command("list")
@click.option("--which", default="all", type=click.Choice(["all", "proposed", "unfinished"]), show_default=True)
@click.option("--limit", default=100, type=click.IntRange(1, 500), show_default=True)
@common_options
def actions_list(data_dir: str | None, as_json: bool, **page: object) -> None:  # noqa: FBT001
    """List the newest actions of operators, with their reasons."""
    run_and_print(data_dir, as_json, "actions.list", page)


@actions.command("show")
@_id_option
@common_options
def actions_show(data_dir: str | None, as_json: bool, action_id: str) -> None:  # noqa: FBT001
    """Show one action."""
    run_and_print(data_dir, as_json, "actions.show", {"action_id": action_id})


@actions.command("finish")
@_id_option
@common_options
def actions_finish(data_dir: str | None, as_json: bool, action_id: str) -> None:  # noqa: FBT001
    """Carry out what was asked for and is not done; it is done once."""
    run_and_print(data_dir, as_json, "actions.finish", {"action_id": action_id})


@click.group()
def proposals() -> None:
    """Decide what waits for a second operator."""


@proposals.command("list")
@common_options
def proposals_list(data_dir: str | None, as_json: bool) -> None:  # noqa: FBT001
    """List what waits."""
    run_and_print(data_dir, as_json, "actions.list", {"which": "proposed", "limit": 500})


@proposals.command("approve")
@_id_option
@_reason_option
@common_options
def proposals_approve(data_dir: str | None, as_json: bool, **decision: object) -> None:  # noqa: FBT001
    """Approve what an operator asked for, and have it carried out."""
    run_and_print(data_dir, as_json, "actions.approve", decision)


@proposals.command("reject")
@_id_option
@_reason_option
@common_options
def proposals_reject(data_dir: str | None, as_json: bool, **decision: object) -> None:  # noqa: FBT001
    """Reject it; it is never carried out."""
    run_and_print(data_dir, as_json, "actions.reject", decision)
