"""Candles, tickers and equity over HTTP, by a clock that stands still until it is moved."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.clock import FakeClock
from waiver_exchange.application.accounts import create_account, deposit_cash
from waiver_exchange.application.api_keys import create_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, grant_shares, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.gateway.app import build_app

# Monday 7 September 2026, 12:00 in UTC, 08:00 in New York.
NOON_NS = 1_788_782_400_000_000_000
SHARE = 10_000


class Floor:
    """A running exchange with Mahomes listed and two accounts that trade."""

    def __init__(self, exchange: Exchange, http: httpx.AsyncClient, clock: FakeClock) -> None:
        self.exchange = exchange
        self.http = http
        self.clock = clock

    async def trade(self, cents: int, shares: int) -> None:
        for account, side in ((2, "sell"), (3, "buy")):
            request = OrderRequest(
                symbol="MAHOMES",
                side=side,
                order_type="limit",
                quantity_units=shares * SHARE,
                limit_price_cents=cents,
            )
            await place_order(self.exchange, account=account, request=request)

    async def get(self, path: str, **query: str) -> list[dict[str, object]]:
        response = await self.http.get(f"/api/v1{path}", params=query)
        assert response.status_code == 200, response.text
        body = response.json()
        found: list[dict[str, object]] = body if isinstance(body, list) else body["items"]
        return found


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    clock = FakeClock(NOON_NS)
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        for symbol in ("MAHOMES", "KELCE"):
            listing = Listing(
                symbol=symbol,
                name=symbol.title(),
                position="QB",
                team="KC",
                supply_units=1_000 * SHARE,
                reference_price_cents=2_000,
            )
            await list_player(exchange, listing)
        for name in ("Ann", "Bob"):
            await create_account(exchange, name=name, cash_micros=100_000_000_000)
        await grant_shares(exchange, account=2, symbol="MAHOMES", quantity_units=500 * SHARE, reference="")
        transport = httpx.ASGITransport(build_app(exchange))  # type: ignore[arg-type]  # the same protocol, typed otherwise
        key = await create_key(exchange, account=3)
        headers = {"X-API-Key": key.api_key, "X-API-Secret": key.api_secret}
        async with httpx.AsyncClient(transport=transport, base_url="http://exchange", headers=headers) as http:
            yield Floor(exchange, http, clock)


async def trade_for_six_minutes(floor: Floor) -> None:
    """Trades at 20.00 and 20.50 in the first minute, at 19.50 in the third and at 21.00 in the sixth."""
    await floor.trade(2_000, 1)
    floor.clock.advance(30)
    await floor.trade(2_050, 3)
    floor.clock.advance(120)
    await floor.trade(1_950, 2)
    floor.clock.advance(180)
    await floor.trade(2_100, 4)


def shown(candles: list[dict[str, object]]) -> list[tuple[object, ...]]:
    names = ("time", "open", "high", "low", "close", "volume", "trades", "vwap")
    return [(str(candle["time"])[11:16], *(candle[name] for name in names[1:])) for candle in candles]


async def test_candles_say_what_traded_in_each_minute(floor: Floor) -> None:
    await trade_for_six_minutes(floor)
    assert shown(await floor.get("/markets/MAHOMES/candles", direction="asc")) == [
        ("12:00", "20.00", "20.50", "20.00", "20.50", "4", 2, "20.375"),
        ("12:02", "19.50", "19.50", "19.50", "19.50", "2", 1, "19.50"),
        ("12:05", "21.00", "21.00", "21.00", "21.00", "4", 1, "21.00"),
    ]
    assert shown(await floor.get("/markets/MAHOMES/candles", interval="5m")) == [
        ("12:05", "21.00", "21.00", "21.00", "21.00", "4", 1, "21.00"),
        ("12:00", "20.00", "20.50", "19.50", "19.50", "6", 3, "20.083333"),
    ]
    assert shown(await floor.get("/markets/MAHOMES/candles", interval="1d")) == [
        ("04:00", "20.00", "21.00", "19.50", "21.00", "10", 4, "20.45"),
    ]
    assert await floor.get("/markets/KELCE/candles") == []


async def test_empty_minutes_are_filled_when_asked(floor: Floor) -> None:
    await trade_for_six_minutes(floor)
    filled = shown(await floor.get("/markets/MAHOMES/candles", direction="asc", fill="true", limit="3"))
    assert [candle[0] for candle in filled] == ["12:00", "12:01", "12:02"]
    assert filled[1] == ("12:01", "20.50", "20.50", "20.50", "20.50", "0", 0, None)
    floor.clock.advance(120)
    newest = shown(await floor.get("/markets/MAHOMES/candles", fill="true", end="2027-01-01T00:00:00Z", limit="2"))
    assert [candle[0] for candle in newest] == ["12:07", "12:06"]


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("fill", ["true", "false"])
async def test_candles_come_by_pages(floor: Floor, direction: str, fill: str) -> None:
    await trade_for_six_minutes(floor)
    query = {"direction": direction, "fill": fill, "start": "2026-09-07T12:00:00Z"}
    whole = await floor.get("/markets/MAHOMES/candles", **query)
    assert len(whole) == (6 if fill == "true" else 3)
    walked: list[dict[str, object]] = []
    cursor: str | None = None
    while True:
        behind = {"cursor": cursor} if cursor else {}
        response = await floor.http.get("/api/v1/markets/MAHOMES/candles", params=query | {"limit": "1"} | behind)
        page = response.json()
        walked += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert walked == whole


async def test_a_ticker_is_of_the_last_24_hours(floor: Floor) -> None:
    await trade_for_six_minutes(floor)
    floor.clock.advance(3_600)
    request = OrderRequest(
        symbol="MAHOMES", side="buy", order_type="limit", quantity_units=SHARE // 2, limit_price_cents=1_900
    )
    await place_order(floor.exchange, account=3, request=request)
    response = await floor.http.get("/api/v1/markets/MAHOMES/ticker")
    assert response.json() == {
        "symbol": "MAHOMES",
        "last": "21.00",
        "bid": "19.00",
        "bid_quantity": "0.5",
        "ask": None,
        "ask_quantity": None,
        "change_24h": "1.00",
        "change_24h_percent": "5.00",
        "high_24h": "21.00",
        "low_24h": "19.50",
        "volume_24h": "10",
        "trades_24h": 4,
        "time": "2026-09-07T12:05:30.000000000Z",
    }
    floor.clock.advance(25 * 3_600)
    (ticker,) = await floor.get("/tickers", symbols="MAHOMES")
    assert (ticker["last"], ticker["volume_24h"], ticker["trades_24h"]) == ("21.00", "0", 0)
    assert (ticker["change_24h"], ticker["high_24h"], ticker["low_24h"]) == ("0.00", None, None)


async def test_tickers_are_of_all_markets_or_of_some(floor: Floor) -> None:
    assert [ticker["symbol"] for ticker in await floor.get("/tickers")] == ["MAHOMES", "KELCE"]
    assert [ticker["symbol"] for ticker in await floor.get("/tickers", symbols="KELCE,KELCE")] == ["KELCE"]
    for symbols, code in (("NOBODY", "market_not_found"), ("KELCE,", "field_is_invalid"), ("", "field_is_invalid")):
        response = await floor.http.get("/api/v1/tickers", params={"symbols": symbols})
        assert response.json()["error"]["code"] == code
    never = (await floor.get("/tickers", symbols="KELCE"))[0]
    assert (never["last"], never["change_24h"], never["time"]) == (None, None, None)


async def test_markets_are_sorted_by_change_and_volume(floor: Floor) -> None:
    await trade_for_six_minutes(floor)
    for sort in ("change", "volume"):
        symbols = [market["symbol"] for market in await floor.get("/markets", sort=sort, direction="desc")]
        assert symbols == ["MAHOMES", "KELCE"]
        symbols = [market["symbol"] for market in await floor.get("/markets", sort=sort)]
        assert symbols == ["KELCE", "MAHOMES"]


async def test_equity_follows_the_prices_and_deposits_are_no_profit(floor: Floor) -> None:
    await trade_for_six_minutes(floor)
    await deposit_cash(floor.exchange, account=3, amount_micros=1_000_000, reference="week 1")
    floor.clock.advance(60)
    points = await floor.get("/account/equity", interval="1m", start="2026-09-07T12:00:00Z")
    shown = [(str(point["time"])[11:16], point["equity"], point["profit"]) for point in points]
    # Ten shares in all: 1 at 20.00, 3 at 20.50, 2 at 19.50 and 4 at 21.00.
    assert shown == [
        ("12:00", "0.00", "0.00"),
        ("12:01", "100000.50", "0.50"),
        ("12:02", "100000.50", "0.50"),
        ("12:03", "99996.50", "-3.50"),
        ("12:04", "99996.50", "-3.50"),
        ("12:05", "99996.50", "-3.50"),
        ("12:06", "100006.50", "5.50"),
        ("12:06", "100006.50", "5.50"),  # now, which is a moment later
    ]
    floor.clock.advance(3 * 86_400)
    too_many = await floor.http.get("/api/v1/account/equity", params={"period": "all", "interval": "1m"})
    assert too_many.json()["error"]["details"]["field"] == "interval"
