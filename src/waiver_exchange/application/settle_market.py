"""Settle a market: the end of a player's season, which pays his holders and is for ever."""

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.commands import SettleMarket
from waiver_exchange.domain.money import format_price
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.state import MarketView


async def settle_market(exchange: Exchange, *, symbol: str, price_cents: int) -> MarketView:
    """Cancel the market's orders, pay a price (cents, or 0) for every share that the house does not have, and close it.

    The house pays, and what it lacks is issued to it. Settling again at the same price changes nothing. Raises
    `RefusedError`.
    """
    market = exchange.market(symbol)
    if price_cents < 0:
        raise RefusedError(RefusalReason.settlement_price_is_negative, price=format_price(price_cents))
    command = SettleMarket(market=market.market, price_cents=price_cents)
    (await exchange.sequencer.submit(command)).first_event()
    return market
