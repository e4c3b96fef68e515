"""Corrections and busted trades: who gives, who gets, what it cost, and who lacks what."""

from dataclasses import replace

import pytest

from tests.support.engine_desk import SHARE, EngineDesk
from tests.support.trading import ANN, BOB, MAHOMES, buy, sell
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    BustTrade,
    CancelOrder,
    Command,
    ConfigureExchange,
    CorrectCash,
    CorrectShares,
    DepositCash,
    ExchangeParameters,
    SettleMarket,
)
from waiver_exchange.domain.events import (
    CashChanged,
    CashCorrected,
    CommandRefused,
    Event,
    HoldingChanged,
    SharesCorrected,
    TradeBusted,
)
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.engine.state import load_state, state_bytes

R = RefusalReason
HOUSE = codes.HOUSE_ACCOUNT
FUND_HOUSE = DepositCash(account=HOUSE, amount_micros=1_000, reference="house")
BUST = BustTrade(
    trade_id=1,
    market=MAHOMES,
    price_cents=3_000,
    quantity_units=10 * SHARE,
    buyer=BOB,
    seller=ANN,
    buyer_fee_micros=0,
    seller_fee_micros=0,
)
TRADE = (sell(ANN, price=3_000, quantity=10 * SHARE), buy(BOB, price=3_000, quantity=10 * SHARE))


@pytest.fixture
def desk() -> EngineDesk:
    return EngineDesk(FUND_HOUSE)


def test_cash_is_corrected_both_ways(desk: EngineDesk) -> None:
    assert desk.run(CorrectCash(account=ANN, amount_micros=400)) == [
        CashCorrected(ANN, 400),
        CashChanged(HOUSE, 600, 0),
        CashChanged(ANN, 1_000_000_400, 0),
    ]
    assert desk.run(CorrectCash(account=ANN, amount_micros=-1_000_000_400)) == [
        CashCorrected(ANN, -1_000_000_400),
        CashChanged(HOUSE, 1_000_001_000, 0),
        CashChanged(ANN, 0, 0),
    ]


def test_shares_come_at_the_reference_price_and_leave_with_their_cost(desk: EngineDesk) -> None:
    given = desk.run(CorrectShares(account=BOB, market=MAHOMES, quantity_units=SHARE))
    assert given[0] == SharesCorrected(BOB, MAHOMES, SHARE)
    assert given[2] == HoldingChanged(BOB, MAHOMES, SHARE, 0, 2_500 * SHARE, 0)
    taken = desk.run(CorrectShares(account=ANN, market=MAHOMES, quantity_units=-40 * SHARE))
    assert taken[2] == HoldingChanged(ANN, MAHOMES, 60 * SHARE, 0, 60 * 2_500 * SHARE, 0)


@pytest.mark.parametrize(
    ("before", "command", "refusal"),
    [
        ((), CorrectCash(account=BOB, amount_micros=1_001), (R.house_lacks_cash, 1_001, 1_000)),
        (
            (buy(BOB, price=2_500, quantity=SHARE),),
            CorrectCash(account=BOB, amount_micros=-1_000_000_000),
            (R.insufficient_cash, 1_000_000_000, 975_000_000),
        ),
        (
            (sell(ANN, price=2_500, quantity=SHARE),),
            CorrectShares(account=ANN, market=MAHOMES, quantity_units=-100 * SHARE),
            (R.insufficient_shares, 100 * SHARE, 99 * SHARE),
        ),
        ((), CorrectShares(account=ANN, market=MAHOMES, quantity_units=-(2**63)), (R.correction_is_too_large, 0, 0)),
        ((), CorrectCash(account=99, amount_micros=1), (R.account_not_found, 0, 0)),
        ((), CorrectShares(account=ANN, market=9, quantity_units=1), (R.market_not_found, 0, 0)),
        (
            (SettleMarket(market=MAHOMES, price_cents=1),),
            CorrectShares(account=ANN, market=MAHOMES, quantity_units=1),
            (R.market_is_settled, 0, 0),
        ),
    ],
)
def test_a_correction_takes_only_what_is_available(
    desk: EngineDesk, before: tuple[Command, ...], command: Command, refusal: tuple[int, int, int]
) -> None:
    desk.run(*before)
    assert desk.run(command) == [CommandRefused(*refusal)]


def test_a_bust_restores_both_holdings_and_both_balances(desk: EngineDesk) -> None:
    before = last_of(desk.run(DepositCash(account=ANN, amount_micros=1, reference="")))
    desk.run(*TRADE)
    after = last_of(desk.run(BUST))
    assert after[CashChanged, ANN] == before[CashChanged, ANN]
    assert after[CashChanged, BOB] == CashChanged(BOB, 1_000_000_000, 0)
    assert after[HoldingChanged, ANN] == HoldingChanged(ANN, MAHOMES, 100 * SHARE, 0, 100 * 2_500 * SHARE, 0)
    assert after[HoldingChanged, BOB] == HoldingChanged(BOB, MAHOMES, 0, 0, 0, 0)


