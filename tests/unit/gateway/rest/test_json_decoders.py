"""The quick decoder says what the strict one says, or leaves it to that one."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.gateway.rest.json_object import NumberText, _decode_plain, _decode_strictly, decode_object

NAMES = st.sampled_from(["a", "b", "id", 'quo"te', "ü", "\\", "\u2028"])
SCALARS = st.none() | st.booleans() | st.text(max_size=6) | st.integers() | st.floats(allow_nan=False)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, SCALARS, max_size=3)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
NUMBERS = [
    "0",
    "-0",
    "-0.0",
    "1e5",
    "1E400",
    "2.50",
    "9" * 400,
    "9" * 5_000,
    "1" + "0" * 400 + ".5",
    "-7",
    "18446744073709551616",
]


def types_of(value: object) -> object:
    if isinstance(value, dict):
        return {name: types_of(inner) for name, inner in value.items()}
    return [types_of(inner) for inner in value] if isinstance(value, list) else (type(value), value)


@settings(max_examples=300)
@given(OBJECTS, st.booleans())
def test_both_decoders_agree(value: dict[str, object], is_ascii: bool) -> None:  # noqa: FBT001
    body = json.dumps(value, ensure_ascii=is_ascii).encode()
    plain = _decode_plain(body)
    if plain is not None:
        assert types_of(plain) == types_of(_decode_strictly(body))


@given(st.lists(st.tuples(NAMES, SCALARS), min_size=2, max_size=4))
def test_field_given_twice_is_always_noticed(pairs: list[tuple[str, object]]) -> None:
    text = ",".join(f"{json.dumps(name, ensure_ascii=False)}:{json.dumps(value)}" for name, value in pairs)
    is_ambiguous = len(dict(pairs)) != len(pairs)
    for body in (f"{{{text}}}", f'{{"params":{{{text}}}}}'):
        if is_ambiguous:
            with pytest.raises(RefusedError):
                decode_object(body.encode())
        else:
            decode_object(body.encode())


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:20])
def test_numbers_stay_the_text_that_was_sent(number: str) -> None:
    found = decode_object(b'{"a":%b,"params":{"b":%b}}' % (number.encode(), number.encode()))

    assert types_of(found) == {"a": (NumberText, number), "params": {"b": (NumberText, number)}}


def test_plain_request_takes_the_quick_way() -> None:
    assert _decode_plain(b'{"id":1,"method":"order.place","params":{"quantity":2.5,"symbol":"A"}}') is not None
