"""One connection for everything, as a bot has it."""

import asyncio
import json
import random
from collections.abc import Callable

import pytest
import websockets

from tests.acceptance.conftest import Server, StartServer, Trader
from tests.acceptance.websocket_client import Book, Bot, url_of

ORDER = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "20.00"}
CreateAccount = Callable[..., Trader]


async def test_orders_are_placed_replaced_and_cancelled(server: Server, create_account: CreateAccount) -> None:
    trader = create_account("Ann")
    async with Bot(server, trader) as bot:
        placed = await bot.ask("order.place", **ORDER | {"limit_price": "15.00", "client_order_id": "first"})
        assert placed == trader.get(f"/api/v1/orders/{placed['id']}")
        again = await bot.ask("order.place", **ORDER | {"limit_price": "15.00", "client_order_id": "first"})
        assert again["id"] == placed["id"]
        unnamed = await bot.ask("order.place", **ORDER | {"limit_price": "14.00"})
        used = await bot.refused("order.place", **ORDER | {"client_order_id": unnamed["id"]})
        assert used == "client_order_id_used_with_other_content"
        refused = await bot.refused("order.place", **ORDER | {"client_order_id": unnamed["id"].upper()})
        assert refused == "client_order_id_is_invalid"
        await bot.ask("order.cancel", id=unnamed["id"])
        replaced = await bot.ask("order.replace", id=placed["id"], limit_price="15.50")
        assert (replaced["replaces"], replaced["limit_price"]) == (placed["id"], "15.50")
        assert (await bot.ask("order.cancel", id=replaced["id"]))["status"] == "cancelled"
        assert await bot.refused("order.cancel", id=replaced["id"]) == "order_is_final"

        for name in ("a", "b"):
            await bot.ask("order.place", **ORDER | {"limit_price": "14.00", "client_order_id": name})
        assert (await bot.ask("order.cancel", client_order_id="a"))["client_order_id"] == "a"
        assert [order["client_order_id"] for order in await bot.ask("order.cancel_all")] == ["b"]
        assert await bot.ask("order.cancel_all", symbol="MAHOMES") == []


async def test_numbers_are_read_as_they_are_written(server: Server, create_account: CreateAccount) -> None:
    async with Bot(server, create_account("Bea")) as bot:
        for price in ("14.10", "1.41e1"):
            await bot.socket.send(
                f'{{"id":"x","method":"order.place","params":{{"symbol":"MAHOMES","side":"buy","type":"limit",'
                f'"quantity":0.1,"limit_price":{price}}}}}'
            )
            answer = json.loads(await bot.socket.recv())
            assert (answer["id"], answer["result"]["limit_price"], answer["result"]["quantity"]) == (
                "x",
                "14.10",
                "0.1",
            )
        assert await bot.refused("order.place", **ORDER | {"limit_price": 14.001}) == "price_is_off_the_tick"
        await bot.socket.send('{"id":2,"method":"order.place","params":{"quantity":%s}}' % ("9" * 400))
        assert json.loads(await bot.socket.recv())["error"]["code"] == "field_is_missing"
        await bot.ask("order.cancel_all")


async def test_what_is_wrong_is_refused_and_the_connection_goes_on(
    server: Server, create_account: CreateAccount
) -> None:
    reader = create_account("Carl")
    async with Bot(server) as bot:
        for message in (
            b"{",
            b"[]",
            b'"ping"',
            b'{"id":1,"id":2,"method":"ping"}',
            b'{"id":NaN,"method":"ping"}',
            b"\xff",
        ):
            await bot.socket.send(message, text=True)
            assert json.loads(await bot.socket.recv())["error"]["code"] == "request_is_malformed"
        await bot.socket.send(b"binary")
        assert json.loads(await bot.socket.recv())["error"]["code"] == "request_is_malformed"
        for params in ({"method": 7}, {"method": "ping", "params": []}, {"method": "ping", "id": {}}):
            await bot.socket.send(json.dumps(params))
            assert json.loads(await bot.socket.recv())["error"]["code"] == "field_is_invalid"
        assert await bot.refused("order.plaice") == "method_not_found"
        assert await bot.refused("ping", loud=True) == "field_is_unknown"
        assert await bot.refused("order.place", **ORDER) == "connection_is_not_authenticated"
        assert await bot.refused("subscribe", channels=["orders"]) == "connection_is_not_authenticated"
        assert await bot.refused("subscribe", channels=["candles:MAHOMES:2m"]) == "channel_not_found"
        assert await bot.refused("subscribe", channels=["book:NOBODY"]) == "market_not_found"
        assert await bot.refused("auth", api_key=reader.api_key, api_secret=reader.api_key) == "credentials_are_wrong"
        assert await bot.ask("ping") == {}
        await bot.socket.send(['{"id":1,', '"method":"ping"', "}"])
        assert json.loads(await bot.socket.recv()) == {"id": 1, "result": {}}


