"""Accounts, holdings, markets and the exchange as the fold shows them."""

import pytest

from tests.support.journal_rows import EngineJournal
from tests.support.trading import ANN, FACTS, MAHOMES, FoldedExchange
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    AccountLimits,
    BeginDay,
    ClassifyMarket,
    ConfigureExchange,
    DepositCash,
    ExchangeParameters,
    GrantShares,
    HaltAccount,
    HaltExchange,
    HaltMarket,
    IssueShares,
    ListMarket,
    OpenAccount,
    ResumeAccount,
    ResumeExchange,
    ResumeMarket,
    SetLimits,
    SetMarketBand,
    SetRole,
)
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import MarketView, ReadModelState


def test_house_exists_from_the_start() -> None:
    assert ReadModelState().accounts[codes.HOUSE_ACCOUNT].cash_micros == 0


def test_account_is_opened_at_the_time_of_its_row() -> None:
    journal, projector = EngineJournal(), Projector(ReadModelState())
    projector.apply(journal.row(OpenAccount(), time_ns=77))

    account = projector.state.accounts[2]
    assert (account.cash_micros, account.is_halted, account.opened_at_ns) == (0, False, 77)


def test_deposit_is_in_the_ledger_with_its_reference() -> None:
    exchange = FoldedExchange(DepositCash(account=ANN, amount_micros=5, reference="season prize é"))

    moved = exchange.take().movements[-1]
    assert (moved.kind, moved.market, moved.amount, moved.reference) == ("deposit", 0, 5, "season prize é")
    assert (moved.from_account, moved.from_balance) == (codes.OPERATOR, -2_000_000_005)
    assert (moved.to_account, moved.to_balance) == (ANN, 1_000_000_005)
    assert exchange.state.cash_issued_micros == 2_000_000_005


def test_listing_shows_the_players_facts() -> None:
    state = FoldedExchange().state

    assert state.markets[MAHOMES] == MarketView(
        MAHOMES,
        symbol="MAHOMES",
        name="Patrick Mahomes",
        team="KC",
        position="QB",
        bye_week=10,
        projected_points="341.5",
        supply_units=100_000_000,
        reference_price_cents=2_500,
        listed_at_ns=5_000,
        listed_price_cents=2_500,
    )
    assert state.symbols == {"MAHOMES": MAHOMES}
    assert state.books[MAHOMES].levels(10) == ([], [], 0)


def test_projected_points_keep_their_decimals() -> None:
    facts = '{"symbol": "KELCE", "projected_points": 0.10}'
    state = FoldedExchange(ListMarket(supply_units=1, reference_price_cents=0, facts=facts)).state

    assert state.markets[2].projected_points == "0.10"


@pytest.mark.parametrize("facts", ["", "{", "[]", "{}", '{"bye_week": "none", "symbol": null}'])
def test_market_without_facts_goes_by_its_number(facts: str) -> None:
    state = FoldedExchange(ListMarket(supply_units=1, reference_price_cents=0, facts=facts)).state

    assert state.markets[2] == MarketView(2, symbol="2", supply_units=1, listed_at_ns=7_000)


def test_second_market_of_a_symbol_does_not_take_it() -> None:
    state = FoldedExchange(ListMarket(supply_units=1, reference_price_cents=0, facts=FACTS)).state

    assert state.symbols == {"MAHOMES": MAHOMES}


def test_grant_moves_shares_out_of_the_houses_holding() -> None:
    state = FoldedExchange(GrantShares(account=ANN, market=MAHOMES, quantity_units=500)).state

    assert state.holdings[ANN][MAHOMES].quantity_units == 1_000_500
    assert state.holdings[ANN][MAHOMES].cost_micros == 1_000_500 * 2_500
    assert state.holdings[codes.HOUSE_ACCOUNT][MAHOMES].quantity_units == 100_000_000 - 1_000_500


def test_issue_raises_the_supply() -> None:
    state = FoldedExchange(IssueShares(market=MAHOMES, quantity_units=7)).state

    assert state.markets[MAHOMES].supply_units == 100_000_007
    assert state.holdings[codes.HOUSE_ACCOUNT][MAHOMES].quantity_units == 99_000_007


def test_halts_and_resumes_are_shown() -> None:
    halted = FoldedExchange(HaltMarket(market=MAHOMES), HaltExchange(), HaltAccount(account=ANN)).state
    assert (halted.markets[MAHOMES].is_halted, halted.markets[MAHOMES].halt_cause) == (True, codes.HALT_BY_OPERATOR)
    assert halted.is_halted
    assert halted.accounts[ANN].is_halted

    resumed = FoldedExchange(
        HaltMarket(market=MAHOMES),
        HaltExchange(),
        HaltAccount(account=ANN),
        ResumeMarket(market=MAHOMES),
        ResumeExchange(),
        ResumeAccount(account=ANN),
    ).state
    assert not resumed.markets[MAHOMES].is_halted
    assert not resumed.is_halted
    assert not resumed.accounts[ANN].is_halted


def test_parameters_are_those_of_the_last_configuration() -> None:
    parameters = ExchangeParameters(maker_fee_bps=3, open_orders_max=12, lifetime_ns_max=7 * 10**15)

    assert FoldedExchange(ConfigureExchange(parameters=parameters)).state.parameters == parameters


def test_refused_command_changes_nothing() -> None:
    state = FoldedExchange(GrantShares(account=99, market=MAHOMES, quantity_units=1)).state

    assert sorted(state.accounts) == [1, 2, 3]
    assert state.sequence == 7


def test_roles_limits_classes_and_bands_are_shown_and_stored() -> None:
    limits = AccountLimits(open_orders_max=3, team_bps_max=0)
    exchange = FoldedExchange(
        SetRole(account=ANN, role=codes.ROLE_SERVICE),
        SetLimits(scope=codes.LIMITS_OF_ACCOUNT, number=ANN, limits=AccountLimits(open_orders_max=1)),
        SetLimits(scope=codes.LIMITS_OF_ACCOUNT, number=ANN, limits=limits),
        SetLimits(scope=codes.LIMITS_OF_ROLE, number=codes.ROLE_TRADER, limits=AccountLimits()),
        ClassifyMarket(market=MAHOMES, team=16, position=1),
        SetMarketBand(market=MAHOMES, band_bps=250),
        BeginDay(ends_at_ns=3_600_000_000_000),
    )
    state, market = exchange.state, exchange.state.markets[MAHOMES]
    assert (state.accounts[ANN].role, state.accounts[codes.HOUSE_ACCOUNT].role) == (codes.ROLE_SERVICE, 0)
    assert state.limits == {(1, ANN): limits, (0, 0): AccountLimits()}
    assert (market.team_number, market.position_number, market.band_bps) == (16, 1, 250)

    changes = exchange.take()
    assert changes.limits == ((0, 0, *[-1] * 10), (1, ANN, -1, -1, -1, 3, -1, -1, -1, -1, 0, -1))
    assert exchange.projector.pending_count == 0
