import pytest
from hypothesis import given
from hypothesis import strategies as st

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.money import format_quantity, parse_money, parse_price, parse_quantity
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import fields
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.gateway.rest.json_object import NumberText, decode_object
from waiver_exchange.gateway.rest.orders import parse_order


def reason_of(body: str) -> tuple[RefusalReason, object]:
    with pytest.raises(RefusedError) as caught:
        parse_order(decode_object(body.encode()))
    return caught.value.reason, caught.value.details.get("field")


@pytest.mark.parametrize(
    ("text", "units"),
    [("1", 10_000), ("2.5", 25_000), ("1e3", 10_000_000), ("1E-4", 1), ("1.50e+1", 150_000), ("0.00010000", 1)],
)
def test_a_quantity_is_exact_however_it_is_written(text: str, units: int) -> None:
    for value in (text, NumberText(text)):
        assert fields.amount({"quantity": value}, "quantity", parse=parse_quantity) == units


@given(st.integers(0, 2**61))
def test_a_quantity_comes_back_as_it_went(units: int) -> None:
    assert fields.amount({"q": NumberText(format_quantity(units))}, "q", parse=parse_quantity) == units


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1e-5", RefusalReason.quantity_is_too_precise),
        ("0.00001", RefusalReason.quantity_is_too_precise),
        ("1e15", RefusalReason.number_is_too_large),
        ("1e400", RefusalReason.number_is_too_large),
        ("1e99999999999", RefusalReason.field_is_invalid),
        ("1" * 400, RefusalReason.number_is_too_large),
        ("NaN", RefusalReason.field_is_invalid),
        ("+1", RefusalReason.field_is_invalid),
        ("1_000", RefusalReason.field_is_invalid),
        ("1,5", RefusalReason.field_is_invalid),
        ("0x10", RefusalReason.field_is_invalid),
        (".5", RefusalReason.field_is_invalid),
        ("5.", RefusalReason.field_is_invalid),
        ("1\n", RefusalReason.field_is_invalid),
        ("\u0665", RefusalReason.field_is_invalid),
    ],
)
def test_a_quantity_that_is_none_says_why(text: str, reason: RefusalReason) -> None:
    with pytest.raises(RefusedError) as caught:
        fields.amount({"quantity": text}, "quantity", parse=parse_quantity)
    assert caught.value.reason == reason
    assert caught.value.details == {"field": "quantity"}


@given(st.text(max_size=70) | st.from_regex(r"-?[0-9]{1,70}(\.[0-9]{1,70})?([eE][+-]?[0-9]{1,5})?", fullmatch=True))
def test_any_text_is_an_amount_or_a_refusal(text: str) -> None:
    for parse in (parse_money, parse_price, parse_quantity):
        try:
            found = fields.amount({"a": text}, "a", parse=parse)
        except RefusedError:
            continue
        assert found is not None
        assert abs(found) < 2**62


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("2026-09-07T00:20:00Z", 1_788_740_400_000_000_000),
        ("2026-09-07t00:20:00.5z", 1_788_740_400_500_000_000),
        ("2026-09-06T20:20:00.123456789-04:00", 1_788_740_400_123_456_789),
    ],
)
def test_a_time_is_exact_to_the_nanosecond(text: str, time_ns: int) -> None:
    assert fields.time_ns({"expires_at": text}, "expires_at") == time_ns


@given(st.integers(1, 2**62))
def test_a_time_comes_back_as_it_went(time_ns: int) -> None:
    assert fields.time_ns({"t": format_time(time_ns)}, "t") == time_ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-09-07",
        "2026-09-07T00:20:00",
        "2026-09-07 00:20:00Z",
        "2026-02-30T00:00:00Z",
        "2026-09-07T25:00:00Z",
        "2026-09-07T00:00:60Z",
        "2026-09-07T00:20:00+99:99",
        "2026-09-07T00:20:00+0400",
        "2026-09-07T00:20:00.1234567890Z",
        "20260907T002000Z",
        "1788740400",
        "0000-01-01T00:00:00Z",
        "2026-09-07T00:20:00Z\n",
    ],
)
def test_a_time_without_a_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        fields.time_ns({"expires_at": text}, "expires_at")
    assert caught.value.reason == RefusalReason.field_is_invalid


def test_an_order_is_read_field_by_field() -> None:
    order = parse_order(
        decode_object(
            b'{"symbol":"M","side":"buy","type":"limit","time_in_force":"gtd","quantity":1.5,"limit_price":"20",'
            b'"post_only":true,"self_trade_prevention":"cancel_both","expires_at":"2026-09-07T00:20:00Z",'
            b'"client_order_id":"mine","notional":null}'
        )
    )
    assert (order.quantity_units, order.limit_price_cents, order.notional_micros) == (15_000, 2_000, None)
    assert order.expires_at_ns == 1_788_740_400_000_000_000
    assert (order.post_only, order.self_trade_prevention, order.client_order_id) == (True, "cancel_both", "mine")


def test_a_field_of_the_wrong_kind_is_named() -> None:
    start = '{"symbol":"M","side":"buy","type":"limit"'
    assert reason_of('{"side":"buy"}') == (RefusalReason.field_is_missing, "symbol")
    assert reason_of('{"symbol":null}') == (RefusalReason.field_is_missing, "symbol")
    assert reason_of(start + ',"price":"1"}') == (RefusalReason.field_is_unknown, "price")
    for field, value in (("quantity", "true"), ("quantity", "[]"), ("post_only", "1"), ("client_order_id", "7")):
        assert reason_of(f'{start},"{field}":{value}}}') == (RefusalReason.field_is_invalid, field)
