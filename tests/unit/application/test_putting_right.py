"""Corrections, busts and settlements as use cases: once, provable, and shown for what they are on every face."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.clock import FakeClock
from waiver_exchange.application.accounts import create_account, deposit_cash
from waiver_exchange.application.api_keys import NewKey
from waiver_exchange.application.bust_trade import bust_trade
from waiver_exchange.application.correct_cash import correct_cash
from waiver_exchange.application.correct_shares import correct_shares
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, grant_shares, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.queries import LedgerFilter
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.settle_market import settle_market
from waiver_exchange.application.verify import describe_live
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain.codes import HOUSE_ACCOUNT
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.app import build_gateway

R = RefusalReason
ANN, BOB = 2, 3
SHARE = 10_000
OFFER = OrderRequest(symbol="A", side="sell", order_type="limit", quantity_units=SHARE, limit_price_cents=2_600)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
async def exchange(settings: Settings) -> AsyncIterator[Exchange]:
    async with running_exchange(settings, clock=FakeClock()) as exchange:
        yield exchange


@pytest.fixture
async def bob(exchange: Exchange) -> NewKey:
    return await sell_to_bob(exchange)


async def sell_to_bob(exchange: Exchange) -> NewKey:
    """Ann has sold one share to Bob for $26.00; she had ten. Returns Bob's key."""
    await create_account(exchange, name="Ann", cash_micros=1_000_000_000)
    bob = await create_account(exchange, name="Bob", cash_micros=1_000_000_000)
    listing = Listing(
        symbol="A", name="A", position="QB", team="KC", supply_units=100_000_000, reference_price_cents=2_500
    )
    await list_player(exchange, listing)
    await grant_shares(exchange, account=ANN, symbol="A", quantity_units=10 * SHARE)
    await place_order(exchange, account=ANN, request=OFFER)
    await place_order(exchange, account=BOB, request=OFFER._replace(side="buy"))
    return bob


async def kinds_of(exchange: Exchange, account: int) -> list[tuple[str, int, int, str]]:
    page = await exchange.queries.ledger_page(account=account, filter=LedgerFilter(is_ascending=True), limit=100)
    return [(line.kind, line.market, line.amount, line.reference) for line in page.items]


@pytest.mark.usefixtures("bob")
async def test_a_correction_happens_once_for_its_reference(exchange: Exchange) -> None:
    await deposit_cash(exchange, account=HOUSE_ACCOUNT, amount_micros=500, reference="house")
    await correct_cash(exchange, account=ANN, amount_micros=300, reference="ticket-1")
    await correct_shares(exchange, account=BOB, symbol="A", quantity_units=-5, reference="ticket-1")
    view = await correct_cash(exchange, account=ANN, amount_micros=300, reference="ticket-1")
    holding = await correct_shares(exchange, account=BOB, symbol="A", quantity_units=-5, reference="ticket-1")
    assert (view.cash_micros, holding.quantity_units) == (1_026_000_300, SHARE - 5)
    assert ("correction", 0, 300, "ticket-1") in await kinds_of(exchange, ANN)
    assert ("correction", 1, -5, "ticket-1") in await kinds_of(exchange, BOB)
    with pytest.raises(RefusedError) as error:
        await correct_cash(exchange, account=ANN, amount_micros=301, reference="ticket-1")
    assert error.value.reason is R.reference_used_with_other_content
    with pytest.raises(RefusedError) as error:
        await correct_cash(exchange, account=ANN, amount_micros=1, reference="")
    assert error.value.reason is R.field_is_invalid


@pytest.mark.usefixtures("bob")
async def test_a_trade_is_busted_once_and_stays_on_the_tape(exchange: Exchange) -> None:
    trade = await bust_trade(exchange, trade_id=1)
    assert await bust_trade(exchange, trade_id=1) == trade
    state = exchange.state
    assert (state.accounts[ANN].cash_micros, state.accounts[BOB].cash_micros) == (1_000_000_000, 1_000_000_000)
    assert state.holdings[ANN][1].quantity_units == 10 * SHARE
    assert (state.holdings[ANN][1].realized_micros, state.holdings[ANN][1].cost_micros) == (0, 10 * SHARE * 2_500)
    assert (list(state.tape), list(state.busts)) == ([trade], [1])
    assert (await kinds_of(exchange, BOB))[-2:] == [("bust", 0, 26_000_000, ""), ("bust", 1, -SHARE, "")]
    assert state.markets[1].last_price_cents == 2_600
    assert (await describe_live(exchange)).difference is None
    with pytest.raises(RefusedError) as error:
        await bust_trade(exchange, trade_id=2)
    assert error.value.reason is R.trade_not_found


