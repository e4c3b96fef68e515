import json

from tests.support.trading import ANN, BOB, MAHOMES, FoldedExchange, buy, sell
from waiver_exchange.domain.commands import HaltExchange, HaltMarket, IssueShares
from waiver_exchange.gateway.rest.bodies import format_time, order_body, trade_body
from waiver_exchange.gateway.rest.encoded_books import EncodedBooks
from waiver_exchange.gateway.rest.encoded_markets import EncodedMarkets


def test_times_keep_their_nanoseconds() -> None:
    assert format_time(1_788_740_400_123_456_789) == "2026-09-07T00:20:00.123456789Z"
    assert format_time(0) == "1970-01-01T00:00:00.000000000Z"


def test_an_average_price_is_rounded_for_display() -> None:
    exchange = FoldedExchange()
    exchange.place(sell(ANN, price=2_500, quantity=1))
    exchange.place(sell(ANN, price=2_501, quantity=2))
    order = exchange.place(buy(BOB, price=2_501, quantity=3))
    body = order_body(order, symbol="MAHOMES")
    assert (body.average_fill_price, body.filled_quantity, body.status) == ("25.006667", "0.0003", "filled")


def test_a_trade_tells_nothing_of_those_who_made_it() -> None:
    exchange = FoldedExchange(sell(ANN, price=2_500, quantity=10_000), buy(BOB, price=2_500, quantity=10_000))
    body = trade_body(exchange.state.tape[-1], symbol="MAHOMES")
    assert (body.side, body.price, body.quantity) == ("buy", "25.00", "1")
    assert set(body.__struct_fields__) == {"id", "symbol", "side", "price", "quantity", "time", "busted"}


def test_encoded_markets_follow_every_change() -> None:
    exchange = FoldedExchange()
    encoded = EncodedMarkets(exchange.state)
    market = exchange.state.markets[MAHOMES]

    def shown() -> dict[str, object]:
        [body] = json.loads(encoded.whole())
        assert json.loads(encoded.one(market)) == body
        return dict(body)

    first = shown()
    assert (first["best_bid"], first["last_price"], first["volume"], first["status"]) == (None, None, "0", "open")
    assert (first["bye_week"], first["projected_points"], first["supply"]) == (10, "341.5", "10000")
    exchange.run(buy(BOB, price=2_400, quantity=15_000))
    assert (shown()["best_bid"], shown()["best_bid_quantity"]) == ("24.00", "1.5")
    exchange.run(sell(ANN, price=2_400, quantity=5_000))
    assert (shown()["best_bid_quantity"], shown()["last_price"], shown()["trades"]) == ("1", "24.00", 1)
    exchange.run(IssueShares(market=MAHOMES, quantity_units=10_000))
    assert shown()["supply"] == "10001"
    exchange.run(HaltExchange())
    assert shown()["status"] == "halted"


def test_a_halted_market_is_shown_so() -> None:
    exchange = FoldedExchange(HaltMarket(market=MAHOMES))
    assert json.loads(EncodedMarkets(exchange.state).whole())[0]["status"] == "halted"


def test_what_did_not_change_is_not_encoded_again() -> None:
    exchange = FoldedExchange()
    encoded = EncodedMarkets(exchange.state)
    before = encoded.one(exchange.state.markets[MAHOMES])
    exchange.run(HaltMarket(market=99))
    assert encoded.one(exchange.state.markets[MAHOMES]) is before


def test_a_book_is_encoded_once_between_two_changes_and_few_are_kept() -> None:
    exchange = FoldedExchange(buy(BOB, price=2_400, quantity=15_000))
    encoded = EncodedBooks(exchange.state, books_max=2)
    before = encoded.best(MAHOMES, depth=50)
    assert json.loads(before)["bids"] == [["24.00", "1.5"]]
    assert encoded.best(MAHOMES, depth=50) is before
    exchange.run(buy(BOB, price=2_300, quantity=10_000))
    assert json.loads(encoded.best(MAHOMES, depth=50))["bids"] == [["24.00", "1.5"], ["23.00", "1"]]
    assert json.loads(encoded.best(MAHOMES, depth=1))["bids"] == [["24.00", "1.5"]]
    kept = encoded.best(MAHOMES, depth=1)
    encoded.best(MAHOMES, depth=7)
    assert encoded.best(MAHOMES, depth=1) is kept
    assert encoded.best(MAHOMES, depth=50) is not before
