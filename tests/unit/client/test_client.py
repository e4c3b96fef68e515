"""The synchronous client, which is made from the asynchronous one, against answers made up here."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from waiver_exchange.client import (
    ApiError,
    Client,
    NoAnswerError,
    RefusalCode,
    RetryPolicy,
    UnexpectedAnswerError,
)

Answer = httpx.Response | Exception
ORDER = {
    "id": "o1",
    "client_order_id": "mine",
    "symbol": "MAHOMES",
    "side": "buy",
    "type": "limit",
    "time_in_force": "gtc",
    "quantity": "1.5",
    "notional": None,
    "filled_quantity": "0",
    "average_fill_price": None,
    "limit_price": "19.99",
    "stop_price": None,
    "triggered_at": None,
    "replaces": None,
    "replaced_by": None,
    "post_only": False,
    "self_trade_prevention": "cancel_newest",
    "expires_at": None,
    "fees": "0.00",
    "status": "open",
    "reason": None,
    "created_at": "2026-09-07T00:20:00.000000001Z",
    "updated_at": "2026-09-07T00:20:00.000000001Z",
    "a_field_of_a_newer_exchange": 1,
}


class Exchange:
    """Gives the answers in turn and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def bodies(self) -> list[dict[str, object]]:
        return [json.loads(request.content) for request in self.requests]


Connect = Callable[..., tuple[Client, Exchange]]


@pytest.fixture
def connect() -> Iterator[Connect]:
    clients: list[Client] = []

    def connect(*answers: Answer) -> tuple[Client, Exchange]:
        exchange = Exchange(*answers)
        client = Client("http://exchange.test", retry=RetryPolicy(attempts=3, first_seconds=0))
        client._http.close()
        client._http = httpx.Client(transport=httpx.MockTransport(exchange), base_url="http://exchange.test/api/v1")
        clients.append(client)
        return client, exchange

    yield connect
    for client in clients:
        client.close()


def ok(body: object) -> httpx.Response:
    return httpx.Response(200, json=body)


def refusal(status: int, code: str, **headers: str) -> httpx.Response:
    error = {"error": {"code": code, "message": "No.", "details": {"field": "x"}}}
    return httpx.Response(status, json=error, headers=headers)


def test_an_order_goes_out_as_decimal_text_and_comes_back_typed(connect: Connect) -> None:
    client, exchange = connect(ok(ORDER))
    order = client.place_order(
        symbol="MAHOMES",
        side="buy",
        type="limit",
        quantity=Decimal("1.5"),
        limit_price="19.99",
        expires_at=datetime(2026, 9, 8, tzinfo=UTC),
        notional=None,
        client_order_id="mine",
    )
    assert exchange.bodies == [
        {
            "symbol": "MAHOMES",
            "side": "buy",
            "type": "limit",
            "quantity": "1.5",
            "limit_price": "19.99",
            "expires_at": "2026-09-08T00:00:00Z",
            "client_order_id": "mine",
        }
    ]
    assert order.limit_price == Decimal("19.99")
    assert order.remaining_quantity == Decimal("1.5")
    assert order.created_at.ns % 10 == 1
    assert order.is_open


def test_a_float_is_no_amount(connect: Connect) -> None:
    client, exchange = connect()
    with pytest.raises(TypeError, match="quantity is a float"):
        client.place_order(symbol="MAHOMES", side="buy", type="market", quantity=1.5)  # type: ignore[arg-type]
    assert exchange.requests == []


@pytest.mark.parametrize(
    "failure",
    [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("closed"), refusal(503, "outcome_is_unknown")],
    ids=["timeout", "closed", "unknown"],
)
def test_an_order_whose_answer_was_lost_is_sent_again_under_the_same_name(connect: Connect, failure: Answer) -> None:
    client, exchange = connect(failure, ok(ORDER))
    client.place_order(symbol="MAHOMES", side="buy", type="market", quantity=1)
    first, second = exchange.bodies
    assert first == second
    assert first["client_order_id"]


def test_a_new_key_is_never_asked_for_twice(connect: Connect) -> None:
    client, exchange = connect(httpx.ReadTimeout("slow"))
    with pytest.raises(NoAnswerError) as caught:
        client.create_key("bot", scopes=["read", "trade"])
    assert caught.value.may_have_been_done
    assert len(exchange.requests) == 1


