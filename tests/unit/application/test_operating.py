"""Admin actions: written down before they are done, done once, and decided by a second operator where it is asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating import parameters as given
from waiver_exchange.application.operating.action import Doing, Ran
from waiver_exchange.application.operating.decide import approve, finish, reject, status_of
from waiver_exchange.application.operating.perform import HOST, Performed, Request, find_action, perform
from waiver_exchange.application.operating.reads import list_actions
from waiver_exchange.application.operating.table import ACTIONS
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.risk_limits import set_role
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import decode_command
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.actions import PROPOSAL_NS, RESERVED_FACTS

R = RefusalReason
SHARE = 10_000
OLGA, OTTO = 8, 9
DEPOSIT, ISSUE = ACTIONS["deposit_cash"], ACTIONS["issue_shares"]
MORE = given.Issue(symbol="MAHOMES", quantity_units=SHARE)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def exchange(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        await list_mahomes(exchange)
        yield exchange


async def list_mahomes(exchange: Exchange) -> None:
    listed = given.Listed(symbol="MAHOMES", name="Patrick", position="QB", team="KC", supply_units=100 * SHARE)
    await perform(exchange, ACTIONS["list_player"], listed, Request(HOST, "set up"))


def supply(exchange: Exchange) -> int:
    return exchange.market("MAHOMES").supply_units // SHARE


async def issue(
    exchange: Exchange, *, actor: int = OLGA, action_id: str = "more-1", reason: str = "sold out"
) -> Performed:
    return await perform(exchange, ISSUE, MORE, Request(actor, reason, action_id))


async def refused(work: object) -> RefusalReason:
    with pytest.raises(RefusedError) as error:
        await work  # type: ignore[misc]
    return error.value.reason


async def audit_texts(exchange: Exchange) -> list[dict[str, object]]:
    rows = await exchange.journal.read(after=0, limit=1_000)
    texts = [decode_command(row.command).tail for row in rows if row.command[0] == 18]
    return [json.loads(text) for text in texts if "action_id" in text]


async def test_an_action_is_durable_before_it_is_done_and_after(exchange: Exchange) -> None:
    done = await issue(exchange)
    assert (done.view.status, supply(exchange)) == ("done", 101)
    requested, ended = (await audit_texts(exchange))[-2:]
    assert requested == {
        "action": "issue_shares",
        "action_id": "more-1",
        "four_eyes": 0,
        "quantity_units": SHARE,
        "reason": "sold out",
        "reference": "",
        "symbol": "MAHOMES",
    }
    assert (ended["action_id"], ended["outcome"]) == ("more-1", "done")
    assert done.view.sequence < int(str(ended["sequence"]))


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "a\nb"])
async def test_an_action_without_a_reason_is_refused(exchange: Exchange, reason: str) -> None:
    assert await refused(issue(exchange, reason=reason)) is R.reason_is_missing
    assert supply(exchange) == 100


async def test_the_same_action_again_gets_the_first_outcome(exchange: Exchange) -> None:
    first = await issue(exchange)
    again = await issue(exchange)
    assert (again.is_repetition, again.view.sequence, supply(exchange)) == (True, first.view.sequence, 101)


async def test_the_same_action_twice_at_once_is_done_once(exchange: Exchange) -> None:
    both = await asyncio.gather(issue(exchange), issue(exchange))
    assert sorted(done.is_repetition for done in both) == [False, True]
    assert supply(exchange) == 101


async def test_an_id_belongs_to_one_action(exchange: Exchange) -> None:
    await issue(exchange)
    assert await refused(issue(exchange, reason="another")) is R.action_id_used_with_other_content
    assert await refused(issue(exchange, actor=OTTO)) is R.action_id_used_with_other_content
    other = perform(exchange, ACTIONS["halt_exchange"], given.Nothing(), Request(OLGA, "sold out", "more-1"))
    assert await refused(other) is R.action_id_used_with_other_content


async def test_a_refused_action_says_so_and_stays_refused(exchange: Exchange) -> None:
    wanted = given.Deposit(account=99, amount_micros=1)
    for _ in range(2):
        request = Request(OLGA, "week 1", "deposit-1")
        assert await refused(perform(exchange, DEPOSIT, wanted, request)) is R.account_not_found
    view = await find_action(exchange, "deposit-1")
    assert view is not None
    assert (view.status, view.outcome) == ("refused", "account_not_found")


async def test_a_refusal_told_again_says_that_nothing_was_tried(exchange: Exchange) -> None:
    wanted, request = given.Deposit(account=99, amount_micros=1), Request(OLGA, "week 1", "deposit-1")
    details = []
    for _ in range(2):
        with pytest.raises(RefusedError) as error:
            await perform(exchange, DEPOSIT, wanted, request)
        details.append(error.value.details)
    assert "repeated" not in details[0]
    assert details[1]["action_id"] == "deposit-1"
    assert "use a new action_id" in str(details[1]["repeated"])


@pytest.mark.parametrize("reference", ["starting-grant", "action deposit-1", "opening of somebody"])
async def test_references_of_the_exchange_are_not_for_operators(exchange: Exchange, reference: str) -> None:
    new = await create_account(exchange, name="Ann")
    gifts = {
        "deposit_cash": given.Deposit(account=new.account, amount_micros=5, reference=reference),
        "grant_shares": given.Grant(account=new.account, symbol="MAHOMES", quantity_units=SHARE, reference=reference),
        "issue_shares": replace(MORE, reference=reference),
    }
    for name, wanted in gifts.items():
        assert await refused(perform(exchange, ACTIONS[name], wanted, Request(HOST, "x"))) is R.reference_is_reserved
    assert (exchange.state.accounts[new.account].cash_micros, supply(exchange)) == (0, 100)


async def test_a_reference_that_was_used_is_marked_and_gives_nothing(exchange: Exchange) -> None:
    new = await create_account(exchange, name="Ann")
    gifts = {
        "deposit_cash": given.Deposit(account=new.account, amount_micros=5, reference="week 1"),
        "grant_shares": given.Grant(account=new.account, symbol="MAHOMES", quantity_units=SHARE, reference="week 1"),
        "issue_shares": replace(MORE, reference="week 1"),
    }
    for name, wanted in gifts.items():
        first = await perform(exchange, ACTIONS[name], wanted, Request(HOST, "x", f"{name}-1"))
        again = await perform(exchange, ACTIONS[name], wanted, Request(HOST, "x", f"{name}-2"))
        assert (json.loads(first.view.facts), json.loads(again.view.facts)) == ({}, {"reference_used_before": 1})
    assert (exchange.state.accounts[new.account].cash_micros, supply(exchange)) == (5, 101)


async def test_a_proposal_whose_reference_was_used_meanwhile_is_marked(guarded: Exchange, clock: FakeClock) -> None:
    wanted = replace(MORE, reference="week 1")
    await perform(guarded, ISSUE, wanted, Request(OLGA, "x", "slow"))
    guarded.operations.four_eyes = frozenset()
    await perform(guarded, ISSUE, wanted, Request(OTTO, "x", "quick"))
    clock.advance(1_000)
    done = await approve(guarded, action_id="slow", actor=OTTO, reason="yes")
    assert json.loads(done.view.facts) == {"reference_used_before": 1}


async def test_a_settlement_at_less_than_nothing_says_what_is_wrong(exchange: Exchange) -> None:
    wanted = given.Settlement(symbol="MAHOMES", price_cents=-100)
    settling = perform(exchange, ACTIONS["settle_market"], wanted, Request(HOST, "x"))
    assert await refused(settling) is R.settlement_price_is_negative
    assert not exchange.market("MAHOMES").is_settled


async def test_an_action_cut_short_is_shown_and_finished_once(tmp_path: Path, clock: FakeClock) -> None:
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        await list_mahomes(exchange)

        async def stop_between(exchange: Exchange, wanted: given.Issue, doing: Doing) -> Ran:
            await ISSUE.run(exchange, wanted, doing)
            raise RefusedError(R.outcome_is_unknown)

        cut = replace(ISSUE, run=stop_between)
        cut_short = perform(exchange, cut, MORE, Request(OLGA, "sold out", "more-1"))
        assert await refused(cut_short) is R.outcome_is_unknown
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        unfinished = (await list_actions(exchange, which="unfinished", limit=9)).items
        assert [view.action_id for view in unfinished] == ["more-1"]
        done = await finish(exchange, action_id="more-1", actor=OTTO)
        assert (done.view.status, done.view.done_by, supply(exchange)) == ("done", OTTO, 101)
        assert await refused(finish(exchange, action_id="more-1", actor=OTTO)) is R.proposal_is_decided
        assert (await issue(exchange)).is_repetition
        assert (await list_actions(exchange, which="unfinished", limit=9)).items == []


async def test_what_the_journal_does_not_keep_is_sent_again(exchange: Exchange) -> None:
    async def fail(*_: object, **__: object) -> Ran:
        raise RefusedError(R.identity_is_unavailable)

    opening = ACTIONS["open_account"]
    cut = replace(opening, run=fail)
    wanted = given.NewAccount(name="Ann", cash_micros=5)
    request = Request(HOST, "set up", "ann-1")
    assert await refused(perform(exchange, cut, wanted, request)) is R.identity_is_unavailable
    assert "Ann" not in json.dumps(await audit_texts(exchange))
    assert await refused(finish(exchange, action_id="ann-1", actor=HOST)) is R.action_is_not_repeatable
    done = await perform(exchange, opening, wanted, request)
    assert exchange.identity.find_name(json.loads(done.view.facts)["opened"]) == "Ann"


@pytest.fixture
async def guarded(exchange: Exchange) -> Exchange:
    exchange.operations.four_eyes = frozenset({"issue_shares"})
    return exchange


async def test_a_proposal_waits_for_another_operator(guarded: Exchange) -> None:
    proposed = await issue(guarded)
    assert (proposed.view.status, supply(guarded)) == ("proposed", 100)
    assert await refused(approve(guarded, action_id="more-1", actor=OLGA, reason="mine")) is R.own_proposal
    assert supply(guarded) == 100
    done = await approve(guarded, action_id="more-1", actor=OTTO, reason="seen")
    assert (done.view.status, done.view.decided_by, done.view.decision_reason) == ("done", OTTO, "seen")
    assert supply(guarded) == 101


async def test_the_host_and_operators_approve_each_other(guarded: Exchange) -> None:
    await set_role(guarded, account=(await create_account(guarded, name="Olga")).account, role=codes.ROLE_OPERATOR)
    await issue(guarded, actor=HOST, action_id="a")
    assert await refused(approve(guarded, action_id="a", actor=HOST, reason="mine")) is R.own_proposal
    assert (await approve(guarded, action_id="a", actor=OTTO, reason="yes")).view.status == "done"
    await issue(guarded, actor=OLGA, action_id="b")
    assert (await approve(guarded, action_id="b", actor=HOST, reason="yes")).view.status == "done"


async def test_two_who_approve_at_once_run_it_once(guarded: Exchange) -> None:
    await issue(guarded)
    answers = await asyncio.gather(
        approve(guarded, action_id="more-1", actor=OTTO, reason="yes"),
        approve(guarded, action_id="more-1", actor=HOST, reason="yes"),
        approve(guarded, action_id="more-1", actor=OTTO, reason="yes"),
        return_exceptions=True,
    )
    assert supply(guarded) == 101
    refusals = [answer.reason for answer in answers if isinstance(answer, RefusedError)]
    assert refusals == [R.proposal_is_decided]


async def test_an_approval_repeated_gets_the_refusal_that_it_met(guarded: Exchange) -> None:
    too_many = replace(MORE, quantity_units=10**12)
    await perform(guarded, ISSUE, too_many, Request(OLGA, "x", "huge"))
    for _ in range(2):
        approving = approve(guarded, action_id="huge", actor=OTTO, reason="yes")
        assert await refused(approving) is R.supply_would_be_too_large
    assert await refused(approve(guarded, action_id="huge", actor=HOST, reason="yes")) is R.proposal_is_decided


async def test_a_rejected_proposal_is_never_done(guarded: Exchange) -> None:
    await issue(guarded)
    view = await reject(guarded, action_id="more-1", actor=OTTO, reason="why so many")
    assert (view.status, view.decision_reason) == ("rejected", "why so many")
    assert await refused(approve(guarded, action_id="more-1", actor=OTTO, reason="oh well")) is R.proposal_is_decided
    assert (await issue(guarded)).view.status == "rejected"
    assert supply(guarded) == 100


async def test_who_asked_may_take_it_back(guarded: Exchange) -> None:
    await issue(guarded)
    assert (await reject(guarded, action_id="more-1", actor=OLGA, reason="a slip")).status == "rejected"


async def test_a_proposal_expires_after_a_day(guarded: Exchange, clock: FakeClock) -> None:
    proposed = await issue(guarded)
    clock.now += PROPOSAL_NS + 1
    assert status_of(guarded, proposed.view) == "expired"
    assert (await list_actions(guarded, which="proposed", limit=9)).items == []
    assert await refused(approve(guarded, action_id="more-1", actor=OTTO, reason="late")) is R.proposal_has_expired
    await perform(guarded, ACTIONS["halt_exchange"], given.Nothing(), Request(HOST, "anything"))
    view = await find_action(guarded, "more-1")
    assert view is not None
    assert view.status == "expired"


async def test_a_proposal_outlives_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        await list_mahomes(exchange)
        exchange.operations.four_eyes = frozenset({"issue_shares"})
        before = (await issue(exchange)).view
    (tmp_path / "read_model.db").unlink()
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        assert (await list_actions(exchange, which="proposed", limit=9)).items == [before]
        assert (await approve(exchange, action_id="more-1", actor=OTTO, reason="yes")).view.status == "done"
        assert supply(exchange) == 101


async def test_what_an_operator_gives_himself_waits_for_another(exchange: Exchange) -> None:
    ann = (await create_account(exchange, name="Ann")).account
    wanted = given.Deposit(account=ann, amount_micros=5)
    own = await perform(exchange, DEPOSIT, wanted, Request(ann, "a bonus", "own"))
    assert (own.view.status, exchange.state.accounts[ann].cash_micros) == ("proposed", 0)
    other = await perform(exchange, DEPOSIT, wanted, Request(OTTO, "a bonus", "other"))
    assert (other.view.status, exchange.state.accounts[ann].cash_micros) == ("done", 5)


async def test_proposals_are_bounded(guarded: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waiver_exchange.application.operating.perform.PROPOSALS_MAX", 1)
    await issue(guarded, action_id="a")
    assert await refused(issue(guarded, action_id="b")) is R.too_many_proposals
    assert await refused(approve(guarded, action_id="b", actor=OTTO, reason="yes")) is R.proposal_not_found


async def test_pages_of_actions_follow_each_other(exchange: Exchange) -> None:
    for number in range(5):
        await issue(exchange, action_id=f"more-{number}")
    await asyncio.sleep(0.6)  # most of it is in the store then
    seen: list[str] = []
    cursor: int | None = None
    while True:
        page = await list_actions(exchange, before_sequence=cursor, limit=2)
        seen += [view.action_id for view in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen[:5] == [f"more-{number}" for number in reversed(range(5))]
    assert len(seen) == 6


@pytest.mark.parametrize("name", ACTIONS)
def test_no_parameter_has_the_name_of_another_fact(name: str) -> None:
    assert RESERVED_FACTS.isdisjoint(ACTIONS[name].parameters.__dataclass_fields__)
