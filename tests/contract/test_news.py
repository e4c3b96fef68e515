"""The engine's news by Redis: every gateway shows every row once and in order, whatever Redis does or carries.

Rows come by Redis; names, keys, sessions and how the engine is come over the link alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.support.linked import caught_up, running_link, until
from tests.support.redis_server import RedisServer, running_redis
from waiver_exchange.adapters.link import follower as follower_module
from waiver_exchange.adapters.link import wire
from waiver_exchange.adapters.link.follower import Follower
from waiver_exchange.adapters.link.news import REMEMBERED_MAX, Hearing, NewsError, Remembered, sealed, unsealed
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.chain import chain_hash
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_changes import KeyKept, SigningKeyKept
from waiver_exchange.bootstrap import running_follower
from waiver_exchange.bootstrap.fan_out import news_publisher
from waiver_exchange.bootstrap.follower import open_follower
from waiver_exchange.config import Settings

PAUSE_SECONDS = 0.05


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@asynccontextmanager
async def linked(settings: Settings, *, gateways: int) -> AsyncIterator[tuple[Exchange, list[Exchange]]]:
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(running_link(settings.data_dir, news=news_publisher(settings)))
        yield link.exchange, [await stack.enter_async_context(running_follower(settings)) for _ in range(gateways)]


def follower_of(gateway: Exchange) -> Follower:
    assert isinstance(gateway.freshness, Follower)
    return gateway.freshness


def is_by_news(gateway: Exchange) -> bool:
    return follower_of(gateway).is_by_news


async def open_and_compare(engine: Exchange, gateways: list[Exchange], *, count: int) -> None:
    """Open accounts, some at a gateway; after each everybody knows it, and nobody refused to follow."""
    for number in range(count):
        made = await create_account(engine, name=f"account {number}", cash_micros=1)
        for gateway in gateways:
            await caught_up(gateway)
            assert made.account in gateway.state.accounts
            assert gateway.identity.find_key(made.api_key) is not None


async def test_gateways_hear_everything_by_redis_and_over_the_link_while_it_fails(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "NEWS_PAUSE_SECONDS", PAUSE_SECONDS)
    monkeypatch.setattr(follower_module, "NEWS_PAUSE_SECONDS_MAX", PAUSE_SECONDS)
    settings = Settings(data_dir=tmp_path / "exchange", fan_out="redis", redis_url=redis_server.url)
    async with linked(settings, gateways=2) as (engine, gateways):
        await until(lambda: all(map(is_by_news, gateways)))
        await open_and_compare(engine, gateways, count=20)
        assert all(map(is_by_news, gateways))
        redis_server.freeze()
        try:
            await open_and_compare(engine, gateways, count=5)
            await until(lambda: not any(map(is_by_news, gateways)))
            await open_and_compare(engine, gateways, count=5)
        finally:
            redis_server.thaw()
        await until(lambda: all(map(is_by_news, gateways)))
        redis_server.kill()
        await open_and_compare(engine, gateways, count=10)
        assert not any(map(is_by_news, gateways))
        redis_server.start()
        await until(lambda: all(map(is_by_news, gateways)))
        await open_and_compare(engine, gateways, count=10)
        # From wherever it was told, everything was shown once: another row would have ended the following.
        assert {gateway.state.sequence for gateway in gateways} == {engine.state.sequence}


async def test_without_redis_the_link_is_enough(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "exchange", fan_out="redis", redis_url=f"unix://{tmp_path}/none.sock")
    async with linked(settings, gateways=1) as (engine, gateways):
        await open_and_compare(engine, gateways, count=5)
        assert not is_by_news(gateways[0])


def test_what_was_told_is_remembered_up_to_a_bound() -> None:
    remembered = Remembered()
    for number in range(1, REMEMBERED_MAX + 11):
        remembered.add(number, b"%d," % number)
    newest = REMEMBERED_MAX + 10
    assert remembered.after(newest) == b""
    assert remembered.after(newest - 2) == b"%d,%d," % (newest - 1, newest)
    assert remembered.after(9) is None
    assert remembered.after(10) is not None


async def test_a_gateway_that_missed_more_than_is_remembered_begins_anew(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Remembered, "after", lambda _, __: None)
    settings = Settings(data_dir=tmp_path / "exchange", fan_out="redis", redis_url=redis_server.url)
    async with linked(settings, gateways=1) as (engine, gateways):
        await until(lambda: is_by_news(gateways[0]))
        redis_server.freeze()
        try:
            await open_and_compare(engine, gateways, count=3)
        finally:
            redis_server.thaw()
        await asyncio.sleep(0)
        await open_and_compare(engine, gateways, count=3)


@asynccontextmanager
async def client_of(server: RedisServer) -> AsyncIterator[Redis]:
    client = Redis.from_url(server.url)
    try:
        yield client
    finally:
        await client.aclose()


async def test_redis_carries_no_name_key_or_signing_key(tmp_path: Path, redis_server: RedisServer) -> None:
    settings = Settings(data_dir=tmp_path / "exchange", fan_out="redis", redis_url=redis_server.url)
    async with linked(settings, gateways=1) as (engine, gateways), client_of(redis_server) as redis:
        await until(lambda: is_by_news(gateways[0]))
        heard: Any = redis.pubsub()
        await heard.psubscribe("*")
        made = [await create_account(engine, name=f"Jane Roe {number}", cash_micros=1) for number in range(3)]
        await engine.tokens.prepare()
        await caught_up(gateways[0])
        await redis.publish("end", b"end")
        carried = []
        while (message := await heard.get_message(timeout=5)) is not None and message.get("channel") != b"end":
            if message["type"] == "pmessage":
                carried.append(message["data"])
        await heard.aclose()
        assert is_by_news(gateways[0])
        everything = b"".join(carried)
        known = engine.identity_memory.dump()
        key_ids = [change.key.key_id for change in known if isinstance(change, KeyKept)]
        signing = [change.key for change in known if isinstance(change, SigningKeyKept)]
        assert len(key_ids) == len(made)
        assert signing
        assert made[-1].account in gateways[0].state.accounts
        assert everything
        assert b"Jane Roe" not in everything
        for text in [*key_ids, *(each.api_key for each in made), *(key.kid for key in signing)]:
            assert text.encode() not in everything
        for key in signing:
            assert _as_bytes(key.private_key) not in everything


def _as_bytes(secret: bytes | str) -> bytes:
    return secret.encode() if isinstance(secret, str) else secret


async def test_what_somebody_else_publishes_is_not_taken(tmp_path: Path, redis_server: RedisServer) -> None:
    settings = Settings(data_dir=tmp_path / "exchange", fan_out="redis", redis_url=redis_server.url)
    async with linked(settings, gateways=1) as (engine, (gateway,)), client_of(redis_server) as redis:
        await until(lambda: is_by_news(gateway))
        made = await create_account(engine, name="victim", cash_micros=1)
        await caught_up(gateway)
        follower = follower_of(gateway)
        key = gateway.identity.find_key(made.api_key)
        assert key is not None
        forged = wire.encode(
            wire.Changed(follower._number + 1, [KeyKept(key=replace(key, key_id="A" * len(key.key_id)))], [])
        )
        (channel,) = await redis.pubsub_channels("waiver:news:*")
        for news in (forged, sealed(b"guessed" * 4, forged)):
            assert await redis.publish(channel, news) == 1
            await until(lambda: not is_by_news(gateway))
            assert gateway.identity.find_key("A" * len(key.key_id)) is None
            await open_and_compare(engine, [gateway], count=2)
            await until(lambda: is_by_news(gateway))


async def test_of_news_only_rows_that_continue_the_journal_are_shown(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even sealed as the engine's: a change of keys is passed over, and a row with another hash breaks the news off."""
    monkeypatch.setattr(follower_module, "NEWS_PAUSE_SECONDS", PAUSE_SECONDS)
    settings = Settings(data_dir=tmp_path / "exchange", fan_out="redis", redis_url=redis_server.url)
    async with linked(settings, gateways=1) as (engine, (gateway,)):
        await until(lambda: is_by_news(gateway))
        made = await create_account(engine, name="victim", cash_micros=1)
        await caught_up(gateway)
        follower = follower_of(gateway)
        connection = follower._connection
        assert connection is not None
        key = gateway.identity.find_key(made.api_key)
        assert key is not None

        def take(message: wire.Broadcast) -> None:
            follower._take_news(connection, sealed(follower._news_key, wire.encode(message)))

        number, sequence = follower._number, gateway.state.sequence
        take(wire.Changed(number + 1, [KeyKept(key=replace(key, key_id="A" * len(key.key_id)))], []))
        assert gateway.identity.find_key("A" * len(key.key_id)) is None
        assert (follower._number, is_by_news(gateway)) == (number, True)
        (last,) = await engine.journal.read(after=sequence - 1, limit=1)
        for previous in (b"\0" * 32, last.chain):
            follower._is_by_news = True
            chain = chain_hash(
                previous=previous, sequence=sequence + 1, key=None, command=last.command, events=last.events
            )
            row = last._replace(sequence=sequence + 1, key=None, chain=chain, account=last.account + 1)
            take(wire.Rows(number + 1, [row]))
            assert gateway.state.sequence == sequence
            assert not is_by_news(gateway)
        await open_and_compare(engine, [gateway], count=3)
        await until(lambda: is_by_news(gateway))


