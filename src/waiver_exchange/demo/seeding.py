"""What the demo starts from: the players' markets, the market maker's and the traders' accounts, cash and shares.

Every step is recognised when it is done again (symbols, references, account names): an interrupted seeding continues.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from waiver_exchange.application.accounts import create_account, deposit_cash
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, configure_exchange, grant_shares, list_player
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.risk_limits import set_role
from waiver_exchange.domain.codes import ROLE_SERVICE, ROLE_TRADER
from waiver_exchange.domain.commands import ExchangeParameters
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.fantasy.fair_value import reference_price_cents
from waiver_exchange.fantasy.players import Player, load_players

UNITS_PER_SHARE: Final = 10_000
MICROS_PER_DOLLAR: Final = 1_000_000
SUPPLY_UNITS: Final = 10_000 * UNITS_PER_SHARE
MARKET_MAKER_NAME: Final = "market-maker"
MARKET_MAKER_CASH_MICROS: Final = 5_000_000 * MICROS_PER_DOLLAR
MARKET_MAKER_UNITS: Final = 3_000 * UNITS_PER_SHARE
TRADERS: Final = 20
TRADER_CASH_MICROS: Final = 25_000 * MICROS_PER_DOLLAR
TRADER_UNITS: Final = 40 * UNITS_PER_SHARE
PROGRESS_PLAYERS: Final = 50
# As far as the market maker's two prices may ever lie apart.
COLLAR_BPS: Final = 1_200

# A chunk is one commit and what gathers behind it; other clients' commands get in between.
_CHUNK: Final = 50
# Part of each reference: another number would give everything once more.
_SEEDING: Final = "demo seeding 1"

_Item = TypeVar("_Item")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """The accounts that act, and for each listed player's symbol the price in cents that he was rated at."""

    market_maker: int
    traders: tuple[int, ...]
    anchors: dict[str, int]


async def _widen_collar(exchange: Exchange) -> None:
    """Let a market order reach the other side of the market maker's spread after a trade at this side."""
    parameters = exchange.state.parameters
    if parameters.collar_bps == ExchangeParameters().collar_bps:
        await configure_exchange(exchange, replace(parameters, collar_bps=COLLAR_BPS))


async def seed_exchange(exchange: Exchange, *, players: tuple[Player, ...] | None = None) -> Seeded:
    """Give the exchange everything that the demo needs and it does not have yet.

    Raises `RefusedError` when the exchange cannot take it now; do it again then.
    """
    await _widen_collar(exchange)
    listed = load_players() if players is None else players
    anchors = {player.symbol: reference_price_cents(player.projected_points) for player in listed}
    await _list_players(exchange, listed, anchors)
    market_maker = await _open_account(exchange, MARKET_MAKER_NAME, cash_micros=MARKET_MAKER_CASH_MICROS)
    if exchange.state.accounts[market_maker].role == ROLE_TRADER:
        # Limits of all traders must not leave the markets without prices.
        await set_role(exchange, account=market_maker, role=ROLE_SERVICE)
    names = [f"demo-trader-{number:02}" for number in range(1, TRADERS + 1)]
    # One after the other, so that an account's number does not depend on chance.
    traders = [await _open_account(exchange, name, cash_micros=TRADER_CASH_MICROS) for name in names]
    await _grant_all(exchange, market_maker, list(anchors), quantity_units=MARKET_MAKER_UNITS)
    for place, trader in enumerate(traders):
        await _grant_all(exchange, trader, list(anchors)[place::TRADERS], quantity_units=TRADER_UNITS)
    return Seeded(market_maker=market_maker, traders=tuple(traders), anchors=anchors)


async def _list_players(exchange: Exchange, players: tuple[Player, ...], anchors: dict[str, int]) -> None:
    """List those who are not listed; one whom the operator listed with other facts stays as he is."""
    missing = [player for player in players if player.symbol not in exchange.state.symbols]

    async def list_one(player: Player) -> None:
        await list_player(
            exchange,
            Listing(
                symbol=player.symbol,
                name=player.name,
                position=player.position,
                team=player.team,
                supply_units=SUPPLY_UNITS,
                reference_price_cents=anchors[player.symbol],
                bye_week=player.bye_week,
                projected_points=str(player.projected_points),
            ),
        )

    for start in range(0, len(missing), PROGRESS_PLAYERS):
        part = missing[start : start + PROGRESS_PLAYERS]
        await _in_chunks(part, list_one)
        _log.info("demo: %d of %d players listed", len(players) - len(missing) + start + len(part), len(players))


async def _open_account(exchange: Exchange, name: str, *, cash_micros: int) -> int:
    """Return the account of a name, opened and funded if it was not.

    It is funded by a reference of its own: an account that was opened and not named before an interruption stays behind
    empty, and nothing is issued to it.
    """
    account = exchange.identity.find_account(name)
    if account is None:
        account = (await create_account(exchange, name=name)).account
    reference = f"{_SEEDING}: opening cash"
    await deposit_cash(exchange, account=account, amount_micros=cash_micros, reference=reference)
    return account


async def _grant_all(exchange: Exchange, account: int, symbols: list[str], *, quantity_units: int) -> None:
    async def grant_one(symbol: str) -> None:
        reference = f"{_SEEDING}: opening shares of {symbol}"
        try:
            await grant_shares(
                exchange, account=account, symbol=symbol, quantity_units=quantity_units, reference=reference
            )
        except RefusedError as refused:
            # The operator listed this player with few shares, or has given them away; the demo does without.
            if refused.reason != RefusalReason.insufficient_shares:
                raise
            _log.warning("demo: the house has too few shares of %s left to grant %d units", symbol, quantity_units)

    await _in_chunks(symbols, grant_one)


async def _in_chunks(items: Iterable[_Item], act: Callable[[_Item], Awaitable[None]]) -> None:
    """Act on all items, some at a time, because each waits for a commit that all of them can share."""
    waiting = list(items)
    for start in range(0, len(waiting), _CHUNK):
        await asyncio.gather(*(act(item) for item in waiting[start : start + _CHUNK]))
