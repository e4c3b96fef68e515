"""Each market is told once which team and playing position it counts to."""

import asyncio
from pathlib import Path

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.market_classes import classify_markets
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import ListMarket
from waiver_exchange.projections.state import MarketView


async def listed(exchange: Exchange, symbol: str, *, team: str, position: str) -> MarketView:
    return await list_player(
        exchange,
        Listing(symbol=symbol, name=symbol, position=position, team=team, supply_units=1, reference_price_cents=1),
    )


async def kinds(exchange: Exchange) -> list[int]:
    return [row.command[0] for row in await exchange.journal.read(after=0, limit=1_000)]


def numbers(market: MarketView) -> tuple[int, int]:
    return market.team_number, market.position_number


async def test_a_listing_is_classified_with_fixed_numbers(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        assert numbers(await listed(exchange, "A", team="ARI", position="QB")) == (1, 1)
        assert numbers(await listed(exchange, "B", team="WAS", position="TE")) == (32, 4)
        await listed(exchange, "B", team="WAS", position="TE")
        await classify_markets(exchange)
        assert await kinds(exchange) == [codes.LIST_MARKET, codes.CLASSIFY_MARKET] * 2


async def test_unknown_names_are_numbered_as_they_appear(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        first, second, third = await asyncio.gather(
            listed(exchange, "A", team="LONDON", position="P"),
            listed(exchange, "B", team="MUNICH", position="P"),
            listed(exchange, "C", team="LONDON", position="QB"),
        )
        assert numbers(first) == (1_000, 1_000)
        assert numbers(second) == (1_001, 1_000)
        assert numbers(third) == (1_000, 1)


async def test_markets_of_an_older_version_are_classified_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    async with running_exchange(settings) as exchange:
        for symbol in "AB":
            facts = f'{{"symbol":"{symbol}","team":"KC","position":"WR"}}'
            await exchange.sequencer.submit(ListMarket(supply_units=1, reference_price_cents=1, facts=facts))
        await exchange.sequencer.submit(ListMarket(supply_units=1, reference_price_cents=1, facts="{}"))
        await asyncio.gather(classify_markets(exchange), classify_markets(exchange))
        assert (await kinds(exchange)).count(codes.CLASSIFY_MARKET) == 2
    async with running_exchange(settings) as exchange:
        await classify_markets(exchange)
        assert (await kinds(exchange)).count(codes.CLASSIFY_MARKET) == 2
        assert [numbers(market) for market in exchange.state.markets.values()] == [(16, 3), (16, 3), (0, 0)]
