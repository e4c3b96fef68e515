"""Market data by the clients that people have: the official SDK and ccxt, against a real server."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.requests import (
    CryptoLatestOrderbookRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
)

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


def test_codes_are_explained(raw: httpx.Client) -> None:
    assert raw.get("/v2/stocks/meta/exchanges").json() == {"V": "Waiver Exchange"}
    assert "@" in raw.get("/v2/stocks/meta/conditions/trade").json()
    assert "R" in raw.get("/v2/stocks/meta/conditions/quote").json()
    assert raw.get("/v2/stocks/meta/conditions/dance").status_code == 404
