"""Markets and their shares: list, grant, issue, halt, resume; and the parameters of the whole exchange."""

import json
import re
from dataclasses import dataclass
from typing import Final

from waiver_exchange.application.command_keys import symbol_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.market_classes import classify_market
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.commands import (
    ConfigureExchange,
    ExchangeParameters,
    GrantShares,
    HaltExchange,
    HaltMarket,
    IssueShares,
    ListMarket,
    ResumeExchange,
    ResumeMarket,
)
from waiver_exchange.domain.events import MarketListed
from waiver_exchange.domain.limits import REFERENCE_LENGTH_MAX
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.state import MarketView

_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9.]{0,19}", re.ASCII)
_TEXT_LENGTH_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A player to list; facts that are not known are left empty."""

    symbol: str
    name: str
    position: str
    team: str
    supply_units: int
    reference_price_cents: int
    bye_week: int = 0
    projected_points: str = ""


async def list_player(exchange: Exchange, listing: Listing) -> MarketView:
    """List a player; his whole supply goes to the house. Listing the same again returns the market.

    Raises `RefusedError`, also when the symbol is listed with other facts.
    """
    if not _SYMBOL.fullmatch(listing.symbol):
        raise RefusedError(RefusalReason.symbol_is_invalid, symbol=listing.symbol[:_TEXT_LENGTH_MAX])
    for field, text in (("name", listing.name), ("position", listing.position), ("team", listing.team)):
        if not 0 < len(text) <= _TEXT_LENGTH_MAX or not text.isprintable():
            raise RefusedError(RefusalReason.field_is_invalid, field=field)
    facts = {
        "symbol": listing.symbol,
        "name": listing.name,
        "position": listing.position,
        "team": listing.team,
        "bye_week": listing.bye_week,
        "projected_points": listing.projected_points,
    }
    command = ListMarket(
        supply_units=listing.supply_units,
        reference_price_cents=listing.reference_price_cents,
        facts=json.dumps(facts, separators=(",", ":"), ensure_ascii=False),
    )
    event = (await exchange.sequencer.submit(command, key=symbol_key(listing.symbol))).first_event()
    if not isinstance(event, MarketListed):
        message = f"a listing led to {type(event).__name__}"
        raise TypeError(message)
    market = exchange.state.markets[event.market]
    await classify_market(exchange, market)
    return market


async def grant_shares(
    exchange: Exchange, *, account: int, symbol: str, quantity_units: int, reference: str = ""
) -> Outcome:
    """Move shares from the house to an account; the same reference twice is one grant, and says so.

    Raises `RefusedError`.
    """
    market = exchange.market(symbol).market
    check_reference(reference)
    command = GrantShares(account=account, market=market, quantity_units=quantity_units, reference=reference)
    outcome = await exchange.sequencer.submit(command)
    outcome.first_event()
    return outcome


async def issue_shares(exchange: Exchange, *, symbol: str, quantity_units: int, reference: str = "") -> Outcome:
    """Issue more shares of a player to the house, which everybody can see; the same reference twice is one issue.

    Raises `RefusedError`.
    """
    market = exchange.market(symbol).market
    check_reference(reference)
    command = IssueShares(market=market, quantity_units=quantity_units, reference=reference)
    outcome = await exchange.sequencer.submit(command)
    outcome.first_event()
    return outcome


async def halt_market(exchange: Exchange, *, symbol: str) -> MarketView:
    """Stop new orders in a market until it is resumed. Raises `RefusedError`."""
    market = exchange.market(symbol)
    (await exchange.sequencer.submit(HaltMarket(market=market.market))).first_event()
    return market


async def resume_market(exchange: Exchange, *, symbol: str) -> MarketView:
    """Take orders in a market again. Raises `RefusedError`."""
    market = exchange.market(symbol)
    (await exchange.sequencer.submit(ResumeMarket(market=market.market))).first_event()
    return market


async def halt_exchange(exchange: Exchange) -> None:
    """Stop new orders everywhere. Raises `RefusedError`."""
    (await exchange.sequencer.submit(HaltExchange())).first_event()


async def resume_exchange(exchange: Exchange) -> None:
    """Take orders again. Raises `RefusedError`."""
    (await exchange.sequencer.submit(ResumeExchange())).first_event()


async def configure_exchange(exchange: Exchange, parameters: ExchangeParameters) -> None:
    """Set the parameters, unless they are set so already. Raises `RefusedError`."""
    if parameters != exchange.state.parameters:
        (await exchange.sequencer.submit(ConfigureExchange(parameters=parameters))).first_event()


def check_reference(reference: str, *, is_required: bool = False) -> None:
    """Raise `RefusedError` unless this can be the operator's own name of what is done."""
    if len(reference) > REFERENCE_LENGTH_MAX or not reference.isprintable() or (is_required and not reference):
        raise RefusedError(RefusalReason.field_is_invalid, field="reference")
