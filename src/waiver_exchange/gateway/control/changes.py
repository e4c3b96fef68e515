"""What an operator at the host can change, and how each is an admin action with a reason."""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from waiver_exchange.application.api_keys import NewKey
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating import parameters as given
from waiver_exchange.application.operating.account_actions import UNSET
from waiver_exchange.application.operating.perform import HOST, Performed, Request, has_operator, perform
from waiver_exchange.application.operating.table import ACTIONS
from waiver_exchange.application.ports import ApiKey
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.commands import AccountLimits
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.domain.money import average_price, format_money, format_quantity, parse_money, parse_price
from waiver_exchange.domain.money import parse_quantity as parse_shares
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.control import params as asked
from waiver_exchange.gateway.control.params import parse_account, parse_amount, parse_rate
from waiver_exchange.gateway.control.protocol import Result
from waiver_exchange.gateway.control.views import (
    account_id,
    account_view,
    action_view,
    key_view,
    market_view,
    rates_view,
)
from waiver_exchange.projections.actions import DONE


class Change(NamedTuple):
    """A method's parameters, the action that they ask for, and what is answered when it is done.

    What `begins` an exchange needs no reason until there is an operator.
    """

    action: str
    params: type[asked.Change]
    read: Callable[[Exchange, Any], object]
    show: Callable[[Exchange, Any, Performed], Result]
    begins: bool = False


async def run_change(exchange: Exchange, params: asked.Change, *, change: Change) -> Result:
    """Carry out a change for the host; one that waits for a second operator is answered as it stands."""
    parameters = change.read(exchange, params)
    reason = params.reason
    if change.begins and not reason and not has_operator(exchange):
        reason = asked.SET_UP
    request = Request(HOST, reason, params.action_id)
    performed = await perform(exchange, ACTIONS[change.action], parameters, request)
    if performed.view.status != DONE:
        return action_view(exchange, performed.view)
    return change.show(exchange, parameters, performed)


def _account(_: Exchange, params: asked.ChangedAccount) -> given.OneAccount:
    return given.OneAccount(account=parse_account(params.account))


def _market(_: Exchange, params: asked.ChangedMarket) -> given.OneMarket:
    return given.OneMarket(symbol=params.symbol)


def _nothing(_: Exchange, __: asked.NoMore) -> given.Nothing:
    return given.Nothing()


def _new_account(_: Exchange, params: asked.CreateAccount) -> given.NewAccount:
    return given.NewAccount(name=params.name, cash_micros=parse_amount(parse_money, params.cash, field="cash"))


def _new_key(_: Exchange, params: asked.NewKeyParams) -> given.NewKey:
    return given.NewKey(account=parse_account(params.account), name=params.name, scopes=params.scopes)


def _key(_: Exchange, params: asked.OneKey) -> given.OneKey:
    if not params.key:
        raise RefusedError(RefusalReason.field_is_missing, field="key")
    return given.OneKey(account=parse_account(params.account), key_id=params.key)


def _rates(_: Exchange, params: asked.LimitsParams) -> given.Rates:
    return given.Rates(
        account=parse_account(params.account),
        orders_per_second=_rate(params.orders, field="orders"),
        reads_per_second=_rate(params.reads, field="reads"),
        account_orders_per_second=_rate(params.all_orders, field="all_orders"),
        account_reads_per_second=_rate(params.all_reads, field="all_reads"),
    )


def _rate(text: str, *, field: str) -> int | None:
    if not text:
        return None
    rate = parse_rate(text, field=field)
    return UNSET if rate is None else rate


def _role(_: Exchange, params: asked.RoleParams) -> given.Role:
    return given.Role(account=parse_account(params.account), role=params.role)


def _deposit(_: Exchange, params: asked.Deposit) -> given.Deposit:
    return given.Deposit(
        account=parse_account(params.account),
        amount_micros=parse_amount(parse_money, params.amount, field="amount"),
        reference=params.reference,
    )


def _grant(_: Exchange, params: asked.GrantOfShares) -> given.Grant:
    return given.Grant(
        account=parse_account(params.account),
        symbol=params.symbol,
        quantity_units=parse_amount(parse_shares, params.quantity, field="quantity"),
        reference=params.reference,
    )


def _issue(_: Exchange, params: asked.IssueOfShares) -> given.Issue:
    quantity = parse_amount(parse_shares, params.quantity, field="quantity")
    return given.Issue(symbol=params.symbol, quantity_units=quantity, reference=params.reference)


