"""What the Python client reads after trades: the same trade, told everywhere."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import pytest

from tests.acceptance.conftest import Server, Trader
from waiver_exchange.client import AsyncStream, Client

CreateAccount = Callable[..., Trader]


@pytest.fixture
def buyer(create_account: CreateAccount) -> Client:
    return create_account("Buyer").client


@pytest.fixture
def seller(server: Server, create_account: CreateAccount) -> Client:
    trader = create_account("Seller")
    server.grant(trader, "100")
    return trader.client


@pytest.fixture
async def stream(create_account: CreateAccount) -> AsyncIterator[AsyncStream]:
    async with create_account("Follower").connect() as stream:
        yield stream


def test_what_was_traded_is_told_everywhere(seller: Client, buyer: Client) -> None:
    offered = seller.place_order(symbol="MAHOMES", side="sell", type="limit", quantity=2, limit_price="20.00")
    bought = buyer.place_order(symbol="MAHOMES", side="buy", type="market", notional="20.00")
    assert bought.filled_quantity == 1
    assert bought.average_fill_price == Decimal("20.00")

    (taken,), (made,) = buyer.fills().all(), seller.fills(order_id=offered.id).all()
    assert (taken.liquidity, made.liquidity) == ("taker", "maker")
    assert taken.id == made.id
    assert (taken.order_id, taken.client_order_id) == (bought.id, bought.client_order_id)
    (position,) = buyer.positions()
    assert position == buyer.position("MAHOMES")
    assert position.quantity == 1
    assert buyer.account().cash == Decimal("9980.00")
    newest = buyer.recent_trades(symbol="MAHOMES", limit=1)
    assert newest == buyer.trades("MAHOMES", limit=1).all()
    assert (newest[0].id, newest[0].price) == (taken.id, Decimal("20.00"))
    candle = buyer.candles("MAHOMES", interval="1m", direction="desc", limit=1).all()[0]
    assert candle.close == Decimal("20.00")
    assert candle.volume >= 1
    assert buyer.ticker("MAHOMES").last == Decimal("20.00")
    assert buyer.tickers("MAHOMES")[0].symbol == "MAHOMES"

    lines = buyer.ledger(direction="asc").all()
    assert lines[-1].sequence >= lines[0].sequence
    assert {line.asset for line in lines} == {"USD", "MAHOMES"}
    cash = [line for line in lines if line.asset == "USD"]
    assert cash[-1].balance == Decimal("9980.00")
    assert b"".join(buyer.ledger_csv()).count(b"\n") >= len(lines)
    points = buyer.equity(period="1D", interval="1m")
    assert all(point.profit == 0 for point in points[:1])
    seller.cancel_all()


async def test_tickers_and_candles_are_told(stream: AsyncStream, seller: Client) -> None:
    tickers, candles = await stream.tickers("MAHOMES"), await stream.candles("MAHOMES", "1m")
    await stream.place_order(symbol="MAHOMES", side="buy", type="limit", quantity=1, limit_price="20.50")
    await asyncio.to_thread(
        lambda: seller.place_order(symbol="MAHOMES", side="sell", type="limit", quantity=1, limit_price="20.50")
    )
    async for ticker in tickers:
        if ticker.last == Decimal("20.50"):
            break
    async for candle in candles:
        if candle.close == Decimal("20.50"):
            break


def test_markets_are_found(buyer: Client) -> None:
    assert buyer.market("MAHOMES") == buyer.markets(search="mahomes", position="QB", sort="price", direction="desc")[0]
    assert buyer.markets(team="nobody") == []
