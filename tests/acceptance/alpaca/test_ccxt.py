"""Orders through stock `ccxt.alpaca`, with nothing but its URLs and keys changed."""

from collections.abc import Iterator
from typing import Any

import ccxt
import pytest

from tests.acceptance.alpaca.conftest import Bot, MakeBot
from tests.acceptance.conftest import Server

SYMBOL = "MAHOMES/USD"


@pytest.fixture
def trader(make_bot: MakeBot) -> Bot:
    return make_bot()


@pytest.fixture
def broker(server: Server, trader: Bot) -> Iterator[Any]:
    """The trader's ccxt."""
    exchange = ccxt.alpaca({"apiKey": trader.trader.api_key, "secret": trader.trader.api_secret})
    exchange.urls["api"] |= dict.fromkeys(("trader", "market"), server.url)
    exchange.session.trust_env = False
    yield exchange
    exchange.session.close()


def test_markets_load_without_a_word_about_the_asset_class(broker: Any) -> None:  # noqa: ANN401 - ccxt has no types
    market = broker.load_markets()[SYMBOL]
    assert (market["id"], market["active"], market["precision"]) == (
        "MAHOMES",
        True,
        {"amount": 0.0001, "price": 0.01},
    )
    assert abs(broker.fetch_time() - broker.milliseconds()) < 60_000


def test_an_order_from_its_placing_to_its_end(broker: Any) -> None:  # noqa: ANN401
    placed = broker.create_order(SYMBOL, "limit", "buy", 2.5, 19.5, {"clientOrderId": "ccxt-1"})
    assert (placed["status"], placed["amount"], placed["price"], placed["symbol"]) == ("open", 2.5, 19.5, SYMBOL)
    assert [order["id"] for order in broker.fetch_open_orders(SYMBOL)] == [placed["id"]]
    with pytest.raises(ccxt.BadRequest, match="client_order_id must be unique"):
        broker.create_order(SYMBOL, "limit", "buy", 2.5, 19.5, {"clientOrderId": "ccxt-1"})
    edited = broker.edit_order(placed["id"], SYMBOL, "limit", "buy", 1.25, 19.25)
    assert (edited["amount"], edited["price"], edited["id"] != placed["id"]) == (1.25, 19.25, True)
    broker.cancel_order(edited["id"])
    assert broker.fetch_order(edited["id"])["status"] == "canceled"
    assert {order["id"] for order in broker.fetch_closed_orders(SYMBOL)} == {placed["id"], edited["id"]}
    assert broker.fetch_open_orders() == []
    broker.create_order(SYMBOL, "limit", "buy", 1, 19)
    broker.cancel_all_orders()
    assert broker.fetch_open_orders() == []


def test_market_orders_by_amount_and_by_cost(broker: Any, seller: Bot) -> None:  # noqa: ANN401
    seller.limit("sell", 10, 20)
    bought = broker.create_order(SYMBOL, "market", "buy", 0.1234)
    assert (bought["status"], bought["filled"], bought["average"]) == ("closed", 0.1234, 20)
    assert broker.create_market_buy_order_with_cost(SYMBOL, 10)["filled"] == 0.5
    trades = broker.fetch_my_trades(SYMBOL)
    assert [(trade["side"], trade["amount"], trade["price"]) for trade in trades] == [
        ("buy", 0.1234, 20),
        ("buy", 0.5, 20),
    ]
    stop = broker.create_order(SYMBOL, "limit", "sell", 0.5, 15, {"triggerPrice": 15.5})
    assert (stop["status"], stop["triggerPrice"]) == ("open", 15.5)
    broker.cancel_order(stop["id"])


def test_cash_in_the_balance(broker: Any, seller: Bot) -> None:  # noqa: ANN401
    seller.limit("sell", 10, 20)
    broker.create_order(SYMBOL, "market", "buy", 1)
    balance = broker.fetch_balance()["USD"]
    assert (balance["total"], balance["free"]) == (9_980, 9_980)


@pytest.mark.parametrize(
    ("amount", "price", "error"),
    [
        (1, 1, ccxt.BadRequest),
        # Its words for a 403 that it does not know by its message, here as at Alpaca.
        (10_000, 19, ccxt.ExchangeNotAvailable),
        (0.5, 10_000, ccxt.BadRequest),
    ],
)
def test_refusals_are_errors_of_ccxt(broker: Any, amount: float, price: float, error: type[Exception]) -> None:  # noqa: ANN401
    with pytest.raises(error):
        broker.create_order(SYMBOL, "limit", "buy", amount, price)
