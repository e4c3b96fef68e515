"""The kill switch acts before everything that waits, and takes back what is open."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from waiver_exchange.application import kill_switch, sequencer
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.kill_switch import CancelProgress, cancel_everything, stop_trading
from waiver_exchange.application.markets import Listing, list_player, resume_exchange
from waiver_exchange.application.operating.parameters import KillSwitch
from waiver_exchange.application.operating.perform import HOST, Request, perform
from waiver_exchange.application.operating.table import ACTIONS
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CancelOrder, PlaceOrder, PlaceStopOrder, pack_terms
from waiver_exchange.domain.events import OrderAccepted, OrderCancelled, OrderDenied
from waiver_exchange.domain.refusals import RefusalReason

BUYER = 2


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        await create_account(exchange, name="Ann", cash_micros=10**12)
        for symbol in ("MAHOMES", "KELCE"):
            await list_player(
                exchange,
                Listing(
                    symbol=symbol,
                    name=symbol,
                    position="QB",
                    team="KC",
                    supply_units=10**8,
                    reference_price_cents=2_000,
                ),
            )
        yield exchange


STOP = PlaceStopOrder(
    account=BUYER,
    market=1,
    terms=pack_terms(side=codes.BUY, order_type=codes.STOP, time_in_force=codes.GTC),
    quantity_units=100,
    stop_price_cents=2_100,
)


def bid(number: int, *, market: int = 1) -> PlaceOrder:
    return PlaceOrder(
        account=BUYER,
        market=market,
        terms=pack_terms(side=codes.BUY, order_type=codes.LIMIT, time_in_force=codes.GTC),
        quantity_units=100,
        price_cents=1_900,
        client_order_id=f"bid {market} {number}",
    )


async def place(exchange: Exchange, *orders: PlaceOrder | PlaceStopOrder) -> list[Outcome]:
    return list(await asyncio.gather(*(exchange.sequencer.submit(order) for order in orders)))


def open_orders(exchange: Exchange) -> int:
    return sum(order.is_open for order in exchange.state.orders.values())


async def test_orders_that_wait_are_refused_and_keep_their_ids(exchange: Exchange) -> None:
    answers: list[asyncio.Future[Outcome]] = []
    for number in range(600):
        answers.append(asyncio.get_running_loop().create_future())
        exchange.sequencer.begin(bid(number), answer=answers[-1])
    await stop_trading(exchange)
    outcomes = await asyncio.gather(*answers)
    events = {next(outcome.events()) for outcome in outcomes}
    assert events == {OrderDenied(RefusalReason.exchange_is_halted, 0, 0)}
    assert open_orders(exchange) == 0

    await resume_exchange(exchange)
    (outcome,) = await place(exchange, bid(0))
    assert isinstance(outcome.first_event(), OrderAccepted)


async def test_a_full_queue_does_not_keep_it_out(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "QUEUE_MAX", 0)
    await stop_trading(exchange)
    assert exchange.state.is_halted
    with pytest.raises(RefusedError) as refused:
        await exchange.sequencer.submit(bid(1))
    assert refused.value.reason is RefusalReason.exchange_is_busy


async def test_open_orders_are_taken_back_market_by_market(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill_switch, "CANCELS_AT_ONCE", 2)
    await place(exchange, *(bid(number) for number in range(3)), *(bid(number, market=2) for number in range(2)), STOP)
    await stop_trading(exchange)
    heard: list[CancelProgress] = []
    done = await cancel_everything(exchange, report=heard.append)
    assert heard == [
        CancelProgress("MAHOMES", 2, 4),
        CancelProgress("MAHOMES", 4, 2),
        CancelProgress("KELCE", 6, 0),
    ]
    assert done == CancelProgress("KELCE", 6, 0)
    assert exchange.state.accounts[BUYER].held_micros == 0
    assert await cancel_everything(exchange) == CancelProgress("", 0, 0)


async def test_a_broken_off_cancelling_goes_on_where_it_stood(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill_switch, "CANCELS_AT_ONCE", 2)
    await place(exchange, *(bid(number) for number in range(6)))

    def break_off(progress: CancelProgress) -> None:
        if progress.cancelled == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await cancel_everything(exchange, report=break_off)
    assert open_orders(exchange) == 2
    assert await cancel_everything(exchange) == CancelProgress("MAHOMES", 2, 0)


async def test_an_order_cancelled_by_its_owner_meanwhile_is_no_failure(exchange: Exchange) -> None:
    outcomes = await place(exchange, bid(1), bid(2))
    own = exchange.sequencer.submit(CancelOrder(account=BUYER, order_id=outcomes[0].order_id()))
    cancelled, progress = await asyncio.gather(own, cancel_everything(exchange))
    assert isinstance(cancelled.first_event(), OrderCancelled)
    assert progress == CancelProgress("MAHOMES", 1, 0)


async def test_the_service_must_work_for_it(exchange: Exchange) -> None:
    await place(exchange, bid(1))
    exchange.writer.failure = "the disk is full"
    try:
        for attempt in (stop_trading, cancel_everything):
            with pytest.raises(RefusedError) as refused:
                await attempt(exchange)
            assert refused.value.reason is RefusalReason.journal_is_unavailable
    finally:
        exchange.writer.failure = None


async def test_with_its_reason_the_halt_is_right_behind_the_row_that_asks_for_it(exchange: Exchange) -> None:
    answers: list[asyncio.Future[Outcome]] = []
    for number in range(600):
        answers.append(asyncio.get_running_loop().create_future())
        exchange.sequencer.begin(bid(number), answer=answers[-1])
    request = Request(HOST, "a bot runs wild", "stop-1")
    await perform(exchange, ACTIONS["kill_switch"], KillSwitch(cancels_orders=1), request)
    await asyncio.gather(*answers)
    rows = await exchange.journal.read(after=0, limit=10_000)
    asked_at = next(number for number, row in enumerate(rows) if row.command[0] == codes.RECORD_AUDIT)
    assert rows[asked_at + 1].command[0] == codes.HALT_EXCHANGE
    assert codes.ORDER_ACCEPTED not in {row.events[0] for row in rows[asked_at:]}
    assert open_orders(exchange) == 0

    await resume_exchange(exchange)
    await perform(exchange, ACTIONS["kill_switch"], KillSwitch(cancels_orders=1), request)
    assert not exchange.state.is_halted  # the same action again is the same action
