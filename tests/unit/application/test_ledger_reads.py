"""An account's ledger, walked page by page, is a recount of what the journal's events say."""

from collections import defaultdict
from typing import NamedTuple

import pytest

from tests.fakes.journal import FakeJournal
from tests.model.workload import commands
from tests.support.journal_rows import EngineJournal, FoldableRow
from tests.support.memory_read_model import MemoryReadModel
from tests.support.trading import ZONE
from waiver_exchange.application.queries import LedgerFilter, LedgerLine, Queries
from waiver_exchange.domain import codes
from waiver_exchange.domain.events import (
    CashCorrected,
    CashDeposited,
    Event,
    SharesCorrected,
    SharesGranted,
    SharesIssued,
    SharesSettled,
    TradeBusted,
    TradeExecuted,
    decode_events,
)
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState

ROWS = 1_500
HOUSE = codes.HOUSE_ACCOUNT


class Moved(NamedTuple):
    """A movement as a test counts it."""

    kind: str
    market: int
    amount: int
    source: int
    target: int


def moved_in(row: FoldableRow) -> list[Moved]:
    moved: list[Moved] = []
    for event in decode_events(row.events):
        match event:
            case CashDeposited():
                moved.append(Moved("deposit", 0, event.amount_micros, codes.OPERATOR, event.account))
            case SharesIssued():
                moved.append(Moved("issue", event.market, event.quantity_units, codes.OPERATOR, HOUSE))
            case SharesGranted():
                moved.append(Moved("grant", event.market, event.quantity_units, HOUSE, event.account))
            case TradeExecuted():
                sides = (event.maker_account, event.taker_account)
                seller, buyer = sides if event.taker_side == codes.BUY else sides[::-1]
                value = event.price_cents * event.quantity_units
                moved.append(Moved("trade", 0, value, buyer, seller))
                moved.append(Moved("trade", event.market, event.quantity_units, seller, buyer))
                for payer, fee in zip(sides, (event.maker_fee_micros, event.taker_fee_micros), strict=True):
                    if fee and payer != HOUSE:
                        moved.append(Moved("fee", 0, fee, payer, HOUSE))
            case _:
                moved += put_right_in(event)
    return moved


def put_right_in(event: Event) -> list[Moved]:
    match event:
        case CashCorrected():
            parties = (HOUSE, event.account) if event.amount_micros > 0 else (event.account, HOUSE)
            return [Moved("correction", 0, abs(event.amount_micros), *parties)]
        case SharesCorrected():
            parties = (HOUSE, event.account) if event.quantity_units > 0 else (event.account, HOUSE)
            return [Moved("correction", event.market, abs(event.quantity_units), *parties)]
        case TradeBusted():
            value = event.price_cents * event.quantity_units
            fees = ((event.buyer, event.buyer_fee_micros), (event.seller, event.seller_fee_micros))
            return [
                Moved("bust", 0, value, event.seller, event.buyer),
                Moved("bust", event.market, event.quantity_units, event.buyer, event.seller),
                *(Moved("bust_fee", 0, fee, HOUSE, payer) for payer, fee in fees if fee and payer != HOUSE),
            ]
        case SharesSettled():
            value = event.price_cents * event.quantity_units
            cash = [Moved("settlement", 0, value, HOUSE, event.account)] if value else []
            return [*cash, Moved("settlement", event.market, event.quantity_units, event.account, HOUSE)]
        case _:
            return []


class Desk:
    """A seeded history, most of it in the store alone and the newest in memory alone, and a recount of it."""

    def __init__(self) -> None:
        self.store = MemoryReadModel()
        self.projector = Projector(ReadModelState())
        self.queries = Queries(state=self.projector.state, store=self.store, journal=FakeJournal(), zone=ZONE)
        self.lines: defaultdict[int, list[tuple[int, str, int, int, int, int, int]]] = defaultdict(list)

    async def fill(self, seed: int) -> None:
        balances: defaultdict[tuple[int, int], int] = defaultdict(int)
        for row in EngineJournal().rows(commands(seed=seed, count=ROWS)):
            self.projector.apply(row)
            for moved in moved_in(row):
                for account, amount in ((moved.source, -moved.amount), (moved.target, moved.amount)):
                    balances[account, moved.market] += amount
                    balance = balances[account, moved.market]
                    parties = (moved.source, moved.target)
                    self.lines[account].append((row.sequence, moved.kind, moved.market, amount, balance, *parties))
            if row.sequence % 50 == 0 and row.sequence < ROWS - 100:
                changes = self.projector.take_changes()
                assert changes is not None
                await self.store.store(changes)
                self.projector.forget_closed(changes)

    async def walk(self, account: int, wanted: LedgerFilter, *, limit: int) -> list[LedgerLine]:
        page = await self.queries.ledger_page(account=account, filter=wanted, limit=limit)
        seen = list(page.items)
        while page.next_cursor is not None:
            assert len(page.items) == limit
            page = await self.queries.ledger_page(account=account, filter=wanted, cursor=page.next_cursor, limit=limit)
            seen += page.items
        return seen


@pytest.fixture
async def desk(seed: int) -> Desk:
    desk = Desk()
    await desk.fill(seed)
    assert 0 < len(desk.projector.state.ledger) < 400
    return desk


def shown(lines: list[LedgerLine]) -> list[tuple[int, str, int, int, int, int, int]]:
    return [
        (line.sequence, line.kind, line.market, line.amount, line.balance, line.from_account, line.to_account)
        for line in lines
    ]


@pytest.mark.parametrize("is_ascending", [False, True])
async def test_every_line_of_every_account_is_a_recount_of_the_events(desk: Desk, *, is_ascending: bool) -> None:
    sums: defaultdict[int, int] = defaultdict(int)
    for account in [codes.OPERATOR, *desk.projector.state.accounts]:
        lines = await desk.walk(account, LedgerFilter(is_ascending=is_ascending), limit=37)
        expected = desk.lines[account]
        assert shown(lines) == (expected if is_ascending else expected[::-1])
        assert {line.account for line in lines} <= {account}
        for line in lines:
            sums[line.market] += line.amount
    assert set(sums.values()) == {0}
    assert len(sums) > 1


async def test_lines_are_filtered_by_kind_and_time(desk: Desk) -> None:
    account = max(desk.lines, key=lambda account: len(desk.lines[account]) if account > 1 else 0)
    everything = await desk.walk(account, LedgerFilter(), limit=1_000)
    middle = everything[len(everything) // 2].time_ns

    later = await desk.walk(account, LedgerFilter(start_ns=middle), limit=3)
    assert later == [line for line in everything if line.time_ns >= middle]
    earlier = await desk.walk(account, LedgerFilter(end_ns=middle), limit=3)
    assert earlier == [line for line in everything if line.time_ns < middle]
    for kinds in (("deposit",), ("fee",), ("deposit", "grant")):
        found = await desk.walk(account, LedgerFilter(kinds=kinds), limit=2)
        assert found == [line for line in everything if line.kind in kinds]