def test_a_refusal_says_all_that_the_answer_said(connect: Connect) -> None:
    client, _ = connect(refusal(403, "insufficient_cash", **{"x-request-id": "r1"}))
    with pytest.raises(ApiError, match=r"insufficient_cash: No\. \(field x\)") as caught:
        client.place_order(symbol="MAHOMES", side="buy", type="market", quantity=1)
    error = caught.value
    assert error.code is RefusalCode.insufficient_cash
    assert (error.status, error.request_id, error.details) == (403, "r1", {"field": "x"})


def test_a_code_of_a_newer_exchange_stays_text(connect: Connect) -> None:
    client, _ = connect(refusal(422, "moon_is_full"))
    with pytest.raises(ApiError) as caught:
        client.account()
    assert caught.value.code == "moon_is_full"


def test_too_many_requests_waits_as_told(connect: Connect) -> None:
    client, exchange = connect(refusal(429, "request_rate_is_too_high", **{"retry-after": "0"}), ok([]))
    assert client.markets() == []
    assert len(exchange.requests) == 2


def test_a_cancel_whose_answer_was_lost_is_a_cancel(connect: Connect) -> None:
    client, _ = connect(httpx.ReadTimeout("slow"), refusal(409, "order_is_final"), ok(ORDER | {"status": "cancelled"}))
    assert client.cancel_order("o1").status == "cancelled"


def test_a_cancel_names_one_order(connect: Connect) -> None:
    client, exchange = connect(ok([ORDER | {"status": "cancelled"}]))
    assert client.cancel_order(client_order_id="mine").status == "cancelled"
    assert exchange.requests[0].url.query == b"client_order_id=mine"
    for wrong in ({}, {"order_id": "o1", "client_order_id": "mine"}):
        with pytest.raises(ValueError, match="either"):
            client.cancel_order(**wrong)


def test_a_cancel_that_came_too_late_is_refused(connect: Connect) -> None:
    client, _ = connect(refusal(409, "order_is_final"))
    with pytest.raises(ApiError, match="order_is_final"):
        client.cancel_order("o1")


def test_pages_are_read_as_far_as_they_are_wanted(connect: Connect) -> None:
    page = {"items": [ORDER] * 500, "next_cursor": "next"}
    client, exchange = connect(ok(page), ok({"items": [ORDER] * 2, "next_cursor": "more"}))
    assert len(client.orders(status="open", limit=502).all()) == 502
    assert [dict(request.url.params) for request in exchange.requests] == [
        {"status": "open", "limit": "500"},
        {"status": "open", "limit": "2", "cursor": "next"},
    ]


def test_a_symbol_cannot_leave_its_place_in_the_path(connect: Connect) -> None:
    client, exchange = connect(ok({"bids": [["1.00", "2"]], "asks": [], "sequence": 3}))
    assert client.book("../orders?x=1").bids[0].quantity == 2
    assert exchange.requests[0].url.raw_path == b"/api/v1/markets/..%2Forders%3Fx%3D1/book"


def test_lists_and_flags_in_a_query(connect: Connect) -> None:
    client, exchange = connect(ok([]), ok({"items": []}))
    client.tickers("A", "B")
    assert client.candles("A", interval="1m", fill=True).all() == []
    assert [request.url.query for request in exchange.requests] == [
        b"symbols=A%2CB",
        b"interval=1m&fill=true&limit=500",
    ]


@pytest.mark.parametrize("answer", [httpx.Response(404, html="<h1>nginx</h1>"), httpx.Response(200, text="hello")])
def test_what_is_no_exchange_is_said_to_be_none(connect: Connect, answer: httpx.Response) -> None:
    client, _ = connect(answer)
    with pytest.raises(UnexpectedAnswerError):
        client.account()


def test_a_connection_that_was_refused_did_nothing(connect: Connect) -> None:
    client, exchange = connect(*[httpx.ConnectError("refused")] * 3)
    with pytest.raises(NoAnswerError) as caught:
        client.account()
    assert not caught.value.may_have_been_done
    assert (caught.value.attempts, len(exchange.requests)) == (3, 3)


def test_a_statement_comes_in_pieces(connect: Connect) -> None:
    client, _ = connect(httpx.Response(200, content=b"time,amount\n"), refusal(401, "credentials_are_missing"))
    assert b"".join(client.ledger_csv()) == b"time,amount\n"
    with pytest.raises(ApiError, match="credentials_are_missing"):
        list(client.ledger_csv())
