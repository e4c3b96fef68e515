"""The client asks what the served document describes, and knows every field of what is answered."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn, get_args

import msgspec
import pytest

from waiver_exchange.client import Client
from waiver_exchange.client.call import Call
from waiver_exchange.client.models import account, audit, exchange, markets, orders
from waiver_exchange.gateway.rest.openapi import openapi_document
from waiver_exchange.gateway.rest.routes import ROUTES

DOCUMENT = json.loads(openapi_document(ROUTES))
SCHEMAS = DOCUMENT["components"]["schemas"]
TIME = datetime(2026, 9, 7, tzinfo=UTC)
ORDER = {
    "symbol": "A", "side": "buy", "type": "limit", "quantity": 1, "notional": 1, "limit_price": 1, "stop_price": 1,
    "time_in_force": "gtd", "expires_at": TIME, "post_only": True, "self_trade_prevention": "cancel_both",
    "client_order_id": "mine",
}  # fmt: skip
CHANGES = {
    "quantity": 1, "limit_price": 1, "stop_price": 1, "time_in_force": "gtd", "expires_at": TIME,
    "client_order_id": "mine",
}  # fmt: skip
SPAN: dict[str, Any] = {"start": TIME, "end": TIME, "direction": "asc"}
ASKED: dict[str, Callable[[Any], object]] = {
    "placeOrder": lambda client: client.place_order(**ORDER),
    "replaceOrder": lambda client: client.replace_order("id", **CHANGES),
    "cancelOrder": lambda client: client.cancel_order("id"),
    "cancelOrders": lambda client: client.cancel_all(symbol="A"),
    "cancelOrders named": lambda client: client.cancel_order(client_order_id="mine"),
    "getOrder": lambda client: client.order("id"),
    "listOrders": lambda client: client.orders(status="open", symbol="A", side="buy", **SPAN).page("c"),
    "listOrders named": lambda client: client.order_named("mine"),
    "listFills": lambda client: client.fills(symbol="A", order_id="id", **SPAN).page("c"),
    "getAccount": lambda client: client.account(),
    "getAccountLimits": lambda client: client.account_limits(),
    "listPositions": lambda client: client.positions(),
    "getPosition": lambda client: client.position("A"),
    "listEquity": lambda client: client.equity(period="1D", start=TIME, end=TIME, interval="1h"),
    "listLedger": lambda client: client.ledger(**SPAN).page("c"),
    "exportLedger": lambda client: next(client.ledger_csv(**SPAN)),
    "listKeys": lambda client: client.keys(),
    "createKey": lambda client: client.create_key("bot", scopes=["read"]),
    "renameKey": lambda client: client.rename_key("id", "robot"),
    "revokeKey": lambda client: client.revoke_key("id"),
    "issueToken": lambda client: client.create_token(),
    "listMarkets": lambda client: client.markets(
        search="a", team="A", position="QB", status="open", sort="name", direction="asc"
    ),
    "getMarket": lambda client: client.market("A"),
    "getBook": lambda client: client.book("A", depth=3),
    "listTrades": lambda client: client.recent_trades(symbol="A", limit=3),
    "listMarketTrades": lambda client: client.trades("A", **SPAN).page("c"),
    "listCandles": lambda client: client.candles("A", interval="1m", fill=True, **SPAN).page("c"),
    "listTickers": lambda client: client.tickers("A", "B"),
    "getTicker": lambda client: client.ticker("A"),
    "getStatus": lambda client: client.status(),
    "getConservation": lambda client: client.conservation(),
    "listCheckpoints": lambda client: client.checkpoints().page("c"),
    "getAuditPublicKey": lambda client: client.audit_public_keys(),
    "listAuditEvents": lambda client: client.audit_events(event="key_made", account="a", actor="b", **SPAN).page("c"),
    "exportJournal": lambda client: next(client.journal_export(first=1, last=2)),
    "getFees": lambda client: client.fees(),
    "getLimits": lambda client: client.limits(),
}
MODELS: dict[type[msgspec.Struct], str] = {
    orders.Order: "OrderBody",
    orders.Fill: "FillBody",
    account.Account: "AccountBody",
    account.Position: "PositionBody",
    account.LedgerLine: "LedgerLineBody",
    account.EquityPoint: "EquityPointBody",
    account.ApiKey: "KeyBody",
    account.NewApiKey: "NewKeyBody",
    account.Token: "TokenBody",
    markets.Market: "MarketBody",
    markets.BookLevels: "BookBody",
    markets.Trade: "TradeBody",
    markets.Candle: "CandleBody",
    markets.Ticker: "TickerBody",
    exchange.ExchangeStatus: "StatusBody",
    exchange.Conservation: "ConservationBody",
    exchange.IssuedShares: "SharesBody",
    audit.Checkpoint: "CheckpointBody",
    audit.AuditPublicKeys: "PublicKeyBody",
    audit.AuditEvent: "AuditEventBody",
    exchange.Verified: "VerifiedBody",
    exchange.Fees: "FeesBody",
    exchange.Limits: "LimitsBody",
    exchange.AccountLimits: "RequestLimitsBody",
}
WORDS = {
    orders.Side: ("OrderBody", "side"),
    orders.OrderType: ("OrderBody", "type"),
    orders.TimeInForce: ("OrderBody", "time_in_force"),
    orders.OrderStatus: ("OrderBody", "status"),
    orders.SelfTradePrevention: ("OrderBody", "self_trade_prevention"),
    orders.Liquidity: ("FillBody", "liquidity"),
    account.Party: ("LedgerLineBody", "from"),
}


class Recorded(Exception):  # noqa: N818 - it carries what was asked
    def __init__(self, call: Call[Any]) -> None:
        self.call = call


class Recorder(Client):
    def send(self, call: Call[Any]) -> NoReturn:
        raise Recorded(call)

    def stream(self, call: Call[bytes]) -> NoReturn:
        raise Recorded(call)


def asked(ask: Callable[[Any], object]) -> Call[Any]:
    with Recorder("http://exchange.test") as client, pytest.raises(Recorded) as caught:
        ask(client)
    return caught.value.call


def operation_of(call: Call[Any]) -> dict[str, Any]:
    for path, operations in DOCUMENT["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", path.removeprefix("/api/v1"))
        if re.fullmatch(pattern, call.path) and call.method.lower() in operations:
            operation: dict[str, Any] = operations[call.method.lower()]
            return operation
    raise AssertionError(f"no route for {call.method} {call.path}")


@pytest.mark.parametrize("name", ASKED)
def test_every_request_is_one_that_is_served(name: str) -> None:
    call = asked(ASKED[name])
    operation = operation_of(call)
    assert operation["operationId"] == name.partition(" ")[0]
    parameters = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    assert call.parameters.keys() <= parameters
    if call.body is not None:
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        assert call.body.keys() == SCHEMAS[reference.rpartition("/")[2]]["properties"].keys()


def test_every_route_is_asked_by_a_method() -> None:
    served = {
        operation["operationId"]
        for path, operations in DOCUMENT["paths"].items()
        for operation in operations.values()
        # Operators work in a session with a passkey, which no program has.
        if path.startswith("/api/v1") and not path.startswith("/api/v1/operator/")
    }
    assert served - {name.partition(" ")[0] for name in ASKED} == set()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_of_an_answer_is_known(model: type[msgspec.Struct]) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(model)}
    assert fields == SCHEMAS[MODELS[model]]["properties"].keys()


@pytest.mark.parametrize(("words", "field"), WORDS.items(), ids=[field[1] for field in WORDS.values()])
def test_every_word_of_an_answer_is_known(words: object, field: tuple[str, str]) -> None:
    schema, name = field
    assert set(get_args(words)) == set(SCHEMAS[schema]["properties"][name]["enum"])
