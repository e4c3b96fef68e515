"""Accounts at a first sign-in: who may open one, and that a crash anywhere in between leaves exactly one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.auditing import recorded_events, without_a_journal
from waiver_exchange.application import audit, first_sign_in
from waiver_exchange.application.accounts import halt_account, open_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.first_sign_in import find_or_open
from waiver_exchange.application.invitations import invite, revoke_invitation
from waiver_exchange.application.personal_data import erase_person, export_person
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sign_in_ports import ProvenLogin, SignUp
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings, SignInSettings
from waiver_exchange.domain.codes import HOUSE_ACCOUNT
from waiver_exchange.domain.refusals import RefusalReason

R = RefusalReason
ANN = ProvenLogin("https://id.example", "ann", "Ann", "ann@example.org", is_email_verified=True)
CASH = 10_000_000_000


class CrashedError(Exception):
    """The process ended here."""


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        yield exchange


def let_in(exchange: Exchange, mode: SignUp, *domains: str) -> None:
    exchange.sign_in.rules = replace(exchange.sign_in.rules, mode=mode, domains=frozenset(domains))


def lose_names(folder: Path) -> None:
    for file in folder.glob("identity.db*"):
        file.unlink()


async def refusal(exchange: Exchange, login: ProvenLogin, invitation: str = "") -> RefusalReason:
    with pytest.raises(RefusedError) as error:
        await find_or_open(exchange, login, provider="league", invitation=invitation)
    return error.value.reason


async def test_a_first_sign_in_opens_an_account_with_the_grant(exchange: Exchange) -> None:
    person = await find_or_open(exchange, ANN, provider="league")
    assert exchange.state.accounts[person.account].cash_micros == CASH
    again = await find_or_open(exchange, ANN._replace(display_name="Ann B."), provider="league")
    assert (again.account, again.person_id, again.display_name) == (person.account, person.person_id, "Ann B.")
    assert exchange.state.cash_issued_micros == CASH


async def test_the_same_address_of_another_subject_or_issuer_is_another_person(exchange: Exchange) -> None:
    ann = await find_or_open(exchange, ANN, provider="league")
    others = [ANN._replace(subject="other"), ANN._replace(issuer="https://evil.example")]
    accounts = {(await find_or_open(exchange, login, provider="league")).account for login in others}
    assert len(accounts | {ann.account}) == 3


STEPS: dict[str, Callable[[Exchange], tuple[object, str]]] = {
    "before the person": lambda exchange: (exchange.people, "add_person"),
    "before the account": lambda _: (first_sign_in, "open_account"),
    "before the grant": lambda _: (first_sign_in, "deposit_cash"),
    "before the name": lambda exchange: (exchange.identity, "add_account"),
    "before the record": lambda _: (audit, "record"),
    "before the link": lambda exchange: (exchange.people, "link_account"),
}


@pytest.mark.parametrize("is_done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_in_between_is_made_good_by_signing_in_again(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, step: str, *, is_done: bool
) -> None:
    owner, name = STEPS[step](exchange)
    work = getattr(owner, name)

    async def crash(*given: object, **named: object) -> None:
        if is_done:
            await work(*given, **named)
        raise CrashedError

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, crash)
        with suppress(CrashedError):
            await find_or_open(exchange, ANN, provider="league")
    first = await find_or_open(exchange, ANN, provider="league")
    second = await find_or_open(exchange, ANN, provider="league")
    assert first.account == second.account > 0
    assert exchange.state.cash_issued_micros == exchange.state.accounts[first.account].cash_micros == CASH
    assert len(exchange.state.accounts) == 2  # the house and Ann
    assert len(exchange.people.list_people()) == 1


async def test_who_was_forgotten_and_comes_back_has_a_new_account_without_a_second_grant(tmp_path: Path) -> None:
    accounts = set()
    for round_ in range(3):
        async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
            ann = await find_or_open(exchange, ANN, provider="league")
            accounts.add(ann.account)
            assert exchange.state.accounts[ann.account].cash_micros == (0 if round_ else CASH)
            await erase_person(exchange, account=ann.account, reason="asked for")
            again = await find_or_open(exchange, ANN, provider="league")
            accounts.add(again.account)
            assert exchange.state.accounts[again.account].cash_micros == 0
            await erase_person(exchange, account=again.account, reason="asked for")
            assert exchange.state.cash_issued_micros == CASH
            assert exchange.people.list_people() == []
    assert len(accounts) == 6
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        bob = await find_or_open(exchange, ANN._replace(subject="bob"), provider="league")
        assert exchange.state.accounts[bob.account].cash_micros == CASH


async def test_a_freeze_is_not_ended_by_being_forgotten(tmp_path: Path) -> None:
    bob = ANN._replace(subject="bob")
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        frozen = await find_or_open(exchange, ANN, provider="league")
        free = await find_or_open(exchange, bob, provider="league")
        await halt_account(exchange, account=frozen.account)
        for person in (frozen, free):
            await erase_person(exchange, account=person.account, actor=person.account)
        assert await refusal(exchange, ANN) is R.account_is_halted
        assert (await find_or_open(exchange, bob, provider="league")).account not in {0, free.account}
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        assert await refusal(exchange, ANN) is R.account_is_halted
        people = [person.account for person in exchange.people.list_people()]
        assert len(people) == 1


async def test_an_invitation_to_an_account_gives_it_back_when_the_names_were_lost(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        account = (await find_or_open(exchange, ANN, provider="league")).account
        with pytest.raises(RefusedError):
            await invite(exchange, count=1, days=7, reason="asked for", account=account)
    lose_names(tmp_path)
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        let_in(exchange, SignUp.closed)
        assert await refusal(exchange, ANN) is R.sign_up_is_closed
        [code] = await invite(exchange, count=1, days=7, reason="asked for", account=account)
        [other] = await invite(exchange, count=1, days=7, reason="asked for", account=account)
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        let_in(exchange, SignUp.closed)
        again = await find_or_open(exchange, ANN, provider="league", invitation=code)
        assert again.account == account
        assert exchange.state.cash_issued_micros == exchange.state.accounts[account].cash_micros == CASH
        let_in(exchange, SignUp.open)
        # Spent, or to an account that somebody has: nobody else comes in with it, not even as somebody new.
        for used in (code, other):
            assert await refusal(exchange, ANN._replace(subject="eve"), used) is R.invitation_is_wrong
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        assert (await find_or_open(exchange, ANN, provider="league")).account == account


async def test_an_invitation_to_an_account_survives_a_crash(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await open_account(exchange)
    [code] = await invite(exchange, count=1, days=7, reason="asked for", account=account)

    async def crash(*_: object, **__: object) -> None:
        raise CrashedError

    with monkeypatch.context() as patch:
        patch.setattr(exchange.people, "link_account", crash)
        with suppress(CrashedError):
            await find_or_open(exchange, ANN, provider="league", invitation=code)
    assert (await find_or_open(exchange, ANN, provider="league")).account == account


async def test_who_was_opened_and_not_linked_can_be_forgotten(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object, **__: object) -> None:
        raise CrashedError

    with monkeypatch.context() as patch:
        patch.setattr(exchange.people, "link_account", crash)
        for login in (ANN, ANN._replace(subject="bob", display_name="Bob")):
            with suppress(CrashedError):
                await find_or_open(exchange, login, provider="league")
    account = min(number for number in exchange.state.accounts if number != HOUSE_ACCOUNT)
    document = await export_person(exchange, account=account)
    assert document["profile"]["email"] == ANN.email  # type: ignore[index]
    await erase_person(exchange, account=account, reason="asked for")
    assert [person.display_name for person in exchange.people.list_people()] == ["Bob"]
    again = await find_or_open(exchange, ANN, provider="league")
    assert again.account not in {0, account}
    bob = await find_or_open(exchange, ANN._replace(subject="bob"), provider="league")
    assert bob.account == account + 1


async def test_several_tabs_at_a_first_sign_in_come_into_one_account(exchange: Exchange) -> None:
    people = await asyncio.gather(*(find_or_open(exchange, ANN, provider="league") for _ in range(8)))
    (account,) = {person.account for person in people}
    assert len(exchange.state.accounts) == 2  # the house and Ann
    assert exchange.state.cash_issued_micros == exchange.state.accounts[account].cash_micros == CASH
    assert exchange.identity.find_name(account) == "Ann"


async def test_another_grant_by_now_is_no_obstacle(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(*_: object, **__: object) -> None:
        raise CrashedError

    with monkeypatch.context() as patch:
        patch.setattr(exchange.people, "link_account", crash)
        with suppress(CrashedError):
            await find_or_open(exchange, ANN, provider="league")
    exchange.sign_in.rules = replace(exchange.sign_in.rules, starting_cash_micros=5)
    person = await find_or_open(exchange, ANN, provider="league")
    assert exchange.state.accounts[person.account].cash_micros == CASH


async def test_nobody_is_let_in_while_sign_up_is_closed_but_those_who_are(exchange: Exchange) -> None:
    ann = await find_or_open(exchange, ANN, provider="league")
    let_in(exchange, SignUp.closed)
    assert await refusal(exchange, ANN._replace(subject="bob")) is R.sign_up_is_closed
    assert (await find_or_open(exchange, ANN, provider="league")).account == ann.account
    assert len(exchange.people.list_people()) == 1  # nothing is kept of who is not let in


@pytest.mark.parametrize(
    ("email", "is_verified", "is_in"),
    [
        ("ann@example.org", True, True),
        ("ann@EXAMPLE.org", True, True),
        ("ann@example.org", False, False),
        ("ann@sub.example.org", True, False),
        ("ann@example.org.evil.example", True, False),
        ("", True, False),
    ],
)
async def test_only_verified_addresses_of_the_domains_are_let_in(
    exchange: Exchange, email: str, *, is_verified: bool, is_in: bool
) -> None:
    let_in(exchange, SignUp.domains, "example.org")
    login = ANN._replace(email=email, is_email_verified=is_verified)
    if is_in:
        assert (await find_or_open(exchange, login, provider="league")).account
    else:
        assert await refusal(exchange, login) is R.email_domain_is_not_allowed


async def test_an_invitation_is_good_for_one_person(exchange: Exchange) -> None:
    let_in(exchange, SignUp.invitation)
    [code] = await invite(exchange, count=1, days=7, reason="a friend")
    for wrong in ("", "made up", code[:-1]):
        assert await refusal(exchange, ANN, wrong) is R.invitation_is_wrong
    assert exchange.people.list_people() == []
    ann = await find_or_open(exchange, ANN, provider="league", invitation=f" {code} ")
    assert await refusal(exchange, ANN._replace(subject="bob"), code) is R.invitation_is_wrong
    assert (await find_or_open(exchange, ANN, provider="league")).account == ann.account


async def test_an_invitation_that_was_taken_back_is_good_for_nobody_and_recorded_once(exchange: Exchange) -> None:
    let_in(exchange, SignUp.invitation)
    [code, spent] = await invite(exchange, count=2, days=7, reason="friends")
    with without_a_journal(exchange), pytest.raises(RefusedError, match="journal_is_unavailable"):
        await revoke_invitation(exchange, code=code, reason="sent to the wrong person")
    assert await refusal(exchange, ANN, code) is R.invitation_is_wrong
    assert await recorded_events(exchange, "invitation_revoked") == []
    ended = await revoke_invitation(exchange, code=code, reason="sent to the wrong person")
    assert await revoke_invitation(exchange, code=code, reason="again") == ended
    assert await recorded_events(exchange, "invitation_revoked") == [
        {"invitation": ended.invitation_id, "reason": "sent to the wrong person", "actor": 0}
    ]
    await find_or_open(exchange, ANN, provider="league", invitation=spent)
    for wrong in (spent, "unknown"):
        with pytest.raises(RefusedError, match="invitation_is_wrong"):
            await revoke_invitation(exchange, code=wrong, reason="too late")


async def test_an_invitation_that_a_crash_spent_is_still_its_persons(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_in(exchange, SignUp.invitation)
    [code] = await invite(exchange, count=1, days=7, reason="a friend")

    async def crash(*_: object, **__: object) -> None:
        raise CrashedError

    with monkeypatch.context() as patch:
        patch.setattr(first_sign_in, "open_account", crash)
        with suppress(CrashedError):
            await find_or_open(exchange, ANN, provider="league", invitation=code)
    assert (await find_or_open(exchange, ANN, provider="league")).account


@pytest.mark.parametrize(("count", "days"), [(0, 1), (101, 1), (1, 0), (1, 366)])
async def test_invitations_have_bounds(exchange: Exchange, count: int, days: int) -> None:
    with pytest.raises(RefusedError, match="field_is_invalid"):
        await invite(exchange, count=count, days=days, reason="friends")


async def test_an_account_may_begin_with_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, sign_in=SignInSettings(starting_cash_micros=0))
    async with running_exchange(settings) as exchange:
        person = await find_or_open(exchange, ANN, provider="league")
        assert exchange.state.accounts[person.account].cash_micros == 0
