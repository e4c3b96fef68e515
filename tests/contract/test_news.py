"""The engine's news by Redis: every gateway shows every row once and in order, whatever Redis does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.support.linked import caught_up, running_link, until
from tests.support.redis_server import RedisServer, running_redis
from waiver_exchange.adapters.link import follower as follower_module
from waiver_exchange.adapters.link.follower import Follower
from waiver_exchange.adapters.link.news import REMEMBERED_MAX, Remembered
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.bootstrap import running_follower
from waiver_exchange.bootstrap.fan_out import news_publisher
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


def is_by_news(gateway: Exchange) -> bool:
    assert isinstance(gateway.freshness, Follower)
    return gateway.freshness.is_by_news


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
