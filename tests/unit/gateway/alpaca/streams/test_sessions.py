"""Connections to the streams of a real exchange, in memory: bounds, deadlines, slow readers and cleaning up."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alpaca.data.models import Bar
from websockets.frames import Frame, Opcode

from tests.fakes.clock import FakeClock
from tests.support.sockets import SocketClient, settle
from waiver_exchange.application.access import authenticate, issue_token
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import NewKey, create_key, revoke_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, grant_shares, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.request_counts import LocalCounts
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import RequestLimits, Settings
from waiver_exchange.gateway.alpaca.streams import data_session, pace
from waiver_exchange.gateway.alpaca.streams.minutes import MINUTE_NS, SETTLING_NS
from waiver_exchange.gateway.alpaca.streams.routes import build_stream_routes
from waiver_exchange.gateway.feeds.channel import FRAME_SECONDS
from waiver_exchange.gateway.rate_limits import RateLimits
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.gateway.sockets import excess
from waiver_exchange.gateway.sockets.limits import SocketLimits
from waiver_exchange.gateway.sockets.sockets import Sockets


class World:
    """A running exchange with one player, two accounts that trade, and the streams."""

    def __init__(self, exchange: Exchange, clock: FakeClock, *, key: NewKey, other: NewKey) -> None:
        self.exchange = exchange
        self.clock = clock
        self.key = key
        self.other = other
        self.limits = SocketLimits()

    def sockets(self, *, connections_per_key_max: int = 0) -> Sockets:
        limits = RateLimits(
            counts=LocalCounts(self.exchange.clock), limits=RequestLimits(), identity=self.exchange.identity
        )
        routes = build_stream_routes(self.exchange, rate_limits=limits, connections_per_key_max=connections_per_key_max)
        return Sockets(routes, limits=self.limits)

    def log_in(self, client: SocketClient) -> list[Any]:
        _say(client, action="auth", key=self.key.api_key, secret=self.key.api_secret)
        return client.messages()

    async def trade(self) -> None:
        for account, side in ((self.key.account, "sell"), (self.other.account, "buy")):
            request = OrderRequest(
                symbol="MAHOMES", side=side, order_type="limit", quantity_units=1, limit_price_cents=2_000
            )
            await place_order(self.exchange, account=account, request=request)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        key = await create_account(exchange, name="Ann", cash_micros=1_000_000_000)
        listing = Listing(
            symbol="MAHOMES",
            name="Patrick Mahomes",
            position="QB",
            team="KC",
            supply_units=10_000_000,
            reference_price_cents=2_000,
        )
        await list_player(exchange, listing)
        await grant_shares(exchange, account=key.account, symbol="MAHOMES", quantity_units=1_000_000)
        yield World(
            exchange, clock, key=key, other=await create_account(exchange, name="Bob", cash_micros=1_000_000_000)
        )


def _say(client: SocketClient, **request: object) -> None:
    client.send(json.dumps(request))


def _errors(messages: list[Any]) -> list[int]:
    return [message["code"] for message in messages if message["T"] == "error"]


async def test_who_does_not_log_in_in_time_is_sent_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_session, "LOGIN_SECONDS", 0)
    sockets = world.sockets()
    late, early = SocketClient(sockets, "/v2/iex"), SocketClient(sockets, "/v2/sip")
    world.log_in(early)
    await asyncio.sleep(0.01)
    assert [message.get("msg") for message in late.messages()] == ["connected", "auth timeout"]
    assert (late.close_code, early.close_code) == (1008, None)


async def test_the_connections_of_a_key_are_bounded(world: World) -> None:
    sockets = world.sockets(connections_per_key_max=1)
    first, second, third = (SocketClient(sockets, "/v2/iex") for _ in range(3))
    assert _errors(world.log_in(first)) == []
    assert _errors(world.log_in(second)) == [406]
    assert second.close_code == 1008
    first.vanish()
    assert _errors(world.log_in(third)) == []


async def test_what_comes_with_a_login_that_is_one_too_many_is_not_heard(world: World) -> None:
    sockets = world.sockets(connections_per_key_max=1)
    first, second = (SocketClient(sockets, "/v2/iex") for _ in range(2))
    world.log_in(first)
    login = {"action": "auth", "key": world.key.api_key, "secret": world.key.api_secret}
    for request in (login, {"action": "subscribe", "orderbooks": ["*"]}):
        second.library.send_text(json.dumps(request).encode())
    second.send_raw(b"".join(second.library.data_to_send()))
    assert [message["T"] for message in second.messages()] == ["success", "success", "error"]
    assert world.exchange.projector.feed.watched_books == {}


async def test_the_connections_of_a_key_are_bounded_on_the_trading_stream_too(world: World) -> None:
    sockets = world.sockets(connections_per_key_max=1)
    clients = [SocketClient(sockets, "/stream") for _ in range(2)]
    assert [world.log_in(client)[0]["data"]["status"] for client in clients] == ["authorized", "unauthorized"]


async def test_one_who_asks_too_often_is_told_and_may_go_on(world: World) -> None:
    client = SocketClient(world.sockets(), "/v2/iex")
    world.log_in(client)
    for _ in range(2 * pace.REQUESTS_PER_SECOND_MAX + 2):
        _say(client, action="subscribe", trades=["MAHOMES"])
    messages = client.messages()
    assert set(_errors(messages)) == {429}
    assert len(_errors(messages)) < len(messages)
    assert client.close_code is None


@pytest.mark.parametrize("path", ["/v2/iex", "/stream"])
async def test_one_who_goes_on_asking_too_often_is_sent_away(world: World, path: str) -> None:
    client = SocketClient(world.sockets(), path)
    nonsense = Frame(Opcode.TEXT, b"?").serialize(mask=True)
    client.send_raw(nonsense * (excess.EXCESS_MAX + 2 * pace.REQUESTS_PER_SECOND_MAX + 2))
    while client.server._is_waiting:
        client.pull()
        await settle()
    codes = [message.get("code") or message["data"]["code"] for message in client.messages() if "msg" not in message]
    assert client.close_code == 4029
    assert set(codes) <= {400, 429}


async def test_one_who_does_not_read_is_told_and_sent_away_and_the_others_get_everything(world: World) -> None:
    world.limits = SocketLimits(backlog_bytes_high=512, backlog_bytes_max=2_048)
    sockets = world.sockets()
    slow, quick = SocketClient(sockets, "/v2/iex"), SocketClient(sockets, "/v2/iex")
    for client in (slow, quick):
        world.log_in(client)
        _say(client, action="subscribe", trades=["*"], quotes=["*"])
    quick.messages()
    slow.pull()
    heard: list[Any] = []
    for _ in range(30):
        await world.trade()
        await asyncio.sleep(2 * FRAME_SECONDS)
        heard += quick.messages()
    assert sum(message["T"] == "t" for message in heard) == 30
    assert quick.close_code is None
    missed = slow.messages()
    assert missed[-1] == {"T": "error", "code": 407, "msg": "slow client"}
    assert slow.close_code == 4008
    assert sum(message["T"] == "t" for message in missed) < 30


async def test_a_connection_that_is_gone_leaves_nothing_behind(world: World) -> None:
    sockets = world.sockets()
    data, trading = SocketClient(sockets, "/v1beta3/crypto/us"), SocketClient(sockets, "/stream/")
    world.log_in(data)
    _say(data, action="subscribe", orderbooks=["*"], trades=["MAHOMES/USD"])
    world.log_in(trading)
    _say(trading, action="listen", data={"streams": ["trade_updates"]})
    feed = world.exchange.projector.feed
    assert (len(feed.watched_books), len(feed.watched_accounts), feed.is_collecting) == (1, 1, True)
    data.vanish()
    trading.vanish()
    assert (feed.watched_books, feed.watched_accounts, feed.is_collecting) == ({}, {}, False)
    await world.trade()
    assert sockets.count == 0


async def test_a_revoked_key_is_told_nothing_more(world: World) -> None:
    client = SocketClient(world.sockets(), "/stream")
    world.log_in(client)
    _say(client, action="listen", data={"streams": ["trade_updates"]})
    client.messages()
    await revoke_key(world.exchange, account=world.key.account, key_id=world.key.api_key)
    await world.trade()
    await settle()
    assert client.messages() == []
    assert client.close_code == 1008


async def test_a_revoked_key_gets_no_market_data_either(world: World) -> None:
    sockets = world.sockets()
    reader, idle = SocketClient(sockets, "/v2/iex"), SocketClient(sockets, "/v2/iex")
    for client in (reader, idle):
        world.log_in(client)
    _say(reader, action="subscribe", trades=["*"])
    reader.messages()
    await revoke_key(world.exchange, account=world.key.account, key_id=world.key.api_key)
    await world.trade()
    await asyncio.sleep(2 * FRAME_SECONDS)
    assert _errors(reader.messages()) == [402]
    assert (reader.close_code, idle.close_code) == (1008, None)
    idle.server.look_after(0)
    assert idle.close_code == 1008


@pytest.mark.parametrize("path", ["/v2/iex", "/stream"])
async def test_a_login_by_token_ends_with_the_token(world: World, path: str) -> None:
    caller = authenticate(world.exchange, api_key=world.key.api_key, api_secret=world.key.api_secret)
    token = issue_token(world.exchange, caller)
    client = SocketClient(world.sockets(), path)
    _say(client, action="auth", key="oauth", secret=token.text)
    client.server.look_after(0)
    assert client.close_code is None
    world.clock.now = token.expires_at_ns
    client.server.look_after(0)
    assert client.close_code == 1008


async def test_another_login_counts_from_then_on(world: World) -> None:
    client = SocketClient(world.sockets(), "/stream")
    world.log_in(client)
    second = await create_key(world.exchange, account=world.key.account)
    _say(client, action="auth", key=second.api_key, secret=second.api_secret)
    await revoke_key(world.exchange, account=world.key.account, key_id=world.key.api_key)
    client.server.look_after(0)
    assert client.close_code is None
    await revoke_key(world.exchange, account=world.key.account, key_id=second.api_key)
    client.server.look_after(0)
    assert client.close_code == 1008


async def test_token_in_the_place_of_a_key(world: World) -> None:
    caller = authenticate(world.exchange, api_key=world.key.api_key, api_secret=world.key.api_secret)
    client = SocketClient(world.sockets(), "/v2/iex")
    _say(client, action="auth", key="oauth", secret=issue_token(world.exchange, caller).text)
    assert [message["msg"] for message in client.messages()] == ["connected", "authenticated"]


async def test_the_bar_of_a_minute_comes_when_it_is_over(world: World) -> None:
    client = SocketClient(world.sockets(), "/v2/iex")
    clock = world.clock
    # The time stands still a moment before the minute is told; what waits for it looks again until it has moved on.
    clock.now += MINUTE_NS - clock.now % MINUTE_NS + SETTLING_NS - 10_000_000
    began_ns = clock.now - clock.now % MINUTE_NS - MINUTE_NS
    clock.now -= MINUTE_NS
    await world.trade()
    clock.now += MINUTE_NS
    world.log_in(client)
    _say(client, action="subscribe", bars=["*"], dailyBars=["MAHOMES"], updatedBars=["*"])
    client.messages()
    await settle()
    clock.advance(0.02)
    heard: list[Any] = []
    while len(heard) < 2:
        await asyncio.sleep(FRAME_SECONDS)
        heard += client.messages()
    minute, day = heard
    assert [(message["T"], message["S"]) for message in heard] == [("b", "MAHOMES"), ("d", "MAHOMES")]
    assert minute == {
        "T": "b",
        "S": "MAHOMES",
        "t": format_time(began_ns),
        "o": 20,
        "h": 20,
        "l": 20,
        "c": 20,
        "v": 0.0001,
        "n": 1,
        "vw": 20,
    }
    assert day["t"] < minute["t"]
    bar = Bar("MAHOMES", minute)
    assert (bar.close, bar.vwap, bar.trade_count) == (20, 20, 1)
