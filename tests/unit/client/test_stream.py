"""The stream against an exchange that is told what to say: breaks, gaps and slow readers when a test wants them."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.fakes.websocket_exchange import FakeWebSocketExchange, Refused
from tests.unit.client.test_client import ORDER
from waiver_exchange.client import (
    ApiError,
    AsyncClient,
    AsyncStream,
    Client,
    FellBehindError,
    NoAnswerError,
    OrderUpdate,
    Resynced,
    RetryPolicy,
)
from waiver_exchange.client.models.markets import Level, Trade
from waiver_exchange.client.streaming.frames import decode_frames

TRADE = {
    "id": "t1",
    "symbol": "MAHOMES",
    "side": "buy",
    "price": "20.00",
    "quantity": "1",
    "time": "2026-09-07T00:20:00.000000001Z",
}
BOOK = "book:MAHOMES"
KEY = {"api_key": "k", "api_secret": "s"}


def book_frame(kind: str, sequence: int, *, bids: object = (), asks: object = ()) -> dict[str, Any]:
    data = {"bids": bids, "asks": asks, "sequence": sequence}
    return {"channel": BOOK, "type": kind, "sequence": sequence, "data": data}


def trade_frame(sequence: int, **changes: str) -> dict[str, Any]:
    return {"channel": "trades:*", "type": "trade", "sequence": sequence, "data": TRADE | changes}


def trades_frame(*ids: str, sequence: int) -> dict[str, Any]:
    data = [TRADE | {"id": trade_id} for trade_id in ids]
    return {"channel": "trades:*", "type": "snapshot", "sequence": sequence, "data": data}


def orders_frame(*orders: dict[str, Any], is_complete: bool = True) -> dict[str, Any]:
    data = {"orders": orders, "is_complete": is_complete}
    return {"channel": "orders", "type": "snapshot", "sequence": 5, "data": data}


@pytest.fixture
async def exchange() -> AsyncIterator[FakeWebSocketExchange]:
    async with FakeWebSocketExchange.serving() as fake:
        fake.snapshots["trades:*"] = trades_frame(sequence=0)
        fake.snapshots["orders"] = orders_frame()
        fake.handlers["auth"] = lambda _: {"account": "a1", "scopes": ["read", "trade"]}
        yield fake


@pytest.fixture
async def stream(exchange: FakeWebSocketExchange) -> AsyncIterator[AsyncStream]:
    async with open_stream(exchange) as stream:
        yield stream


def open_stream(exchange: FakeWebSocketExchange, *, queue_events_max: int = 100) -> AsyncStream:
    client = AsyncClient(
        exchange.url,
        api_key=KEY["api_key"],
        api_secret=KEY["api_secret"],
        retry=RetryPolicy(attempts=5, first_seconds=0),
    )
    stream = client.connect(queue_events_max=queue_events_max)

    def open_orders(request: httpx.Request) -> httpx.Response:
        assert request.url.params["status"] == "open"
        return httpx.Response(200, json={"items": [ORDER], "next_cursor": None})

    base_url = stream._access.rest_url
    stream._rest._http = httpx.AsyncClient(transport=httpx.MockTransport(open_orders), base_url=base_url)
    return stream


async def soon(condition: Any) -> None:  # noqa: ANN401 - any function without arguments
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in code that tells nobody
            await asyncio.sleep(0)


async def test_it_signs_in_first(exchange: FakeWebSocketExchange, stream: AsyncStream) -> None:
    await stream.ping()
    assert exchange.requests == [("auth", KEY), ("ping", {})]
    assert stream.scopes == ["read", "trade"]


async def test_a_refused_key_opens_no_stream(exchange: FakeWebSocketExchange) -> None:
    exchange.handlers["auth"] = refuse("credentials_are_wrong")
    with pytest.raises(ApiError, match="credentials_are_wrong"):
        await open_stream(exchange).__aenter__()


async def test_without_an_exchange_there_is_no_stream() -> None:
    with pytest.raises(NoAnswerError):
        await AsyncClient("http://127.0.0.1:9").connect().__aenter__()


async def test_orders_go_out_and_come_back(exchange: FakeWebSocketExchange, stream: AsyncStream) -> None:
    exchange.handlers["order.place"] = lambda _: ORDER
    order = await stream.place_order(
        symbol="MAHOMES", side="buy", type="limit", quantity=1, limit_price=Decimal("9.50")
    )
    assert order.id == "o1"
    (placed,) = exchange.asked("order.place")
    assert placed["limit_price"] == "9.50"
    assert placed["client_order_id"]


async def test_a_refusal_is_an_error(exchange: FakeWebSocketExchange, stream: AsyncStream) -> None:
    exchange.handlers["order.cancel"] = refuse("order_not_found")
    with pytest.raises(ApiError, match="order_not_found"):
        await stream.cancel_order(client_order_id="mine")
    assert exchange.asked("order.cancel") == [{"client_order_id": "mine"}]


async def test_an_order_that_met_a_break_is_sent_again_under_the_same_name(
    exchange: FakeWebSocketExchange, stream: AsyncStream
) -> None:
    exchange.handlers["order.place"] = lambda _: None
    placing = asyncio.create_task(stream.place_order(symbol="MAHOMES", side="buy", type="market", quantity=1))
    await soon(lambda: exchange.asked("order.place"))
    exchange.handlers["order.place"] = lambda _: ORDER
    await exchange.drop()
    assert (await placing).id == "o1"
    first, second = exchange.asked("order.place")
    assert first == second


async def test_trades_come_one_by_one_and_many_at_once(exchange: FakeWebSocketExchange, stream: AsyncStream) -> None:
    async with await stream.trades() as trades:
        await exchange.push(trade_frame(1), trade_frame(2, id="t2"))
        await exchange.push(trade_frame(3, id="t3"))
        ids = [trade.id for trade in [await anext(trades) for _ in range(3)]]
    assert ids == ["t1", "t2", "t3"]
    assert exchange.asked("unsubscribe") == [{"channels": ["trades:*"]}]
    assert [trade async for trade in trades] == []


async def test_trades_that_were_missed_are_told_from_the_next_snapshot(
    exchange: FakeWebSocketExchange, stream: AsyncStream
) -> None:
    exchange.snapshots["trades:*"] = trades_frame("t0", sequence=0)
    trades = await stream.trades()
    await exchange.push(trade_frame(1))
    exchange.snapshots["trades:*"] = trades_frame("t4", "t3", "t2", "t1", sequence=4)
    await exchange.push(trade_frame(4, id="t4"))
    assert [(await anext(trades)).id for _ in range(4)] == ["t1", "t2", "t3", "t4"]
    assert trades.interruptions == 1


async def test_a_function_is_called_instead_and_may_fail(
    exchange: FakeWebSocketExchange, stream: AsyncStream, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Trade] = []

    def callback(trade: Trade) -> None:
        seen.append(trade)
        raise RuntimeError("a mistake of the reader")

    await stream.trades(callback=callback)
    await exchange.push(trade_frame(1), trade_frame(2))
    await soon(lambda: len(seen) == 2)
    assert "a mistake of the reader" in caplog.text


async def test_a_reader_that_falls_behind_is_told(exchange: FakeWebSocketExchange) -> None:
    async with open_stream(exchange, queue_events_max=2) as stream:
        trades = await stream.trades()
        await exchange.push(*[trade_frame(number) for number in (1, 2, 3)])
        await stream.ping()
        with pytest.raises(FellBehindError):
            await anext(trades)


async def test_a_book_follows_its_changes(exchange: FakeWebSocketExchange, stream: AsyncStream) -> None:
    exchange.snapshots[BOOK] = book_frame("snapshot", 7, bids=[["9.00", "1"], ["8.00", "2"]], asks=[["9.50", "4"]])
    book = await stream.book("MAHOMES")
    assert book.is_current
    assert book.bids == [Level(Decimal("9.00"), Decimal(1)), Level(Decimal("8.00"), Decimal(2))]
    await exchange.push(book_frame("delta", 8, bids=[["9.00", "0"]], asks=[["9.20", "3"]]))
    assert await book.wait()
    assert book.best_bid == Level(Decimal("8.00"), Decimal(2))
    assert book.best_ask == Level(Decimal("9.20"), Decimal(3))


async def test_a_book_that_missed_a_change_begins_anew(exchange: FakeWebSocketExchange, stream: AsyncStream) -> None:
    exchange.snapshots[BOOK] = book_frame("snapshot", 7, bids=[["9.00", "1"]])
    book = await stream.book("MAHOMES")
    exchange.snapshots[BOOK] = book_frame("snapshot", 12, bids=[["5.00", "1"]])
    await exchange.push(book_frame("delta", 9, bids=[["8.00", "1"]]))
    await soon(lambda: book.sequence == 12)
    assert [level.price for level in book.bids] == [Decimal("5.00")]
    assert exchange.methods()[-2:] == ["subscribe", "subscribe"]
    assert book.interruptions == 1


async def test_after_a_break_everything_begins_anew(exchange: FakeWebSocketExchange, stream: AsyncStream) -> None:
    exchange.snapshots[BOOK] = book_frame("snapshot", 7, bids=[["9.00", "1"]])
    orders, trades, book = await stream.orders(), await stream.trades(), await stream.book("MAHOMES")
    assert await anext(orders) == Resynced(open_orders=[])
    exchange.requests.clear()
    exchange.snapshots[BOOK] = book_frame("snapshot", 1, bids=[["4.00", "1"]])
    exchange.snapshots["orders"] = orders_frame(ORDER)
    await exchange.drop()

    event = await anext(orders)
    assert isinstance(event, Resynced)
    assert [order.id for order in event.open_orders] == ["o1"]
    assert exchange.requests[0][0] == "auth"
    assert exchange.asked("subscribe") == [{"channels": ["orders", "trades:*", BOOK]}]
    assert trades.interruptions == 1
    await soon(lambda: book.is_current)
    assert [level.price for level in book.bids] == [Decimal("4.00")]

    await exchange.push(filled_frame(6))
    event = await anext(orders)
    assert isinstance(event, OrderUpdate)
    assert (event.kind, event.order.client_order_id) == ("filled", "mine")


async def test_more_open_orders_than_a_snapshot_holds_are_read_over_rest(
    exchange: FakeWebSocketExchange, stream: AsyncStream
) -> None:
    exchange.snapshots["orders"] = orders_frame(is_complete=False)
    orders = await stream.orders()
    await exchange.push(filled_frame(6))
    resynced, update = await anext(orders), await anext(orders)
    assert isinstance(resynced, Resynced)
    assert [order.id for order in resynced.open_orders] == ["o1"]
    assert isinstance(update, OrderUpdate)


async def test_a_key_that_was_revoked_ends_the_stream(exchange: FakeWebSocketExchange, stream: AsyncStream) -> None:
    trades = await stream.trades()
    exchange.handlers["auth"] = refuse("credentials_are_wrong")
    await exchange.drop()
    with pytest.raises(ApiError, match="credentials_are_wrong"):
        await anext(trades)
    with pytest.raises(ApiError, match="credentials_are_wrong"):
        await stream.ping()


async def test_two_readers_of_one_channel(exchange: FakeWebSocketExchange, stream: AsyncStream) -> None:
    first, second = await stream.trades(), await stream.trades()
    await exchange.push(trade_frame(1))
    assert (await anext(first)) == (await anext(second))
    await first.aclose()
    assert exchange.asked("unsubscribe") == []
    await exchange.push(trade_frame(2, id="t2"))
    assert (await anext(second)).id == "t2"


async def test_what_nobody_understands_breaks_nothing(exchange: FakeWebSocketExchange, stream: AsyncStream) -> None:
    trades = await stream.trades()
    await exchange.push({"channel": "weather", "type": "rain", "sequence": 1, "data": {}})
    await exchange.push({"channel": "trades:*", "type": "trade", "sequence": 1, "data": {"colour": "red"}})
    with pytest.raises(Exception, match="is not"):
        await anext(trades)
    await stream.ping()


async def test_closing_the_stream_ends_what_waits(exchange: FakeWebSocketExchange) -> None:
    async with open_stream(exchange) as stream:
        trades = await stream.trades()
        waiting = asyncio.create_task(anext(trades, None))
        await stream.ping()
    assert await waiting is None
    with pytest.raises(NoAnswerError, match="closed"):
        await stream.ping()


async def test_without_asyncio_it_is_the_same(exchange: FakeWebSocketExchange) -> None:
    exchange.snapshots[BOOK] = book_frame("snapshot", 7, bids=[["9.00", "1"]])
    exchange.handlers["order.place"] = lambda _: ORDER
    ready, pushed = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def use() -> None:
        with Client(exchange.url, api_key=KEY["api_key"], api_secret=KEY["api_secret"]).connect() as stream:
            assert stream.place_order(symbol="MAHOMES", side="buy", type="market", quantity=1).id == "o1"
            with stream.book("MAHOMES") as book, stream.trades() as trades:
                assert book.levels()[0][0].price == 9
                assert (book.best_bid, book.bids[:1]) == (book.bids[0], book.levels()[0][:1])
                assert book.best_ask == next(iter(book.asks), None)
                loop.call_soon_threadsafe(ready.set)
                assert next(iter(trades)).id == "t1"
                assert trades.next(timeout_seconds=0) is None
        loop.call_soon_threadsafe(pushed.set)

    using = asyncio.create_task(asyncio.to_thread(use))
    await asyncio.wait_for(ready.wait(), 10)
    await exchange.push(trade_frame(1))
    await asyncio.wait_for(using, 10)


def filled_frame(sequence: int) -> dict[str, Any]:
    data = {"order": ORDER, "trade": None, "position": None}
    return {"channel": "orders", "type": "filled", "sequence": sequence, "data": data}


def refuse(code: str) -> Any:  # noqa: ANN401 - a handler that never answers otherwise
    def handler(_: object) -> object:
        raise Refused(code)

    return handler


def test_messages_are_one_or_many() -> None:
    one = trade_frame(1)
    assert [frame.sequence for frame in decode_frames(json.dumps(one))] == [1]
    assert [frame.sequence for frame in decode_frames(json.dumps([one, trade_frame(2)]))] == [1, 2]
