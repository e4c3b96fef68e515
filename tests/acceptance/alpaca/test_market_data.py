"""Market data by the clients that people have: the official SDK and ccxt, against a real server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ccxt
import httpx
import pytest
from alpaca.data.enums import MostActivesBy
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.historical.screener import ScreenerClient
from alpaca.data.models import BarSet, QuoteSet, TradeSet
from alpaca.data.requests import (
    CryptoLatestOrderbookRequest,
    CryptoQuoteRequest,
    CryptoSnapshotRequest,
    CryptoTradesRequest,
    MarketMoversRequest,
    MostActivesRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from tests.acceptance.conftest import Server, Trader


@pytest.fixture(scope="module")
def ann(server: Server) -> Trader:
    ann = server.create_account("Ann")
    server.grant(ann, "100")
    server.list_player("KELCE", name="Travis Kelce", position="TE")
    return ann


@pytest.fixture(scope="module")
def bob(server: Server) -> Trader:
    return server.create_account("Bob")


@pytest.fixture(scope="module")
def traded(ann: Trader, bob: Trader) -> datetime:
    """When MAHOMES had traded 2 at 20.00 and 0.1234 at 20.10, with 1 bid at 19.00 and 3.5 asked at 20.50 left."""
    ann.place(side="sell", quantity="2", limit_price="20.00")
    bob.place(quantity="2", limit_price="20.00")
    ann.place(side="sell", quantity="0.1234", limit_price="20.10")
    bob.place(quantity="0.1234", limit_price="20.10")
    bob.place(quantity="1", limit_price="19.00")
    ann.place(side="sell", quantity="3.5", limit_price="20.50")
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def stocks(server: Server, ann: Trader) -> Iterator[StockHistoricalDataClient]:
    client = StockHistoricalDataClient(ann.api_key, ann.api_secret, url_override=server.url)
    yield client
    client._session.close()


@pytest.fixture(scope="module")
def crypto(server: Server) -> Iterator[CryptoHistoricalDataClient]:
    client = CryptoHistoricalDataClient(url_override=server.url)
    yield client
    client._session.close()


@pytest.fixture(scope="module")
def raw(server: Server, ann: Trader) -> Iterator[httpx.Client]:
    headers = {"APCA-API-KEY-ID": ann.api_key, "APCA-API-SECRET-KEY": ann.api_secret}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=30) as client:
        yield client


def test_the_latest_trade_and_quote(stocks: StockHistoricalDataClient, traded: datetime) -> None:
    symbols = ["MAHOMES", "KELCE", "NOBODY"]
    trades = stocks.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=symbols))
    assert list(trades) == ["MAHOMES"]
    trade = trades["MAHOMES"]
    assert (trade.price, trade.size, isinstance(trade.id, int)) == (20.10, 0.1234, True)
    assert trade.timestamp <= traded
    quotes = stocks.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbols))
    quote = quotes["MAHOMES"]
    assert (quote.bid_price, quote.bid_size, quote.ask_price, quote.ask_size) == (19, 1, 20.5, 3.5)
    empty = quotes["KELCE"]
    assert (empty.bid_price, empty.bid_size, empty.ask_price, empty.ask_size) == (0, 0, 0, 0)


@pytest.mark.usefixtures("traded")
def test_numbers_are_exact_text_and_no_side_is_zero(raw: httpx.Client) -> None:
    trade = raw.get("/v2/stocks/trades/latest", params={"symbols": "MAHOMES"}).text
    assert '"p":20.10,"s":0.1234,' in trade
    quote = raw.get("/v2/stocks/quotes/latest", params={"symbols": "KELCE"}).text
    assert '"bp":0,"bs":0,"ap":0,"as":0' in quote


@pytest.mark.usefixtures("traded")
def test_books_have_all_levels_under_the_name_that_was_asked_for(crypto: CryptoHistoricalDataClient) -> None:
    for name in ("MAHOMES", "MAHOMES/USD"):
        books = crypto.get_crypto_latest_orderbook(CryptoLatestOrderbookRequest(symbol_or_symbols=name))
        book = books[name]
        assert [(level.price, level.size) for level in book.bids] == [(19, 1)]
        assert [(level.price, level.size) for level in book.asks] == [(20.5, 3.5)]


@pytest.mark.usefixtures("traded")
def test_single_symbol_routes(raw: httpx.Client) -> None:
    trade = raw.get("/v2/stocks/MAHOMES/trades/latest").json()
    assert (trade["symbol"], trade["trade"]["p"]) == ("MAHOMES", 20.10)
    quote = raw.get("/v2/stocks/MAHOMES/quotes/latest").json()
    assert (quote["symbol"], quote["quote"]["bp"]) == ("MAHOMES", 19)
    assert raw.get("/v2/stocks/KELCE/trades/latest").json()["code"] == 40410000


def test_bars_of_every_timeframe_by_the_sdk(stocks: StockHistoricalDataClient, traded: datetime) -> None:
    timeframes = [
        TimeFrame.Minute,
        TimeFrame(5, TimeFrameUnit.Minute),
        TimeFrame.Hour,
        TimeFrame.Day,
        TimeFrame.Week,
        TimeFrame.Month,
    ]
    for timeframe in timeframes:
        request = StockBarsRequest(
            symbol_or_symbols=["MAHOMES", "KELCE"], timeframe=timeframe, start=traded - timedelta(hours=30)
        )
        found = stocks.get_stock_bars(request)
        assert isinstance(found, BarSet)
        assert list(found.data) == ["MAHOMES"]
        bars = found["MAHOMES"]
        assert (bars[0].open, bars[-1].close) == (20, 20.1)
        assert (min(bar.low for bar in bars), max(bar.high for bar in bars)) == (20, 20.1)
        assert round(sum(bar.volume for bar in bars), 4) == 2.1234
        assert sum(bar.trade_count or 0 for bar in bars) == 2
        if len(bars) == 1:
            # (2 * 20.00 + 0.1234 * 20.10) / 2.1234
            assert bars[0].vwap == 20.005811


@pytest.mark.usefixtures("traded")
def test_bars_begin_where_their_time_does(raw: httpx.Client) -> None:
    for timeframe, unit in (("1Min", 60), ("15T", 900), ("1H", 3_600), ("1hour", 3_600)):
        bars = _walk(raw, "/v2/stocks/bars", "bars", symbols="MAHOMES", timeframe=timeframe)
        assert all(datetime.fromisoformat(bar["t"]).timestamp() % unit == 0 for _, bar in bars)
    (_, day), *_ = _walk(raw, "/v2/stocks/bars", "bars", symbols="MAHOMES", timeframe="1D")
    begins = datetime.fromisoformat(day["t"]).astimezone(ZoneInfo("America/New_York"))
    assert (begins.hour, begins.minute) == (0, 0)
    for wrong in ("60Min", "1m", "0Day", "Day", "5Month", "x"):
        response = raw.get("/v2/stocks/bars", params={"symbols": "MAHOMES", "timeframe": wrong})
        assert (response.status_code, response.json()["code"]) == (400, 40010001)


def test_snapshots_have_no_wrapper_for_stocks_and_one_for_crypto(
    raw: httpx.Client, stocks: StockHistoricalDataClient, crypto: CryptoHistoricalDataClient, traded: datetime
) -> None:
    symbols = ["MAHOMES", "KELCE", "NOBODY"]
    found: Any = stocks.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=symbols))
    assert set(found) == {"MAHOMES", "KELCE"}
    snapshot = found["MAHOMES"]
    assert (snapshot.latest_trade.price, snapshot.latest_quote.ask_price) == (20.1, 20.5)
    assert snapshot.minute_bar.close == snapshot.daily_bar.close == 20.1
    assert snapshot.daily_bar.timestamp <= snapshot.minute_bar.timestamp <= traded
    assert (found["KELCE"].latest_trade, found["KELCE"].daily_bar) == (None, None)
    pair: Any = crypto.get_crypto_snapshot(CryptoSnapshotRequest(symbol_or_symbols="MAHOMES/USD"))
    assert pair["MAHOMES/USD"].latest_trade.price == 20.1
    alone = raw.get("/v2/stocks/MAHOMES/snapshot").json()
    assert (alone["symbol"], alone["latestTrade"]["p"], alone["prevDailyBar"]) == ("MAHOMES", 20.1, None)
    assert "symbol" not in raw.get("/v2/stocks/snapshots", params={"symbols": "MAHOMES"}).json()["MAHOMES"]


@pytest.mark.usefixtures("traded")
def test_the_latest_bar(raw: httpx.Client, stocks: StockHistoricalDataClient) -> None:
    bars = stocks.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=["MAHOMES", "KELCE"]))
    assert list(bars) == ["MAHOMES"]
    assert bars["MAHOMES"].close == 20.1
    assert raw.get("/v2/stocks/MAHOMES/bars/latest").json()["bar"]["c"] == 20.1


@pytest.mark.usefixtures("traded")
def test_leaderboards_by_the_sdk(server: Server, ann: Trader) -> None:
    screener = ScreenerClient(ann.api_key, ann.api_secret, url_override=server.url)
    try:
        actives: Any = screener.get_most_actives(MostActivesRequest(top=5, by=MostActivesBy.TRADES))
        assert [(stock.symbol, stock.trade_count) for stock in actives.most_actives] == [("MAHOMES", 2)]
        movers: Any = screener.get_market_movers(MarketMoversRequest(top=5))
        assert [(mover.symbol, mover.price) for mover in movers.gainers] == [("MAHOMES", 20.1)]
        assert movers.losers == []
    finally:
        screener._session.close()


@pytest.fixture(scope="module")
def bot(server: Server, ann: Trader) -> Iterator[Any]:
    bot = ccxt.alpaca({"apiKey": ann.api_key, "secret": ann.api_secret})
    bot.urls["api"] |= dict.fromkeys(("trader", "market"), server.url)
    bot.load_markets(params={"asset_class": "us_equity"})
    yield bot
    bot.session.close()


def test_ccxt_reads_books_and_trades(bot: Any, traded: datetime) -> None:  # noqa: ANN401 - ccxt has no types
    book = bot.fetch_order_book("MAHOMES/USD")
    assert (book["bids"], book["asks"]) == ([[19, 1]], [[20.5, 3.5]])
    yesterday = int((traded - timedelta(days=1)).timestamp() * 1000)
    trades = bot.fetch_trades("MAHOMES/USD", since=yesterday)
    assert [(trade["price"], trade["amount"], trade["side"]) for trade in trades] == [
        (20, 2, "buy"),
        (20.1, 0.1234, "buy"),
    ]
    (candle,) = bot.fetch_ohlcv("MAHOMES/USD", "1d", since=yesterday)
    assert (candle[1], candle[4], candle[5]) == (20, 20.1, 2.1234)
    ticker = bot.fetch_ticker("MAHOMES/USD")
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (19, 20.5, 20.1)
    since = int(traded.timestamp() * 1000) + 1
    assert bot.fetch_trades("MAHOMES/USD", since=since) == []


def _walk(raw: httpx.Client, path: str, key: str, **query: str | int) -> list[tuple[str, Any]]:
    """Every item of every page, with its name; of the last two days, because midnight may have passed meanwhile."""
    query.setdefault("start", (datetime.now(UTC) - timedelta(days=2)).isoformat())
    items: list[tuple[str, Any]] = []
    for _ in range(100):
        response = raw.get(path, params=query)
        assert response.status_code == 200, response.text
        page = response.json()
        assert set(page) == {key, "next_page_token"}
        assert sum(len(found) for found in page[key].values()) <= int(query.get("limit", 1_000))
        items += [(name, item) for name, found in page[key].items() for item in found]
        if page["next_page_token"] is None:
            return items
        query["page_token"] = page["next_page_token"]
    pytest.fail("the pages do not end")


def test_trades_of_a_range_by_the_sdk(
    stocks: StockHistoricalDataClient, crypto: CryptoHistoricalDataClient, traded: datetime
) -> None:
    start = traded - timedelta(hours=1)
    found = stocks.get_stock_trades(
        StockTradesRequest(symbol_or_symbols=["MAHOMES", "KELCE", "NOBODY"], start=start, end=traded)
    )
    assert isinstance(found, TradeSet)
    assert [(trade.price, trade.size) for trade in found["MAHOMES"]] == [(20, 2), (20.1, 0.1234)]
    assert list(found.data) == ["MAHOMES"]
    pairs = crypto.get_crypto_trades(CryptoTradesRequest(symbol_or_symbols="MAHOMES/USD", start=start))
    assert [trade.id for trade in pairs["MAHOMES/USD"]] == [trade.id for trade in found["MAHOMES"]]
    later = stocks.get_stock_trades(StockTradesRequest(symbol_or_symbols="MAHOMES", start=traded))
    assert isinstance(later, TradeSet)
    assert not later.data


@pytest.mark.usefixtures("traded")
@pytest.mark.parametrize("sort", ["asc", "desc"])
def test_pages_lead_through_all_symbols_once(raw: httpx.Client, sort: str) -> None:
    whole = _walk(raw, "/v2/stocks/trades", "trades", symbols="KELCE,MAHOMES", sort=sort)
    times = [trade["t"] for _, trade in whole]
    assert [name for name, _ in whole] == ["MAHOMES", "MAHOMES"]
    assert times == sorted(times, reverse=sort == "desc")
    for limit in (1, 2, 10_000):
        assert _walk(raw, "/v2/stocks/trades", "trades", symbols="MAHOMES,KELCE", sort=sort, limit=limit) == whole


@pytest.mark.usefixtures("traded")
def test_both_ends_of_a_range_are_included(raw: httpx.Client) -> None:
    (_, first), (_, second) = _walk(raw, "/v2/stocks/trades", "trades", symbols="MAHOMES")
    query = {"symbols": "MAHOMES", "start": first["t"], "end": second["t"]}
    assert len(_walk(raw, "/v2/stocks/trades", "trades", **query)) == 2
    assert _walk(raw, "/v2/stocks/trades", "trades", **query | {"end": first["t"]}) == [("MAHOMES", first)]
    assert _walk(raw, "/v2/stocks/trades", "trades", symbols="MAHOMES", start=second["t"]) == [("MAHOMES", second)]


def test_quotes_of_a_range(
    raw: httpx.Client, stocks: StockHistoricalDataClient, crypto: CryptoHistoricalDataClient, traded: datetime
) -> None:
    start = traded - timedelta(hours=1)
    found = stocks.get_stock_quotes(StockQuotesRequest(symbol_or_symbols=["MAHOMES", "KELCE"], start=start))
    assert isinstance(found, QuoteSet)
    assert list(found.data) == ["MAHOMES"]
    last = found["MAHOMES"][-1]
    assert (last.bid_price, last.bid_size, last.ask_price, last.ask_size) == (19, 1, 20.5, 3.5)
    assert last.timestamp <= traded
    latest = stocks.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="MAHOMES"))
    assert last == latest["MAHOMES"]
    pairs: Any = crypto.get_crypto_quotes(CryptoQuoteRequest(symbol_or_symbols="MAHOMES/USD", start=start))
    assert len(pairs["MAHOMES/USD"]) == len(found["MAHOMES"])
    query = {"symbols": "MAHOMES,KELCE", "start": start.isoformat()}
    whole = _walk(raw, "/v2/stocks/quotes", "quotes", **query)
    assert len(whole) == len(found["MAHOMES"])
    assert _walk(raw, "/v2/stocks/quotes", "quotes", limit=1, **query) == whole
    assert _walk(raw, "/v2/stocks/quotes", "quotes", limit=1, sort="desc", **query) == whole[::-1]
    alone = raw.get("/v2/stocks/MAHOMES/quotes", params={"start": start.isoformat()}).json()
    assert alone["quotes"] == [quote for _, quote in whole]


@pytest.mark.usefixtures("traded")
def test_one_symbol_has_its_own_form(raw: httpx.Client) -> None:
    page = raw.get("/v2/stocks/MAHOMES/trades", params={"limit": 1}).json()
    assert (page["symbol"], len(page["trades"])) == ("MAHOMES", 1)
    rest = raw.get("/v2/stocks/MAHOMES/trades", params={"page_token": page["next_page_token"]}).json()
    assert (len(rest["trades"]), rest["next_page_token"]) == (1, None)
    assert raw.get("/v2/stocks/NOBODY/trades").json() == {"trades": [], "symbol": "NOBODY", "next_page_token": None}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "symbols is required"),
        ({"symbols": "mahomes"}, "invalid symbol: mahomes"),
        ({"symbols": "MAHOMES/USD"}, "invalid symbol: MAHOMES/USD"),
        ({"symbols": "A,,B"}, "invalid symbol: "),
        ({"symbols": "A" * 21}, "invalid symbol: " + "A" * 21),
        ({"symbols": "A", "limit": "0"}, None),
        ({"symbols": "A", "limit": "10001"}, None),
        ({"symbols": "A", "limit": "1e3"}, None),
        ({"symbols": "A", "limit": "9" * 400}, None),
        ({"symbols": "A", "start": "yesterday"}, None),
        ({"symbols": "A", "end": "NaN"}, None),
        ({"symbols": "A", "start": "2025-01-02", "end": "2025-01-01"}, "end should not be before start"),
        ({"symbols": "A", "sort": "sideways"}, None),
        ({"symbols": "A", "page_token": "????"}, "invalid page_token"),
    ],
)
def test_a_wrong_parameter_is_a_400_with_a_code(raw: httpx.Client, query: dict[str, str], message: str | None) -> None:
    response = raw.get("/v2/stocks/trades", params=query)
    assert (response.status_code, response.json()["code"]) == (400, 40010001)
    assert message is None or response.json()["message"] == message


def test_stocks_need_a_key_and_crypto_does_not(server: Server, raw: httpx.Client) -> None:
    assert server.public.get("/v2/stocks/trades/latest", params={"symbols": "A"}).json()["code"] == 40110000
    path = "/v1beta3/crypto/us/latest/orderbooks"
    answered = server.public.get(path, params={"symbols": "NOBODY/USD"})
    assert (answered.status_code, answered.json()) == (200, {"orderbooks": {}})
    wrong = raw.get(path, params={"symbols": "MAHOMES"}, headers={"APCA-API-SECRET-KEY": "wrong"})
    assert wrong.json()["code"] == 40110000


def test_codes_are_explained(raw: httpx.Client) -> None:
    assert raw.get("/v2/stocks/meta/exchanges").json() == {"V": "Waiver Exchange"}
    assert "@" in raw.get("/v2/stocks/meta/conditions/trade").json()
    assert "R" in raw.get("/v2/stocks/meta/conditions/quote").json()
    assert raw.get("/v2/stocks/meta/conditions/dance").status_code == 404
