"""How the events of accounts, holdings, markets and the exchange itself change the read model.

Each function takes the place where its event's header stands in the row's events; the words behind the header are
listed in `domain.codes`.
"""

import json
from collections.abc import Callable
from dataclasses import fields
from struct import Struct
from typing import Any, Final

from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import AccountLimits, ExchangeParameters
from waiver_exchange.projections.actions import fold_action
from waiver_exchange.projections.audit_trail import AuditView
from waiver_exchange.projections.context import WORD, RowContext, read_word
from waiver_exchange.projections.state import AccountView, BookView, HoldingView, MarketView
from waiver_exchange.projections.valuation import price_cents

_PARAMETERS: Final = tuple(parameter.name for parameter in fields(ExchangeParameters))
_LIMITS: Final = tuple(limit.name for limit in fields(AccountLimits))


def fold_account_event(context: RowContext, kind: i64, at: i64) -> bool:
    """Fold an event of an account, a market or the exchange itself; return whether it was one."""
    if kind == codes.CASH_CHANGED:
        _change_cash(context, at)
        return True
    if kind == codes.HOLDING_CHANGED:
        _change_holding(context, at)
        return True
    fold_rare = _RARE.get(kind)
    if fold_rare is None:
        return False
    fold_rare(context, at)
    return True


def _change_cash(context: RowContext, at: i64) -> None:
    account = read_word(context.events, at, 1)
    view = context.state.accounts[account]
    cash = read_word(context.events, at, 2)
    context.state.cash_total_micros += cash - view.cash_micros
    view.cash_micros = cash
    view.held_micros = read_word(context.events, at, 3)
    context.pending.add_account(view)
    if context.feed.is_collecting:
        context.feed.add_account(account)


def _change_holding(context: RowContext, at: i64) -> None:
    events = context.events
    account = read_word(events, at, 1)
    market = read_word(events, at, 2)
    own = context.state.holdings.get(account)
    holding = None if own is None else own.get(market)
    if holding is None:
        holding = HoldingView(account, market)
        context.state.add_holding(holding)
    quantity = read_word(events, at, 3)
    totals = context.state.shares_total_units
    totals[market] = totals.get(market, 0) + quantity - holding.quantity_units
    holding.quantity_units = quantity
    holding.held_units = read_word(events, at, 4)
    holding.cost_micros = read_word(events, at, 5)
    holding.realized_micros = read_word(events, at, 6)
    context.pending.add_holding(holding)
    if context.feed.is_collecting:
        context.feed.add_account(account)


def _open_account(context: RowContext, at: i64) -> None:
    account = read_word(context.events, at, 1)
    view = AccountView(account, opened_at_ns=context.time_ns)
    context.state.accounts[account] = view
    context.pending.add_account(view)


def _deposit_cash(context: RowContext, at: i64) -> None:
    account, amount = read_word(context.events, at, 1), read_word(context.events, at, 2)
    context.move(amount, "deposit", 0, codes.OPERATOR, account, 0, _deposit_reference(context))
    context.state.cash_issued_micros += amount
    context.state.invested_at_sequence = context.sequence


def _record_audit(context: RowContext, at: i64) -> None:
    events = context.events
    view = AuditView(
        sequence=context.sequence,
        time_ns=context.time_ns,
        event=read_word(events, at, 2),
        account=read_word(events, at, 1),
        actor=read_word(events, at, 3),
        facts=context.command_text(),
    )
    context.state.audit.append(view)
    context.pending.audit.append(view)
    changed = fold_action(
        context.state.actions,
        event=view.event,
        actor=view.actor,
        account=view.account,
        text=view.facts,
        sequence=view.sequence,
        time_ns=view.time_ns,
    )
    for action in changed:
        context.pending.add_action(action)


def _deposit_reference(context: RowContext) -> str:
    """Return the operator's reference, or what the house needed the cash for."""
    if read_word(context.command, 0, 0) & 0xFF != codes.SETTLE_MARKET:
        return context.command_text()
    return f"settlement of {context.state.markets[read_word(context.command, 0, 3)].symbol}"


def _list_market(context: RowContext, at: i64) -> None:
    market = read_word(context.events, at, 1)
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
        # Its supply is issued by the event that follows.
        reference_price_cents=read_word(context.events, at, 3),
        listed_at_ns=context.time_ns,
        listed_price_cents=read_word(context.events, at, 3),
    )
    context.state.add_market(view, book=BookView())
    context.pending.add_market(view)
    _tell_market(context, market)


def _read_facts(text: str) -> dict[str, Any]:
    """Return the player's facts, with decimals as the text they were written in; none for text that is no object."""
    try:
        facts = json.loads(text, parse_float=str)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _issue_shares(context: RowContext, at: i64) -> None:
    view = context.state.markets[read_word(context.events, at, 1)]
    is_command = read_word(context.command, 0, 0) & 0xFF == codes.ISSUE_SHARES
    reference = context.command_text() if is_command else ""
    amount = read_word(context.events, at, 2)
    context.move(amount, "issue", view.market, codes.OPERATOR, codes.HOUSE_ACCOUNT, 0, reference, price_cents(view))
    context.state.invested_at_sequence = context.sequence
    view.supply_units = read_word(context.events, at, 3)
    context.pending.add_market(view)
    _tell_market(context, view.market)