async def test_token_signs_in_and_a_reading_key_does_not_trade(server: Server, create_account: CreateAccount) -> None:
    trader = create_account("Dora")
    token = trader.http.post("/api/v1/tokens").json()["token"]
    key = trader.http.post("/api/v1/keys", json={"name": "eyes", "scopes": ["read"]}).json()
    async with Bot(server) as bot:
        assert (await bot.ask("auth", token=token))["account"] == trader.account_id
        await bot.ask("order.place", **ORDER | {"limit_price": "14.00"})
        await bot.ask("order.cancel_all")
    async with Bot(server) as bot:
        await bot.ask("auth", api_key=key["api_key"], api_secret=key["api_secret"])
        await bot.ask("subscribe", channels=["orders", "account"])
        assert await bot.refused("order.place", **ORDER) == "scope_is_missing"
        trader.http.delete(f"/api/v1/keys/{key['api_key']}").raise_for_status()
        assert await bot.refused("order.place", **ORDER) == "credentials_are_wrong"


async def test_own_events_come_before_the_answer_and_are_readable(
    server: Server, create_account: CreateAccount
) -> None:
    seller, buyer = create_account("Emil"), create_account("Fay")
    server.grant(seller, "10")
    async with Bot(server, seller) as maker, Bot(server, buyer) as taker:
        for bot in (maker, taker):
            await bot.ask("subscribe", channels=["orders", "account"])
            for channel in ("orders", "account"):
                assert (await bot.push(channel))["type"] == "snapshot"
        sell = await maker.ask("order.place", **ORDER | {"side": "sell", "quantity": "2"})
        taker.order.clear()
        bought = await taker.ask("order.place", **ORDER)
        assert taker.order[:3] == ["orders", "orders", "answer"]
        pushes = [await taker.push("orders") for _ in range(2)]
        assert [(push["type"], push["sequence"]) for push in pushes] == [("accepted", 1), ("filled", 2)]
        assert pushes[1]["data"]["order"]["id"] == bought["id"]
        assert pushes[1]["data"]["position"] == "1"

        assert (await maker.push("orders"))["type"] == "accepted"
        fill = await maker.push("orders")
        assert (fill["type"], fill["data"]["order"]["id"], fill["data"]["position"]) == (
            "partially_filled",
            sell["id"],
            "9",
        )
        assert seller.get(f"/api/v1/orders/{sell['id']}")["filled_quantity"] == "1"
        account = await taker.push("account")
        assert account["data"]["account"]["cash"] == "9980.00"
        assert account["data"]["positions"][0]["quantity"] == "1"
        await maker.ask("order.cancel_all")


async def test_trades_tickers_and_candles_follow_the_market(server: Server, create_account: CreateAccount) -> None:
    seller, buyer = create_account("Gus"), create_account("Hana")
    server.list_player("KELCE", name="Travis Kelce", position="TE")
    server.grant(seller, "10", symbol="KELCE")
    channels = ["trades:KELCE", "ticker:KELCE", "candles:KELCE:1m", "candles:KELCE:1d"]
    async with Bot(server) as watcher, Bot(server, seller) as maker, Bot(server, buyer) as taker:
        await watcher.ask("subscribe", channels=channels)
        snapshots = {push["channel"]: push for push in [await watcher.push() for _ in channels]}
        assert {push["type"] for push in snapshots.values()} == {"snapshot"}
        assert snapshots["trades:KELCE"]["data"] == []
        assert snapshots["candles:KELCE:1m"]["data"] is None
        order = ORDER | {"symbol": "KELCE"}
        await maker.ask("order.place", **order | {"side": "sell", "quantity": "3", "limit_price": "20.50"})
        await taker.ask("order.place", **order | {"quantity": "2", "limit_price": "20.50"})

        trade = await watcher.push("trades:KELCE")
        assert (trade["type"], trade["sequence"], trade["data"]["price"]) == ("trade", 1, "20.50")
        for interval in ("1m", "1d"):
            candle = await watcher.push(f"candles:KELCE:{interval}")
            assert {name: candle["data"][name] for name in ("open", "close", "volume", "trades")} == {
                "open": "20.50",
                "close": "20.50",
                "volume": "2",
                "trades": 1,
            }
        while True:
            ticker = (await watcher.push("ticker:KELCE"))["data"]
            if ticker["last"] is not None:
                break
        assert (ticker["last"], ticker["ask"], ticker["volume_24h"]) == ("20.50", "20.50", "2")


