"""Public ids as text."""

from hypothesis import given
from hypothesis import strategies as st

from waiver_exchange.domain.ids import IdKind, from_uuid, to_text, to_uuid


@given(st.sampled_from(IdKind), st.integers(min_value=0, max_value=2**62 - 1))
def test_text_of_an_id_is_that_of_its_uuid(kind: IdKind, number: int) -> None:
    assert to_text(kind, number) == str(to_uuid(kind, number))
    assert from_uuid(kind, to_text(kind, number)) == number
