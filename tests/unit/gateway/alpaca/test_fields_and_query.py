"""What clients send, in every form that they send it in."""

from typing import Any

import pytest

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.money import parse_money, parse_price, parse_quantity
from waiver_exchange.gateway.alpaca import fields, query
from waiver_exchange.gateway.alpaca.errors import AlpacaError
from waiver_exchange.gateway.rest.json_object import decode_object


def request_with(text: str) -> Any:  # noqa: ANN401 - as much of a request as is looked at
    return type("Request", (), {"scope": {"query_string": text.encode()}})()


@pytest.mark.parametrize("text", ["1", "1.0", '"1"', '"1.0000"', "1e0", '"1E0"', "10e-1"])
def test_one_number_in_many_forms(text: str) -> None:
    given = decode_object(f'{{"qty": {text}}}'.encode())
    assert fields.amount(given, "qty", parse=parse_quantity) == 10_000


def test_digits_are_read_and_not_a_float() -> None:
    given = decode_object(b'{"qty": 0.1234, "limit_price": 4.35, "notional": 90071992547.409931}')
    assert fields.amount(given, "qty", parse=parse_quantity) == 1_234
    assert fields.amount(given, "limit_price", parse=parse_price) == 435
    assert fields.amount(given, "notional", parse=parse_money) == 90_071_992_547_409_931


@pytest.mark.parametrize("text", ["null", '""'])
def test_what_is_null_or_empty_was_not_given(text: str) -> None:
    given = decode_object(f'{{"a": {text}}}'.encode())
    assert fields.amount(given, "a", parse=parse_quantity) is None
    assert fields.text(given, "a") is None
    assert fields.flag(given, "a") is None
    assert fields.amount({}, "a", parse=parse_quantity) is None


@pytest.mark.parametrize(("text", "value"), [("true", True), ('"True"', True), ('"false"', False), ("false", False)])
def test_booleans_of_a_body(text: str, *, value: bool) -> None:
    assert fields.flag(decode_object(f'{{"a": {text}}}'.encode()), "a") is value


def test_booleans_of_a_query_as_python_writes_them() -> None:
    given = query.query_of(request_with("nested=True&cancel_orders=False&a=1&b=FALSE&c=perhaps"))
    assert [query.flag(given, name) for name in ("nested", "cancel_orders", "a", "b", "missing")] == [
        True,
        False,
        True,
        False,
        False,
    ]
    with pytest.raises(AlpacaError):
        query.flag(given, "c")


@pytest.mark.parametrize("text", ["symbols=A,B", "symbols=A&symbols=B", "symbols[]=A&symbols[]=B", "symbols=A,%20B,"])
def test_lists_in_every_form(text: str) -> None:
    assert query.words(query.query_of(request_with(text)), "symbols") == ["A", "B"]


@pytest.mark.parametrize("text", ["limit=", "limit=None", "limit=null", ""])
def test_what_is_unset_is_not_given(text: str) -> None:
    assert query.whole_number(query.query_of(request_with(text)), "limit", default=50, largest=500) == 50


@pytest.mark.parametrize("text", ["0", "501", "-1", "1.5", "x", "9" * 400])
def test_a_whole_number_has_bounds(text: str) -> None:
    with pytest.raises(AlpacaError):
        query.whole_number({"limit": text}, "limit", default=50, largest=500)


def test_words_in_any_case_and_no_others() -> None:
    assert query.word({"direction": "ASC"}, "direction", allowed=("asc", "desc"), default="desc") == "asc"
    assert fields.word({"side": "BUY"}, "side", allowed=("buy", "sell")) == "buy"
    with pytest.raises(AlpacaError):
        fields.word({"side": "hold"}, "side", allowed=("buy", "sell"))


def test_a_refused_number_is_quoted_and_cut() -> None:
    with pytest.raises(RefusedError) as refused:
        fields.amount({"limit_price": "1." + "1" * 50}, "limit_price", parse=parse_price)
    assert len(str(refused.value.details["value"])) == 40
