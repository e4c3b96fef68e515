"""The whole demo: seed the exchange, then keep its market moving."""

import asyncio
import logging
from random import Random
from typing import Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.demo.fair_values import FairValues
from waiver_exchange.demo.seeding import Seeded, seed_exchange
from waiver_exchange.demo.traders import SERVICE_REFUSALS, Trader
from waiver_exchange.market_maker.market_maker import MarketMaker
from waiver_exchange.projections.state import ReadModelState

SEED: Final = 20_260_907
RETRY_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


async def run_demo(exchange: Exchange, *, seed: int = SEED) -> None:
    """Seed the exchange if it is not, then quote and trade until cancelled; `exchange.run` must be running.

    Decisions are drawn from `seed`; what comes of them also depends on the order in which they meet.
    """
    seeded = await _seed_with_patience(exchange)
    fair_values = FairValues(
        seeded.anchors,
        start=_last_values(exchange.state, seeded),
        rng=Random(f"{seed} fair values"),  # noqa: S311
    )
    market_maker = MarketMaker(exchange, account=seeded.market_maker, fair_value_cents=fair_values.cents)
    symbols = sorted(seeded.anchors, key=lambda symbol: (-seeded.anchors[symbol], symbol))
    traders = [
        Trader(exchange, account=account, symbols=symbols, rng=Random(f"{seed} trader {place}"))  # noqa: S311
        for place, account in enumerate(seeded.traders)
    ]
    _log.info("demo: the market maker and %d traders are at work in %d markets", len(traders), len(symbols))
    async with asyncio.TaskGroup() as group:
        group.create_task(fair_values.run())
        group.create_task(market_maker.run())
        for trader in traders:
            group.create_task(trader.run())


async def _seed_with_patience(exchange: Exchange) -> Seeded:
    while True:
        try:
            return await seed_exchange(exchange)
        except RefusedError as refused:
            if refused.reason not in SERVICE_REFUSALS:
                raise
            _log.warning("demo: seeding waits, it goes on where it stopped: %s", refused)
            await asyncio.sleep(RETRY_SECONDS)


def _last_values(state: ReadModelState, seeded: Seeded) -> dict[str, int]:
    """Return where the walk was, as far as the market shows it: the middle of each book, or the last price."""
    values = {}
    for symbol in seeded.anchors:
        market = state.markets[state.symbols[symbol]]
        book = state.books[market.market]
        middle = (book.best_bid_cents + book.best_ask_cents) // 2
        is_two_sided = book.best_bid_cents > 0 and book.best_ask_cents > 0
        values[symbol] = middle if is_two_sided else market.reference_price_cents
    return values