def _listed(_: Exchange, params: asked.ListPlayer) -> given.Listed:
    return given.Listed(
        symbol=params.symbol,
        name=params.name,
        position=params.position,
        team=params.team,
        supply_units=parse_amount(parse_shares, params.supply, field="supply"),
        reference_price_cents=parse_amount(parse_price, params.reference_price, field="reference_price"),
        bye_week=params.bye_week,
        projected_points=params.projected_points,
    )


def _orders(_: Exchange, params: asked.CancelParams) -> given.OpenOrders:
    return given.OpenOrders(account=parse_account(params.account), symbol=params.symbol)


def _order(_: Exchange, params: asked.CancelParams) -> given.OneOrder:
    order_id = from_uuid(IdKind.order, params.order)
    if order_id is None:
        raise RefusedError(RefusalReason.field_is_invalid, field="order")
    return given.OneOrder(order_id=order_id)


def _cash(_: Exchange, params: asked.CorrectionOfCash) -> given.CashCorrection:
    amount = parse_amount(parse_money, params.amount, field="amount")
    return given.CashCorrection(account=parse_account(params.account), amount_micros=amount)


def _shares(_: Exchange, params: asked.CorrectionOfShares) -> given.ShareCorrection:
    quantity = parse_amount(parse_shares, params.quantity, field="quantity")
    return given.ShareCorrection(account=parse_account(params.account), symbol=params.symbol, quantity_units=quantity)


def _trade(_: Exchange, params: asked.OneTrade) -> given.OneTrade:
    trade_id = from_uuid(IdKind.trade, params.trade)
    if trade_id is None:
        raise RefusedError(RefusalReason.field_is_invalid, field="trade")
    return given.OneTrade(trade_id=trade_id)


def _settled(_: Exchange, params: asked.SettledMarket) -> given.Settlement:
    price = parse_amount(parse_price, params.price, field="price")
    return given.Settlement(symbol=params.symbol, price_cents=price)


def _band(_: Exchange, params: asked.BandParams) -> given.Band:
    bps = parse_rate(params.bps, field="bps") if params.bps else None
    return given.Band(symbol=params.symbol, band_bps=UNSET if bps is None else bps)


def _kill(_: Exchange, params: asked.KillSwitchParams) -> given.KillSwitch:
    return given.KillSwitch(cancels_orders=int(params.cancel_orders))


def _account_limits(_: Exchange, params: asked.RiskLimitsParams) -> given.LimitsOfAccount:
    return given.LimitsOfAccount(account=parse_account(params.account), **_known_limits(params.limits))


def _role_limits(_: Exchange, params: asked.RiskLimitsParams) -> given.LimitsOfRole:
    return given.LimitsOfRole(role=params.role, **_known_limits(params.limits))


def _known_limits(limits: dict[str, int]) -> dict[str, int]:
    unknown = limits.keys() - AccountLimits.__dataclass_fields__.keys()
    if unknown:
        raise RefusedError(RefusalReason.field_is_unknown, field=min(unknown)[:60])
    return limits


def _note(_: Exchange, params: asked.NoteParams) -> given.NewNote:
    return given.NewNote(account=parse_account(params.account), text=params.text)


def _session(_: Exchange, params: asked.SessionParams) -> given.OneSession:
    return given.OneSession(account=parse_account(params.account), session_id=params.session)


def _show_opened(_: Exchange, __: given.NewAccount, done: Performed) -> Result:
    facts = json.loads(done.view.facts)
    return _secret_view(facts["opened"], facts["key_id"], done)


def _show_key_made(_: Exchange, wanted: given.NewKey, done: Performed) -> Result:
    return _secret_view(wanted.account, json.loads(done.view.facts)["key_id"], done)


def _secret_view(account: int, key_id: str, done: Performed) -> Result:
    # Asked again by the same id: the secret was told once and is kept nowhere.
    secret = done.told.api_secret if isinstance(done.told, NewKey) else None
    return {"account_id": account_id(account), "api_key": key_id, "api_secret": secret}


def _show_revoked(exchange: Exchange, wanted: given.OneKey, done: Performed) -> Result:
    if isinstance(done.told, ApiKey):
        return key_view(done.told)
    return key_view(next(key for key in exchange.identity.list_keys(wanted.account) if key.key_id == wanted.key_id))


def _show_account(exchange: Exchange, wanted: given.OneAccount, _: Performed) -> Result:
    return account_view(exchange, wanted.account)


def _show_deposited(exchange: Exchange, wanted: given.Deposit, done: Performed) -> Result:
    return account_view(exchange, wanted.account) | _use_of_reference(done)


