"""Place a limit order and watch it until it is final or the time is over; then cancel what is left.

Usage: WAIVER_API_KEY=... WAIVER_API_SECRET=... python examples/place_and_watch.py MAHOMES buy 1 20.00 [--seconds 30]
WAIVER_URL says where the exchange is; without it http://127.0.0.1:8081.
"""

import argparse
import asyncio
import os
import sys

from waiver_exchange.client import (
    ApiError,
    AsyncClient,
    AsyncStream,
    AsyncSubscription,
    ClientError,
    OrderEvent,
    OrderUpdate,
    RefusalCode,
)
from waiver_exchange.client.models.orders import Order


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("symbol")
    parser.add_argument("side", choices=["buy", "sell"])
    parser.add_argument("quantity", help="shares")
    parser.add_argument("limit_price", help="dollars per share")
    parser.add_argument("--seconds", type=float, default=30, help="how long to watch (default: %(default)s)")
    return parser.parse_args()


async def main() -> int:
    """Run the example."""
    given = arguments()
    client = AsyncClient(
        os.environ.get("WAIVER_URL", "http://127.0.0.1:8081"),
        api_key=os.environ["WAIVER_API_KEY"],
        api_secret=os.environ["WAIVER_API_SECRET"],
    )
    async with client, client.connect() as stream:
        events = await stream.orders()  # before the order, so that nothing of it is missed
        order = await stream.place_order(
            symbol=given.symbol,
            side=given.side,
            type="limit",
            quantity=given.quantity,
            limit_price=given.limit_price,
        )
        print(f"placed {order.id}: {order.status}")
        try:
            async with asyncio.timeout(given.seconds):
                await watch(events, order)
        except TimeoutError:
            await cancel(stream, order)
    return 0


async def watch(events: AsyncSubscription[OrderEvent], order: Order) -> None:
    """Print what happens to the order until it is final."""
    async for event in events:
        if isinstance(event, OrderUpdate) and event.order.id == order.id:
            print(f"{event.kind}: {event.order.filled_quantity} of {event.order.quantity} filled")
            if not event.order.is_open:
                return


async def cancel(stream: AsyncStream, order: Order) -> None:
    """Cancel what is left of the order."""
    try:
        left = await stream.cancel_order(order.id)
        print(f"time is over: {left.status} with {left.filled_quantity} filled")
    except ApiError as refusal:
        if refusal.code != RefusalCode.order_is_final:  # it was filled in the last moment
            raise
        print("time is over: it was final already")


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyError as missing:
        sys.exit(f"{missing.args[0]} is not set; see --help")
    except ClientError as error:
        sys.exit(str(error))
