"""The account and its configurations."""

from dataclasses import asdict, fields
from typing import Final

from litestar import Response, get, patch

from waiver_exchange.application.account_settings import change_settings, settings_of
from waiver_exchange.application.authority import TRADE
from waiver_exchange.application.ports import AccountSettings
from waiver_exchange.application.queries import AccountSummary
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.domain.money import format_money
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca import fields as body_fields
from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.errors import invalid
from waiver_exchange.gateway.alpaca.last_equities import last_equities_of
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of
from waiver_exchange.gateway.rest.json_object import JsonObject, NumberText

_WHOLE_LENGTH_MAX: Final = 4
# What an account without margin, shorting, options or transfers has.
_CONSTANTS: Final[dict[str, object]] = {
    "status": "ACTIVE",
    "crypto_status": "ACTIVE",
    "currency": "USD",
    "short_market_value": "0",
    "initial_margin": "0",
    "maintenance_margin": "0",
    "last_maintenance_margin": "0",
    "sma": "0",
    "multiplier": "1",
    "daytrade_count": 0,
    "accrued_fees": "0",
    "pending_transfer_in": "0",
    "pending_transfer_out": "0",
    "options_buying_power": "0",
    "options_approved_level": 0,
    "options_trading_level": 0,
    "transfers_blocked": False,
    "account_blocked": False,
    "shorting_enabled": False,
    "pattern_day_trader": False,
}


@get("/v2/account")
async def show_account(request: AnyRequest) -> Response[bytes]:
    """Return the account's cash, equity and state."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    summary = exchange.queries.account_summary(account)
    if summary is None:
        raise RefusedError(RefusalReason.account_not_found)
    opened_at_ns = exchange.state.accounts[account].opened_at_ns
    settings = settings_of(exchange, account=account)
    last_micros = await last_equities_of(request).of(account)
    return answer(account_body(summary, settings=settings, opened_at_ns=opened_at_ns, last_equity_micros=last_micros))


@get("/v2/account/configurations")
async def show_configurations(request: AnyRequest) -> Response[bytes]:
    """Return the account's settings."""
    account = caller_of(request).account
    return answer(asdict(settings_of(exchange_of(request), account=account)))


@patch("/v2/account/configurations")
async def change_configurations(request: AnyRequest) -> Response[bytes]:
    """Change those settings that are given and not null; return all of them."""
    account = caller_of(request, scope=TRADE).account
    changes = _changes(await body_fields.body_of(request))
    return answer(asdict(await change_settings(exchange_of(request), account=account, changes=changes)))


def account_body(
    summary: AccountSummary, *, settings: AccountSettings, opened_at_ns: int, last_equity_micros: int
) -> dict[str, object]:
    """Return an account; `cash` includes what open orders hold, `buying_power` does not."""
    cash, equity = format_money(summary.cash_micros), format_money(summary.equity_micros)
    available = format_money(summary.available_micros)
    value = format_money(summary.equity_micros - summary.cash_micros)
    return _CONSTANTS | {
        "id": str(to_uuid(IdKind.account, summary.account)),
        "account_number": f"WX{summary.account:08d}",
        "cash": cash,
        "buying_power": available,
        "non_marginable_buying_power": available,
        "regt_buying_power": available,
        "daytrading_buying_power": "0",
        "effective_buying_power": available,
        "equity": equity,
        "last_equity": format_money(last_equity_micros),
        "portfolio_value": equity,
        "long_market_value": value,
        "position_market_value": value,
        "trading_blocked": summary.is_halted,
        "trade_suspended_by_user": settings.suspend_trade,
        "created_at": format_time(opened_at_ns),
    }


def _changes(given: JsonObject) -> dict[str, bool | int | str]:
    """Return the settings to change, each in the type that it has. Raises `AlpacaError`."""
    changes: dict[str, bool | int | str] = {}
    for field in fields(AccountSettings):
        value = _change(given, field.name, default=field.default)
        if value is not None:
            changes[field.name] = value
    return changes


def _change(given: JsonObject, name: str, *, default: object) -> bool | int | str | None:
    if isinstance(default, bool):
        return body_fields.flag(given, name)
    value = given.get(name)
    if isinstance(default, str):
        return str(value) if isinstance(value, NumberText) else body_fields.text(given, name)
    if value is None:
        return None
    if not isinstance(value, NumberText) or not value.isdecimal() or len(value) > _WHOLE_LENGTH_MAX:
        raise invalid(f"invalid {name}: expected a whole number")
    return int(value)


ACCOUNT_HANDLERS: Final = (show_account, show_configurations, change_configurations)
