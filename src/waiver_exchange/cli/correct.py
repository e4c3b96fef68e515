"""The operator's heavier tools: balancing entries, busts, settlement, price bands, and the kill switch."""

import click

from waiver_exchange.cli.operate import changing, market, run_and_print

_account_option = click.option("--account", required=True, metavar="ID", help="The account's UUID.")
_symbol_option = click.option("--symbol", required=True, metavar="S", help="The player's ticker, such as MAHOMES.")


@click.group()
def correct() -> None:
    """Put a balance right by a balancing entry between the house and an account."""


@correct.command("cash")
@_account_option
@click.option("--amount", required=True, metavar="DOLLARS", help="To the account; less than zero takes them back.")
@changing
def correct_cash(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Move cash from the house to an account, or back."""
    run_and_print(data_dir, as_json, "correct.cash", change)


@correct.command("shares")
@_account_option
@_symbol_option
@click.option("--quantity", required=True, metavar="SHARES", help="To the account; less than zero takes them back.")
@changing
def correct_shares(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Move shares from the house to an account, or back."""
    run_and_print(data_dir, as_json, "correct.shares", change)


@click.group()
def trade() -> None:
    """Undo a trade."""


@trade.command("bust")
@click.option("--trade", required=True, metavar="ID", help="The trade's UUID.")
@changing
def trade_bust(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Give both sides back what they gave, by balancing entries; the trade stays on the tape, marked."""
    run_and_print(data_dir, as_json, "trade.bust", change)


@market.command("settle")
@_symbol_option
@click.option("--price", required=True, metavar="DOLLARS", help="What a share is worth at the end, from 0.")
@changing
def market_settle(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Cancel a market's orders, pay a price for every share, and close it for good."""
    run_and_print(data_dir, as_json, "market.settle", change)


@market.command("band")
@_symbol_option
@click.option("--bps", required=True, metavar="N", help="Basis points; 0 is none, default the exchange's.")
@changing
def market_band(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Give a market a price band of its own."""
    run_and_print(data_dir, as_json, "market.band", change)


@click.command("kill-switch")
@click.option("--cancel-orders", is_flag=True, help="Take all open orders back too.")
@changing
def kill_switch(data_dir: str | None, as_json: bool, **change: object) -> None:  # noqa: FBT001
    """Halt the whole exchange before the next command is executed."""
    run_and_print(data_dir, as_json, "kill_switch", change)
