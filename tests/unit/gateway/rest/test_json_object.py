import pytest
from hypothesis import given
from hypothesis import strategies as st

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.json_object import NumberText, decode_object


def test_numbers_stay_as_they_were_written() -> None:
    found = decode_object(b'{"a": 0.1, "b": 1e3, "c": 100000000000000000000.00, "d": -0, "e": "5", "f": true}')
    assert found == {"a": "0.1", "b": "1e3", "c": "100000000000000000000.00", "d": "-0", "e": "5", "f": True}
    assert isinstance(found["a"], NumberText)
    assert not isinstance(found["e"], NumberText)


def test_a_number_of_any_length_is_read() -> None:
    digits = "7" * 60_000
    assert decode_object(f'{{"a":{digits}}}'.encode()) == {"a": digits}


def test_whole_surrogate_pairs_are_text() -> None:
    assert decode_object(b'{"a":"\\ud83c\\udfc8"}') == {"a": "\N{AMERICAN FOOTBALL}"}


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'{"b":{"a":1,"a":2}}', b'{"a":1,"\\u0061":2}'])
def test_equal_keys_are_refused(body: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        decode_object(body)
    assert caught.value.reason == RefusalReason.request_is_malformed
    assert caught.value.details == {"problem": "The field 'a' occurs more than once."}


@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"a":' * 12_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000])
def test_deep_nesting_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError):
        decode_object(body)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_an_object_or_a_refusal(body: bytes) -> None:
    try:
        found: object = decode_object(body)
    except RefusedError as refused:
        found = refused.reason
    assert isinstance(found, dict) or found == RefusalReason.request_is_malformed