def test_fees_come_back_from_the_house() -> None:
    desk = EngineDesk(ConfigureExchange(parameters=ExchangeParameters(maker_fee_bps=10, taker_fee_bps=30)))
    desk.run(*TRADE)
    bust = replace(BUST, buyer_fee_micros=900_000, seller_fee_micros=300_000)
    events = desk.run(bust)
    assert events[0] == TradeBusted(1, MAHOMES, 3_000, 10 * SHARE, BOB, ANN, 900_000, 300_000)
    told = last_of(events)
    assert told[CashChanged, HOUSE] == CashChanged(HOUSE, 0, 0)
    assert told[CashChanged, ANN] == CashChanged(ANN, 1_000_000_000, 0)
    assert told[CashChanged, BOB] == CashChanged(BOB, 1_000_000_000, 0)
    assert told[HoldingChanged, BOB] == HoldingChanged(BOB, MAHOMES, 0, 0, 0, 0)


def test_the_house_lacks_the_fees_that_it_has_given_away() -> None:
    desk = EngineDesk(ConfigureExchange(parameters=ExchangeParameters(taker_fee_bps=30)))
    desk.run(*TRADE, CorrectCash(account=ANN, amount_micros=1))
    refused = desk.run(replace(BUST, buyer_fee_micros=900_000))
    assert refused == [CommandRefused(R.house_lacks_cash, 900_000, 899_999)]


def test_the_house_may_have_sold_itself() -> None:
    desk = EngineDesk(ConfigureExchange(parameters=ExchangeParameters(taker_fee_bps=30)))
    desk.run(sell(HOUSE, price=3_000, quantity=10 * SHARE), buy(BOB, price=3_000, quantity=10 * SHARE))
    told = last_of(desk.run(replace(BUST, seller=HOUSE, buyer_fee_micros=900_000)))
    assert told[CashChanged, HOUSE] == CashChanged(HOUSE, 0, 0)
    assert told[CashChanged, BOB] == CashChanged(BOB, 1_000_000_000, 0)


def test_what_the_buyer_has_sold_on_must_come_back_first(desk: EngineDesk) -> None:
    desk.run(*TRADE)
    offer = desk.place(sell(BOB, price=3_100, quantity=4 * SHARE))
    assert desk.run(BUST) == [CommandRefused(R.insufficient_shares, 10 * SHARE, 6 * SHARE)]
    desk.run(CancelOrder(account=codes.OPERATOR, order_id=offer))
    assert isinstance(desk.run(BUST)[0], TradeBusted)


def test_what_the_seller_has_spent_must_come_back_first(desk: EngineDesk) -> None:
    desk.run(*TRADE, CorrectCash(account=ANN, amount_micros=-1_299_999_999))
    assert desk.run(BUST) == [CommandRefused(R.insufficient_cash, 300_000_000, 1)]


def test_cost_and_profit_stay_the_cash_when_a_bust_comes_late(desk: EngineDesk) -> None:
    """Bob sold half on and bought again; Ann has nothing left: nobody gains or loses a micro-dollar by the rule."""
    desk.run(*TRADE, sell(BOB, price=3_000, quantity=5 * SHARE), buy(HOUSE, price=2_600, quantity=1))
    desk.run(CorrectCash(account=BOB, amount_micros=-1), DepositCash(account=HOUSE, amount_micros=10**9, reference="h"))
    desk.run(
        buy(HOUSE, price=3_000, quantity=5 * SHARE), CorrectShares(account=BOB, market=1, quantity_units=5 * SHARE)
    )
    desk.run(CorrectShares(account=ANN, market=MAHOMES, quantity_units=-90 * SHARE))
    told = last_of(desk.run(BUST))
    # Bob: 5 shares at $30.00 stay of the trade, 5 came at $30.00; all cost leaves with the last shares.
    assert told[HoldingChanged, BOB] == HoldingChanged(BOB, MAHOMES, 0, 0, 0, 0)
    # Ann: $300.00 were paid back for 10 shares, of which she kept a profit of $50.00.
    assert told[HoldingChanged, ANN] == HoldingChanged(
        ANN, MAHOMES, 10 * SHARE, 0, 10 * 3_000 * SHARE, 10 * 500 * SHARE
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trade_id": 2}, R.trade_not_found),
        ({"trade_id": 0}, R.trade_not_found),
        ({"market": 2}, R.market_not_found),
        ({"buyer": 99}, R.account_not_found),
        ({"buyer": ANN}, R.trade_facts_are_invalid),
        ({"price_cents": 0}, R.trade_facts_are_invalid),
        ({"quantity_units": 2**62}, R.trade_facts_are_invalid),
        ({"seller_fee_micros": 300_000_001}, R.trade_facts_are_invalid),
    ],
)
def test_facts_that_no_trade_has_change_nothing(
    desk: EngineDesk, change: dict[str, int], reason: RefusalReason
) -> None:
    desk.run(*TRADE)
    assert desk.run(replace(BUST, **change)) == [CommandRefused(reason, 0, 0)]


def test_a_state_with_all_of_it_is_loaded_as_it_was(desk: EngineDesk) -> None:
    desk.run(*TRADE, BUST, CorrectCash(account=ANN, amount_micros=7), SettleMarket(market=MAHOMES, price_cents=2_700))
    state = state_bytes(desk.engine)
    assert state_bytes(load_state(state)) == state


def last_of(events: list[Event]) -> dict[tuple[type, int], CashChanged | HoldingChanged]:
    """The last balance and holding that were told of each account."""
    return {(type(event), event.account): event for event in events if isinstance(event, CashChanged | HoldingChanged)}
