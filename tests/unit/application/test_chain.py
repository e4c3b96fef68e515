import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.journal import chained_rows
from waiver_exchange.application.chain import ChainBrokenError, chain_hash, verify_chain
from waiver_exchange.application.ports import GENESIS_CHAIN, JournalRow

ROWS = chained_rows(3) + chained_rows(3, after=chained_rows(3)[-1], are_keyed=False)


def first_bad(rows: list[JournalRow], *, previous: bytes = GENESIS_CHAIN) -> int:
    with pytest.raises(ChainBrokenError) as caught:
        verify_chain(rows, previous=previous)
    return caught.value.sequence


def with_column(row: JournalRow, column: str, value: Any) -> JournalRow:  # noqa: ANN401 - also what does not belong there
    return row._replace(**{column: value})


def test_hash_is_sha256_over_the_documented_layout() -> None:
    expected = hashlib.sha256(
        bytes(range(32))
        + (7).to_bytes(8, "little")
        + (16).to_bytes(4, "little")
        + (3).to_bytes(4, "little")
        + (2).to_bytes(4, "little")
        + b"k" * 16
        + b"cmd"
        + b"ev"
    )
    found = chain_hash(previous=bytes(range(32)), sequence=7, key=b"k" * 16, command=b"cmd", events=b"ev")
    assert found == expected.digest()


def test_no_key_is_not_an_empty_key() -> None:
    parts: dict[str, Any] = {"previous": GENESIS_CHAIN, "sequence": 1, "command": b"c", "events": b"e"}
    assert chain_hash(key=None, **parts) != chain_hash(key=b"", **parts)


PARTS = st.tuples(st.none() | st.binary(max_size=4), st.binary(max_size=4), st.binary(max_size=4))


@given(PARTS, PARTS)
def test_different_parts_never_give_the_same_hash(
    one: tuple[bytes | None, bytes, bytes], other: tuple[bytes | None, bytes, bytes]
) -> None:
    hashes = [
        chain_hash(previous=GENESIS_CHAIN, sequence=1, key=key, command=command, events=events)
        for key, command, events in (one, other)
    ]
    assert (hashes[0] == hashes[1]) == (one == other)


def test_untouched_rows_pass_from_the_start_and_from_the_middle() -> None:
    verify_chain(ROWS, previous=GENESIS_CHAIN)
    verify_chain(ROWS[2:], previous=ROWS[1].chain)
    verify_chain([], previous=GENESIS_CHAIN)


def test_any_changed_byte_of_any_blob_of_any_row_is_found() -> None:
    for index, row in enumerate(ROWS):
        for column in ("key", "command", "events", "chain"):
            value = getattr(row, column) or b""
            for at in range(len(value)):
                changed = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
                altered = [*ROWS[:index], with_column(row, column, changed), *ROWS[index + 1 :]]
                assert first_bad(altered) == row.sequence, (column, at)


def test_any_changed_bit_of_time_account_or_sequence_is_found() -> None:
    for index, row in enumerate(ROWS):
        for bit in range(63):
            for column in ("time_ns", "account"):
                altered = [*ROWS]
                altered[index] = with_column(row, column, getattr(row, column) ^ 1 << bit)
                assert first_bad(altered) == row.sequence, (column, bit)
            altered = [*ROWS]
            altered[index] = row._replace(sequence=row.sequence ^ 1 << bit)
            assert first_bad(altered) in {row.sequence, altered[0].sequence}, bit


@pytest.mark.parametrize("column", ["key", "command", "events", "chain"])
@pytest.mark.parametrize("value", [b"", None, "text", 7])
def test_column_of_another_length_or_type_is_found(column: str, value: object) -> None:
    altered = [*ROWS]
    altered[1] = with_column(ROWS[1], column, value)
    assert first_bad(altered) == 2


def test_key_taken_from_or_given_to_a_row_is_found() -> None:
    assert first_bad([*ROWS[:1], ROWS[1]._replace(key=None)]) == 2
    assert first_bad([*ROWS[:4], ROWS[4]._replace(key=bytes(16))]) == 5


def test_command_too_short_for_its_stamp_is_found_although_its_hash_is_right() -> None:
    chain = chain_hash(previous=GENESIS_CHAIN, sequence=1, key=None, command=b"short", events=b"")
    assert first_bad([JournalRow(1, 0, 0, None, b"short", b"", chain)]) == 1


@pytest.mark.parametrize("sequence", [2, 3, 4, 5])
def test_dropped_row_is_named(sequence: int) -> None:
    assert first_bad([row for row in ROWS if row.sequence != sequence]) == sequence


def test_rows_missing_at_the_start_are_found() -> None:
    assert first_bad(ROWS[1:]) == 2


def test_swapped_and_repeated_rows_are_found() -> None:
    assert first_bad([ROWS[0], ROWS[2], ROWS[1], *ROWS[3:]]) == 2
    renumbered = [ROWS[2]._replace(sequence=2), ROWS[1]._replace(sequence=3)]
    assert first_bad([ROWS[0], *renumbered, *ROWS[3:]]) == 2
    assert first_bad([ROWS[0], ROWS[0], *ROWS[1:]]) == 2


def test_rows_renumbered_to_hide_a_dropped_one_are_found() -> None:
    closed_up = [ROWS[0], *(row._replace(sequence=row.sequence - 1) for row in ROWS[2:])]
    assert first_bad(closed_up) == 2


def test_message_names_the_row_and_what_to_do() -> None:
    with pytest.raises(ChainBrokenError, match=r"^Journal row 2 is missing: row 3 stands in its place\. Do not trust"):
        verify_chain([ROWS[0], ROWS[2]], previous=GENESIS_CHAIN)
