"""Tickers that are made again only when something changed, by a clock that stands still until it is moved."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, grant_shares, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.queries import Queries
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.gateway.rest.encoded_tickers import EncodedTickers

SHARE = 10_000
CLOCK = FakeClock(1_788_782_400_000_000_000)


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path), clock=CLOCK) as exchange:
        for symbol in ("MAHOMES", "KELCE"):
            listing = Listing(
                symbol=symbol,
                name=symbol,
                position="QB",
                team="KC",
                supply_units=1_000 * SHARE,
                reference_price_cents=2_000,
            )
            await list_player(exchange, listing)
        for name in ("Ann", "Bob"):
            await create_account(exchange, name=name, cash_micros=100_000_000_000)
        await grant_shares(exchange, account=2, symbol="MAHOMES", quantity_units=500 * SHARE, reference="")
        yield exchange


async def place(exchange: Exchange, account: int, side: str) -> None:
    terms = {"order_type": "limit", "quantity_units": SHARE, "limit_price_cents": 2_000}
    await place_order(exchange, account=account, request=OrderRequest(symbol="MAHOMES", side=side, **terms))  # type: ignore[arg-type]


async def test_tickers_follow_book_trades_and_time(exchange: Exchange) -> None:
    kept = EncodedTickers(exchange)

    def shown() -> tuple[object, ...]:
        ticker = json.loads(kept.whole())[0]
        assert kept.by_market()[1] == exchange.queries.ticker("MAHOMES", now_ns=CLOCK.now_ns())
        return ticker["bid"], ticker["ask"], ticker["last"], ticker["volume_24h"]

    assert shown() == (None, None, None, "0")
    await place(exchange, 2, "sell")
    assert shown() == (None, "20.00", None, "0")
    await place(exchange, 3, "buy")
    assert shown() == (None, None, "20.00", "1")
    CLOCK.advance(25 * 3_600)
    assert shown() == (None, None, "20.00", "0")


async def test_only_markets_that_changed_are_made_again(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    ticker = Queries.ticker

    def counted(queries: Queries, symbol: str, *, now_ns: int) -> object:
        made.append(symbol)
        return ticker(queries, symbol, now_ns=now_ns)

    monkeypatch.setattr(Queries, "ticker", counted)
    kept = EncodedTickers(exchange)
    first = kept.whole()
    assert kept.whole() is first
    await place(exchange, 2, "sell")
    kept.whole()
    kept.by_market()
    assert made == ["MAHOMES", "KELCE", "MAHOMES"]
