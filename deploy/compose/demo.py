"""The profile `demo`: players, a market maker and traders, who trade through the API like anybody else.

Players and accounts are opened over the control socket, which lies in the volume of the exchange. Every step is
recognised when it is done again, and the keys are kept, so that it goes on after a restart.
"""

import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from random import Random
from typing import Any, Final

from waiver_exchange.adapters.secrets.making import write_secret
from waiver_exchange.client import ApiError, Client, ClientError
from waiver_exchange.fantasy.fair_value import reference_price_cents
from waiver_exchange.fantasy.players import Player, load_players
from waiver_exchange.gateway.control.client import NoServerError, ServerSilentError, call_server
from waiver_exchange.gateway.control.protocol import ControlError

URL: Final = "http://exchange:8081"
CONTROL: Final = Path("/var/lib/waiver/control.sock")
KEYS: Final = Path("/var/lib/demo")
PLAYERS: Final = 60
TRADERS: Final = 8
MARKET_MAKER: Final = "compose-market-maker"
MARKET_MAKER_CASH: Final = "2000000.00"
MARKET_MAKER_SHARES: Final = "2000"
TRADER_CASH: Final = "25000.00"
REASON: Final = "the demo of the stack"
STEP_SECONDS: Final = 0.25
RETRY_SECONDS: Final = 5.0
# Half of what lies between bid and ask, and how far the market maker's opinion moves between two quotes.
SPREAD_BPS: Final = 40
WALK_BPS: Final = 30
_BPS: Final = 10_000

_log = logging.getLogger("demo")


def main() -> int:
    """Open what is missing, then trade until the container is stopped."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if os.environ.get("WAIVER_ENVIRONMENT") == "production":
        _log.error("the demo gives money and shares away; it is not for WAIVER_ENVIRONMENT=production")
        # Not a failure, after which the stack would start it again without end.
        return 0
    players = sorted(load_players(), key=lambda player: -player.projected_points)[:PLAYERS]
    while True:
        try:
            market = Market(players, keys=open_accounts(players))
            _log.info("demo: a market maker and %d traders are at work in %d markets", TRADERS, len(players))
            while True:
                market.step()
                time.sleep(STEP_SECONDS)
        except (ClientError, NoServerError, ServerSilentError) as error:
            _log.warning("demo: waits for the exchange: %s", error)
            time.sleep(RETRY_SECONDS)
        except ControlError as error:
            _log.error("demo: %s", error.message)
            return 1


def open_accounts(players: list[Player]) -> dict[str, dict[str, str]]:
    """List the players, open the accounts, and return their keys by name.

    Players whom an operator has listed stay as they are; of whom the house has too few shares, nobody offers any.
    """
    with Client(URL) as public:
        listed = {market.symbol for market in public.markets()}
    for player in players:
        if player.symbol in listed:
            continue
        call_server(
            CONTROL,
            "market.list_player",
            {
                "symbol": player.symbol,
                "name": player.name,
                "position": player.position,
                "team": player.team,
                "supply": "10000",
                "reference_price": dollars(reference_price_cents(player.projected_points)),
                "reason": REASON,
            },
        )
    keys = {MARKET_MAKER: account_of(MARKET_MAKER, cash=MARKET_MAKER_CASH)}
    for player in players:
        grant = {"account": keys[MARKET_MAKER]["account_id"], "symbol": player.symbol, "quantity": MARKET_MAKER_SHARES}
        try:
            reference = f"compose demo: {player.symbol}"
            call_server(CONTROL, "shares.grant", {**grant, "reference": reference, "reason": REASON})
        except ControlError as refusal:
            _log.warning("demo: no shares of %s for the market maker: %s", player.symbol, refusal.message)
    names = [f"compose-trader-{number}" for number in range(1, TRADERS + 1)]
    return keys | {name: account_of(name, cash=TRADER_CASH) for name in names}


def account_of(name: str, *, cash: str) -> dict[str, str]:
    """Return the account and key of a name, opened and kept if there was none."""
    path = KEYS / name
    if not path.exists():
        account = call_server(CONTROL, "account.create", {"name": name, "cash": cash, "reason": REASON})
        write_secret(path, json.dumps({part: account[part] for part in ("account_id", "api_key", "api_secret")}))
    kept: dict[str, str] = json.loads(path.read_text(encoding="ascii"))
    return kept


def dollars(cents: int) -> str:
    """Return a price as the API reads it."""
    return f"{cents // 100}.{cents % 100:02d}"


class Market:
    """Quotes for every player around an opinion that wanders, and traders who take them."""

    def __init__(self, players: list[Player], *, keys: dict[str, dict[str, str]]) -> None:
        """Begin with the prices that players are rated at."""
        self._rng = Random()  # noqa: S311 - a game
        self._fair = {player.symbol: reference_price_cents(player.projected_points) for player in players}
        clients = {
            name: Client(URL, api_key=key["api_key"], api_secret=key["api_secret"]) for name, key in keys.items()
        }
        self._maker = clients.pop(MARKET_MAKER)
        self._traders = list(clients.values())
        self._unquoted = list(self._fair)

    def step(self) -> None:
        """Quote one market, those first that have no quotes yet, and let one trader act. Raises `ClientError`."""
        symbol = self._unquoted.pop() if self._unquoted else self._rng.choice(list(self._fair))
        self._quote(symbol)
        self._take(self._rng.choice(list(self._fair)), self._rng.choice(self._traders))

    def _quote(self, symbol: str) -> None:
        self._maker.cancel_all(symbol=symbol)
        step = self._rng.randint(-WALK_BPS, WALK_BPS)
        fair = max(100, self._fair[symbol] + round(self._fair[symbol] * step / _BPS))
        self._fair[symbol] = fair
        away = max(1, fair * SPREAD_BPS // _BPS)
        for side, price in (("buy", fair - away), ("sell", fair + away)):
            self._place(self._maker, symbol=symbol, side=side, quantity="5", cents=price, time_in_force="day")

    def _take(self, symbol: str, trader: Client) -> None:
        side = self._rng.choice(("buy", "sell"))
        cents = self._fair[symbol] * (_BPS + (200 if side == "buy" else -200)) // _BPS
        quantity = f"{self._rng.randint(0, 1)}.{self._rng.randint(1_000, 9_999)}"
        self._place(trader, symbol=symbol, side=side, quantity=quantity, cents=cents, time_in_force="ioc")

    def _place(self, client: Client, *, cents: int, **order: Any) -> None:  # noqa: ANN401 - the client checks them
        try:
            client.place_order(type="limit", limit_price=dollars(cents), **order)
        except ApiError as refusal:
            # Without cash or shares, or beyond a band: the next one may do better.
            if (refusal.status or 0) >= 500:  # noqa: PLR2004 - the server's own errors
                raise
            _log.debug("demo: %s", refusal)


if __name__ == "__main__":
    sys.exit(main())
