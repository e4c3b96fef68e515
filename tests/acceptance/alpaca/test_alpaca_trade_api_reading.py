"""Market data and the streams through the older official SDK."""

from typing import Any

import pytest

from tests.acceptance.alpaca.conftest import MakeBot, run_old_sdk
from tests.acceptance.conftest import Server


@pytest.fixture(scope="module")
def read(server: Server, make_bot: MakeBot) -> Any:  # noqa: ANN401 - any JSON
    """What a bot read that traded half a share at 20, and another quarter while it listened."""
    return run_old_sdk("alpaca_trade_api_reader.py", server, make_bot)


def test_one_symbol(read: Any) -> None:  # noqa: ANN401
    assert read["one"] == {
        "bars": [[20, 20, 20, 20, 0.5, 20]],
        "frame": ["open", "high", "low", "close", "volume"],
        "trades": [[20, 0.5]],
        "bar": 20,
        "trade": 20,
        "quote": 20.5,
        "snapshot": [20, 0, 20, None],
    }


def test_several_symbols(read: Any) -> None:  # noqa: ANN401
    assert read["several"] == {
        "bars": [["MAHOMES", 20]],
        "trades": ["MAHOMES"],
        "quotes": ["MAHOMES"],
        "snapshots": ["MAHOMES"],
    }


def test_the_paths_for_crypto(read: Any) -> None:  # noqa: ANN401
    assert read["crypto"] == {"bars": [20], "asks": [[20.5, 3]], "snapshot": 20}


def test_both_streams(read: Any) -> None:  # noqa: ANN401
    assert read["streamed"] == {
        "updates": [["new", "0.25"], ["fill", "0.25"]],
        "trade": ["MAHOMES", 20, 0.25, "20"],
        "quote": 20,
    }
