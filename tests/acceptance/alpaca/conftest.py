"""Bots on a running exchange: one holds shares and offers them, the others come with money."""

import itertools
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest

from tests.acceptance.conftest import Json, Server, Trader
from waiver_exchange.gateway.control.client import call_server

ROOT = Path(__file__).resolve().parents[3]
OLD_SDK_PYTHON = ROOT / "build" / "alpaca-trade-api" / "bin" / "python"
OLD_SDK_BOTS = ROOT / "tests" / "support"
OLD_SDK_SECONDS = 120

_names = itertools.count(1)


class Bot:
    """An account, the official client that acts for it, and plain HTTP for what the client does not do."""

    def __init__(self, server: Server, trader: Trader) -> None:
        self.trader = trader
        # Every method of it is typed as a model or raw data, whatever was chosen.
        self.sdk: Any = TradingClient(trader.api_key, trader.api_secret, url_override=server.url)
        self.sdk._session.trust_env = False
        self.keys = {"APCA-API-KEY-ID": trader.api_key, "APCA-API-SECRET-KEY": trader.api_secret}
        self.http = httpx.Client(base_url=server.url, headers=self.keys, trust_env=False, timeout=30)

    def close(self) -> None:
        self.http.close()
        self.sdk._session.close()

    def limit(self, side: str, quantity: float | str, price: float | str, **fields: object) -> Json:
        """A resting or crossing limit order on MAHOMES through the official client."""
        terms: dict[str, Any] = {
            "symbol": "MAHOMES",
            "qty": quantity,
            "side": OrderSide(side),
            "limit_price": price,
            "time_in_force": TimeInForce.GTC,
        }
        return self.sdk.submit_order(LimitOrderRequest(**terms | fields))

    def post(self, **fields: object) -> httpx.Response:
        """The answer to a raw order: one share of MAHOMES at 19.00 unless said otherwise; None leaves a field out."""
        order: dict[str, object] = {
            "symbol": "MAHOMES",
            "qty": "1",
            "side": "buy",
            "type": "limit",
            "time_in_force": "gtc",
            "limit_price": "19.00",
        }
        return self.http.post("/v2/orders", json={k: v for k, v in (order | fields).items() if v is not None})

    def get(self, path: str, **query: str | int) -> Json:
        """The body of a GET that must succeed."""
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


MakeBot = Callable[..., Bot]


@pytest.fixture(scope="module")
def make_bot(server: Server) -> Iterator[MakeBot]:
    """Opens accounts with cash and, if wanted, shares of MAHOMES."""
    bots: list[Bot] = []

    def make(*, cash: str = "10000.00", shares: str | None = None, symbol: str = "MAHOMES") -> Bot:
        # By the socket that the command line uses: a process for each of a hundred accounts would take a minute.
        control = server.data_dir / "control.sock"
        account = call_server(control, "account.create", {"name": f"bot {next(_names)}", "cash": cash})
        if shares is not None:
            grant = {"account": account["account_id"], "symbol": symbol, "quantity": shares, "reason": "test"}
            call_server(control, "shares.grant", grant)
        bots.append(Bot(server, Trader(server.url, **{name: str(value) for name, value in account.items()})))
        return bots[-1]

    yield make
    for bot in bots:
        bot.close()
        bot.trader.http.close()


@pytest.fixture
def bot(make_bot: MakeBot) -> Bot:
    """A bot of its own for each test, with 10,000 dollars."""
    return make_bot()


@pytest.fixture
def seller(make_bot: MakeBot) -> Iterator[Bot]:
    """A bot with 100 shares of MAHOMES, whose open orders end with the test."""
    bot = make_bot(shares="100")
    yield bot
    bot.sdk.cancel_orders()


def run_old_sdk(script: str, server: Server, make_bot: MakeBot) -> Any:  # noqa: ANN401 - any JSON
    """What a bot of the older SDK prints that trades between two new accounts, in its own environment and process."""
    if not OLD_SDK_PYTHON.exists():
        pytest.fail(
            "alpaca-trade-api is not installed: run `python tools/prepare_tests.py`, as `make test` without T does; "
            "when that fails, build/prepare_tests.log says why",
            pytrace=False,
        )
    maker, taker = make_bot(shares="100").trader, make_bot().trader
    keys = (maker.api_key, maker.api_secret, taker.api_key, taker.api_secret, server.url)
    done = subprocess.run(  # noqa: S603 - our own script
        [OLD_SDK_PYTHON, "-W", "ignore", OLD_SDK_BOTS / script, *keys],
        capture_output=True,
        text=True,
        timeout=OLD_SDK_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(error: pytest.ExceptionInfo[Any]) -> tuple[int | None, int, str]:
    """The status, code and message that a bot reads off the official client's error."""
    return error.value.status_code, error.value.code, error.value.message
