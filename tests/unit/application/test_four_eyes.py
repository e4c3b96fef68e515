"""Four eyes: in production nobody alone makes or moves cash, shares or authority, whichever action he tries."""

import json
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.clock import FakeClock
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import NewKey, list_keys
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating import parameters as given
from waiver_exchange.application.operating.decide import approve
from waiver_exchange.application.operating.four_eyes import FOUR_EYES_ACTIONS, FOUR_EYES_DEFAULT
from waiver_exchange.application.operating.perform import HOST, Performed, Request, perform
from waiver_exchange.application.operating.table import ACTIONS
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.risk_limits import limits_set, set_role
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import AccountLimits, ExchangeParameters
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.changes import ReadModelError

R = RefusalReason
SHARE: Final = 10_000
HOUSE: Final = codes.HOUSE_ACCOUNT
MALLORY, OTTO, ANN = HOUSE + 1, HOUSE + 2, HOUSE + 3
# What Mallory, an operator, tries for the account of his friend Ann: parameters that would do something, each of them.
TRIED: Final[dict[str, object]] = {
    "open_account": given.NewAccount(name="Friend", cash_micros=10**12),
    "make_key": given.NewKey(account=ANN),
    "revoke_keys": given.OneKey(account=ANN),
    "set_request_rates": given.Rates(account=ANN, orders_per_second=0),
    "freeze_account": given.OneAccount(account=ANN),
    "unfreeze_account": given.OneAccount(account=OTTO),
    "set_role": given.Role(account=ANN, role="operator"),
    "set_limits": given.LimitsOfAccount(account=ANN, open_orders_max=0),
    "set_role_limits": given.LimitsOfRole(role="trader", open_orders_max=0),
    "revoke_sessions": given.OneSession(account=ANN),
    "add_note": given.NewNote(account=ANN, text="a friend"),
    "remove_passkeys": given.OneAccount(account=OTTO),
    "deposit_cash": given.Deposit(account=ANN, amount_micros=10**12),
    "cancel_order": given.OneOrder(order_id=1),
    "cancel_orders": given.OpenOrders(account=ANN),
    "list_player": given.Listed(symbol="KELCE", name="Travis", position="TE", team="KC", supply_units=SHARE),
    "halt_market": given.OneMarket(symbol="MAHOMES"),
    "resume_market": given.OneMarket(symbol="MAHOMES"),
    "set_band": given.Band(symbol="MAHOMES", band_bps=100),
    "halt_exchange": given.Nothing(),
    "resume_exchange": given.Nothing(),
    "kill_switch": given.KillSwitch(),
    "correct_cash": given.CashCorrection(account=ANN, amount_micros=5),
    "correct_shares": given.ShareCorrection(account=ANN, symbol="MAHOMES", quantity_units=SHARE),
    "bust_trade": given.OneTrade(trade_id=1),
    "settle_market": given.Settlement(symbol="MAHOMES", price_cents=100),
    "configure_exchange": ExchangeParameters(),
    "grant_shares": given.Grant(account=ANN, symbol="MAHOMES", quantity_units=SHARE),
    "issue_shares": given.Issue(symbol="MAHOMES", quantity_units=SHARE),
}


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    settings = Settings(data_dir=tmp_path, four_eyes=frozenset(FOUR_EYES_DEFAULT))
    async with running_exchange(settings, clock=FakeClock()) as exchange:
        yield exchange


@pytest.fixture
async def staffed(exchange: Exchange) -> Exchange:
    """Return an exchange with a market, two operators (the second frozen) and Ann."""
    listed = given.Listed(symbol="MAHOMES", name="P", position="QB", team="KC", supply_units=100 * SHARE)
    await ask(exchange, "list_player", listed, actor=HOST)
    for name in ("Mallory", "Otto", "Ann"):
        await create_account(exchange, name=name)
    for account in (MALLORY, OTTO):
        await set_role(exchange, account=account, role=codes.ROLE_OPERATOR)
    return exchange


