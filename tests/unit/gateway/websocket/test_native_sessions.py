"""Clients of `/ws` of a real exchange, in memory: who may hear what, for how long, and how much may be asked."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from tests.fakes.clock import FakeClock
from tests.support.sockets import SocketClient, settle
from waiver_exchange.application.access import authenticate, issue_token
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import NewKey, create_key, revoke_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import RequestLimits, Settings
from waiver_exchange.gateway.app import build_gateway
from waiver_exchange.gateway.feeds.hub import Hub
from waiver_exchange.gateway.sockets.excess import EXCESS_MAX

BID = OrderRequest(symbol="MAHOMES", side="buy", order_type="limit", quantity_units=1, limit_price_cents=1_900)


class World:
    """A running exchange with one player and one account."""

    def __init__(self, exchange: Exchange, clock: FakeClock, *, key: NewKey, settings: Settings) -> None:
        self.exchange = exchange
        self.clock = clock
        self.key = key
        self._sockets = build_gateway(exchange, settings).sockets

    def connect(self, **credentials: str) -> SocketClient:
        client = SocketClient(self._sockets)
        if credentials:
            client.ask("auth", **credentials)
            assert "result" in client.answer()
        return client

    def sign_in(self, key: NewKey | None = None) -> SocketClient:
        key = key or self.key
        return self.connect(api_key=key.api_key, api_secret=key.api_secret)

    async def bid(self) -> None:
        await place_order(self.exchange, account=self.key.account, request=BID)
        await settle()


@pytest.fixture
def limits() -> RequestLimits:
    return RequestLimits()


@pytest.fixture
async def world(tmp_path: Path, limits: RequestLimits) -> AsyncIterator[World]:
    clock = FakeClock()
    settings = Settings(data_dir=tmp_path, limits=limits)
    async with running_exchange(settings, clock=clock) as exchange:
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
        yield World(exchange, clock, key=key, settings=settings)


def channels(messages: list[Any]) -> set[str]:
    return {message["channel"] for message in messages if "channel" in message}


async def test_after_a_revocation_nothing_private_is_pushed_and_the_connection_ends(world: World) -> None:
    revoked, other = world.sign_in(), world.sign_in(await create_key(world.exchange, account=world.key.account))
    for client in (revoked, other):
        client.ask("subscribe", channels=["orders", "account"])
        client.messages()
    await revoke_key(world.exchange, account=world.key.account, key_id=world.key.api_key)
    await world.bid()

    assert revoked.messages() == []
    assert revoked.close_code == 4001
    assert channels(other.messages()) >= {"orders"}
    assert other.close_code is None


async def test_after_a_revocation_a_silent_connection_ends_too(world: World) -> None:
    client = world.sign_in()
    await revoke_key(world.exchange, account=world.key.account, key_id=world.key.api_key)
    client.server.look_after(0)
    assert client.close_code == 4001


async def test_after_a_revocation_a_request_is_refused_and_the_connection_ends(world: World) -> None:
    client = world.sign_in()
    await revoke_key(world.exchange, account=world.key.account, key_id=world.key.api_key)
    client.ask("order.cancel_all")
    assert client.answer()["error"]["code"] == "credentials_are_wrong"
    await settle()
    assert client.close_code == 4001


async def test_a_connection_ends_with_its_token_unless_it_signs_in_again(world: World) -> None:
    caller = authenticate(world.exchange, api_key=world.key.api_key, api_secret=world.key.api_secret)
    token = issue_token(world.exchange, caller)
    ends, stays = world.connect(token=token.text), world.connect(token=token.text)
    for client in (ends, stays):
        client.ask("subscribe", channels=["orders"])
    world.clock.now = token.expires_at_ns - 1
    stays.ask("auth", token=issue_token(world.exchange, caller).text)
    for client in (ends, stays):
        client.messages()
    world.clock.now = token.expires_at_ns
    await world.bid()

    assert (ends.messages(), ends.close_code) == ([], 4001)
    assert (channels(stays.messages()), stays.close_code) == ({"orders"}, None)


async def test_signing_in_with_less_ends_what_is_private(world: World) -> None:
    client = world.sign_in()
    client.ask("subscribe", channels=["orders", "trades:*"])
    trader = await create_key(world.exchange, account=world.key.account, scopes=["trade"])
    client.ask("auth", api_key=trader.api_key, api_secret=trader.api_secret)
    client.messages()
    await world.bid()

    assert client.messages() == []
    assert (client.close_code, world.exchange.projector.feed.watched_accounts) == (None, {})


async def test_what_goes_wrong_inside_has_an_id_that_the_log_has_too(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LookupError("nobody foresaw this")

    monkeypatch.setattr(Hub, "subscribe", fail)
    client = world.connect()
    client.ask("subscribe", channels=["trades:*"])
    error = client.answer()["error"]

    assert error["code"] == "internal_error"
    assert f"request {error['details']['request_id']} failed" in caplog.text


@pytest.mark.parametrize("limits", [RequestLimits(address_requests_per_second=500)])
async def test_subscriptions_count_by_their_channels(world: World) -> None:
    names = [f"candles:MAHOMES:{interval}" for interval in ("1m", "5m", "15m", "1h", "4h", "1d")]
    names += ["trades:*", "trades:MAHOMES", "book:MAHOMES", "ticker:*"]
    client = world.connect()
    for _ in range(51):
        client.ask("subscribe", channels=names)
    codes = [message["error"]["code"] for message in client.messages() if "error" in message]

    assert codes == ["request_rate_is_too_high"]


@pytest.mark.parametrize("limits", [RequestLimits(address_requests_per_second=500)])
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(Opcode.TEXT, b"{"), "request_is_malformed"),
        (Frame(Opcode.BINARY, b"{}"), "request_is_malformed"),
        (Frame(Opcode.TEXT, b'{"method":"plaice"}'), "method_not_found"),
    ],
    ids=["no JSON", "binary", "no method"],
)
async def test_who_goes_on_asking_too_often_is_sent_away(world: World, frame: Frame, code: str) -> None:
    client = world.connect()
    client.send_raw(frame.serialize(mask=True) * 10_000)
    while client.server._is_waiting:
        client.pull()
        await settle()
    codes = Counter(message["error"]["code"] for message in client.messages())

    assert client.close_code == 4029
    assert codes == {code: 500, "request_rate_is_too_high": EXCESS_MAX + 1}
