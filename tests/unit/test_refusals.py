"""Every refusal is produced: by the engine, by the reading of a request, or by the service around them."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.fakes.provider import FakeProvider
from tests.support.engine_desk import SHARE, EngineDesk, terms
from tests.support.sockets import SocketClient
from tests.support.trading import ANN, BOB, MAHOMES, buy, limit_order, sell
from waiver_exchange.adapters.sql.identity.accounts import SqlIdentityStore
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.application import audit, passkeys, sequencer, step_up, watchlists
from waiver_exchange.application.access import Caller, require_operator
from waiver_exchange.application.accounts import create_account, open_account
from waiver_exchange.application.api_keys import create_key
from waiver_exchange.application.authority import OPERATE
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.first_sign_in import find_or_open
from waiver_exchange.application.operating import decide as decide_module
from waiver_exchange.application.operating import parameters as given
from waiver_exchange.application.operating import perform as perform_module
from waiver_exchange.application.operating.decide import approve
from waiver_exchange.application.operating.perform import HOST, Request, perform
from waiver_exchange.application.operating.table import ACTIONS
from waiver_exchange.application.ports import IdentityError, JournalError, RequestRates
from waiver_exchange.application.queries import Queries
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.risk_limits import set_role
from waiver_exchange.application.sessions import From, begin_session
from waiver_exchange.application.sign_in_ports import ProvenLogin, ProviderAnswerError, ProviderUnavailableError, SignUp
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.commands import (
    AccountLimits,
    BeginDay,
    BustTrade,
    CancelOrder,
    ClassifyMarket,
    Command,
    ConfigureExchange,
    CorrectCash,
    DepositCash,
    ExchangeParameters,
    ExpireOrder,
    GrantShares,
    HaltAccount,
    HaltExchange,
    HaltMarket,
    IssueShares,
    ListMarket,
    PlaceStopOrder,
    ReplaceOrder,
    SetLimits,
    SetMarketBand,
    SetRole,
    SettleMarket,
)
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.domain.limits import CASH_MICROS_MAX, ORDER_ROWS_MAX, PRICE_CENTS_MAX, QUANTITY_UNITS_MAX
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.app import build_gateway
from waiver_exchange.gateway.control.methods import run_method
from waiver_exchange.gateway.control.protocol import ControlError
from waiver_exchange.gateway.feeds import hub
from waiver_exchange.gateway.forwarding.forwarder import Forwarder
from waiver_exchange.gateway.rest.errors import STATUS_OF
from waiver_exchange.gateway.rest.json_object import decode_object
from waiver_exchange.gateway.rest.orders import parse_order
from waiver_exchange.gateway.sockets.sockets import Sockets
from waiver_exchange.gateway.websocket import session
from waiver_exchange.projections.changes import ReadModelError

R = RefusalReason
BID = buy(BOB, price=2_500, quantity=SHARE)
GTD = limit_order(BOB, codes.BUY, price=2_500, quantity=SHARE, time_in_force=codes.GTD)
MARKET_BUY = replace(BID, price_cents=0, terms=terms(codes.BUY, order_type=codes.MARKET, time_in_force=codes.IOC))
BY_NOTIONAL = replace(MARKET_BUY, quantity_units=0, notional_micros=1_000_000)
STOP = PlaceStopOrder(
    account=BOB,
    market=MAHOMES,
    terms=terms(codes.BUY, order_type=codes.STOP),
    quantity_units=SHARE,
    stop_price_cents=2_600,
)
DAYS_NS = 86_400_000_000_000
FIRST_ORDER = 1 << 28 | 1
BUST = BustTrade(
    trade_id=1,
    market=MAHOMES,
    price_cents=2_500,
    quantity_units=SHARE,
    buyer=BOB,
    seller=ANN,
    buyer_fee_micros=0,
    seller_fee_micros=0,
)


def limited(**limits: int) -> SetLimits:
    return SetLimits(scope=codes.LIMITS_OF_ACCOUNT, number=BOB, limits=AccountLimits(**limits))


def configured(parameters: ExchangeParameters) -> ConfigureExchange:
    return ConfigureExchange(parameters=parameters)


# The last command of each is refused by the engine.
ENGINE: dict[RefusalReason, tuple[Command, ...]] = {
    R.account_not_found: (replace(BID, account=99),),
    R.account_is_halted: (HaltAccount(account=BOB), BID),
    R.market_not_found: (replace(BID, market=99),),
    R.exchange_is_halted: (HaltExchange(), BID),
    R.market_is_halted: (HaltMarket(market=MAHOMES), BID),
    R.order_rate_is_too_high: (configured(ExchangeParameters(orders_per_second_max=1)), BID, BID),
    R.order_terms_are_invalid: (replace(BID, terms=2),),
    R.quantity_or_notional_is_required: (replace(BID, quantity_units=0),),
    R.notional_needs_a_market_order: (replace(BID, quantity_units=0, notional_micros=1),),
    R.quantity_must_be_positive: (replace(BID, quantity_units=-1),),
    R.quantity_exceeds_supply: (replace(BID, quantity_units=100_000_001),),
    R.notional_must_be_positive: (replace(BY_NOTIONAL, notional_micros=-1),),
    R.price_must_be_positive: (replace(BID, price_cents=0),),
    R.price_is_too_high: (replace(BID, price_cents=PRICE_CENTS_MAX + 1),),
    R.market_order_takes_no_price: (replace(MARKET_BUY, price_cents=1),),
    R.post_only_needs_a_resting_order: (replace(BID, terms=terms(codes.BUY, time_in_force=codes.IOC, post_only=True)),),
    R.expiry_is_required: (GTD,),
    R.expiry_is_not_in_the_future: (replace(GTD, expires_at_ns=EngineDesk().now),),
    R.expiry_is_too_far: (replace(GTD, expires_at_ns=EngineDesk().now + 31 * DAYS_NS),),
    R.expiry_needs_gtd: (replace(BID, expires_at_ns=EngineDesk().now + DAYS_NS),),
    R.reference_price_is_missing: (
        ListMarket(supply_units=100_000_000, reference_price_cents=0, facts=""),
        replace(MARKET_BUY, market=2),
    ),
    R.price_is_outside_the_band: (replace(BID, price_cents=3_251),),
    R.order_value_is_too_large: (configured(ExchangeParameters(order_value_micros_max=24_999_999)), BID),
    R.notional_is_too_small: (replace(BY_NOTIONAL, notional_micros=2_499),),
    R.position_would_be_too_large: (configured(ExchangeParameters(position_units_max=SHARE - 1)), BID),
    R.too_many_open_orders: (configured(ExchangeParameters(open_orders_max=1)), BID, BID),
    R.insufficient_cash: (replace(BID, quantity_units=40 * SHARE + 1),),
    R.insufficient_shares: (sell(ANN, price=2_500, quantity=100 * SHARE + 1),),
    R.amount_must_be_positive: (DepositCash(account=BOB, amount_micros=0, reference="nothing"),),
    R.cash_issued_would_be_too_large: (DepositCash(account=BOB, amount_micros=CASH_MICROS_MAX, reference="all"),),
    R.supply_must_be_positive: (ListMarket(supply_units=0, reference_price_cents=1, facts=""),),
    R.supply_would_be_too_large: (IssueShares(market=MAHOMES, quantity_units=QUANTITY_UNITS_MAX),),
    R.parameters_are_invalid: (configured(ExchangeParameters(collar_bps=0)),),
    R.house_cannot_be_granted_shares: (GrantShares(account=codes.HOUSE_ACCOUNT, market=MAHOMES, quantity_units=SHARE),),
    R.order_not_found: (CancelOrder(account=BOB, order_id=FIRST_ORDER),),
    R.order_belongs_to_another_account: (BID, CancelOrder(account=ANN, order_id=FIRST_ORDER)),
    R.order_is_final: (BID, CancelOrder(account=BOB, order_id=FIRST_ORDER), ExpireOrder(order_id=FIRST_ORDER)),
    R.order_has_not_expired: (BID, ExpireOrder(order_id=FIRST_ORDER)),
    R.post_only_would_take: (
        sell(ANN, price=2_500, quantity=1),
        replace(BID, terms=terms(codes.BUY, post_only=True)),
    ),
    R.order_table_is_full: (BID,),
    R.stop_price_is_required: (replace(STOP, stop_price_cents=0),),
    R.stop_order_needs_a_lifetime: (
        replace(STOP, terms=terms(codes.BUY, order_type=codes.STOP, time_in_force=codes.IOC)),
    ),
    R.stop_price_needs_a_stop_order: (BID, ReplaceOrder(account=BOB, order_id=FIRST_ORDER, stop_price_cents=2_600)),
    R.nothing_is_replaced: (STOP, ReplaceOrder(account=BOB, order_id=FIRST_ORDER)),
    R.quantity_is_filled_already: (
        BID,
        sell(ANN, price=2_500, quantity=2),
        ReplaceOrder(account=BOB, order_id=FIRST_ORDER, quantity_units=2),
    ),
    R.market_is_settled: (SettleMarket(market=MAHOMES, price_cents=2_500), BID),
    R.house_needs_no_correction: (CorrectCash(account=codes.HOUSE_ACCOUNT, amount_micros=1),),
    R.correction_moves_nothing: (CorrectCash(account=BOB, amount_micros=0),),
    R.correction_is_too_large: (CorrectCash(account=BOB, amount_micros=-CASH_MICROS_MAX - 1),),
    R.house_lacks_cash: (CorrectCash(account=BOB, amount_micros=1),),
    R.trade_not_found: (BUST,),
    R.trade_facts_are_invalid: (BID, sell(ANN, price=2_500, quantity=SHARE), replace(BUST, buyer_fee_micros=-1)),
    R.role_is_unknown: (SetRole(account=BOB, role=4),),
    R.limits_are_invalid: (limited(team_bps_max=10_001),),
    R.account_order_value_is_too_large: (limited(order_value_micros_max=24_999_999), BID),
    R.account_has_too_many_open_orders: (limited(open_orders_max=1), BID, BID),
    R.account_position_would_be_too_large: (limited(position_units_max=SHARE - 1), BID),
    R.supply_share_would_be_too_large: (limited(supply_share_bps_max=1), replace(BID, quantity_units=10_001)),
    R.day_loss_limit_is_reached: (
        limited(day_loss_micros_max=1_000_000),
        BID,
        sell(ANN, price=2_500, quantity=SHARE),
        replace(BID, account=ANN, price_cents=2_400),
        sell(codes.HOUSE_ACCOUNT, price=2_400, quantity=SHARE),
        BID,
    ),
    R.day_turnover_would_be_too_large: (limited(day_turnover_micros_max=24_999_999), BID),
    R.team_share_would_be_too_large: (
        ClassifyMarket(market=MAHOMES, team=1, position=0),
        limited(team_bps_max=249),
        BID,
    ),
    R.playing_position_share_would_be_too_large: (
        ClassifyMarket(market=MAHOMES, team=0, position=1),
        limited(playing_position_bps_max=249),
        BID,
    ),
    R.account_order_rate_is_too_high: (limited(orders_per_second=1), BID, BID),
    R.band_is_invalid: (SetMarketBand(market=MAHOMES, band_bps=10_000),),
    R.classification_is_invalid: (ClassifyMarket(market=MAHOMES, team=-1, position=0),),
    R.trading_day_is_invalid: (BeginDay(ends_at_ns=EngineDesk().now),),
}


@pytest.mark.parametrize("reason", ENGINE)
def test_the_engine_refuses_and_changes_nothing(reason: RefusalReason) -> None:
    *before, refused = ENGINE[reason]
    desk = EngineDesk(*before)
    if reason is R.order_table_is_full:
        desk.engine.tables.order_rows = ORDER_ROWS_MAX
    tables = desk.engine.tables
    held = [int(word) for table in (tables.accounts, tables.positions) for word in table]
    assert desk.execute(refused) == reason
    assert [int(word) for table in (tables.accounts, tables.positions) for word in table] == held


ORDER = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "20.00"}

# Bodies of POST /api/v1/orders that are refused before anything is looked up.
REQUESTS: dict[RefusalReason, str] = {
    R.request_is_malformed: "{",
    R.field_is_missing: '{"side": "buy"}',
    R.field_is_unknown: '{"symbl": "MAHOMES"}',
    R.field_is_invalid: '{"symbol": 7}',
    R.quantity_is_too_precise: '{"symbol": "A", "side": "buy", "type": "limit", "quantity": "0.00001"}',
    R.price_is_off_the_tick: '{"symbol": "A", "side": "buy", "type": "limit", "limit_price": 20.001}',
    R.amount_is_too_precise: '{"symbol": "A", "side": "buy", "type": "limit", "notional": "0.0000001"}',
    R.number_is_too_large: '{"symbol": "A", "side": "buy", "type": "limit", "quantity": "1e18"}',
}


@pytest.mark.parametrize("reason", REQUESTS)
def test_the_reading_of_a_request_refuses(reason: RefusalReason) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_order(decode_object(REQUESTS[reason].encode()))
    assert refused.value.reason is reason


class Service:
    """A running exchange with Mahomes listed, behind HTTP as Ann and behind the operator's methods."""

    def __init__(
        self, exchange: Exchange, http: httpx.AsyncClient, patch: pytest.MonkeyPatch, sockets: Sockets
    ) -> None:
        self.exchange = exchange
        self.sockets = sockets
        self.http = http
        self.patch = patch

    @property
    def alpaca_keys(self) -> dict[str, str]:
        """Ann's key and secret as Alpaca's clients send them."""
        own = self.http.headers
        return {"APCA-API-KEY-ID": own["X-API-Key"], "APCA-API-SECRET-KEY": own["X-API-Secret"]}

    async def operate(self, method: str, **params: object) -> str:
        """The code of the refusal of an operator's method, or nothing."""
        try:
            await run_method(self.exchange, method, params)
        except ControlError as error:
            return error.code
        return ""

    async def list_player(self, symbol: str = "MAHOMES", *, supply: str = "10000") -> str:
        facts = {"name": "Patrick Mahomes", "position": "QB", "team": "KC", "reference_price": "20.00"}
        return await self.operate("market.list_player", symbol=symbol, supply=supply, **facts)

    def connect(self) -> SocketClient:
        """A WebSocket connection on which Ann has signed in."""
        client = SocketClient(self.sockets)
        client.ask(
            "auth", api_key=str(self.http.headers["X-API-Key"]), api_secret=str(self.http.headers["X-API-Secret"])
        )
        client.pull()
        return client

    def ask(self, method: str, **params: object) -> str:
        """The code of the refusal of a request over WebSocket."""
        client = self.connect()
        client.messages()
        client.ask(method, **params)
        return str(client.answer()["error"]["code"])

    async def order(self, **changes: object) -> httpx.Response:
        return await self.http.post("/api/v1/orders", json=ORDER | changes)


