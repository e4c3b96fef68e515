"""Faults of the system that this one replaces, each by its number, where they show without a process.

The others are in `tests/acceptance/test_predecessor_faults.py`.
"""

import asyncio
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from tests.support.engine_desk import SHARE, EngineDesk, terms
from tests.support.trading import ANN, BOB, MAHOMES, buy, sell
from tests.unit.market_maker.world import SYMBOLS, World, build_world
from tools.check_secrets import find_secrets
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.ports import JournalError, JournalRow
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import DepositCash, ListMarket, OpenAccount
from waiver_exchange.domain.events import BookLevelChanged, OrderAccepted, OrderCancelled, TradeExecuted
from waiver_exchange.domain.refusals import CancelReason
from waiver_exchange.engine.state import load_state, state_bytes
from waiver_exchange.fantasy.players import parse_players

ROOT = Path(__file__).parents[2]
CID = 4
DAY_NS = 86_400_000_000_000


def with_cid() -> EngineDesk:
    """The small exchange with a third trader."""
    return EngineDesk(OpenAccount(), DepositCash(account=CID, amount_micros=1_000_000_000, reference="cid-1"))


async def test_fault_02_a_trade_settles_on_both_sides_or_not_at_all_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        world = await build_world(exchange)
        await world.trade("sell", price=10_000, shares=5, time_in_force="gtc")
        request = OrderRequest(
            symbol="P0",
            side="buy",
            order_type="limit",
            quantity_units=5 * SHARE,
            limit_price_cents=10_000,
            client_order_id="once",
        )
        before = state_bytes(exchange.writer.engine_at.engine)

        async def fail(_: SqliteJournal, __: Sequence[JournalRow]) -> None:
            raise JournalError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(SqliteJournal, "append", fail)
            with pytest.raises(RefusedError, match="journal_is_unavailable"):
                await place_order(exchange, account=world.account, request=request)
        for _ in range(500):
            if exchange.sequencer.failure is None:
                break
            await asyncio.sleep(0.01)
        assert state_bytes(exchange.writer.engine_at.engine) == before
        placed = [await place_order(exchange, account=world.account, request=request) for _ in range(3)]
        assert {(order.order_id, order.status) for order in placed} == {(placed[0].order_id, "filled")}
        assert sum(market.trade_count for market in exchange.state.markets.values()) == 1
        assert exchange.queries.conservation().is_conserved


@pytest.mark.parametrize(
    ("time_in_force", "post_only"),
    [
        *((each, False) for each in (codes.GTC, codes.DAY, codes.GTD, codes.IOC, codes.FOK)),
        *((each, True) for each in (codes.GTC, codes.DAY, codes.GTD)),
    ],
)
def test_fault_04_an_order_keeps_its_price_whatever_its_time_in_force(time_in_force: int, *, post_only: bool) -> None:
    desk = EngineDesk()
    desk.place(sell(ANN, price=2_400, quantity=SHARE))
    order = replace(
        buy(BOB, price=2_399, quantity=SHARE),
        terms=terms(codes.BUY, time_in_force=time_in_force, post_only=post_only),
        expires_at_ns=desk.now + DAY_NS if time_in_force in {codes.DAY, codes.GTD} else 0,
    )
    accepted, *others = desk.run(order)
    assert isinstance(accepted, OrderAccepted)
    assert accepted.price_cents == 2_399
    assert not any(isinstance(event, TradeExecuted) for event in others)


@pytest.mark.parametrize("price", [1, 100])
def test_fault_05_a_limit_of_one_cent_or_one_dollar_is_a_limit(price: int) -> None:
    desk = EngineDesk(ListMarket(supply_units=SHARE, reference_price_cents=0, facts=""))
    on_sale = replace(sell(codes.HOUSE_ACCOUNT, price=price + 1, quantity=SHARE), market=2)
    desk.place(on_sale)
    events = desk.run(replace(buy(BOB, price=price, quantity=SHARE), market=2))
    assert BookLevelChanged(2, codes.BUY, price, SHARE, 2) in events
    assert not any(isinstance(event, TradeExecuted) for event in events)


@pytest.mark.parametrize("order_type", [codes.LIMIT, codes.MARKET])
@pytest.mark.parametrize("time_in_force", [codes.IOC, codes.FOK])
def test_fault_06_what_cannot_fill_leaves_nothing_behind(order_type: int, time_in_force: int) -> None:
    desk = EngineDesk()
    price = 2_500 if order_type == codes.LIMIT else 0
    order = replace(
        buy(BOB, price=price, quantity=SHARE),
        terms=terms(codes.BUY, order_type=order_type, time_in_force=time_in_force),
    )
    desk.run(order)
    size = len(state_bytes(desk.engine))
    for _ in range(1_000):
        events = desk.run(order)
        assert isinstance(events[1], OrderCancelled)
    tables = desk.engine.tables
    assert (tables.open_orders, tables.order_rows, tables.expiry_count) == (0, 1, 0)
    assert len(state_bytes(desk.engine)) == size


def test_fault_07_an_own_order_at_the_front_does_not_stop_matching_behind_it() -> None:
    desk = with_cid()
    own = desk.place(buy(ANN, price=2_500, quantity=SHARE))
    desk.place(buy(BOB, price=2_500, quantity=SHARE))
    order = sell(ANN, price=2_500, quantity=SHARE)
    events = desk.run(replace(order, terms=terms(codes.SELL, self_trade=codes.CANCEL_OLDEST)))
    assert OrderCancelled(own, ANN, MAHOMES, SHARE, CancelReason.self_trade_prevented) in events
    assert [event.maker_account for event in events if isinstance(event, TradeExecuted)] == [BOB]