async def ask(
    exchange: Exchange, name: str, parameters: object, *, actor: int = MALLORY, action_id: str = ""
) -> Performed:
    return await perform(exchange, ACTIONS[name], parameters, Request(actor, "as planned", action_id))


def wealth(exchange: Exchange) -> tuple[object, ...]:
    """Return what money, shares and authority there is, and whose it is."""
    state = exchange.state
    return (
        state.cash_issued_micros,
        {
            view.account: (view.cash_micros, view.role)
            for view in state.accounts.values()
            if view.cash_micros + view.role
        },
        {
            (account, market): holding.quantity_units
            for account, held in state.holdings.items()
            for market, holding in held.items()
            if holding.quantity_units
        },
        [key.key_id for account in state.accounts if account != HOUSE for key in list_keys(exchange, account=account)],
    )


def test_every_action_is_tried_and_can_be_named_but_the_kill_switch() -> None:
    assert set(TRIED) == set(ACTIONS)
    at_once = {name for name, action in ACTIONS.items() if action.at_once is not None}
    assert set(FOUR_EYES_ACTIONS) == set(ACTIONS) - at_once
    assert at_once == {"kill_switch"}


@pytest.mark.parametrize("name", TRIED)
async def test_no_operator_alone_makes_or_moves_cash_shares_or_authority(staffed: Exchange, name: str) -> None:
    before = wealth(staffed)
    waits = name in FOUR_EYES_DEFAULT
    try:
        done = await ask(staffed, name, TRIED[name])
    except RefusedError as error:
        assert not waits, error.reason  # noqa: PT017 - an action that waits is not carried out, so nothing refuses it
    else:
        assert (done.view.status == "proposed") is waits
        assert done.told is None or not isinstance(done.told, NewKey)
    assert wealth(staffed) == before


@pytest.mark.parametrize("name", ["open_account", "make_key"])
async def test_who_asked_carries_out_what_tells_a_secret_once_it_is_approved(staffed: Exchange, name: str) -> None:
    await ask(staffed, name, TRIED[name], action_id="secret")
    before = wealth(staffed)
    for _ in range(2):
        approved = await approve(staffed, action_id="secret", actor=OTTO, reason="seen")
        assert (approved.view.status, approved.told, wealth(staffed) == before) == ("approved", None, True)
    done = await ask(staffed, name, TRIED[name], action_id="secret")
    assert (done.view.status, type(done.told)) == ("done", NewKey)
    assert (await ask(staffed, name, TRIED[name], action_id="secret")).told is None


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("open_account", given.NewAccount(name="Bob")),
        ("set_role", given.Role(account=ANN, role="service")),
        ("unfreeze_account", given.OneAccount(account=ANN)),
        ("remove_passkeys", given.OneAccount(account=ANN)),
    ],
)
async def test_the_same_action_waits_for_nobody_where_it_gives_no_money_and_no_authority(
    staffed: Exchange, name: str, parameters: object
) -> None:
    assert (await ask(staffed, name, parameters)).view.status == "done"


@pytest.mark.parametrize("role", ["operator", "auditor"])
async def test_giving_and_taking_authority_waits(staffed: Exchange, role: str) -> None:
    assert (await ask(staffed, "set_role", given.Role(account=ANN, role=role))).view.status == "proposed"
    taken = await ask(staffed, "set_role", given.Role(account=OTTO, role="trader"))
    assert taken.view.status == "proposed"


async def test_an_operator_does_not_lift_the_limits_of_his_own_role_alone(staffed: Exchange) -> None:
    wanted = given.LimitsOfRole(role="operator", open_orders_max=0)
    assert (await ask(staffed, "set_role_limits", wanted)).view.status == "proposed"