def _grant_shares(context: RowContext, at: i64) -> None:
    account = read_word(context.events, at, 1)
    market = read_word(context.events, at, 2)
    amount = read_word(context.events, at, 3)
    price = price_cents(context.state.markets[market])
    context.move(amount, "grant", market, codes.HOUSE_ACCOUNT, account, 0, context.command_text(), price)
    context.state.invested_at_sequence = context.sequence


def _halt_market(context: RowContext, at: i64) -> None:
    view = context.state.markets[read_word(context.events, at, 1)]
    view.halt_cause = read_word(context.events, at, 2)
    view.halted_until_ns = read_word(context.events, at, 3)
    context.pending.add_market(view)
    _tell_market(context, view.market)


def _resume_market(context: RowContext, at: i64) -> None:
    view = context.state.markets[read_word(context.events, at, 1)]
    view.halt_cause = view.halted_until_ns = 0
    context.pending.add_market(view)
    _tell_market(context, view.market)


def _halt_exchange(context: RowContext, at: i64) -> None:  # noqa: ARG001
    context.state.is_halted = True
    _tell_exchange(context)


def _resume_exchange(context: RowContext, at: i64) -> None:  # noqa: ARG001
    context.state.is_halted = False
    _tell_exchange(context)


def _halt_account(context: RowContext, at: i64) -> None:
    view = context.state.accounts[read_word(context.events, at, 1)]
    view.is_halted = True
    context.pending.add_account(view)
    if context.feed.is_collecting:
        context.feed.add_account(view.account)


def _resume_account(context: RowContext, at: i64) -> None:
    view = context.state.accounts[read_word(context.events, at, 1)]
    view.is_halted = False
    context.pending.add_account(view)
    if context.feed.is_collecting:
        context.feed.add_account(view.account)


def _change_role(context: RowContext, at: i64) -> None:
    view = context.state.accounts[read_word(context.events, at, 1)]
    view.role = read_word(context.events, at, 2)
    context.pending.add_account(view)


def _change_limits(context: RowContext, at: i64) -> None:
    scope, number, *values = Struct(f"<{2 + len(_LIMITS)}q").unpack_from(context.events, at + WORD)
    context.state.limits[scope, number] = AccountLimits(**dict(zip(_LIMITS, values, strict=True)))
    context.pending.limits.add((scope, number))


def _begin_day(context: RowContext, at: i64) -> None:
    """What a day has cost and turned over is the engine's to know; nothing that is shown changes."""


def _classify_market(context: RowContext, at: i64) -> None:
    view = context.state.markets[read_word(context.events, at, 1)]
    view.team_number = read_word(context.events, at, 2)
    view.position_number = read_word(context.events, at, 3)
    context.pending.add_market(view)


def _change_band(context: RowContext, at: i64) -> None:
    view = context.state.markets[read_word(context.events, at, 1)]
    view.band_bps = read_word(context.events, at, 2)
    context.pending.add_market(view)
    _tell_market(context, view.market)


def _configure_exchange(context: RowContext, at: i64) -> None:
    values = Struct(f"<{len(_PARAMETERS)}q").unpack_from(context.events, at + WORD)
    context.state.parameters = ExchangeParameters(**dict(zip(_PARAMETERS, values, strict=True)))


def _settle_market(context: RowContext, at: i64) -> None:
    view = context.state.markets[read_word(context.events, at, 1)]
    view.settled_price_cents = read_word(context.events, at, 2)
    view.halt_cause = codes.HALT_BY_SETTLEMENT
    view.halted_until_ns = 0
    context.pending.add_market(view)
    _tell_market(context, view.market)


def _tell_market(context: RowContext, market: int) -> None:
    if context.feed.is_collecting:
        context.feed.markets.add(market)


def _tell_exchange(context: RowContext) -> None:
    if context.feed.is_collecting:
        context.feed.is_exchange_changed = True


_RARE: Final[dict[int, Callable[[RowContext, i64], None]]] = {
    codes.AUDIT_RECORDED: _record_audit,
    codes.ACCOUNT_OPENED: _open_account,
    codes.CASH_DEPOSITED: _deposit_cash,
    codes.MARKET_LISTED: _list_market,
    codes.SHARES_ISSUED: _issue_shares,
    codes.SHARES_GRANTED: _grant_shares,
    codes.MARKET_HALTED: _halt_market,
    codes.MARKET_RESUMED: _resume_market,
    codes.EXCHANGE_HALTED: _halt_exchange,
    codes.EXCHANGE_RESUMED: _resume_exchange,
    codes.ACCOUNT_HALTED: _halt_account,
    codes.ACCOUNT_RESUMED: _resume_account,
    codes.EXCHANGE_CONFIGURED: _configure_exchange,
    codes.MARKET_SETTLED: _settle_market,
    codes.ROLE_CHANGED: _change_role,
    codes.LIMITS_CHANGED: _change_limits,
    codes.DAY_BEGUN: _begin_day,
    codes.MARKET_CLASSIFIED: _classify_market,
    codes.MARKET_BAND_CHANGED: _change_band,
}