async def deposit_twice(service: Service) -> str:
    assert await service.operate("cash.deposit", account="house", amount="1", reference="week 1", reason="test") == ""
    return await service.operate("cash.deposit", account="house", amount="2", reference="week 1", reason="test")


async def place_twice(service: Service) -> httpx.Response:
    assert (await service.order(client_order_id="mine")).status_code == 200
    return await service.order(client_order_id="mine", quantity="2")


async def with_a_reading_key(service: Service) -> httpx.Response:
    key = await create_key(service.exchange, account=2, scopes=["read"])
    headers = {"X-API-Key": key.api_key, "X-API-Secret": key.api_secret}
    return await service.http.post("/api/v1/orders", json=ORDER, headers=headers)


async def signed_in(service: Service) -> dict[str, str]:
    """Return the headers of somebody who has just signed in with a provider."""
    login = ProvenLogin(issuer="https://id.league.example", subject="zoe", display_name="Zoe")
    person = await find_or_open(service.exchange, login, provider="league")
    live = await begin_session(service.exchange, person, provider="league", origin=From())
    return {"Authorization": f"Bearer {live.access.text}", "X-API-Key": ""}


async def ask_as_person(
    service: Service, method: str, path: str, *, json: object = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    headers = headers or await signed_in(service)
    return await service.http.request(method, f"/auth/passkeys{path}", headers=headers, json=json)


async def with_a_spent_challenge(service: Service) -> httpx.Response:
    return await ask_as_person(service, "POST", "", json={"credential": {}})


async def long_after_signing_in(service: Service) -> httpx.Response:
    headers = await signed_in(service)
    service.patch.setattr(step_up, "RECENT_SIGN_IN_SECONDS", 0)
    return await ask_as_person(service, "POST", "/options", headers=headers)


async def with_too_many_passkeys(service: Service) -> httpx.Response:
    service.patch.setattr(passkeys, "PASSKEYS_MAX", 0)
    return await ask_as_person(service, "POST", "/options")


async def without_a_passkey(service: Service) -> str:
    login = ProvenLogin(issuer="https://id.league.example", subject="olga", display_name="Olga")
    person = await find_or_open(service.exchange, login, provider="league")
    live = await begin_session(service.exchange, person, provider="league", origin=From())
    session_id = live.session.session_id
    operator = Caller(account=person.account, key_id="", scopes=frozenset({OPERATE}), session_id=session_id)
    with pytest.raises(RefusedError) as refused:
        require_operator(service.exchange, operator)
    return refused.value.reason.name


async def with_an_erased_account(service: Service) -> str:
    account = str(to_uuid(IdKind.account, 2))
    assert await service.operate("account.erase", account=account, reason="asked for") == ""
    return await service.operate("account.new_key", account=account, reason="a bot")


async def issue(service: Service, action_id: str = "more-1", *, reason: str = "sold out") -> str:
    more = {"symbol": "MAHOMES", "quantity": "1", "action_id": action_id, "reason": reason}
    return await service.operate("shares.issue", **more)


async def guard_issues(service: Service) -> None:
    service.exchange.operations.four_eyes = frozenset({"issue_shares"})
    # Without an operator nobody could approve what the host asks for.
    await set_role(service.exchange, account=await open_account(service.exchange), role=codes.ROLE_OPERATOR)


async def decide(service: Service, *, actor: int, action_id: str = "more-1") -> str:
    await guard_issues(service)
    await issue(service)
    try:
        await approve(service.exchange, action_id=action_id, actor=actor, reason="seen")
    except RefusedError as refused:
        return refused.reason.name
    return ""


async def decided_twice(service: Service) -> str:
    assert await decide(service, actor=2) == ""
    return await decide(service, actor=3)


async def decided_too_late(service: Service) -> str:
    service.patch.setattr(decide_module, "PROPOSAL_NS", -1)
    return await decide(service, actor=2)


async def with_the_id_of_another_action(service: Service) -> str:
    assert await issue(service) == ""
    return await issue(service, reason="something else")


async def run_as_host(service: Service, name: str, wanted: object) -> str:
    with pytest.raises(RefusedError) as refused:
        await perform(service.exchange, ACTIONS[name], wanted, Request(HOST, "reason"))
    return refused.value.reason.name


async def one_proposal_too_many(service: Service) -> str:
    service.patch.setattr(perform_module, "PROPOSALS_MAX", 0)
    await guard_issues(service)
    return await issue(service)


async def finished_without_its_name(service: Service) -> str:
    async def fail(*_: object, **__: object) -> NoReturn:
        raise IdentityError("the disk is full")

    with service.patch.context() as patch:
        patch.setattr(SqlIdentityStore, "add_account", fail)
        assert await service.operate("account.create", name="Bob", action_id="bob-1") == "store_failed"
    return await service.operate("actions.finish", action_id="bob-1")


async def with_too_many_keys(service: Service) -> str:
    answers = [await service.operate("account.new_key", account="house", reason="a bot") for _ in range(51)]
    assert not any(answers[:50])
    return answers[50]


async def with_a_full_disk_for_keys(service: Service) -> httpx.Response:
    async def fail(*_: object, **__: object) -> NoReturn:
        raise IdentityError("the disk is full")

    service.patch.setattr(SqlIdentityStore, "add_key", fail)
    return await service.http.post("/api/v1/keys", json={"name": "bot"})


async def too_often(service: Service) -> httpx.Response:
    await service.exchange.identity.set_rates(account=2, rates=RequestRates(1, None))
    await service.order()
    return await service.order()


async def full_disk(*_: object) -> NoReturn:
    raise JournalError("the disk is full")


async def export_of_rows_that_are_not(service: Service) -> httpx.Response:
    command = SetRole(account=ANN, role=codes.ROLE_AUDITOR)
    await service.exchange.sequencer.submit(command)
    auditor = await create_key(service.exchange, account=ANN, scopes=["audit"])
    headers = {"X-API-Key": auditor.api_key, "X-API-Secret": auditor.api_secret}
    return await service.http.get("/api/v1/audit/export?first=1000", headers=headers)


async def recorded(service: Service, reason: str) -> str:
    with pytest.raises(RefusedError) as refused:
        await audit.record(service.exchange, AuditEvent.action_requested, facts={"reason": reason})
    return refused.value.reason.name


async def with_full_disk(service: Service) -> httpx.Response:
    with service.patch.context() as patch:
        patch.setattr(SqliteJournal, "append", full_disk)
        return await service.order()


async def forwarded_to_nobody(service: Service) -> httpx.Response:
    forwarder = Forwarder(Path("no-engine.sock"), body_bytes_max=1)
    app = build_gateway(service.exchange, Settings(data_dir=Path()), forwarder=forwarder).app
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # the same protocol, typed otherwise
    async with httpx.AsyncClient(transport=transport, base_url="http://exchange") as gateway:
        answer = await gateway.get("/api/v1/keys")
    await forwarder.close()
    return answer


async def with_full_queue(service: Service) -> httpx.Response:
    service.patch.setattr(sequencer, "QUEUE_MAX", 0)
    return await service.order()


async def while_stopping(service: Service) -> httpx.Response:
    service.exchange.stop()
    return await service.order()


async def unreadable(*_: object, **__: object) -> NoReturn:
    raise ReadModelError("the disk is gone")


async def placed_and_unreadable(service: Service) -> httpx.Response:
    service.patch.setattr(Queries, "order", unreadable)
    return await service.order()


async def history_unreadable(service: Service) -> httpx.Response:
    service.patch.setattr(Queries, "orders_page", unreadable)
    return await service.http.get("/api/v1/orders")


async def with_a_fault(service: Service) -> httpx.Response:
    service.patch.setattr(Queries, "positions", None)
    return await service.http.get("/api/v1/positions")


async def before_signing_in(service: Service) -> str:
    client = SocketClient(service.sockets)
    client.ask("order.place", **ORDER)
    return str(client.answer()["error"]["code"])


async def as_another_account(service: Service) -> str:
    bob = await create_account(service.exchange, name="Bob", cash_micros=1)
    return service.ask("auth", api_key=bob.api_key, api_secret=bob.api_secret)


async def over_one_connection_too_many(service: Service) -> str:
    service.sockets.limits = replace(service.sockets.limits, connections_max=1)
    first = SocketClient(service.sockets)
    assert first.library.state.name == "OPEN"
    refused = SocketClient(service.sockets)
    return str(json.loads(refused.response.body)["error"]["code"])


async def with_too_many_requests(service: Service) -> str:
    client = service.connect()
    client.messages()
    service.patch.setattr(session, "IN_FLIGHT_MAX", 1)
    client.ask("order.place", **ORDER)
    client.ask("order.place", **ORDER)
    return str(client.answer()["error"]["code"])


async def asked(service: Service, method: str, **params: object) -> str:
    return service.ask(method, **params)


async def while_suspended(service: Service, **settings: object) -> httpx.Response:
    changed = await service.http.patch("/v2/account/configurations", json=settings, headers=service.alpaca_keys)
    assert changed.status_code == 200, changed.text
    return await service.order(quantity="0.5")


async def watchlist(service: Service, *, at: str = "/v2/watchlists", **fields: object) -> str:
    """The reason of the refusal of a watchlist over the Alpaca-compatible face, or nothing."""
    answer = await service.http.post(at, json={"name": "QBs", "symbols": []} | fields, headers=service.alpaca_keys)
    return str(answer.json().get("reason", ""))


async def watchlist_twice(service: Service) -> str:
    assert await watchlist(service) == ""
    return await watchlist(service)


async def one_watchlist_too_many(service: Service) -> str:
    service.patch.setattr(watchlists, "WATCHLISTS_MAX", 0)
    return await watchlist(service)


async def one_symbol_too_many(service: Service) -> str:
    service.patch.setattr(watchlists, "SYMBOLS_MAX", 0)
    return await watchlist(service, symbols=["MAHOMES"])


def league(service: Service) -> FakeProvider:
    provider = FakeProvider()
    service.exchange.sign_in.providers = {"league": provider}
    return provider


async def came_back(service: Service, **query: str) -> str:
    """Begin a sign-in and come back with this; the code that the sign-in page is opened with."""
    begun = await service.http.post("/auth/sign-in/league", json={})
    state = parse_qs(urlsplit(begun.json()["location"]).query)["state"][0]
    cookie = begun.headers["set-cookie"].partition(";")[0]
    answer = await service.http.get(
        "/auth/callback/league", params={"state": state} | query, headers={"Cookie": cookie}
    )
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer.headers["location"]).query)["error"][0]


