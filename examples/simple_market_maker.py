"""Quote both sides of a market, some cents around its middle, and keep the quotes there; at the end take them away.

Usage: WAIVER_API_KEY=... WAIVER_API_SECRET=... python examples/simple_market_maker.py MAHOMES [--seconds 60]
WAIVER_URL says where the exchange is; without it http://127.0.0.1:8081. It needs cash to bid, and shares to offer.
It shows how quotes are kept, and is no strategy: it trades at a loss against anybody who knows more.
"""

import argparse
import asyncio
import os
import sys
from decimal import Decimal
from typing import Literal

from waiver_exchange.client import (
    ApiError,
    AsyncBook,
    AsyncClient,
    AsyncStream,
    ClientError,
    OrderEvent,
    Resynced,
)
from waiver_exchange.client.models.markets import Level
from waiver_exchange.client.models.orders import Order

TICK = Decimal("0.01")
Side = Literal["buy", "sell"]


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("symbol")
    parser.add_argument("--quantity", type=Decimal, default=Decimal(1), help="shares on each side (default: 1)")
    parser.add_argument("--spread", type=Decimal, default=Decimal("0.10"), help="from bid to ask (default: 0.10)")
    parser.add_argument("--seconds", type=float, default=60, help="how long to quote (default: %(default)s)")
    return parser.parse_args()


class Quoter:
    """Our orders in one market, at most one on each side."""

    def __init__(self, stream: AsyncStream, book: AsyncBook, *, quantity: Decimal, spread: Decimal) -> None:
        """Quote nothing yet."""
        self._stream = stream
        self._book = book
        self._quantity = quantity
        self._spread = spread
        self._quotes: dict[Side, Order] = {}

    def note(self, event: OrderEvent) -> None:
        """Forget quotes that are gone; called with every event of our orders, before the book shows it."""
        if isinstance(event, Resynced):
            open_ids = {order.id for order in event.open_orders}
            self._quotes = {side: order for side, order in self._quotes.items() if order.id in open_ids}
        elif not event.order.is_open:
            self._quotes = {side: order for side, order in self._quotes.items() if order.id != event.order.id}
            print(f"{event.order.side} {event.kind}")

    async def follow(self, fallback: Decimal) -> None:
        """Keep the quotes around the middle of the others' best prices for as long as the book is told."""
        while True:
            middle = self._middle(fallback)
            await self._quote("buy", middle - self._spread / 2)
            await self._quote("sell", middle + self._spread / 2)
            if not await self._book.wait():
                return

    async def _quote(self, side: Side, price: Decimal) -> None:
        price = max(TICK, price.quantize(TICK))
        quote = self._quotes.get(side)
        if quote is not None and quote.limit_price == price:
            return
        try:
            if quote is not None:
                await self._stream.cancel_order(quote.id)
            order = await self._stream.place_order(
                symbol=self._book.symbol,
                side=side,
                type="limit",
                quantity=self._quantity,
                limit_price=price,
                post_only=True,
            )
        except ApiError as refusal:
            # Filled in the last moment, or the account has not enough: the next change of the book tries again.
            print(f"no {side} at {price}: {refusal}")
            return
        if order.is_open:
            self._quotes[side] = order
            print(f"{side} {order.quantity} at {price}")

    def _middle(self, fallback: Decimal) -> Decimal:
        bid = self._best_of_others(self._book.bids, self._quotes.get("buy"))
        ask = self._best_of_others(self._book.asks, self._quotes.get("sell"))
        if bid is not None and ask is not None:
            return (bid + ask) / 2
        return bid or ask or fallback

    @staticmethod
    def _best_of_others(levels: list[Level], own: Order | None) -> Decimal | None:
        """Return the best price that is not ours alone: we would follow ourselves otherwise."""
        for level in levels:
            if own is None or level.price != own.limit_price or level.quantity > (own.remaining_quantity or 0):
                return level.price
        return None


async def main() -> int:
    """Run the example."""
    given = arguments()
    client = AsyncClient(
        os.environ.get("WAIVER_URL", "http://127.0.0.1:8081"),
        api_key=os.environ["WAIVER_API_KEY"],
        api_secret=os.environ["WAIVER_API_SECRET"],
    )
    async with client, client.connect() as stream:
        market = await client.market(given.symbol)
        fallback = market.last_price or market.reference_price
        if fallback is None:
            print(f"{given.symbol} has no price yet to quote around")
            return 1
        book = await stream.book(given.symbol)
        quoter = Quoter(stream, book, quantity=given.quantity, spread=given.spread)
        await stream.orders(callback=quoter.note)
        try:
            async with asyncio.timeout(given.seconds):
                await quoter.follow(fallback)
        except TimeoutError:
            print("time is over")
        finally:
            cancelled = await stream.cancel_all(symbol=given.symbol)
            print(f"took {len(cancelled)} quotes away")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyError as missing:
        sys.exit(f"{missing.args[0]} is not set; see --help")
    except ClientError as error:
        sys.exit(str(error))
