"""An address that cannot be read is not quoted."""

import pytest

from waiver_exchange.adapters.migrations.postgres import DatabaseUnreachableError, check_database


def test_what_the_library_says_of_an_address_is_not_passed_on() -> None:
    planted = "se%zzcret"
    with pytest.raises(DatabaseUnreachableError, match="cannot be read") as raised:
        check_database(f"postgresql://u:{planted}@127.0.0.1:1/waiver")
    assert "cret" not in str(raised.value)