def test_a_seal_is_of_one_key_and_of_all_bytes() -> None:
    key = b"k" * 32
    news = sealed(key, b"one") + sealed(key, b"") + sealed(key, b"three")
    assert list(unsealed(key, news)) == [b"one", b"", b"three"]
    for wrong in (news[:-1], news + b"x", news.replace(b"three", b"tree!"), sealed(b"other" * 4, b"one"), b"\0"):
        with pytest.raises(NewsError):
            list(unsealed(key, wrong))


async def test_a_hearing_that_ends_in_an_unexpected_way_is_made_up_for_over_the_link(
    tmp_path: Path,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(follower_module, "NEWS_PAUSE_SECONDS", PAUSE_SECONDS)
    monkeypatch.setattr(follower_module, "NEWS_PAUSE_SECONDS_MAX", PAUSE_SECONDS)
    settings = Settings(data_dir=tmp_path / "exchange", fan_out="redis", redis_url=redis_server.url)
    async with running_link(settings.data_dir, news=news_publisher(settings)) as link:
        opened = await open_follower(settings)
        follower, heard_well = opened.follower, opened.follower._news
        assert heard_well is not None
        failures = 0

        @asynccontextmanager
        async def failing(take: Callable[[bytes], None]) -> AsyncIterator[Hearing]:
            nonlocal failures
            async with heard_well(take) as hearing:
                yield hearing
            failures += 1
            reason = "closing took too long"
            raise TimeoutError(reason)

        follower._news = failing
        running = asyncio.create_task(follower.run())
        try:
            await follower.ready()
            await until(lambda: follower.is_by_news)
            redis_server.kill()
            await open_and_compare(link.exchange, [opened.exchange], count=3)
            await until(lambda: not follower.is_by_news)
            redis_server.start()
            await until(lambda: follower.is_by_news)
            redis_server.kill()
            await until(lambda: failures > 1)
            await open_and_compare(link.exchange, [opened.exchange], count=3)
            assert caplog.text.count("hearing news ended") == 1
        finally:
            follower.stop()
            await asyncio.gather(running, return_exceptions=True)
            await opened.close()
