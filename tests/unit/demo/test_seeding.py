import asyncio
from pathlib import Path

import pytest

from waiver_exchange.adapters.sql.identity.accounts import SqlIdentityStore
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.ports import IdentityError
from waiver_exchange.application.staging import Staged
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.demo.seeding import (
    MARKET_MAKER_CASH_MICROS,
    MARKET_MAKER_NAME,
    MARKET_MAKER_UNITS,
    SUPPLY_UNITS,
    TRADER_CASH_MICROS,
    TRADER_UNITS,
    TRADERS,
    Seeded,
    seed_exchange,
)
from waiver_exchange.domain import codes
from waiver_exchange.fantasy.players import load_players

PLAYERS = load_players()[:60]
# A wider collar; the first day; the market maker's role; a listing, its class and the market maker's grant for each
# player; the traders' grants; accounts and their cash.
ROWS = 3 + 3 * len(PLAYERS) + len(PLAYERS) + 2 * (TRADERS + 1)


def assert_seeded(exchange: Exchange, seeded: Seeded) -> None:
    state = exchange.state
    assert len(state.markets) == len(PLAYERS)
    assert seeded.market_maker == exchange.identity.find_account(MARKET_MAKER_NAME)
    assert state.accounts[seeded.market_maker].role == codes.ROLE_SERVICE
    assert len(seeded.traders) == len(set(seeded.traders)) == TRADERS
    assert state.cash_issued_micros == MARKET_MAKER_CASH_MICROS + TRADERS * TRADER_CASH_MICROS
    assert state.accounts[seeded.market_maker].cash_micros == MARKET_MAKER_CASH_MICROS
    assert {state.accounts[trader].cash_micros for trader in seeded.traders} == {TRADER_CASH_MICROS}
    for market in state.markets.values():
        assert market.supply_units == SUPPLY_UNITS
        assert market.reference_price_cents == seeded.anchors[market.symbol]
        assert state.holdings[seeded.market_maker][market.market].quantity_units == MARKET_MAKER_UNITS
        owners = [trader for trader in seeded.traders if market.market in state.holdings.get(trader, {})]
        assert len(owners) == 1
        assert state.holdings[owners[0]][market.market].quantity_units == TRADER_UNITS
        house = state.holdings[codes.HOUSE_ACCOUNT][market.market]
        assert house.quantity_units == SUPPLY_UNITS - MARKET_MAKER_UNITS - TRADER_UNITS
    assert exchange.queries.conservation().is_conserved


async def test_an_empty_exchange_is_seeded(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        assert_seeded(exchange, await seed_exchange(exchange, players=PLAYERS))
        assert exchange.state.sequence == ROWS


async def test_seeding_again_changes_nothing(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        first = await seed_exchange(exchange, players=PLAYERS)
        assert await seed_exchange(exchange, players=PLAYERS) == first
        assert exchange.state.sequence == ROWS


@pytest.mark.parametrize("rows", [1, 49, 60, 61, 62, 63, 75, 101, 102, 103, 150, 165, 215])
async def test_an_interrupted_seeding_is_continued(tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path)
    async with running_exchange(settings) as exchange:
        seeding = asyncio.create_task(seed_exchange(exchange, players=PLAYERS))

        publish = exchange.writer._publish

        def interrupt(done: Staged) -> None:
            publish(done)
            if done.rows[-1].sequence >= rows:
                seeding.cancel()

        monkeypatch.setattr(exchange.sequencer, "_publish", interrupt)
        (outcome,) = await asyncio.gather(seeding, return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError)
    async with running_exchange(settings) as exchange:
        assert exchange.state.sequence < ROWS
        assert_seeded(exchange, await seed_exchange(exchange, players=PLAYERS))


async def test_an_account_that_was_opened_and_not_named_stays_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise IdentityError("killed")

    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        with monkeypatch.context() as patch:
            patch.setattr(SqlIdentityStore, "add_account", fail)
            with pytest.raises(IdentityError):
                await seed_exchange(exchange, players=PLAYERS)
        seeded = await seed_exchange(exchange, players=PLAYERS)
        assert_seeded(exchange, seeded)
        (left,) = set(exchange.state.accounts) - {codes.HOUSE_ACCOUNT, seeded.market_maker, *seeded.traders}
        assert exchange.state.accounts[left].cash_micros == 0


async def test_a_player_whom_the_operator_listed_stays_as_he_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    player = PLAYERS[0]
    listing = Listing(
        symbol=player.symbol,
        name=player.name,
        position=player.position,
        team=player.team,
        supply_units=10_000,
        reference_price_cents=2_500,
    )
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        await list_player(exchange, listing)
        seeded = await seed_exchange(exchange, players=PLAYERS)
        market = exchange.market(player.symbol)
        assert (market.supply_units, market.reference_price_cents) == (10_000, 2_500)
        assert len(exchange.state.markets) == len(PLAYERS)
        assert market.market not in exchange.state.holdings[seeded.market_maker]
    assert "too few shares" in caplog.text


async def test_progress_is_told_every_fifty_players(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="waiver_exchange.demo")
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        await seed_exchange(exchange, players=PLAYERS)
    told = [record.message for record in caplog.records if "players listed" in record.message]
    assert told == ["demo: 50 of 60 players listed", "demo: 60 of 60 players listed"]