async def with_another_state(service: Service) -> str:
    league(service)
    return await came_back(service, state="another", code="c")


async def with_a_no_of_the_provider(service: Service) -> str:
    league(service)
    return await came_back(service, error="access_denied")


async def while_the_provider(service: Service, failure: Exception) -> httpx.Response:
    league(service).failure = failure
    return await service.http.post("/auth/sign-in/league", json={})


async def while_sign_up_is(service: Service, mode: SignUp) -> httpx.Response:
    sign_in = service.exchange.sign_in
    sign_in.is_demo = True
    sign_in.rules = replace(sign_in.rules, mode=mode)
    return await service.http.post("/auth/demo", json={"name": "new"})


async def returning_elsewhere(service: Service) -> httpx.Response:
    league(service)
    return await service.http.post("/auth/sign-in/league", json={"return_to": "//evil.example"})


async def by_cookie_alone(service: Service) -> httpx.Response:
    service.exchange.sign_in.is_demo = True
    tokens = (await service.http.post("/auth/demo", json={"name": "ann", "as_program": True})).json()
    headers = {"X-API-Key": "", "Cookie": f"__Host-waiver_access={tokens['access_token']}"}
    return await service.http.post("/auth/sign-out", headers=headers)


SERVICE: dict[RefusalReason, Callable[[Service], Awaitable[httpx.Response | str]]] = {
    R.session_not_found: lambda s: s.http.delete("/auth/sessions/another"),
    R.refresh_token_is_wrong: lambda s: s.http.post("/auth/tokens", json={"refresh_token": "x"}),
    R.csrf_token_is_wrong: by_cookie_alone,
    R.origin_is_foreign: lambda s: s.http.post("/auth/demo", json={"name": "a"}, headers={"Origin": "http://evil"}),
    R.provider_not_found: lambda s: s.http.post("/auth/sign-in/another", json={}),
    R.sign_in_is_unknown: with_another_state,
    R.provider_refused: with_a_no_of_the_provider,
    R.provider_is_unavailable: lambda s: while_the_provider(s, ProviderUnavailableError()),
    R.provider_answer_is_wrong: lambda s: while_the_provider(s, ProviderAnswerError()),
    R.sign_up_is_closed: lambda s: while_sign_up_is(s, SignUp.closed),
    R.invitation_is_wrong: lambda s: while_sign_up_is(s, SignUp.invitation),
    R.email_domain_is_not_allowed: lambda s: while_sign_up_is(s, SignUp.domains),
    R.return_to_is_not_ours: returning_elsewhere,
    R.demo_sign_in_is_off: lambda s: s.http.post("/auth/demo", json={"name": "a"}),
    R.credentials_are_missing: lambda s: s.http.get("/api/v1/account", headers={"X-API-Secret": ""}),
    R.credentials_are_wrong: lambda s: s.http.get("/api/v1/account", headers={"X-API-Secret": "x"}),
    R.token_is_wrong: lambda s: s.http.get("/api/v1/account", headers={"X-API-Key": "", "Authorization": "Bearer x"}),
    R.scope_is_missing: with_a_reading_key,
    R.key_not_found: lambda s: s.operate("account.revoke_key", account="house", key="WXNOBODY", reason="test"),
    R.too_many_keys: with_too_many_keys,
    R.account_is_erased: with_an_erased_account,
    R.house_cannot_be_erased: lambda s: s.operate("account.erase", account="house", reason="none"),
    R.reason_is_missing: lambda s: issue(s, reason=" "),
    R.proposal_not_found: lambda s: decide(s, actor=2, action_id="more-2"),
    R.proposal_is_decided: decided_twice,
    R.proposal_has_expired: decided_too_late,
    R.own_proposal: lambda s: decide(s, actor=HOST),
    R.action_id_used_with_other_content: with_the_id_of_another_action,
    R.action_is_not_repeatable: finished_without_its_name,
    R.too_many_proposals: one_proposal_too_many,
    R.settlement_price_is_negative: lambda s: run_as_host(
        s, "settle_market", given.Settlement(symbol="MAHOMES", price_cents=-1)
    ),
    R.reference_is_reserved: lambda s: run_as_host(
        s, "deposit_cash", given.Deposit(account=2, amount_micros=1, reference="starting-grant")
    ),
    R.step_up_is_required: without_a_passkey,
    R.session_is_required: lambda s: s.http.get("/auth/passkeys"),
    R.passkey_not_found: lambda s: ask_as_person(s, "PATCH", "/none", json={"name": "x"}),
    R.passkey_is_wrong: with_a_spent_challenge,
    R.recent_sign_in_is_required: long_after_signing_in,
    R.too_many_passkeys: with_too_many_passkeys,
    R.request_rate_is_too_high: too_often,
    R.identity_is_unavailable: with_a_full_disk_for_keys,
    R.position_not_found: lambda s: s.http.get("/api/v1/positions/MAHOMES"),
    R.symbol_already_listed: lambda s: s.list_player(supply="9999"),
    R.symbol_is_invalid: lambda s: s.list_player("mahomes"),
    R.reference_used_with_other_content: deposit_twice,
    R.client_order_id_used_with_other_content: place_twice,
    R.client_order_id_is_invalid: lambda s: s.order(client_order_id=""),
    R.route_not_found: lambda s: s.http.get("/nope"),
    R.method_is_not_allowed: lambda s: s.http.put("/api/v1/orders"),
    R.trading_is_suspended_by_owner: lambda s: while_suspended(s, suspend_trade=True),
    R.fractional_trading_is_switched_off: lambda s: while_suspended(s, fractional_trading=False),
    R.watchlist_not_found: lambda s: watchlist(s, at="/v2/watchlists/none", symbol="MAHOMES"),
    R.watchlist_name_is_taken: watchlist_twice,
    R.too_many_watchlists: one_watchlist_too_many,
    R.watchlist_is_full: one_symbol_too_many,
    R.request_is_too_large: lambda s: s.order(client_order_id="x" * 70_000),
    R.content_type_is_unsupported: lambda s: s.http.post("/api/v1/orders", content="{}"),
    R.too_many_requests_in_flight: with_too_many_requests,
    R.too_many_subscriptions: lambda s: asked(s, "subscribe", channels=["orders", "book:MAHOMES", "trades:*"]),
    R.channel_not_found: lambda s: asked(s, "subscribe", channels=["books:MAHOMES"]),
    R.method_not_found: lambda s: asked(s, "order.plaice"),
    R.too_many_connections: over_one_connection_too_many,
    R.connection_is_not_authenticated: before_signing_in,
    R.connection_is_authenticated: as_another_account,
    R.audit_facts_look_personal: lambda s: recorded(s, "asked for by ann@example.com"),
    R.audit_range_is_wrong: export_of_rows_that_are_not,
    R.audit_facts_are_too_long: lambda s: recorded(s, "because " * 300),
    R.journal_is_unavailable: with_full_disk,
    R.engine_is_unavailable: forwarded_to_nobody,
    R.exchange_is_busy: with_full_queue,
    R.exchange_is_stopping: while_stopping,
    R.outcome_is_unknown: placed_and_unreadable,
    R.history_is_unavailable: history_unreadable,
    R.internal_error: with_a_fault,
}


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        ann = await create_account(exchange, name="Ann", cash_micros=1_000_000_000)
        headers = {"X-API-Key": ann.api_key, "X-API-Secret": ann.api_secret}
        monkeypatch.setattr(hub, "SUBSCRIPTIONS_MAX", 2)
        gateway = build_gateway(exchange, Settings(data_dir=tmp_path))
        transport = httpx.ASGITransport(gateway.app)  # type: ignore[arg-type]  # the same protocol, typed otherwise
        async with httpx.AsyncClient(transport=transport, base_url="http://exchange", headers=headers) as http:
            built = Service(exchange, http, monkeypatch, gateway.sockets)
            assert await built.list_player() == ""
            yield built


@pytest.mark.parametrize("reason", SERVICE)
async def test_the_service_refuses(service: Service, reason: RefusalReason) -> None:
    answer = await SERVICE[reason](service)
    if isinstance(answer, str):
        assert answer == reason.name
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (STATUS_OF[reason], reason.name)


def test_every_refusal_is_produced_above() -> None:
    assert set(RefusalReason) - {*ENGINE, *REQUESTS, *SERVICE} == set()
