"""What every store of people, sessions, passkeys, keys, invitations and notes must do, run against each of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.identity import (
    FakeInvitations,
    FakeNotes,
    FakePasskeys,
    FakePeople,
    FakeSessions,
    FakeSigningKeys,
)
from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer, running_postgres
from waiver_exchange.adapters.postgres import stores as postgres_stores
from waiver_exchange.adapters.sql.identity.stores import IdentityStores
from waiver_exchange.adapters.sqlite import stores as sqlite_stores
from waiver_exchange.application.identity_ports import (
    Invitation,
    InvitationStore,
    Login,
    Note,
    NoteStore,
    Passkey,
    PasskeyStore,
    PeopleStore,
    Person,
    RefreshToken,
    Rotation,
    RotationOutcome,
    Session,
    SessionStore,
    SigningKey,
    SigningKeyStore,
)

MASTER_KEY = bytes(range(32))
ANN = Person(person_id="aa", display_name="Ann Ö'Hara", email="ann@example.com", created_at_ns=10)
BOB = Person(person_id="bb", display_name="Bob", email="bob@example.com", created_at_ns=20)
ANNS_LOGIN = Login(person_id="aa", issuer="https://idp", subject="42", provider="league", created_at_ns=10)
BOBS_LOGIN = Login(person_id="bb", issuer="https://idp", subject="43", provider="league", created_at_ns=20)
SESSION = Session(
    session_id="s1",
    person_id="aa",
    account=2,
    provider="league",
    created_at_ns=100,
    expires_at_ns=1_000,
    device="Firefox",
    address="2001:db8::1",
)
FIRST = RefreshToken(token_hash=b"1" * 32, session_id="s1", created_at_ns=100, expires_at_ns=1_000)
PASSKEY = Passkey(
    credential_id=b"\x00cred",
    person_id="aa",
    public_key=b"cose",
    sign_count=1,
    name="Yubi",
    transports=("usb", "nfc"),
    is_backed_up=True,
    created_at_ns=5,
)
INVITATION = Invitation(invitation_id="i1", code_hash=b"c" * 32, made_by=3, created_at_ns=1, expires_at_ns=100)


class Stores(NamedTuple):
    people: PeopleStore
    sessions: SessionStore
    passkeys: PasskeyStore
    signing_keys: SigningKeyStore
    invitations: InvitationStore
    notes: NoteStore


class Opener:
    """Opens the same stores again and again."""

    def __init__(self, opens: Callable[[], IdentityStores] | None) -> None:
        self._opens = opens
        self._fakes = Stores(
            FakePeople(), FakeSessions(), FakePasskeys(), FakeSigningKeys(), FakeInvitations(), FakeNotes()
        )

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Stores]:
        if self._opens is None:
            yield self._fakes
            return
        stores = self._opens()
        try:
            yield Stores(*(getattr(stores, name) for name in Stores._fields))
        finally:
            await stores.identity.close()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    with postgres_database(server) as made:
        yield made


@pytest.fixture(params=["fake", "sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "fake":
        return Opener(None)
    if request.param == "sqlite":
        return Opener(lambda: sqlite_stores.open_identity_stores(tmp_path / "identity.db", master_key=MASTER_KEY))
    url = request.getfixturevalue("database").url
    return Opener(lambda: postgres_stores.open_identity_stores(url, master_key=MASTER_KEY))


async def rotated(stores: Stores, old: bytes, new: bytes, *, at_ns: int = 200, until: int = 2_000) -> Rotation:
    return await stores.sessions.rotate_refresh(old * 32, new_hash=new * 32, at_ns=at_ns, expires_at_ns=until)


async def test_people_are_found_by_id_account_and_login_over_a_restart(opened: Opener) -> None:
    async with opened() as stores:
        assert await stores.people.add_person(ANN, ANNS_LOGIN) == ANN
        assert await stores.people.add_person(BOB, BOBS_LOGIN) == BOB
        linked = await stores.people.link_account("aa", account=7)
        assert await stores.people.link_account("aa", account=7) == linked == replace(ANN, account=7)
    async with opened() as stores:
        people = stores.people
        assert people.find_person("aa") == people.find_person_of(7) == linked
        assert people.find_by_login(issuer="https://idp", subject="42") == linked
        assert people.find_by_login(issuer="https://idp2", subject="42") is None
        assert people.find_by_login(issuer="https://idp4", subject="2") is None
        assert (people.find_person("cc"), people.find_person_of(0), people.find_person_of(8)) == (None, None, None)
        assert [person.person_id for person in people.list_people()] == ["aa", "bb"]
        assert await people.list_logins("aa") == [ANNS_LOGIN]


async def test_who_comes_second_with_a_login_is_the_first(opened: Opener) -> None:
    async with opened() as stores:
        other = replace(ANN, person_id="zz")
        first, second = await asyncio.gather(
            stores.people.add_person(ANN, ANNS_LOGIN),
            stores.people.add_person(other, replace(ANNS_LOGIN, person_id="zz")),
        )
        assert first == second == ANN
        assert stores.people.find_person("zz") is None
        assert not await stores.people.add_login(replace(ANNS_LOGIN, person_id="bb"))
        more = replace(ANNS_LOGIN, issuer="https://other", created_at_ns=11)
        assert await stores.people.add_login(more)
        assert await stores.people.list_logins("aa") == [ANNS_LOGIN, more]
        assert stores.people.find_by_login(issuer="https://other", subject="42") == ANN


async def test_one_person_has_one_account_for_good(opened: Opener) -> None:
    async with opened() as stores:
        await stores.people.add_person(ANN, ANNS_LOGIN)
        await stores.people.add_person(BOB, BOBS_LOGIN)
        await stores.people.link_account("aa", account=7)
        for person_id, account in (("aa", 8), ("bb", 7), ("nobody", 9)):
            with pytest.raises(LookupError):
                await stores.people.link_account(person_id, account=account)
        assert stores.people.find_person("bb") == BOB


async def test_a_person_is_what_the_provider_says_now(opened: Opener) -> None:
    async with opened() as stores:
        await stores.people.add_person(ANN, ANNS_LOGIN)
        await stores.people.change_person("aa", display_name="Ann B", email="b@example.com")
        with pytest.raises(LookupError):
            await stores.people.change_person("nobody", display_name="", email="")
    async with opened() as stores:
        assert stores.people.find_person("aa") == replace(ANN, display_name="Ann B", email="b@example.com")


async def test_a_refresh_token_is_good_once(opened: Opener) -> None:
    async with opened() as stores:
        await stores.sessions.add_session(SESSION, FIRST)
        assert await rotated(stores, b"1", b"2") == (
            RotationOutcome.rotated,
            replace(SESSION, expires_at_ns=2_000),
            False,
        )
        assert (await rotated(stores, b"2", b"3")).outcome is RotationOutcome.rotated
        assert (await rotated(stores, b"x", b"y")).outcome is RotationOutcome.unknown
    async with opened() as stores:
        again = await rotated(stores, b"1", b"4", at_ns=300)
        assert (again.outcome, again.ended_now) == (RotationOutcome.reused, True)
        assert again.session is not None
        assert again.session.revoked_at_ns == 300
        assert stores.sessions.find_session("s1") is None
        assert (await rotated(stores, b"1", b"5", at_ns=400)).ended_now is False
        assert (await rotated(stores, b"3", b"6")).outcome is RotationOutcome.revoked
    async with opened() as stores:
        assert stores.sessions.find_session("s1") is None
        assert (await rotated(stores, b"3", b"6")).outcome is RotationOutcome.revoked


async def test_of_two_that_come_together_with_a_token_one_is_a_thief(opened: Opener) -> None:
    async with opened() as stores:
        await stores.sessions.add_session(SESSION, FIRST)
        both = await asyncio.gather(rotated(stores, b"1", b"2"), rotated(stores, b"1", b"3"))
        assert [rotation.outcome for rotation in both] == [RotationOutcome.rotated, RotationOutcome.reused]
        assert stores.sessions.find_session("s1") is None


async def test_an_expired_token_opens_nothing(opened: Opener) -> None:
    async with opened() as stores:
        await stores.sessions.add_session(SESSION, FIRST)
        assert (await rotated(stores, b"1", b"2", at_ns=1_000)).outcome is RotationOutcome.expired
        assert (await rotated(stores, b"1", b"2", at_ns=999)).outcome is RotationOutcome.rotated


async def test_a_revoked_session_opens_nothing_and_is_still_listed(opened: Opener) -> None:
    async with opened() as stores:
        await stores.sessions.add_session(SESSION, FIRST)
        assert stores.sessions.find_session("s1") == SESSION
        ended = await stores.sessions.revoke_session("s1", at_ns=500)
        assert await stores.sessions.revoke_session("s1", at_ns=600) == ended == replace(SESSION, revoked_at_ns=500)
        with pytest.raises(LookupError):
            await stores.sessions.revoke_session("s9", at_ns=500)
    async with opened() as stores:
        assert stores.sessions.find_session("s1") is None
        assert stores.sessions.list_sessions("aa") == [ended]


async def test_all_sessions_but_one_are_ended_at_once(opened: Opener) -> None:
    async with opened() as stores:
        for number, person_id in enumerate(("aa", "aa", "aa", "bb")):
            session = replace(SESSION, session_id=f"s{number}", person_id=person_id, created_at_ns=number)
            token = replace(FIRST, session_id=session.session_id, token_hash=bytes([number]) * 32)
            await stores.sessions.add_session(session, token)
        ended = await stores.sessions.revoke_sessions("aa", at_ns=9, but="s1")
        assert [session.session_id for session in ended] == ["s0", "s2"]
        assert await stores.sessions.revoke_sessions("aa", at_ns=9, but="s1") == []
        assert [bool(stores.sessions.find_session(f"s{number}")) for number in range(4)] == [False, True, False, True]


async def test_uses_and_a_second_factor_outlive_a_restart(opened: Opener) -> None:
    async with opened() as stores:
        await stores.sessions.add_session(SESSION, FIRST)
        stores.sessions.note_use("s1", at_ns=150)
        stores.sessions.note_use("s1", at_ns=160, address="192.0.2.9")
        stores.sessions.note_use("nobody", at_ns=1)
        await stores.sessions.mark_stepped_up("s1", at_ns=170)
        used = replace(SESSION, last_used_at_ns=160, address="192.0.2.9", stepped_up_at_ns=170)
        assert stores.sessions.list_sessions("aa") == [used]
        await stores.sessions.store_uses()
    async with opened() as stores:
        assert stores.sessions.list_sessions("aa") == [used]
        with pytest.raises(LookupError):
            await stores.sessions.mark_stepped_up("s9", at_ns=1)


async def test_sessions_that_ended_long_ago_are_forgotten_with_their_tokens(opened: Opener) -> None:
    async with opened() as stores:
        await stores.sessions.add_session(SESSION, FIRST)
        later = replace(SESSION, session_id="s2", expires_at_ns=5_000)
        await stores.sessions.add_session(later, replace(FIRST, session_id="s2", token_hash=b"2" * 32))
        assert await stores.sessions.forget_sessions(ended_before_ns=1_000) == 0
        assert await stores.sessions.forget_sessions(ended_before_ns=1_001) == 1
    async with opened() as stores:
        assert stores.sessions.list_sessions("aa") == [later]
        assert (await rotated(stores, b"1", b"3")).outcome is RotationOutcome.unknown
        assert (await rotated(stores, b"2", b"3")).outcome is RotationOutcome.rotated


async def test_passkeys_outlive_a_restart(opened: Opener) -> None:
    async with opened() as stores:
        assert await stores.passkeys.add_passkey(PASSKEY)
        assert not await stores.passkeys.add_passkey(replace(PASSKEY, person_id="bb"))
        await stores.passkeys.note_passkey_use(PASSKEY.credential_id, sign_count=9, at_ns=50)
        await stores.passkeys.note_passkey_use(b"nobody", sign_count=9, at_ns=50)
        await stores.passkeys.rename_passkey(PASSKEY.credential_id, name="Key ring")
        with pytest.raises(LookupError):
            await stores.passkeys.rename_passkey(b"nobody", name="")
    async with opened() as stores:
        expected = replace(PASSKEY, sign_count=9, last_used_at_ns=50, name="Key ring")
        assert stores.passkeys.find_passkey(PASSKEY.credential_id) == expected
        assert (stores.passkeys.list_passkeys("aa"), stores.passkeys.list_passkeys("bb")) == ([expected], [])
        assert await stores.passkeys.remove_passkey(PASSKEY.credential_id)
        assert not await stores.passkeys.remove_passkey(PASSKEY.credential_id)
    async with opened() as stores:
        assert stores.passkeys.list_passkeys("aa") == []


async def test_signing_keys_retire_once_and_can_be_destroyed(opened: Opener) -> None:
    first = SigningKey(kid="k1", private_key=b"\x00one", created_at_ns=1)
    second = SigningKey(kid="k0", private_key=b"\x00two", created_at_ns=2)
    async with opened() as stores:
        await stores.signing_keys.add_signing_key(first)
        await stores.signing_keys.add_signing_key(second)
        await stores.signing_keys.retire_signing_key("k1", at_ns=5)
        await stores.signing_keys.retire_signing_key("k1", at_ns=6)
    async with opened() as stores:
        assert stores.signing_keys.list_signing_keys() == [replace(first, retired_at_ns=5), second]
        await stores.signing_keys.forget_signing_key("k1")
    async with opened() as stores:
        assert stores.signing_keys.list_signing_keys() == [second]


async def test_an_invitation_is_spent_once(opened: Opener) -> None:
    code = INVITATION.code_hash
    async with opened() as stores:
        await stores.invitations.add_invitation(INVITATION)
        assert await stores.invitations.use_invitation(b"?" * 32, person_id="aa", at_ns=50) is None
        assert await stores.invitations.use_invitation(code, person_id="aa", at_ns=100) is None
        used = await stores.invitations.use_invitation(code, person_id="aa", at_ns=50)
        assert used == replace(INVITATION, used_by="aa", used_at_ns=50)
        assert await stores.invitations.use_invitation(code, person_id="aa", at_ns=60) == used
        assert await stores.invitations.use_invitation(code, person_id="bb", at_ns=60) is None
        assert await stores.invitations.revoke_invitation("i1", at_ns=70) == used
    async with opened() as stores:
        assert stores.invitations.list_invitations() == [used]
        assert stores.invitations.find_invitation(code) == used


async def test_a_revoked_invitation_is_good_for_nobody(opened: Opener) -> None:
    async with opened() as stores:
        await stores.invitations.add_invitation(INVITATION)
        revoked = await stores.invitations.revoke_invitation("i1", at_ns=7)
        assert (
            revoked == await stores.invitations.revoke_invitation("i1", at_ns=8) == replace(INVITATION, revoked_at_ns=7)
        )
        assert await stores.invitations.revoke_invitation("i9", at_ns=7) is None
        assert await stores.invitations.use_invitation(INVITATION.code_hash, person_id="aa", at_ns=9) is None


async def test_notes_are_kept_by_account(opened: Opener) -> None:
    notes = [Note(note_id=f"n{at}", account=2, author=3, created_at_ns=at, text=f"called, {at} €") for at in (1, 2)]
    async with opened() as stores:
        for note in reversed(notes):
            await stores.notes.add_note(note)
        await stores.notes.add_note(replace(notes[0], note_id="n9", account=4))
    async with opened() as stores:
        assert await stores.notes.list_notes(2) == notes
        assert await stores.notes.list_notes(5) == []


def test_what_is_personal_is_not_shown_where_objects_are_printed() -> None:
    shown = f"{ANN} {ANNS_LOGIN} {SESSION} {FIRST} {PASSKEY} {INVITATION}"
    shown += str(Note(note_id="n", account=1, created_at_ns=1, text="private"))
    for secret in ("Ann", "ann@", "https://idp", "42", "Firefox", "2001", "cose", "Yubi", "private", "ccc", "111"):
        assert secret not in shown
