"""An exchange and gateways that follow it, in one process and one loop, over the real link."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.link.news import Publisher
from waiver_exchange.adapters.link.server import LinkServer
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.bootstrap import running_exchange, running_follower
from waiver_exchange.config import Settings


@asynccontextmanager
async def running_engine(data_dir: Path, *, database_url: str = "") -> AsyncIterator[Exchange]:
    """Run an exchange that gateways can follow."""
    async with running_link(data_dir, database_url=database_url) as link:
        yield link.exchange


@asynccontextmanager
async def running_link(
    data_dir: Path, *, database_url: str = "", news: Publisher | None = None
) -> AsyncIterator[LinkServer]:
    """Run an exchange, and give its side of the link."""
    directory = DataDirectory(data_dir)
    async with running_exchange(Settings(data_dir=data_dir, database_url=database_url)) as exchange:
        link = LinkServer(exchange, path=directory.link_socket, head_path=directory.link_head, news=news)
        await link.start()
        try:
            yield link
        finally:
            await link.close()


@asynccontextmanager
async def following(data_dir: Path, *, gateways: int = 1, database_url: str = "") -> AsyncIterator[list[Exchange]]:
    """Run so many replicas."""
    settings = Settings(data_dir=data_dir, database_url=database_url)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running_follower(settings)) for _ in range(gateways)]


async def caught_up(replica: Exchange) -> None:
    """Wait as a request would."""
    assert replica.freshness is not None
    if replica.freshness.is_behind:
        await replica.freshness.wait()


async def until(is_true: Callable[[], bool]) -> None:
    """Wait for something that comes to be, five seconds at most."""
    for _ in range(1_000):
        if is_true():
            return
        await asyncio.sleep(0.005)
    assert is_true()
