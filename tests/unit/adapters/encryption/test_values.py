"""Sealed values: they open at their place, with their key, and nowhere else."""

import os

import pytest

from waiver_exchange.adapters.encryption.envelope import WrongMasterKeyError, unwrap_key, wrap_key
from waiver_exchange.adapters.encryption.values import Place, SealedValueError, ValueCipher

KEYS = {1: bytes(range(32)), 2: bytes(range(32, 64))}
INDEX_KEY = bytes(32)
PLACE = Place("people", "email", "aa")


def cipher(*numbers: int) -> ValueCipher:
    return ValueCipher({number: KEYS[number] for number in numbers}, index_key=INDEX_KEY)


def test_a_value_opens_where_it_was_sealed_also_after_a_new_key() -> None:
    sealed = cipher(1).seal(b"ann@example.com", PLACE)
    assert b"ann" not in sealed
    assert cipher(1, 2).open(sealed, PLACE) == b"ann@example.com"
    assert sealed.startswith(cipher(1).head)
    assert not sealed.startswith(cipher(1, 2).head)
    assert sealed != cipher(1).seal(b"ann@example.com", PLACE)


@pytest.mark.parametrize("place", [("logins", "email", "aa"), ("people", "name", "aa"), ("people", "email", "bb")])
def test_a_value_does_not_open_at_another_place(place: tuple[str, str, str]) -> None:
    sealed = cipher(1).seal(b"ann@example.com", PLACE)
    with pytest.raises(SealedValueError, match="changed or belongs elsewhere"):
        cipher(1).open(sealed, Place(*place))


def test_a_changed_value_does_not_open() -> None:
    sealed = cipher(1, 2).seal(b"ann@example.com", PLACE)
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(SealedValueError):
            cipher(1, 2).open(bytes(changed), PLACE)
    for length in range(len(sealed)):
        with pytest.raises(SealedValueError):
            cipher(1, 2).open(sealed[:length], PLACE)


def test_a_value_does_not_open_without_its_key() -> None:
    with pytest.raises(SealedValueError):
        cipher(2).open(cipher(1).seal(b"x", PLACE), PLACE)


def test_the_index_tells_where_one_part_ends() -> None:
    assert cipher(1).index_of("ab", "c") != cipher(1).index_of("a", "bc")
    assert cipher(1).index_of("ab", "c") == cipher(1, 2).index_of("ab", "c")
    other = ValueCipher(KEYS, index_key=os.urandom(32))
    assert other.index_of("ab", "c") != cipher(1).index_of("ab", "c")


def test_a_wrapped_key_opens_with_its_master_key_and_label_alone() -> None:
    wrapped = wrap_key(KEYS[1], master_key=KEYS[2], label="data 1")
    assert unwrap_key(wrapped, master_key=KEYS[2], label="data 1") == KEYS[1]
    for master_key, label in ((KEYS[1], "data 1"), (KEYS[2], "data 2")):
        with pytest.raises(WrongMasterKeyError):
            unwrap_key(wrapped, master_key=master_key, label=label)