async def test_the_host_sets_an_exchange_up_until_there_is_an_operator(exchange: Exchange) -> None:
    listed = given.Listed(symbol="KELCE", name="T", position="TE", team="KC", supply_units=SHARE)
    await create_account(exchange, name="Olga")
    for name, parameters in (
        ("list_player", listed),
        ("deposit_cash", given.Deposit(account=MALLORY, amount_micros=5)),
        ("set_role", given.Role(account=MALLORY, role="operator")),
    ):
        assert (await ask(exchange, name, parameters, actor=HOST)).view.status == "done", name
    waiting = await ask(exchange, "deposit_cash", given.Deposit(account=MALLORY, amount_micros=6), actor=HOST)
    assert waiting.view.status == "proposed"
    approved = await approve(exchange, action_id=waiting.view.action_id, actor=MALLORY, reason="agreed")
    assert (approved.view.status, exchange.state.accounts[MALLORY].cash_micros) == ("done", 11)


async def test_limits_set_in_the_meantime_stay(staffed: Exchange) -> None:
    staffed.operations.four_eyes = frozenset({"set_limits"})
    first = given.LimitsOfAccount(account=ANN, open_orders_max=7)
    await ask(staffed, "set_limits", first, action_id="first")
    staffed.operations.four_eyes = frozenset()
    await ask(staffed, "set_limits", given.LimitsOfAccount(account=ANN, orders_per_second=3, orders_burst=3))
    for _ in range(2):
        # The same request again is the same action, whatever was set in between.
        assert (await ask(staffed, "set_limits", first, action_id="first")).view.status == "proposed"
    await approve(staffed, action_id="first", actor=OTTO, reason="agreed")
    limits = limits_set(staffed, scope=codes.LIMITS_OF_ACCOUNT, number=ANN)
    assert (limits.open_orders_max, limits.orders_per_second, limits.orders_burst) == (7, 3, 3)
    view = (await ask(staffed, "set_limits", first, action_id="first")).view
    assert (view.status, json.loads(view.parameters)) == ("done", {"account": ANN, "open_orders_max": 7})


async def test_request_rates_set_in_the_meantime_stay(staffed: Exchange) -> None:
    staffed.operations.four_eyes = frozenset({"set_request_rates"})
    await ask(staffed, "set_request_rates", given.Rates(account=ANN, orders_per_second=7), action_id="first")
    staffed.operations.four_eyes = frozenset()
    await ask(staffed, "set_request_rates", given.Rates(account=ANN, reads_per_second=3))
    await approve(staffed, action_id="first", actor=OTTO, reason="agreed")
    assert staffed.identity.find_rates(ANN) == (7, 3, None, None)


def test_limits_that_are_given_are_the_limits_there_are() -> None:
    assert [limit.name for limit in fields(given.SomeLimits)] == [limit.name for limit in fields(AccountLimits)]


@pytest.mark.parametrize("action_id", ["", "stop-1"])
async def test_the_kill_switch_waits_for_no_store(
    staffed: Exchange, monkeypatch: pytest.MonkeyPatch, action_id: str
) -> None:
    async def fail(_: str) -> None:
        raise ReadModelError("no such table")

    monkeypatch.setattr(staffed.read_model, "find_action", fail)
    done = await ask(staffed, "kill_switch", given.KillSwitch(), action_id=action_id)
    assert (done.view.status, staffed.state.is_halted) == ("done", True)


async def test_the_kill_switch_again_with_its_id_stops_nothing_anew(staffed: Exchange) -> None:
    await ask(staffed, "kill_switch", given.KillSwitch(), action_id="stop-1")
    await ask(staffed, "resume_exchange", given.Nothing())
    assert (await ask(staffed, "kill_switch", given.KillSwitch(), action_id="stop-1")).is_repetition
    assert not staffed.state.is_halted
    with pytest.raises(RefusedError) as error:
        await ask(staffed, "kill_switch", given.KillSwitch(cancels_orders=1), action_id="stop-1")
    assert (error.value.reason, staffed.state.is_halted) == (R.action_id_used_with_other_content, False)
