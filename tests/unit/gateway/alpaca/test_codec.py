"""Exact numbers and times in both codecs."""

from decimal import Decimal

import msgspec
import pytest

from waiver_exchange.domain import codes
from waiver_exchange.gateway.alpaca.codec import (
    Moment,
    Number,
    dollars,
    encode_json,
    encode_msgpack,
    json_array,
    msgpack_array,
    shares,
)
from waiver_exchange.gateway.alpaca.market_bodies import quote_body, trade_body
from waiver_exchange.projections.state import TradeView

TIME_NS = 1_795_360_000_048_384_922
TRADE = TradeView(37, 90, TIME_NS, 1, 1_005, 1_234, codes.BUY, 5, 6, 2, 3, 0, 0, 1_234, 1_234)


@pytest.mark.parametrize(
    ("units", "text"),
    [(10_000, b"1"), (1_234, b"0.1234"), (25_000, b"2.5"), (0, b"0"), (3_000_000_001, b"300000.0001")],
)
def test_a_size_is_whole_where_it_can_be_and_exact_otherwise(units: int, text: bytes) -> None:
    assert encode_json(shares(units)) == text


@pytest.mark.parametrize(("cents", "text"), [(1, b"0.01"), (950, b"9.50"), (1_048_574, b"10485.74")])
def test_a_price_is_its_exact_decimal_text(cents: int, text: bytes) -> None:
    assert encode_json(dollars(cents)) == text


def test_a_trade_reads_the_same_in_both_codecs() -> None:
    body = trade_body(TRADE)
    assert encode_json(body) == (
        b'{"t":"2026-11-22T15:06:40.048384922Z","p":10.05,"s":0.1234,"i":37,"tks":"B","x":"V","c":["@"],"z":"C"}'
    )
    packed = encode_msgpack(body)
    assert msgspec.msgpack.decode(packed)["p"] == 10.05
    assert b"\xa1t\xd7\xff" + (48_384_922 << 34 | 1_795_360_000).to_bytes(8, "big") in packed


@pytest.mark.parametrize(
    ("time_ns", "packed"),
    [
        (1_795_360_000_000_000_000, b"\xd6\xff" + (1_795_360_000).to_bytes(4, "big")),
        (1_795_360_000_100_000_000, b"\xd7\xff" + (100_000_000 << 34 | 1_795_360_000).to_bytes(8, "big")),
        ((1 << 32) * 1_000_000_000, b"\xd7\xff" + (1 << 32).to_bytes(8, "big")),
    ],
)
def test_the_bytes_of_a_timestamp(time_ns: int, packed: bytes) -> None:
    assert encode_msgpack(Moment(time_ns)) == packed


def test_a_missing_side_of_a_quote_is_zero() -> None:
    body = quote_body(time_ns=TIME_NS, bid_cents=995, bid_units=20_000, ask_cents=0, ask_units=0)
    assert msgspec.json.decode(encode_json(body)) == {
        "t": "2026-11-22T15:06:40.048384922Z",
        "bp": 9.95,
        "bs": 2,
        "ap": 0,
        "as": 0,
        "bx": "V",
        "ax": "V",
        "c": ["R"],
        "z": "C",
    }


@pytest.mark.parametrize("count", [0, 1, 15, 16, 70_000])
def test_items_are_joined_into_one_array(count: int) -> None:
    numbers: list[Number] = [Decimal(1).scaleb(-2)] * count
    assert msgspec.json.decode(json_array([encode_json(number) for number in numbers])) == [0.01] * count
    assert msgspec.msgpack.decode(msgpack_array([encode_msgpack(number) for number in numbers])) == [0.01] * count


def test_what_has_no_form_is_refused() -> None:
    for encode in (encode_json, encode_msgpack):
        with pytest.raises(TypeError):
            encode(object())
