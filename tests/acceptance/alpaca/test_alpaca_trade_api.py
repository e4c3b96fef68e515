"""The older official SDK, in its own environment and process: what it pins contradicts the newer one."""

from typing import Any

import pytest

from tests.acceptance.alpaca.conftest import MakeBot, run_old_sdk
from tests.acceptance.conftest import Server


@pytest.fixture(scope="module")
def seen(server: Server, make_bot: MakeBot) -> Any:  # noqa: ANN401 - any JSON
    """What a bot saw that traded with the older SDK."""
    return run_old_sdk("alpaca_trade_api_bot.py", server, make_bot)


def test_orders(seen: Any) -> None:  # noqa: ANN401
    orders = seen["orders"]
    assert orders["bought"] == ["filled", "1.5", "20"]
    assert orders["filled_at"].endswith("+00:00")
    assert orders["is_found"] is True
    assert orders["stop"] == ["stop", "new"]
    assert orders["new"] == ["1", "19.25", True]
    assert orders["open"] == [True]
    assert orders["ended"] == ["canceled", "canceled", "filled", "replaced"]
    assert orders["after"] == []


def test_refusals_are_api_errors_with_their_messages(seen: Any) -> None:  # noqa: ANN401
    assert seen["refusals"] == [
        [422, 40010001, "client_order_id must be unique"],
        [403, 40310000, "insufficient buying power"],
        [422, 42210000, 'asset "NOBODY" not found'],
        [422, 42210000, "order_class bracket is not supported; use simple"],
        [404, 40410000, "order not found for b0b6dd9d-8b9b-48a9-ba46-b9d54906e415"],
        [404, 40410000, "position does not exist"],
        [404, 40410000, "endpoint not found"],
    ]


def test_account_clock_assets_and_activities(seen: Any) -> None:  # noqa: ANN401
    assert seen["account"] == {
        "cash": "9970.00",
        "status": "ACTIVE",
        "is_open": True,
        "is_ahead": True,
        "days": ["2026-11-21", "2026-11-22"],
        "assets": ["MAHOMES"],
        "asset": True,
        "fills": [["buy", "1.5", "20", "20"]],
        "several": True,
        "dtbp_check": "exit",
        "equity": 10_000,
    }


def test_watchlists(seen: Any) -> None:  # noqa: ANN401
    assert seen["watchlists"] == [True, ["MAHOMES"], ["Passers"], []]


def test_positions_close_in_part_and_whole(seen: Any) -> None:  # noqa: ANN401
    assert seen["closed"] == ["1.5", "30.00", "0.5", 200, []]
