"""A person's data given out whole, and forgotten whole, also when it is cut short anywhere."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from waiver_exchange.adapters.sql.identity.erasures import SqlErasures
from waiver_exchange.adapters.sql.preferences import SqlPreferencesStore
from waiver_exchange.application import personal_data
from waiver_exchange.application.access import authenticate
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import NewKey, create_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import (
    Invitation,
    Login,
    Note,
    Passkey,
    Person,
    RefreshToken,
    Session,
)
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.personal_data import erase_person, export_person, resume_erasures
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.ports import IdentityError, Watchlist
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sessions import From, begin_session
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.routes import ROUTES

PLANTED = ("Zebedee", "zq@planted.example", "203.0.113.77", "Firefox-planted", "subj-4711", "My planted key")
LOGIN = Login(person_id="p1", issuer="https://issuer.planted", subject="subj-4711", provider="league", created_at_ns=1)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=folder / "exchange")) as exchange:
        yield exchange


async def settle(exchange: Exchange) -> NewKey:
    """A person with one of everything, and an open order."""
    key = await create_account(exchange, name="Zebedee Quux", cash_micros=100_000_000)
    account = key.account
    person = Person(
        person_id="p1", display_name="Zebedee Quux", email="zq@planted.example", created_at_ns=1_000_000_000
    )
    await exchange.people.add_person(person, LOGIN)
    await exchange.people.link_account("p1", account=account)
    session = Session(
        session_id="s1",
        person_id="p1",
        account=account,
        provider="league",
        created_at_ns=2_000_000_000,
        expires_at_ns=2**62,
        device="Firefox-planted",
        address="203.0.113.77",
    )
    token = RefreshToken(token_hash=bytes(32), session_id="s1", created_at_ns=2, expires_at_ns=2**62)
    await exchange.sessions.add_session(session, token)
    await exchange.passkeys.add_passkey(
        Passkey(
            credential_id=b"cred", person_id="p1", public_key=b"k", sign_count=0, name="My planted key", created_at_ns=3
        )
    )
    await exchange.invitations.add_invitation(
        Invitation(invitation_id="i1", code_hash=bytes(32), created_at_ns=1, expires_at_ns=9, used_by="p1")
    )
    await exchange.notes.add_note(Note(note_id="n1", account=account, created_at_ns=4, text="Zebedee called"))
    await exchange.preferences.change_watchlists(
        account,
        lambda _, number: Watchlist(
            number=number, account=account, name="Zebedee's", symbols=("ALLEN",), created_at_ns=1, updated_at_ns=1
        ),
    )
    await list_player(
        exchange,
        Listing(
            symbol="ALLEN", name="Josh Allen", position="QB", team="BUF", supply_units=10_000, reference_price_cents=100
        ),
    )
    order = OrderRequest(
        symbol="ALLEN",
        side="buy",
        order_type="limit",
        quantity_units=10_000,
        limit_price_cents=100,
        time_in_force="gtc",
    )
    await place_order(exchange, account=account, request=order)
    assert exchange.state.account_orders[account]
    return key


def open_orders(exchange: Exchange, account: int) -> int:
    return sum(order.is_open for order in exchange.state.account_orders.get(account, {}).values())


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted((folder / "exchange").rglob("*")) if file.is_file())


async def test_a_person_gets_everything_that_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as exchange:
        account = (await settle(exchange)).account
        before = exchange.state.sequence
        document = json.loads(json.dumps(await export_person(exchange, account=account, actor=account)))
        assert exchange.state.sequence == before + 1  # the journal says that it was taken
        text = json.dumps(document)
        for planted in PLANTED:
            assert planted in text
        assert document["profile"]["email"] == "zq@planted.example"
        assert document["logins"][0]["issuer"] == LOGIN.issuer
        assert [key["scopes"] for key in document["api_keys"]] == [["admin", "read", "trade"]]
        assert document["sessions"][0]["created_at"] == "1970-01-01T00:00:02Z"
        assert [note["text"] for note in document["notes"]] == ["Zebedee called"]
        assert [invitation["id"] for invitation in document["invitations"]] == ["i1"]
        assert document["watchlists"] == [{"name": "Zebedee's", "symbols": ["ALLEN"]}]
        assert document["trading"]["cash"] == "100.00"
        own = {route.path for route in ROUTES if route.method == "GET" and route.access == "read"}
        assert document["trading"]["more"]
        assert set(document["trading"]["more"]) <= own


async def test_an_account_without_a_person_has_data_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as exchange:
        key = await create_account(exchange, name="Ann")
        document = await export_person(exchange, account=key.account)
        assert (document["profile"], document["logins"], document["sessions"]) == (None, [], [])
        with pytest.raises(RefusedError) as refused:
            await export_person(exchange, account=999)
        assert refused.value.reason is RefusalReason.account_not_found


async def test_a_person_is_forgotten_and_the_trades_stay(tmp_path: Path) -> None:
    async with opened(tmp_path) as exchange:
        key = await settle(exchange)
        account = key.account
        erasure = await erase_person(exchange, account=account, actor=account, reason="asked for")
        sequence = exchange.state.sequence
        assert erasure.finished_at_ns
        assert await erase_person(exchange, account=account) == erasure
        assert exchange.state.sequence == sequence
        assert exchange.state.accounts[account].is_halted
        assert (open_orders(exchange, account), exchange.state.accounts[account].cash_micros) == (0, 100_000_000)
        assert exchange.sessions.find_session("s1") is None
        with pytest.raises(RefusedError) as refused:
            authenticate(exchange, api_key=key.api_key, api_secret=key.api_secret)
        assert refused.value.reason is RefusalReason.credentials_are_wrong
        with pytest.raises(RefusedError) as gone:
            await export_person(exchange, account=account)
        assert gone.value.reason is RefusalReason.account_is_erased
        content = bytes_of(tmp_path)
        assert [planted for planted in PLANTED if planted.encode() in content] == []
        assert key.api_key.encode() not in content
    async with opened(tmp_path) as exchange:
        assert exchange.state.accounts[account].cash_micros == 100_000_000
        again = await exchange.people.add_person(Person(person_id="p2", created_at_ns=9), LOGIN)
        assert again.person_id == "p2"


async def test_the_journal_knows_who_was_forgotten_when_the_names_are_lost(tmp_path: Path) -> None:
    async with opened(tmp_path) as exchange:
        account = (await settle(exchange)).account
        kept = await create_account(exchange, name="Ann")
        await erase_person(exchange, account=account, reason="asked for")
    for file in (tmp_path / "exchange").glob("identity.db*"):
        file.unlink()
    async with opened(tmp_path) as exchange:
        erasure = exchange.erasures.find_erasure(account)
        assert erasure is not None
        assert erasure.finished_at_ns
        with pytest.raises(RefusedError) as refused:
            await create_key(exchange, account=account)
        assert refused.value.reason is RefusalReason.account_is_erased
        assert exchange.erasures.find_erasure(kept.account) is None
        assert (await create_key(exchange, account=kept.account)).account == kept.account


async def test_who_comes_back_with_a_backup_is_forgotten_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as exchange:
        account = (await settle(exchange)).account
    backup = (tmp_path / "exchange" / "identity.db").read_bytes()
    async with opened(tmp_path) as exchange:
        await erase_person(exchange, account=account, reason="asked for")
    for file in (tmp_path / "exchange").glob("identity.db*"):
        file.unlink()
    (tmp_path / "exchange" / "identity.db").write_bytes(backup)
    async with opened(tmp_path) as exchange:
        assert exchange.people.find_person("p1") is not None
        await resume_erasures(exchange)
        assert exchange.people.find_person("p1") is None
        assert exchange.identity.find_name(account) is None


async def test_nobody_comes_back_into_a_forgotten_account(tmp_path: Path) -> None:
    async with opened(tmp_path) as exchange:
        key = await create_account(exchange, name="Zebedee Quux", reference="day 1")
        person = Person(person_id="p1", account=key.account, created_at_ns=1)
        await exchange.people.add_person(person, LOGIN)
        await erase_person(exchange, account=key.account, reason="asked for")
        # Somebody who is still signing in while he is forgotten, and an operator who repeats himself.
        for again in (
            begin_session(exchange, person, provider="league", origin=From()),
            create_account(exchange, name="Zebedee Quux", reference="day 1"),
            create_key(exchange, account=key.account),
        ):
            with pytest.raises(RefusedError) as refused:
                await again
            assert refused.value.reason is RefusalReason.account_is_erased
        assert exchange.identity.find_name(key.account) is None


STEPS = [
    (personal_data, "_journal"),
    (personal_data, "halt_account"),
    (personal_data, "cancel_all_orders"),
    (SqlPreferencesStore, "forget"),
    (SqlErasures, "remove_person"),
    (SqlErasures, "finish_erasure"),
]


@pytest.mark.parametrize(("where", "step"), STEPS, ids=[step for _, step in STEPS])
async def test_what_was_cut_short_is_brought_to_its_end_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: object, step: str
) -> None:
    async def fail(*_: object, **__: object) -> NoReturn:
        raise IdentityError("killed")

    async with opened(tmp_path) as exchange:
        account = (await settle(exchange)).account
        with monkeypatch.context() as patch:
            patch.setattr(where, step, fail)
            with pytest.raises(IdentityError):
                await erase_person(exchange, account=account, reason="asked for")
            await resume_erasures(exchange)  # fails too, and says so in the log only
    async with opened(tmp_path) as exchange:
        erasure = exchange.erasures.find_erasure(account)
        assert erasure is not None
        assert not erasure.finished_at_ns
        await resume_erasures(exchange)
        erasure = exchange.erasures.find_erasure(account)
        assert erasure is not None
        assert erasure.finished_at_ns
        assert exchange.state.accounts[account].is_halted
        assert open_orders(exchange, account) == 0
        assert exchange.people.find_person("p1") is None
        sequence = exchange.state.sequence
        await resume_erasures(exchange)
        assert exchange.state.sequence == sequence
    content = bytes_of(tmp_path)
    assert [planted for planted in PLANTED if planted.encode() in content] == []


async def test_the_house_and_nobody_cannot_be_forgotten(tmp_path: Path) -> None:
    async with opened(tmp_path) as exchange:
        for account, reason in (
            (codes.HOUSE_ACCOUNT, RefusalReason.house_cannot_be_erased),
            (99, RefusalReason.account_not_found),
        ):
            with pytest.raises(RefusedError) as refused:
                await erase_person(exchange, account=account)
            assert refused.value.reason is reason
        assert exchange.erasures.list_erasures() == []