@pytest.mark.usefixtures("bob")
async def test_a_settled_market_pays_and_takes_nothing_more(exchange: Exchange) -> None:
    await place_order(exchange, account=ANN, request=OFFER)
    await settle_market(exchange, symbol="A", price_cents=3_000)
    market = await settle_market(exchange, symbol="A", price_cents=3_000)
    assert (market.is_settled, market.settled_price_cents) == (True, 3_000)
    assert exchange.state.accounts[BOB].cash_micros == 974_000_000 + 30_000_000
    assert exchange.state.holdings[HOUSE_ACCOUNT][1].quantity_units == market.supply_units
    assert exchange.state.cash_issued_micros == exchange.state.cash_total_micros
    house = await kinds_of(exchange, HOUSE_ACCOUNT)
    assert ("deposit", 0, 300_000_000, "settlement of A") in house
    assert not [order for order in exchange.state.orders.values() if order.is_open]
    assert (await describe_live(exchange)).difference is None
    with pytest.raises(RefusedError) as error:
        await settle_market(exchange, symbol="A", price_cents=1)
    assert error.value.reason is R.market_is_settled
    with pytest.raises(RefusedError) as error:
        await place_order(exchange, account=BOB, request=OFFER._replace(side="buy"))
    assert error.value.reason is R.market_is_settled


async def test_every_face_says_what_happened(exchange: Exchange, bob: NewKey, settings: Settings) -> None:
    await bust_trade(exchange, trade_id=1)
    await correct_shares(exchange, account=BOB, symbol="A", quantity_units=SHARE, reference="sorry")
    await settle_market(exchange, symbol="A", price_cents=100)
    native = {"X-API-Key": bob.api_key, "X-API-Secret": bob.api_secret}
    alpaca = {"APCA-API-KEY-ID": bob.api_key, "APCA-API-SECRET-KEY": bob.api_secret}
    transport = httpx.ASGITransport(build_gateway(exchange, settings).app)  # type: ignore[arg-type]  # as elsewhere
    async with httpx.AsyncClient(transport=transport, base_url="http://exchange") as http:
        trades = (await http.get("/api/v1/trades")).json()
        fills = (await http.get("/api/v1/fills", headers=native)).json()["items"]
        market = (await http.get("/api/v1/markets/A")).json()
        lines = (await http.get("/api/v1/ledger", headers=native)).json()["items"]
        activities = (await http.get("/v2/account/activities", headers=alpaca)).json()
        journals = (await http.get("/v2/account/activities/JNLC", headers=alpaca)).json()
        asset = (await http.get("/v2/assets/A", headers=alpaca)).json()
    assert [trade["busted"] for trade in trades] == [fill["busted"] for fill in fills] == [True]
    assert (market["status"], market["settled_price"]) == ("settled", "1.00")
    assert [(line["kind"], line["from"], line["to"]) for line in lines][:5] == [
        ("settlement", "account", "house"),
        ("settlement", "house", "account"),
        ("correction", "house", "account"),
        ("bust", "account", "market"),
        ("bust", "market", "account"),
    ]
    assert [activity["activity_type"] for activity in activities[:5]] == ["REORG", "REORG", "JNLS", "JNLS", "JNLC"]
    assert [(journal["activity_type"], journal["net_amount"]) for journal in journals] == [("JNLC", "26.00")]
    assert (asset["status"], asset["tradable"]) == ("inactive", False)


async def test_a_restart_knows_what_was_busted_and_settled(settings: Settings) -> None:
    clock = FakeClock()
    async with running_exchange(settings, clock=clock) as exchange:
        await sell_to_bob(exchange)
        await bust_trade(exchange, trade_id=1)
        await settle_market(exchange, symbol="A", price_cents=0)
        before = await describe_live(exchange)
    async with running_exchange(settings, clock=clock) as exchange:
        assert await describe_live(exchange) == before
        assert (list(exchange.state.busts), exchange.state.markets[1].is_settled) == ([1], True)