@pytest.mark.parametrize("policy", [codes.CANCEL_NEWEST, codes.CANCEL_OLDEST, codes.CANCEL_BOTH])
def test_fault_07_after_a_self_match_the_level_is_whole_and_goes_on_trading(policy: int) -> None:
    desk = with_cid()
    for account in (BOB, ANN, CID):
        desk.place(buy(account, price=2_500, quantity=SHARE))
    order = sell(ANN, price=2_500, quantity=2 * SHARE)
    desk.run(replace(order, terms=terms(codes.SELL, self_trade=policy)))
    left = {codes.CANCEL_NEWEST: [ANN, CID], codes.CANCEL_OLDEST: [], codes.CANCEL_BOTH: [CID]}[policy]
    assert desk.engine.tables.open_orders == len(left)
    events = desk.run(sell(codes.HOUSE_ACCOUNT, price=2_500, quantity=2 * SHARE))
    assert [event.maker_account for event in events if isinstance(event, TradeExecuted)] == left


def test_fault_08_a_book_that_was_loaded_fills_for_the_right_account_and_order() -> None:
    desk = with_cid()
    ids = {account: desk.place(buy(account, price=2_500, quantity=SHARE)) for account in (CID, BOB)}
    desk.engine = load_state(state_bytes(desk.engine))
    events = desk.run(sell(ANN, price=2_500, quantity=2 * SHARE))
    trades = [event for event in events if isinstance(event, TradeExecuted)]
    assert [(trade.maker_account, trade.maker_order) for trade in trades] == [(CID, ids[CID]), (BOB, ids[BOB])]


PRIVATE_FILES = re.compile(
    r"(?:^|/)\.env(?:\.(?!example)|$)|\.(?:pem|key|p12|pfx|sqlite3?|db)$|(?:^|/)id_(?:rsa|ed25519)"
)


def test_fault_11_no_secret_is_in_a_tracked_file() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    tracked = [name for name in listed.stdout.split("\0") if name]
    if not tracked:
        pytest.skip("not a clone of the repository")
    assert [name for name in tracked if PRIVATE_FILES.search(name)] == []
    found = [
        str(finding)
        for name in tracked
        if (ROOT / name).is_file()
        for finding in find_secrets(name, (ROOT / name).read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "parts",
    [
        ("-----BEGIN RSA ", "PRIVATE KEY-----"),
        ("AKIA", "ABCDEFGHIJKLMNOP"),
        ("ghp", "_" + "a1" * 18),
        ("sk_", "live_" + "a1" * 10),
        ("eyJhbGciOiJIUzI1NiJ9.", "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "a1" * 20),
        ("postgres://waiver:", "hunter2@db.internal/waiver"),
        ("WX", "ABCDEFGHIJKLMNOP"),
        ("api_secret = '", "0123456789abcdefghij'"),
    ],
)
def test_fault_11_the_scan_finds_what_it_looks_for(parts: tuple[str, str]) -> None:
    assert len(list(find_secrets("somewhere", "".join(parts)))) == 1


async def test_fault_14_the_market_maker_quotes_each_player_at_its_own_value_within_its_bounds_and_can_cancel(
    tmp_path: Path,
) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        world = await build_world(exchange)
        world.values.update({symbol: 10_000 + 100 * number for number, symbol in enumerate(SYMBOLS)})
        await world.settle()
        assert quoted(world) == {symbol: around(value) for symbol, value in world.values.items()}
        assert all(0 < units <= 100 * SHARE for _, _, units in world.quotes())
        first = world.open_orders()
        world.values = {symbol: value - 1_000 for symbol, value in world.values.items()}
        world.maker = world.restarted()
        await world.settle()
        assert quoted(world) == {symbol: around(value) for symbol, value in world.values.items()}
        assert {(order.status, order.reason) for order in first} == {("cancelled", "by_owner")}
        held = exchange.state.accounts[world.account].held_micros
        assert held == sum(price * units for _, price, units in world.quotes()[::2])


def quoted(world: World) -> dict[str, list[int]]:
    return {symbol: [price for _, price, _ in world.quotes(symbol)] for symbol in SYMBOLS}


def around(value: int) -> list[int]:
    """400 bps to either side, which is less than the 1,200 that the two may lie apart."""
    return [value * 96 // 100, value * 104 // 100]


def test_fault_17_a_player_keeps_his_ticker_in_whatever_order_players_come() -> None:
    text = files("waiver_exchange.fantasy").joinpath("data", "players.csv").read_text(encoding="utf-8")
    header, *rows = text.splitlines()
    tickers = {(player.name, player.team): player.symbol for player in parse_players([header, *rows])}
    for other in (rows[::-1], rows[7:] + rows[:7], rows[::2]):
        for player in parse_players([header, *other]):
            assert tickers[player.name, player.team] == player.symbol


async def test_fault_17_listing_again_in_another_order_orphans_no_position(tmp_path: Path) -> None:
    listings = [
        Listing(symbol=symbol, name=symbol, position="QB", team="KC", supply_units=SHARE, reference_price_cents=100)
        for symbol in ("A", "B", "C")
    ]
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        first = {listing.symbol: (await list_player(exchange, listing)).market for listing in listings}
        sequence = exchange.state.sequence
        again = {listing.symbol: (await list_player(exchange, listing)).market for listing in reversed(listings)}
        assert again == first
        assert exchange.state.sequence == sequence
