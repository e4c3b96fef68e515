"""Watchlists through their use cases: what is kept, and what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from waiver_exchange.application import watchlists
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain.refusals import RefusalReason

ANN, BOB = 2, 3
SYMBOLS = ("MAHOMES", "ALLEN", "BURROW")


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path)) as running:
        for symbol in SYMBOLS:
            await list_player(
                running,
                Listing(
                    symbol=symbol, name=symbol, position="QB", team="KC", supply_units=10_000, reference_price_cents=1
                ),
            )
        yield running


async def test_a_watchlist_keeps_each_symbol_once_in_order(exchange: Exchange) -> None:
    made = await watchlists.create_watchlist(exchange, account=ANN, name="QBs", symbols=["ALLEN", "MAHOMES", "ALLEN"])
    assert made.symbols == ("ALLEN", "MAHOMES")
    added = await watchlists.add_symbol(exchange, account=ANN, number=made.number, symbol="BURROW")
    again = await watchlists.add_symbol(exchange, account=ANN, number=made.number, symbol="ALLEN")
    assert added.symbols == again.symbols == ("ALLEN", "MAHOMES", "BURROW")
    less = await watchlists.remove_symbol(exchange, account=ANN, number=made.number, symbol="MAHOMES")
    assert less.symbols == ("ALLEN", "BURROW")
    assert less.created_at_ns == made.created_at_ns
    assert less.updated_at_ns >= made.updated_at_ns


async def test_a_watchlist_is_found_by_number_and_by_name_and_only_by_its_owner(exchange: Exchange) -> None:
    made = await watchlists.create_watchlist(exchange, account=ANN, name="QBs", symbols=[])
    assert await watchlists.find_watchlist(exchange, account=ANN, number=made.number) == made
    assert await watchlists.find_watchlist(exchange, account=ANN, name="QBs") == made
    for account, number, name in ((BOB, made.number, None), (ANN, made.number + 1, None), (ANN, None, "qbs")):
        with pytest.raises(RefusedError) as refused:
            await watchlists.find_watchlist(exchange, account=account, number=number, name=name)
        assert refused.value.reason is RefusalReason.watchlist_not_found


async def test_a_name_may_be_kept_and_not_taken(exchange: Exchange) -> None:
    first = await watchlists.create_watchlist(exchange, account=ANN, name="A", symbols=[])
    await watchlists.create_watchlist(exchange, account=ANN, name="B", symbols=[])
    await watchlists.create_watchlist(exchange, account=BOB, name="A", symbols=[])
    kept = await watchlists.change_watchlist(exchange, account=ANN, number=first.number, name="A", symbols=["ALLEN"])
    assert (kept.name, kept.symbols) == ("A", ("ALLEN",))
    with pytest.raises(RefusedError) as refused:
        await watchlists.change_watchlist(exchange, account=ANN, number=first.number, name="B")
    assert refused.value.reason is RefusalReason.watchlist_name_is_taken


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "\x00"])
async def test_a_name_is_1_to_64_printable_characters(exchange: Exchange, name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await watchlists.create_watchlist(exchange, account=ANN, name=name, symbols=[])
    assert refused.value.reason is RefusalReason.field_is_invalid


async def test_sizes_are_bounded(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchlists, "WATCHLISTS_MAX", 1)
    monkeypatch.setattr(watchlists, "SYMBOLS_MAX", 2)
    made = await watchlists.create_watchlist(exchange, account=ANN, name="A", symbols=SYMBOLS[:2])
    with pytest.raises(RefusedError) as refused:
        await watchlists.add_symbol(exchange, account=ANN, number=made.number, symbol="BURROW")
    assert refused.value.reason is RefusalReason.watchlist_is_full
    with pytest.raises(RefusedError) as refused:
        await watchlists.create_watchlist(exchange, account=ANN, name="B", symbols=[])
    assert refused.value.reason is RefusalReason.too_many_watchlists
