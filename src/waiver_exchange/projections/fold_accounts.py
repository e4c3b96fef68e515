"""How the events of accounts, holdings, markets and the exchange itself change the read model.

Each function takes the words of a row and the place where its event's header stands; the words behind the header are
listed in `domain.codes`.
"""

import json
from dataclasses import fields
from typing import Any, Final

from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import ExchangeParameters
from waiver_exchange.projections.context import RowContext
from waiver_exchange.projections.state import AccountView, BookView, HoldingView, MarketView

_PARAMETERS: Final = tuple(parameter.name for parameter in fields(ExchangeParameters))


def _change_cash(context: RowContext, words: tuple[int, ...], at: int) -> None:
    account = words[at + 1]
    view = context.state.accounts[account]
    view.cash_micros = words[at + 2]
    view.held_micros = words[at + 3]
    context.pending.accounts[account] = view


def _change_holding(context: RowContext, words: tuple[int, ...], at: int) -> None:
    _, account, market, quantity, held, cost, realized = words[at : at + 7]
    own = context.state.holdings.get(account)
    holding = None if own is None else own.get(market)
    if holding is None:
        holding = HoldingView(account, market)
        context.state.add_holding(holding)
    holding.quantity_units = quantity
    holding.held_units = held
    holding.cost_micros = cost
    holding.realized_micros = realized
    context.pending.holdings[account, market] = holding


def _open_account(context: RowContext, words: tuple[int, ...], at: int) -> None:
    account = words[at + 1]
    view = AccountView(account, opened_at_ns=context.time_ns)
    context.state.accounts[account] = view
    context.pending.accounts[account] = view


def _deposit_cash(context: RowContext, words: tuple[int, ...], at: int) -> None:
    account, amount = words[at + 1], words[at + 2]
    context.state.cash_issued_micros += amount
    context.post(
        account, amount, kind="deposit", counterpart=codes.OPERATOR, trade_id=0, reference=context.command_text()
    )


def _list_market(context: RowContext, words: tuple[int, ...], at: int) -> None:
    market, supply, reference_price = words[at + 1 : at + 4]
    facts = _read_facts(context.command_text())
    bye_week = str(facts.get("bye_week"))
    view = MarketView(
        market,
        # A durable row must fold whatever it says: a market listed without facts goes by its number.
        symbol=str(facts.get("symbol") or market),
        name=str(facts.get("name") or ""),
        team=str(facts.get("team") or ""),
        position=str(facts.get("position") or ""),
        bye_week=int(bye_week) if bye_week.isdecimal() else 0,
        projected_points=str(facts.get("projected_points") or ""),
        supply_units=supply,
        reference_price_cents=reference_price,
        listed_at_ns=context.time_ns,
    )
    context.state.add_market(view, book=BookView())
    context.pending.markets[market] = view


def _read_facts(text: str) -> dict[str, Any]:
    """Return the player's facts, with decimals as the text they were written in; none for text that is no object."""
    try:
        facts = json.loads(text, parse_float=str)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _issue_shares(context: RowContext, words: tuple[int, ...], at: int) -> None:
    view = context.state.markets[words[at + 1]]
    view.supply_units = words[at + 3]
    context.pending.markets[view.market] = view


def _halt_market(context: RowContext, words: tuple[int, ...], at: int) -> None:
    view = context.state.markets[words[at + 1]]
    view.halt_cause = words[at + 2]
    view.halted_until_ns = words[at + 3]
    context.pending.markets[view.market] = view


def _resume_market(context: RowContext, words: tuple[int, ...], at: int) -> None:
    view = context.state.markets[words[at + 1]]
    view.halt_cause = view.halted_until_ns = 0
    context.pending.markets[view.market] = view


def _halt_exchange(context: RowContext, words: tuple[int, ...], at: int) -> None:  # noqa: ARG001
    context.state.is_halted = True


def _resume_exchange(context: RowContext, words: tuple[int, ...], at: int) -> None:  # noqa: ARG001
    context.state.is_halted = False


def _halt_account(context: RowContext, words: tuple[int, ...], at: int) -> None:
    view = context.state.accounts[words[at + 1]]
    view.is_halted = True
    context.pending.accounts[view.account] = view


def _resume_account(context: RowContext, words: tuple[int, ...], at: int) -> None:
    view = context.state.accounts[words[at + 1]]
    view.is_halted = False
    context.pending.accounts[view.account] = view


def _configure_exchange(context: RowContext, words: tuple[int, ...], at: int) -> None:
    values = words[at + 1 : at + 1 + len(_PARAMETERS)]
    context.state.parameters = ExchangeParameters(**dict(zip(_PARAMETERS, values, strict=True)))


HANDLERS: Final = {
    codes.CASH_CHANGED: _change_cash,
    codes.HOLDING_CHANGED: _change_holding,
    codes.ACCOUNT_OPENED: _open_account,
    codes.CASH_DEPOSITED: _deposit_cash,
    codes.MARKET_LISTED: _list_market,
    codes.SHARES_ISSUED: _issue_shares,
    codes.MARKET_HALTED: _halt_market,
    codes.MARKET_RESUMED: _resume_market,
    codes.EXCHANGE_HALTED: _halt_exchange,
    codes.EXCHANGE_RESUMED: _resume_exchange,
    codes.ACCOUNT_HALTED: _halt_account,
    codes.ACCOUNT_RESUMED: _resume_account,
    codes.EXCHANGE_CONFIGURED: _configure_exchange,
}
