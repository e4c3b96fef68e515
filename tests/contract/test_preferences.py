"""What every store of preferences must do, run against each of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.preferences import FakePreferences
from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer, running_postgres
from waiver_exchange.adapters.postgres import stores as postgres_stores
from waiver_exchange.adapters.sqlite.stores import open_preferences_store
from waiver_exchange.application.ports import AccountSettings, PreferencesError, PreferencesStore, Watchlist

ANN, BOB = 2, 3
Open = Callable[[], PreferencesStore]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    with postgres_database(server) as made:
        yield made


@pytest.fixture(params=["fake", "sqlite", "postgres"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "sqlite":
        return lambda: open_preferences_store(tmp_path / "preferences.db")
    if request.param == "postgres":
        url = request.getfixturevalue("database").url
        return lambda: postgres_stores.open_preferences_store(url)
    kept = FakePreferences()
    return lambda: FakePreferences(kept)


@asynccontextmanager
async def opened(open_store: Open) -> AsyncIterator[PreferencesStore]:
    store = open_store()
    try:
        yield store
    finally:
        await store.close()


def named(name: str, *symbols: str, account: int = ANN) -> Callable[[list[Watchlist], int], Watchlist]:
    def make(_: list[Watchlist], number: int) -> Watchlist:
        return Watchlist(
            number=number, account=account, name=name, symbols=symbols, created_at_ns=1, updated_at_ns=number
        )

    return make


async def test_settings_begin_as_defaults_and_outlive_a_restart(reopen: Open) -> None:
    async with opened(reopen) as store:
        assert store.find_settings(ANN) == AccountSettings()
        changed = await store.change_settings(ANN, lambda settings: replace(settings, suspend_trade=True))
        assert changed == store.find_settings(ANN) == AccountSettings(suspend_trade=True)
    async with opened(reopen) as store:
        await store.change_settings(ANN, lambda settings: replace(settings, trade_confirm_email="all"))
    async with opened(reopen) as store:
        assert store.find_settings(ANN) == AccountSettings(suspend_trade=True, trade_confirm_email="all")
        assert store.find_settings(BOB) == AccountSettings()


async def test_watchlists_outlive_a_restart_in_the_order_of_their_making(reopen: Open) -> None:
    async with opened(reopen) as store:
        first = await store.change_watchlists(ANN, named("Zs", "MAHOMES", "ALLEN"))
        second = await store.change_watchlists(ANN, named("As"))
        await store.change_watchlists(BOB, named("Bobs", account=BOB))
    async with opened(reopen) as store:
        assert await store.list_watchlists(ANN) == [first, second]
        assert [kept.name for kept in await store.list_watchlists(BOB)] == ["Bobs"]
        assert await store.list_watchlists(99) == []


async def test_a_change_sees_what_is_there_and_replaces_it(reopen: Open) -> None:
    async with opened(reopen) as store:
        made = await store.change_watchlists(ANN, named("QBs", "MAHOMES"))
        changed = await store.change_watchlists(
            ANN, lambda kept, _: replace(kept[0], name="Quarterbacks", symbols=(*kept[0].symbols, "ALLEN"))
        )
        assert changed.number == made.number
        assert await store.list_watchlists(ANN) == [changed]
        assert changed.symbols == ("MAHOMES", "ALLEN")


async def test_changes_that_come_together_all_count(reopen: Open) -> None:
    async with opened(reopen) as store:
        await store.change_watchlists(ANN, named("QBs"))

        def add(symbol: str) -> Callable[[list[Watchlist], int], Watchlist]:
            return lambda kept, _: replace(kept[0], symbols=(*kept[0].symbols, symbol))

        await asyncio.gather(*(store.change_watchlists(ANN, add(f"P{number}")) for number in range(20)))
        (watchlist,) = await store.list_watchlists(ANN)
        assert sorted(watchlist.symbols) == sorted(f"P{number}" for number in range(20))


async def test_a_change_that_raises_changes_nothing(reopen: Open) -> None:
    def refuse(*_: object) -> Watchlist:
        raise LookupError("no")

    def refuse_settings(_: AccountSettings) -> AccountSettings:
        raise LookupError("no")

    async with opened(reopen) as store:
        with pytest.raises(LookupError):
            await store.change_watchlists(ANN, refuse)
        with pytest.raises(LookupError):
            await store.change_settings(ANN, refuse_settings)
        assert await store.list_watchlists(ANN) == []
        assert store.find_settings(ANN) == AccountSettings()


async def test_a_number_is_never_given_twice(reopen: Open) -> None:
    async with opened(reopen) as store:
        first = await store.change_watchlists(ANN, named("QBs"))
        assert await store.remove_watchlist(ANN, first.number)
        second = await store.change_watchlists(ANN, named("QBs"))
        assert second.number > first.number


async def test_only_the_owner_removes_a_watchlist(reopen: Open) -> None:
    async with opened(reopen) as store:
        made = await store.change_watchlists(ANN, named("QBs"))
        assert not await store.remove_watchlist(BOB, made.number)
        assert await store.remove_watchlist(ANN, made.number)
        assert not await store.remove_watchlist(ANN, made.number)


async def test_what_an_account_chose_is_forgotten_and_nothing_of_another(reopen: Open) -> None:
    async with opened(reopen) as store:
        for account in (ANN, BOB):
            await store.change_settings(account, lambda settings: replace(settings, suspend_trade=True))
            await store.change_watchlists(account, named("mine", "ALLEN", account=account))
        await store.forget(ANN)
        await store.forget(ANN)
        assert store.find_settings(ANN) == AccountSettings()
    async with opened(reopen) as store:
        assert (store.find_settings(ANN), await store.list_watchlists(ANN)) == (AccountSettings(), [])
        assert (store.find_settings(BOB).suspend_trade, len(await store.list_watchlists(BOB))) == (True, 1)


async def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "preferences.db"
    path.write_bytes(b"no database, but long enough to have a head of its own" * 100)
    with pytest.raises(PreferencesError, match="restore a backup"):
        open_preferences_store(path)


async def test_a_closed_store_may_be_closed_again(reopen: Open) -> None:
    store = reopen()
    await store.close()
    await store.close()
