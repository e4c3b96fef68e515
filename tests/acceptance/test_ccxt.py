"""The exchange as a class of CCXT: its structures, its precision, its exceptions, against a real server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import ccxt
import pytest
from ccxt.base.decimal_to_precision import TICK_SIZE

from tests.acceptance.conftest import Server, Trader
from waiver_exchange.client.ccxt import async_waiver, waiver

SYMBOL = "MAHOMES/USD"
CreateAccount = Callable[..., Trader]
Ccxt = Any  # it has no types
# What CCXT's manual promises of each structure.
ORDER_FIELDS = {
    "id", "clientOrderId", "datetime", "timestamp", "lastTradeTimestamp", "status", "symbol", "type", "timeInForce",
    "side", "price", "average", "amount", "filled", "remaining", "cost", "trades", "fee", "info",
}  # fmt: skip
TRADE_FIELDS = {
    "info", "id", "timestamp", "datetime", "symbol", "order", "type", "side", "takerOrMaker", "price", "amount", "cost",
    "fee",
}  # fmt: skip
TICKER_FIELDS = {
    "symbol", "info", "timestamp", "datetime", "high", "low", "bid", "bidVolume", "ask", "askVolume", "vwap", "open",
    "close", "last", "previousClose", "change", "percentage", "average", "baseVolume", "quoteVolume",
}  # fmt: skip


def settings(trader: Trader, **changes: str) -> dict[str, str]:
    hostname = trader.url.partition("//")[2]
    return {"hostname": hostname, "apiKey": trader.api_key, "secret": trader.api_secret} | changes


@pytest.fixture
def trader(create_account: CreateAccount) -> Trader:
    return create_account("Buyer")


@pytest.fixture
def exchange(trader: Trader) -> Ccxt:
    return waiver(settings(trader))


@pytest.fixture
async def async_exchange(trader: Trader) -> AsyncIterator[Ccxt]:
    exchange = async_waiver(settings(trader))
    yield exchange
    await exchange.close()


@pytest.fixture
def seller(server: Server, create_account: CreateAccount) -> Trader:
    seller = create_account("Seller")
    server.grant(seller, "100")
    return seller


def test_markets_are_spot_pairs_in_dollars(exchange: Ccxt) -> None:
    market = exchange.load_markets()[SYMBOL]
    assert (market["base"], market["quote"], market["id"], market["spot"]) == ("MAHOMES", "USD", "MAHOMES", True)
    assert market["active"]
    assert (market["precision"]["amount"], market["precision"]["price"]) == (0.0001, 0.01)
    assert exchange.precisionMode == TICK_SIZE
    assert exchange.amount_to_precision(SYMBOL, 1.23456) == "1.2345"
    assert exchange.price_to_precision(SYMBOL, 19.999) == "20"


def test_an_order_is_created_found_edited_and_cancelled(exchange: Ccxt) -> None:
    created = exchange.create_order(SYMBOL, "limit", "buy", 1.5, 15.01, {"clientOrderId": "mine"})
    assert created.keys() >= ORDER_FIELDS
    assert (created["status"], created["amount"], created["remaining"], created["price"]) == ("open", 1.5, 1.5, 15.01)
    assert (created["clientOrderId"], created["timeInForce"], created["side"]) == ("mine", "GTC", "buy")
    assert exchange.fetch_order(created["id"])["id"] == created["id"]
    assert [order["id"] for order in exchange.fetch_open_orders(SYMBOL)] == [created["id"]]
    edited = exchange.edit_order(created["id"], SYMBOL, "limit", "buy", 1, 15.5)
    assert (edited["amount"], edited["price"]) == (1, 15.5)
    assert exchange.cancel_order(edited["id"])["status"] == "canceled"
    assert {order["id"] for order in exchange.fetch_closed_orders(SYMBOL)} == {created["id"], edited["id"]}
    assert exchange.fetch_open_orders() == []


def test_every_kind_of_order(exchange: Ccxt) -> None:
    stop = exchange.create_order(SYMBOL, "market", "buy", 1, None, {"triggerPrice": 23})
    assert (stop["triggerPrice"], stop["status"], stop["type"]) == (23, "open", "market")
    stop_limit = exchange.create_order(SYMBOL, "limit", "buy", 1, 23.5, {"triggerPrice": 23})
    assert (stop_limit["type"], stop_limit["info"]["type"]) == ("limit", "stop_limit")
    posted = exchange.create_order(SYMBOL, "limit", "buy", 1, 15, {"postOnly": True})
    assert (posted["postOnly"], posted["timeInForce"]) == (True, "PO")
    assert exchange.create_order(SYMBOL, "limit", "buy", 1, 15, {"timeInForce": "IOC"})["status"] == "canceled"
    assert len(exchange.cancel_all_orders(SYMBOL)) == 3


def test_what_was_traded_is_told_everywhere(exchange: Ccxt, seller: Trader) -> None:
    seller.place(side="sell", quantity="5", limit_price="20.00")
    assert exchange.fetch_order_book(SYMBOL)["asks"] == [[20.0, 5.0]]
    bought = exchange.create_market_buy_order_with_cost(SYMBOL, 60)
    assert (bought["status"], bought["filled"], bought["average"], bought["cost"]) == ("closed", 3, 20, 60)

    (mine,) = exchange.fetch_my_trades(SYMBOL)
    assert mine.keys() >= TRADE_FIELDS
    assert (mine["order"], mine["takerOrMaker"], mine["amount"], mine["cost"]) == (bought["id"], "taker", 3, 60)
    assert mine["fee"] == {"cost": 0, "currency": "USD"}
    public = exchange.fetch_trades(SYMBOL, since=mine["timestamp"], limit=1)[0]
    assert public.keys() >= TRADE_FIELDS
    assert (public["id"], public["price"]) == (mine["id"], 20)

    balance = exchange.fetch_balance()
    assert balance["USD"] == {"free": 9940, "used": 0, "total": 9940}
    assert balance["MAHOMES"] == {"free": 3, "used": 0, "total": 3}
    (position,) = exchange.fetch_positions([SYMBOL])
    assert (position["symbol"], position["contracts"], position["entryPrice"]) == (SYMBOL, 3, 20)

    ticker = exchange.fetch_ticker(SYMBOL)
    assert ticker.keys() >= TICKER_FIELDS
    assert (ticker["symbol"], ticker["last"], ticker["ask"]) == (SYMBOL, 20, 20)
    assert exchange.fetch_tickers([SYMBOL])[SYMBOL]["last"] == 20
    candle = exchange.fetch_ohlcv(SYMBOL, "1m", since=mine["timestamp"] - 60_000)[-1]
    assert candle[0] % 60_000 == 0
    assert candle[4] == 20
    seller.client.cancel_all()


REFUSED = [
    (lambda exchange: exchange.create_order(SYMBOL, "limit", "buy", 9000, 20), ccxt.InsufficientFunds),
    (lambda exchange: exchange.create_order(SYMBOL, "limit", "sell", 1, 20), ccxt.InsufficientFunds),
    (lambda exchange: exchange.create_order(SYMBOL, "limit", "buy", 1, 100), ccxt.InvalidOrder),
    (lambda exchange: exchange.create_order(SYMBOL, "limit", "buy", 1), ccxt.InvalidOrder),
    (lambda exchange: exchange.create_order("NOBODY/USD", "limit", "buy", 1, 20), ccxt.BadSymbol),
    (lambda exchange: exchange.cancel_order("nothing"), ccxt.OrderNotFound),
    (lambda exchange: exchange.fetch_orders(params={"colour": "red"}), ccxt.BadRequest),
    (lambda exchange: exchange.fetch_ohlcv(SYMBOL, "7m"), ccxt.NotSupported),
]


@pytest.mark.parametrize(("ask", "exception"), REFUSED, ids=range(len(REFUSED)))
def test_a_refusal_is_the_exception_that_programs_expect(
    exchange: Ccxt, ask: Callable[[Ccxt], object], exception: type[Exception]
) -> None:
    with pytest.raises(exception):
        ask(exchange)


def test_a_name_used_twice_for_other_orders_is_refused(exchange: Ccxt) -> None:
    first = exchange.create_order(SYMBOL, "limit", "buy", 1, 15, {"clientOrderId": "twice"})
    assert exchange.create_order(SYMBOL, "limit", "buy", 1, 15, {"clientOrderId": "twice"})["id"] == first["id"]
    with pytest.raises(ccxt.DuplicateOrderId):
        exchange.create_order(SYMBOL, "limit", "buy", 2, 15, {"clientOrderId": "twice"})
    assert exchange.cancel_order(None, params={"clientOrderId": "twice"})["id"] == first["id"]


def test_a_wrong_key_is_said_to_be_one(trader: Trader) -> None:
    with pytest.raises(ccxt.AuthenticationError):
        waiver(settings(trader, secret="wrong")).fetch_balance()  # noqa: S106 - no secret
    with pytest.raises(ccxt.AuthenticationError):
        waiver({"hostname": settings(trader)["hostname"]}).fetch_balance()


async def test_it_is_the_same_with_asyncio(async_exchange: Ccxt) -> None:
    created, book = await asyncio.gather(
        async_exchange.create_order(SYMBOL, "limit", "buy", 1, 15.02), async_exchange.fetch_order_book(SYMBOL)
    )
    assert book["nonce"] is not None
    assert [order["id"] for order in await async_exchange.fetch_open_orders()] == [created["id"]]
    assert (await async_exchange.cancel_all_orders())[0]["status"] == "canceled"
    with pytest.raises(ccxt.InsufficientFunds):
        await async_exchange.create_order(SYMBOL, "limit", "buy", 9000, 20)
