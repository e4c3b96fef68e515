"""Telling the engine which team and playing position each market counts to; once for each market."""

from waiver_exchange.application.command_keys import class_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.commands import ClassifyMarket
from waiver_exchange.fantasy.classes import FIRST_FREE_NUMBER, POSITION_NUMBERS, TEAM_NUMBERS, class_number
from waiver_exchange.projections.state import MarketView


async def classify_markets(exchange: Exchange) -> None:
    """Classify every market that is not: those listed by an older version, or just before the process ended.

    Raises `RefusedError`.
    """
    for market in list(exchange.state.markets.values()):
        await classify_market(exchange, market)


async def classify_market(exchange: Exchange, market: MarketView) -> None:
    """Classify a market unless it is; one without a team and a position never is. Raises `RefusedError`."""
    if not (market.team or market.position):
        return
    # One at a time: two new names must not be given the same number.
    async with exchange.classifying:
        if market.team_number or market.position_number:
            return
        command = ClassifyMarket(
            market=market.market,
            team=class_number(market.team, fixed=TEAM_NUMBERS, given=_given_teams(exchange)),
            position=class_number(market.position, fixed=POSITION_NUMBERS, given=_given_positions(exchange)),
        )
        (await exchange.sequencer.submit(command, key=class_key(market.market))).first_event()


def _given_teams(exchange: Exchange) -> dict[str, int]:
    markets = exchange.state.markets.values()
    return {market.team: market.team_number for market in markets if market.team_number >= FIRST_FREE_NUMBER}


def _given_positions(exchange: Exchange) -> dict[str, int]:
    markets = exchange.state.markets.values()
    return {
        market.position: market.position_number for market in markets if market.position_number >= FIRST_FREE_NUMBER
    }