async def test_every_ticker_is_told_at_the_beginning(server: Server) -> None:
    markets = {market["symbol"] for market in server.public.get("/api/v1/markets").json()}
    async with Bot(server) as bot:
        await bot.ask("subscribe", channels=["ticker:*"])
        assert {(await bot.push())["data"]["symbol"] for _ in markets} == markets


async def test_book_kept_from_pushes_is_that_of_rest_under_load(start_server: StartServer) -> None:
    server = start_server(WAIVER_ORDERS_PER_SECOND="0")
    draw = random.Random(20_260_907)
    server.list_player("ALLEN", name="Josh Allen")
    traders = [server.create_account(name) for name in ("Ida", "Jon")]
    for trader in traders:
        server.grant(trader, "500", symbol="ALLEN")
    book = Book()
    async with Bot(server) as watcher, Bot(server, traders[0]) as one, Bot(server, traders[1]) as two:
        await watcher.ask("subscribe", channels=["book:ALLEN"])
        begun: list[tuple[Bot, int]] = []
        compared = 0
        for number in range(600):
            bot = (one, two)[number % 2]
            order = {
                "symbol": "ALLEN",
                "side": draw.choice(["buy", "sell"]),
                "type": "limit",
                "quantity": f"0.{draw.randrange(1, 100)}",
                "limit_price": f"{draw.randrange(1_950, 2_050) / 100:.2f}",
            }
            begun.append((bot, await bot.begin("order.place", **order)))
            if number % 50 == 49:
                for asked, request_id in begun:
                    await asked.answer(request_id)
                begun.clear()
                shown = server.public.get("/api/v1/markets/ALLEN/book", params={"depth": 1_000}).json()
                while book.sequence < shown["sequence"]:
                    book.take(await watcher.push("book:ALLEN"))
                assert book.shown() == shown
                compared += 1
        assert compared == 12
        assert book.sequence > 300


async def test_resubscribing_mends_a_gap(server: Server, create_account: CreateAccount) -> None:
    async with Bot(server) as watcher, Bot(server, create_account("Kim")) as bot:
        await watcher.ask("subscribe", channels=["book:MAHOMES"])
        first = await watcher.push("book:MAHOMES")
        await bot.ask("order.place", **ORDER | {"limit_price": "14.50"})
        lost = await watcher.push("book:MAHOMES")
        assert lost["sequence"] == first["sequence"] + 1
        await watcher.ask("subscribe", channels=["book:MAHOMES"])
        again = await watcher.push("book:MAHOMES")
        assert (again["type"], again["sequence"]) == ("snapshot", lost["sequence"])
        await bot.ask("order.cancel_all")
        assert (await watcher.push("book:MAHOMES"))["sequence"] == again["sequence"] + 1
        await watcher.ask("unsubscribe", channels=["book:MAHOMES"])


async def test_stopping_server_closes_connections_and_a_new_one_goes_on(start_server: StartServer) -> None:
    server = start_server()
    server.list_player()
    trader = server.create_account("Lea")
    async with Bot(server, trader) as bot:
        await bot.ask("subscribe", channels=["book:MAHOMES", "orders"])
        for channel in ("book:MAHOMES", "orders"):
            assert (await bot.push(channel))["type"] == "snapshot"
        await bot.ask("order.place", **ORDER)
        before = {push["channel"]: push for push in [await bot.push() for _ in range(2)]}
        assert await asyncio.to_thread(server.stop) == 0
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await bot.push("nothing")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    again = start_server(server.data_dir)
    async with Bot(again, trader) as bot:
        await bot.ask("subscribe", channels=["book:MAHOMES", "orders"])
        after = {push["channel"]: push for push in [await bot.push() for _ in range(2)]}
        assert after["book:MAHOMES"]["sequence"] == before["book:MAHOMES"]["sequence"]
        assert len(after["orders"]["data"]["orders"]) == 1


async def test_asyncapi_document_is_served(server: Server) -> None:
    document = server.public.get("/asyncapi.json").json()
    assert (document["asyncapi"], document["channels"]["ws"]["address"]) == ("3.0.0", "/ws")
    async with websockets.connect(url_of(server), proxy=None) as socket:
        for name, message in document["components"]["messages"].items():
            if name.endswith(".request"):
                await socket.send(json.dumps({"method": message["payload"]["properties"]["method"]["const"]}))
                answer = json.loads(await socket.recv())
                assert answer.get("error", {}).get("code") != "method_not_found"
