"""What an account is to the exchange and what it may do: roles, limits, and the price bands of markets."""

from collections.abc import Mapping
from dataclasses import replace

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.commands import AccountLimits, SetLimits, SetMarketBand, SetRole
from waiver_exchange.projections.state import AccountView, MarketView


async def set_role(exchange: Exchange, *, account: int, role: int) -> AccountView:
    """Say what an account is to the exchange: one of `codes.ROLE_*`. Raises `RefusedError`."""
    (await exchange.sequencer.submit(SetRole(account=account, role=role))).first_event()
    return exchange.state.accounts[account]


async def set_limits(exchange: Exchange, *, scope: int, number: int, limits: AccountLimits) -> None:
    """Set all limits of a role or an account (`scope` is one of `codes.LIMITS_OF_*`). Raises `RefusedError`."""
    (await exchange.sequencer.submit(SetLimits(scope=scope, number=number, limits=limits))).first_event()


def changed_limits(exchange: Exchange, *, scope: int, number: int, changes: Mapping[str, int | None]) -> AccountLimits:
    """Return the limits as they would be with the changes; None and what is not in them stays as it is now."""
    before = limits_set(exchange, scope=scope, number=number)
    given = {name: changes.get(name) for name in before.__dataclass_fields__}
    return replace(before, **{name: value for name, value in given.items() if value is not None})


def limits_set(exchange: Exchange, *, scope: int, number: int) -> AccountLimits:
    """Return the limits as they were set for a role or an account; -1 where it inherits."""
    return exchange.state.limits.get((scope, number), AccountLimits())


async def set_market_band(exchange: Exchange, *, symbol: str, band_bps: int) -> MarketView:
    """Give a market a price band of its own (0 = off), or the exchange's again (-1). Raises `RefusedError`."""
    market = exchange.market(symbol)
    (await exchange.sequencer.submit(SetMarketBand(market=market.market, band_bps=band_bps))).first_event()
    return market