def _show_issued(exchange: Exchange, wanted: given.Issue, done: Performed) -> Result:
    return market_view(exchange, exchange.market(wanted.symbol)) | _use_of_reference(done)


def _show_grant(exchange: Exchange, wanted: given.Grant, done: Performed) -> Result:
    return _show_granted(exchange, wanted, done) | _use_of_reference(done)


def _use_of_reference(done: Performed) -> Result:
    return {"reference_used_before": bool(json.loads(done.view.facts).get("reference_used_before"))}


def _show_market(exchange: Exchange, wanted: given.OneMarket, _: Performed) -> Result:
    return market_view(exchange, exchange.market(wanted.symbol))


def _show_rates(exchange: Exchange, wanted: given.Rates, _: Performed) -> Result:
    return rates_view(exchange, wanted.account)


def _show_halted(exchange: Exchange, _: given.Nothing, __: Performed) -> Result:
    return {"is_halted": exchange.state.is_halted}


def _show_granted(exchange: Exchange, wanted: given.Grant, _: Performed) -> Result:
    holding = exchange.state.holdings[wanted.account][exchange.market(wanted.symbol).market]
    # The account may have sold all of them since, when this grant is a repetition.
    quantity = holding.quantity_units
    cost = average_price(value_micros=holding.cost_micros, quantity_units=quantity) if quantity else format_money(0)
    return {
        "account_id": account_id(wanted.account),
        "symbol": wanted.symbol,
        "quantity": format_quantity(quantity),
        "quantity_available": format_quantity(holding.available_units),
        "average_cost": cost,
    }


def _show_facts(exchange: Exchange, _: object, done: Performed) -> Result:
    return action_view(exchange, done.view)


SET_REQUEST_RATES: Final = Change("set_request_rates", asked.LimitsParams, _rates, _show_rates)
CHANGES: Final[dict[str, Change]] = {
    "account.create": Change("open_account", asked.CreateAccount, _new_account, _show_opened, begins=True),
    "account.new_key": Change("make_key", asked.NewKeyParams, _new_key, _show_key_made),
    "account.revoke_key": Change("revoke_keys", asked.OneKey, _key, _show_revoked),
    "account.halt": Change("freeze_account", asked.ChangedAccount, _account, _show_account),
    "account.resume": Change("unfreeze_account", asked.ChangedAccount, _account, _show_account),
    "account.role": Change("set_role", asked.RoleParams, _role, _show_account),
    "account.cancel_orders": Change("cancel_orders", asked.CancelParams, _orders, _show_facts),
    "account.cancel_order": Change("cancel_order", asked.CancelParams, _order, _show_facts),
    "market.list_player": Change("list_player", asked.ListPlayer, _listed, _show_market, begins=True),
    "market.halt": Change("halt_market", asked.ChangedMarket, _market, _show_market),
    "market.resume": Change("resume_market", asked.ChangedMarket, _market, _show_market),
    "market.halt_all": Change("halt_exchange", asked.NoMore, _nothing, _show_halted),
    "market.resume_all": Change("resume_exchange", asked.NoMore, _nothing, _show_halted),
    "shares.grant": Change("grant_shares", asked.GrantOfShares, _grant, _show_grant),
    "shares.issue": Change("issue_shares", asked.IssueOfShares, _issue, _show_issued),
    "account.risk_limits": Change("set_limits", asked.RiskLimitsParams, _account_limits, _show_facts),
    "role.risk_limits": Change("set_role_limits", asked.RiskLimitsParams, _role_limits, _show_facts),
    "account.add_note": Change("add_note", asked.NoteParams, _note, _show_facts),
    "account.revoke_sessions": Change("revoke_sessions", asked.SessionParams, _session, _show_facts),
    "account.remove_passkeys": Change("remove_passkeys", asked.ChangedAccount, _account, _show_facts),
    "market.settle": Change("settle_market", asked.SettledMarket, _settled, _show_market),
    "market.band": Change("set_band", asked.BandParams, _band, _show_market),
    "correct.cash": Change("correct_cash", asked.CorrectionOfCash, _cash, _show_account),
    "correct.shares": Change("correct_shares", asked.CorrectionOfShares, _shares, _show_granted),
    "trade.bust": Change("bust_trade", asked.OneTrade, _trade, _show_facts),
    "kill_switch": Change("kill_switch", asked.KillSwitchParams, _kill, _show_facts),
    "cash.deposit": Change("deposit_cash", asked.Deposit, _deposit, _show_deposited),
}
