"""The one table of what an operator can ask of an exchange, used by the socket and by the command line without one."""

from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from waiver_exchange.application import accounts, api_keys, audit, markets
from waiver_exchange.application.authority import SCOPES
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import IdentityError, JournalError, PreferencesError, RequestRates
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.verify import describe_live
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.money import (
    average_price,
    format_money,
    format_quantity,
    parse_money,
    parse_price,
    parse_quantity,
)
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.control import protection
from waiver_exchange.gateway.control.params import (
    ACCOUNTS_PAGE_MAX,
    AccountsPage,
    CreateAccount,
    Deposit,
    ExportedRows,
    GrantOfShares,
    IssueOfShares,
    LimitsParams,
    ListPlayer,
    NewKeyParams,
    NoParams,
    OneAccount,
    OneKey,
    OneMarket,
    parse_account,
    parse_amount,
    parse_rate,
)
from waiver_exchange.gateway.control.protocol import ControlError, Params, Result
from waiver_exchange.gateway.control.views import account_id, account_view, key_view, market_view, position_view
from waiver_exchange.gateway.refusals import details_of
from waiver_exchange.projections.changes import ReadModelError


class Method(NamedTuple):
    """A function over the use cases and the form of its parameters."""

    params: type[msgspec.Struct]
    function: Callable[[Exchange, Any], Awaitable[Result]]


async def run_method(exchange: Exchange, name: str, params: Params) -> Result:
    """Run a method of the table. Raises `ControlError`: refused, malformed, unknown, or a store that failed."""
    method = METHODS.get(name)
    if method is None:
        raise ControlError(
            code="method_is_unknown",
            message="The server does not know this method; it may be of another version. Restart it.",
            details={"method": name[:100]},
        )
    try:
        return await method.function(exchange, msgspec.convert(params, method.params))
    except msgspec.ValidationError as error:
        raise ControlError(code=RefusalReason.request_is_malformed.name, message=str(error)) from error
    except RefusedError as error:
        details = details_of(error.reason, error.details)
        raise ControlError(code=error.reason.name, message=error.reason.message, details=details) from error
    except (IdentityError, JournalError, PreferencesError, ReadModelError) as error:
        raise ControlError(code="store_failed", message=str(error)) from error


async def _create_account(exchange: Exchange, params: CreateAccount) -> Result:
    cash = parse_amount(parse_money, params.cash, field="cash")
    new = await accounts.create_account(exchange, name=params.name, cash_micros=cash)
    return {"account_id": account_id(new.account), "api_key": new.api_key, "api_secret": new.api_secret}


async def _create_key(exchange: Exchange, params: NewKeyParams) -> Result:
    scopes = params.scopes.replace(",", " ").split() or SCOPES
    account = parse_account(params.account)
    new = await api_keys.create_key(exchange, account=account, name=params.name, scopes=scopes)
    return {"account_id": account_id(new.account), "api_key": new.api_key, "api_secret": new.api_secret}


async def _list_keys(exchange: Exchange, params: OneAccount) -> Result:
    keys = api_keys.list_keys(exchange, account=parse_account(params.account))
    return {"keys": [key_view(key) for key in keys]}


async def _revoke_key(exchange: Exchange, params: OneKey) -> Result:
    account = parse_account(params.account)
    return key_view(await api_keys.revoke_key(exchange, account=account, key_id=params.key))


async def _limits(exchange: Exchange, params: LimitsParams) -> Result:
    account = parse_account(params.account)
    if account not in exchange.state.accounts:
        raise RefusedError(RefusalReason.account_not_found)
    before = exchange.identity.find_rates(account) or RequestRates(None, None)
    rates = RequestRates(
        orders_per_second=parse_rate(params.orders, field="orders", unset=before.orders_per_second),
        reads_per_second=parse_rate(params.reads, field="reads", unset=before.reads_per_second),
    )
    if rates != before:
        await exchange.identity.set_rates(account=account, rates=rates)
    return {"account_id": account_id(account), **rates._asdict()}


async def _show_account(exchange: Exchange, params: OneAccount) -> Result:
    account = parse_account(params.account)
    view = account_view(exchange, account)
    return view | {"positions": [position_view(position) for position in exchange.queries.positions(account)]}


async def _list_accounts(exchange: Exchange, params: AccountsPage) -> Result:
    limit = max(1, min(params.limit, ACCOUNTS_PAGE_MAX))
    behind = (number for number in exchange.state.accounts if number > params.cursor)
    page = list(islice(behind, limit))
    return {
        "accounts": [account_view(exchange, number) for number in page],
        "next_cursor": page[-1] if len(page) == limit else None,
    }


async def _halt_account(exchange: Exchange, params: OneAccount) -> Result:
    view = await accounts.halt_account(exchange, account=parse_account(params.account))
    return account_view(exchange, view.account)


async def _resume_account(exchange: Exchange, params: OneAccount) -> Result:
    view = await accounts.resume_account(exchange, account=parse_account(params.account))
    return account_view(exchange, view.account)


