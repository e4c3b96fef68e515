"""The streams through stock `ccxt.pro.alpaca`, with nothing but its URLs and keys changed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import ccxt.pro
import pytest

from tests.acceptance.alpaca.conftest import Bot, MakeBot
from tests.acceptance.conftest import Server

SYMBOL = "MAHOMES/USD"
RECEIVE_SECONDS = 20


@pytest.fixture
async def watcher(server: Server, bot: Bot) -> AsyncIterator[Any]:
    """The bot's ccxt."""
    exchange = ccxt.pro.alpaca({"apiKey": bot.trader.api_key, "secret": bot.trader.api_secret})
    exchange.urls["api"] |= dict.fromkeys(("trader", "market"), server.url)
    root = server.url.replace("http", "ws", 1)
    exchange.urls["api"]["ws"] = {"trading": f"{root}/stream", "crypto": f"{root}/v1beta2/crypto"}
    await exchange.load_markets()
    yield exchange
    await exchange.close()


async def _next(watching: Awaitable[Any]) -> Any:  # noqa: ANN401 - ccxt has no types
    return await asyncio.wait_for(watching, RECEIVE_SECONDS)


async def test_everything_is_watched(watcher: Any, bot: Bot, make_bot: MakeBot) -> None:  # noqa: ANN401
    book = await _next(watcher.watch_order_book(SYMBOL))
    assert (book["bids"], book["asks"]) == ([], [])
    watched = [
        asyncio.create_task(_next(watch))
        for watch in (
            watcher.watch_orders(),
            watcher.watch_trades(SYMBOL),
            watcher.watch_ticker(SYMBOL),
            watcher.watch_order_book(SYMBOL),
        )
    ]
    seller = await asyncio.to_thread(make_bot, shares="10")
    # What listens shows itself by what it hears: orders are placed until all of them have.
    while not all(task.done() for task in watched):
        await asyncio.to_thread(seller.post, side="sell", qty="0.5", limit_price="20")
        await asyncio.to_thread(bot.post, qty="0.25", limit_price="20")
        await asyncio.sleep(0.05)
    orders, trades, ticker, book = (task.result() for task in watched)
    assert {order["symbol"] for order in orders} == {SYMBOL}
    assert (trades[0]["price"], trades[0]["amount"], trades[0]["side"]) == (20, 0.25, "buy")
    assert ticker["ask"] == 20
    assert book["asks"][0][0] == 20
    await asyncio.to_thread(seller.http.delete, "/v2/orders")
