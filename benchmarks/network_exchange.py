"""A real server process with accounts and markets for the network suite, and the load generator's process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from waiver_exchange.gateway.control.client import call_server

ROOT: Final = Path(__file__).resolve().parents[1]
MARKETS: Final = 20
ACCOUNTS: Final = 20
CASH: Final = "100000000"
SHARES: Final = "10000"
SUPPLY: Final = "300000"
STOP_SECONDS: Final = 20
LOAD_SECONDS_MAX: Final = 120
# What limits a client, or depends on how long the measurement lasts, is off.
_SETTINGS: Final = {
    "WAIVER_ORDERS_PER_SECOND": "0",
    "WAIVER_READS_PER_SECOND": "0",
    "WAIVER_ADDRESS_REQUESTS_PER_SECOND": "0",
    "WAIVER_KEY_CONNECTIONS_MAX": "0",
    "WAIVER_OPEN_ORDERS_MAX": "1000000000",
}


class Served(NamedTuple):
    """A server that runs."""

    url: str
    keys: list[dict[str, str]]
    symbols: list[str]

    @property
    def socket_url(self) -> str:
        """Where its WebSocket is."""
        return self.url.replace("http://", "ws://") + "/ws"


@contextmanager
def serving_exchange(folder: Path, **settings: str) -> Iterator[Served]:
    """Serve an exchange with accounts that may trade as fast as they can, unless the settings say otherwise."""
    data_dir = folder / "exchange"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WAIVER_")}
    environment |= _SETTINGS | settings
    command = [sys.executable, "-m", "waiver_exchange", "serve", "--port", "0", "--json", "--data-dir", str(data_dir)]
    with _process(command, environment) as line:
        control = data_dir / "control.sock"
        symbols = [f"P{number:03d}" for number in range(MARKETS)]
        for symbol in symbols:
            facts = {"name": symbol, "position": "QB", "team": "KC", "supply": SUPPLY, "reference_price": "20.00"}
            call_server(control, "market.list_player", {"symbol": symbol, **facts})
        keys = []
        for number in range(ACCOUNTS):
            account = call_server(control, "account.create", {"name": f"Trader {number}", "cash": CASH})
            keys.append({"api_key": str(account["api_key"]), "api_secret": str(account["api_secret"])})
            for symbol in symbols:
                grant = {
                    "account": account["account_id"],
                    "symbol": symbol,
                    "quantity": SHARES,
                    "reference": "",
                    "reason": "a measurement",
                }
                call_server(control, "shares.grant", grant)
        yield Served(str(json.loads(line)["url"]), keys, symbols)


@contextmanager
def serving_nothing() -> Iterator[str]:
    """Serve the null handler; the address."""
    with _process([sys.executable, "-m", "benchmarks.network_null"], dict(os.environ)) as line:
        yield str(json.loads(line)["url"])


def run_load(mode: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Run the load generator and return what it measured."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.network_load", mode],
        cwd=ROOT,
        input=json.dumps(parameters),
        capture_output=True,
        text=True,
        timeout=LOAD_SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"bench: the load generator failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[str]:
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            line = process.stdout.readline()
            if not line:
                raise SystemExit("bench: a server did not start")
            yield line
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