async def _list_player(exchange: Exchange, params: ListPlayer) -> Result:
    listing = markets.Listing(
        symbol=params.symbol,
        name=params.name,
        position=params.position,
        team=params.team,
        supply_units=parse_amount(parse_quantity, params.supply, field="supply"),
        reference_price_cents=parse_amount(parse_price, params.reference_price, field="reference_price"),
        bye_week=params.bye_week,
        projected_points=params.projected_points,
    )
    return market_view(exchange, await markets.list_player(exchange, listing))


async def _show_market(exchange: Exchange, params: OneMarket) -> Result:
    return market_view(exchange, exchange.market(params.symbol))


async def _halt_market(exchange: Exchange, params: OneMarket) -> Result:
    return market_view(exchange, await markets.halt_market(exchange, symbol=params.symbol))


async def _resume_market(exchange: Exchange, params: OneMarket) -> Result:
    return market_view(exchange, await markets.resume_market(exchange, symbol=params.symbol))


async def _halt_all(exchange: Exchange, _: NoParams) -> Result:
    await markets.halt_exchange(exchange)
    return {"is_halted": exchange.state.is_halted}


async def _resume_all(exchange: Exchange, _: NoParams) -> Result:
    await markets.resume_exchange(exchange)
    return {"is_halted": exchange.state.is_halted}


async def _grant_shares(exchange: Exchange, params: GrantOfShares) -> Result:
    holding = await markets.grant_shares(
        exchange,
        account=parse_account(params.account),
        symbol=params.symbol,
        quantity_units=parse_amount(parse_quantity, params.quantity, field="quantity"),
        reference=params.reference,
    )
    # The account may have sold all of them since, when this grant is a repetition.
    quantity = holding.quantity_units
    cost = average_price(value_micros=holding.cost_micros, quantity_units=quantity) if quantity else format_money(0)
    return {
        "account_id": account_id(holding.account),
        "symbol": params.symbol,
        "quantity": format_quantity(quantity),
        "quantity_available": format_quantity(holding.available_units),
        "average_cost": cost,
    }


async def _issue_shares(exchange: Exchange, params: IssueOfShares) -> Result:
    quantity = parse_amount(parse_quantity, params.quantity, field="quantity")
    market = await markets.issue_shares(
        exchange, symbol=params.symbol, quantity_units=quantity, reference=params.reference
    )
    return market_view(exchange, market)


async def _deposit_cash(exchange: Exchange, params: Deposit) -> Result:
    view = await accounts.deposit_cash(
        exchange,
        account=parse_account(params.account),
        amount_micros=parse_amount(parse_money, params.amount, field="amount"),
        reference=params.reference,
    )
    return account_view(exchange, view.account)


async def _status(exchange: Exchange, _: NoParams) -> Result:
    state = exchange.state
    return {
        "sequence": state.sequence,
        "is_halted": state.is_halted,
        "problem": exchange.sequencer.failure or exchange.warning,
        "account_count": len(state.accounts),
        "market_count": len(state.markets),
        "open_order_count": sum(order.is_open for order in state.orders.values()),
        "cash_issued": format_money(state.cash_issued_micros),
    }


async def _record_export(exchange: Exchange, params: ExportedRows) -> Result:
    facts: dict[str, str | int] = {"first": params.first, "last": params.last}
    return {"sequence": await audit.record(exchange, AuditEvent.audit_exported, facts=facts)}


async def _verify_live(exchange: Exchange, _: NoParams) -> Result:
    if exchange.sequencer.failure is not None:
        raise RefusedError(RefusalReason.journal_is_unavailable)
    live = await describe_live(exchange)
    return {
        "sequence": live.sequence,
        "state_hash": live.state_hash,
        "facts_hash": live.facts_hash,
        "projections_difference": live.difference,
    }


METHODS: Final[dict[str, Method]] = {
    "account.create": Method(CreateAccount, _create_account),
    "account.new_key": Method(NewKeyParams, _create_key),
    "account.keys": Method(OneAccount, _list_keys),
    "account.revoke_key": Method(OneKey, _revoke_key),
    "account.limits": Method(LimitsParams, _limits),
    "account.show": Method(OneAccount, _show_account),
    "account.list": Method(AccountsPage, _list_accounts),
    "account.halt": Method(OneAccount, _halt_account),
    "account.resume": Method(OneAccount, _resume_account),
    "market.list_player": Method(ListPlayer, _list_player),
    "market.show": Method(OneMarket, _show_market),
    "market.halt": Method(OneMarket, _halt_market),
    "market.resume": Method(OneMarket, _resume_market),
    "market.halt_all": Method(NoParams, _halt_all),
    "market.resume_all": Method(NoParams, _resume_all),
    "shares.grant": Method(GrantOfShares, _grant_shares),
    "shares.issue": Method(IssueOfShares, _issue_shares),
    "cash.deposit": Method(Deposit, _deposit_cash),
    "account.export": Method(OneAccount, protection.export_person),
    "account.erase": Method(protection.ErasureParams, protection.erase_person),
    "secrets.rotate": Method(NoParams, protection.rotate_data_key),
    "secrets.reseal": Method(NoParams, protection.reseal),
    "secrets.status": Method(NoParams, protection.show_data_keys),
    "secrets.rewrap": Method(protection.NewMasterKey, protection.rewrap_data_keys),
    "status": Method(NoParams, _status),
    "audit.record_export": Method(ExportedRows, _record_export),
    "verify.live": Method(NoParams, _verify_live),
}
