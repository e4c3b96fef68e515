"""Passkeys: whose they are, what they are shown for, and every answer that proves nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.identity import FakePasskeys, FakePeople, FakeSessions
from tests.support.authenticator import SoftwareAuthenticator
from waiver_exchange.application import audit, passkeys
from waiver_exchange.application.access import Caller
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import Login, Passkey, Person, RefreshToken, Session
from waiver_exchange.application.passkey_challenges import Challenges
from waiver_exchange.application.passkeys import RelyingParty, id_of
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.step_up import is_stepped_up, require_confirmed, require_step_up
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.refusals import RefusalReason

R = RefusalReason
PARTY = RelyingParty.of("https://exchange.example")
ANN = 1
BOB = 2


@dataclass
class Desk:
    """An exchange with two people, each signed in once, and what was journaled of them."""

    clock: FakeClock = field(default_factory=FakeClock)
    told: list[tuple[AuditEvent, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        drawn = iter(range(1, 1_000))
        self.sessions = FakeSessions()
        self.passkeys = FakePasskeys()
        self.people = FakePeople()
        self.exchange = cast(
            "Exchange",
            SimpleNamespace(
                clock=self.clock,
                people=self.people,
                sessions=self.sessions,
                passkeys=self.passkeys,
                state=SimpleNamespace(accounts={0: None, ANN: None, BOB: None}),
                challenges=Challenges(),
                draw_bytes=lambda size: next(drawn).to_bytes(size, "big"),
            ),
        )

    async def sign_in(self, account: int, *, session_id: str = "") -> Caller:
        person_id = f"{account:032x}"
        session_id = session_id or f"session-{account}"
        now = self.clock.now
        person = Person(person_id=person_id, account=account, display_name="Ann", created_at_ns=now)
        login = Login(person_id=person_id, issuer="i", subject=str(account), created_at_ns=now)
        await self.people.add_person(person, login)
        session = Session(
            session_id=session_id,
            person_id=person_id,
            account=account,
            created_at_ns=now,
            expires_at_ns=now + 30 * 86_400 * 10**9,
        )
        token = RefreshToken(
            token_hash=session_id.encode(),
            session_id=session_id,
            created_at_ns=now,
            expires_at_ns=session.expires_at_ns,
        )
        await self.sessions.add_session(session, token)
        return Caller(account=account, key_id="", scopes=frozenset(), session_id=session_id)

    async def add(self, caller: Caller, authenticator: SoftwareAuthenticator, *, name: str = "Key") -> Passkey:
        options = passkeys.begin_registration(self.exchange, caller, party=PARTY)
        made = authenticator.create(options)
        return await passkeys.finish_registration(self.exchange, caller, party=PARTY, credential=made, name=name)

    async def step_up(self, caller: Caller, authenticator: SoftwareAuthenticator) -> Session:
        options = passkeys.begin_step_up(self.exchange, caller, party=PARTY)
        shown = authenticator.get(options)
        return await passkeys.finish_step_up(self.exchange, caller, party=PARTY, credential=shown)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()

    async def record(_: Exchange, event: AuditEvent, **facts: Any) -> int:  # noqa: ANN401 - as audit.record
        made.told.append((event, facts["facts"]["passkey"]))
        return 1

    def note_failure(_: Exchange, event: AuditEvent, *, reason: str, **_facts: Any) -> None:  # noqa: ANN401
        assert event is AuditEvent.step_up_failed
        made.failures.append(reason)

    monkeypatch.setattr(audit, "record", record)
    monkeypatch.setattr(audit, "note_failure", note_failure)
    return made


@pytest.fixture
def authenticator() -> SoftwareAuthenticator:
    return SoftwareAuthenticator(PARTY.origin)


async def refused(desk: Desk, caller: Caller, authenticator: SoftwareAuthenticator) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await desk.step_up(caller, authenticator)
    assert not is_stepped_up(desk.exchange, caller)
    return caught.value


async def test_a_passkey_steps_up_the_session_that_showed_it_for_ten_minutes(
    desk: Desk, authenticator: SoftwareAuthenticator
) -> None:
    here, there = await desk.sign_in(ANN), await desk.sign_in(ANN, session_id="elsewhere")
    passkey = await desk.add(here, authenticator, name="Laptop")
    assert (passkey.name, passkey.transports) == ("Laptop", ("internal",))
    assert not is_stepped_up(desk.exchange, here)
    await desk.step_up(here, authenticator)
    assert is_stepped_up(desk.exchange, here)
    assert not is_stepped_up(desk.exchange, there)
    fingerprint = passkeys.fingerprint_of(passkey)
    assert desk.told == [(AuditEvent.passkey_added, fingerprint), (AuditEvent.stepped_up, fingerprint)]
    kept = desk.passkeys.list_passkeys(passkey.person_id)
    assert [(known.sign_count, known.last_used_at_ns) for known in kept] == [(1, desk.clock.now)]
    desk.clock.advance(599)
    assert is_stepped_up(desk.exchange, here)
    desk.clock.advance(1)
    assert not is_stepped_up(desk.exchange, here)


async def test_a_key_is_never_stepped_up(desk: Desk) -> None:
    caller = Caller(account=ANN, key_id="WX", scopes=frozenset())
    assert not is_stepped_up(desk.exchange, caller)
    for ask in (require_step_up, require_confirmed):
        with pytest.raises(RefusedError) as caught:
            ask(desk.exchange, caller)
        assert caught.value.reason is R.session_is_required


async def test_a_first_passkey_takes_a_recent_sign_in_and_the_next_a_step_up(
    desk: Desk, authenticator: SoftwareAuthenticator
) -> None:
    caller = await desk.sign_in(ANN)
    desk.clock.advance(600)
    with pytest.raises(RefusedError) as caught:
        passkeys.begin_registration(desk.exchange, caller, party=PARTY)
    assert caught.value.reason is R.recent_sign_in_is_required
    again = await desk.sign_in(ANN, session_id="again")
    await desk.add(again, authenticator)
    for attempt in (lambda: desk.add(again, SoftwareAuthenticator(PARTY.origin)), lambda: remove_first(desk, again)):
        with pytest.raises(RefusedError) as caught:
            await attempt()
        assert caught.value.reason is R.step_up_is_required
    await desk.step_up(again, authenticator)
    await desk.add(again, SoftwareAuthenticator(PARTY.origin))
    await remove_first(desk, again)
    assert len(passkeys.list_passkeys(desk.exchange, again)) == 1
    assert desk.told[-1][0] is AuditEvent.passkey_removed


async def remove_first(desk: Desk, caller: Caller) -> None:
    first = passkeys.list_passkeys(desk.exchange, caller)[0]
    await passkeys.remove_passkey(desk.exchange, caller, passkey_id=id_of(first))


async def test_a_removed_passkey_takes_its_step_up_with_it(desk: Desk, authenticator: SoftwareAuthenticator) -> None:
    caller = await desk.sign_in(ANN)
    await desk.add(caller, authenticator)
    await desk.step_up(caller, authenticator)
    await remove_first(desk, caller)
    assert not is_stepped_up(desk.exchange, caller)
    assert (await refused(desk, caller, authenticator)).reason is R.passkey_not_found


Lie = Callable[[SoftwareAuthenticator], None]
LIES: dict[str, Lie] = {
    "another page": lambda device: setattr(device, "origin", "https://exchange.example.evil"),
    "another port": lambda device: setattr(device, "origin", "https://exchange.example:8443"),
    "another site": lambda device: setattr(device, "rp_id", "evil.example"),
    "nobody was verified": lambda device: setattr(device, "verifies_user", False),
    "another key": lambda device: setattr(device, "key", SoftwareAuthenticator("").key),
}


@pytest.mark.parametrize("lie", LIES)
async def test_an_answer_that_proves_nothing_steps_nobody_up(
    desk: Desk, authenticator: SoftwareAuthenticator, lie: str
) -> None:
    caller = await desk.sign_in(ANN)
    await desk.add(caller, authenticator)
    LIES[lie](authenticator)
    assert (await refused(desk, caller, authenticator)).reason is R.passkey_is_wrong
    assert desk.failures == ["signature"]


@pytest.mark.parametrize("lie", ["another page", "another site", "nobody was verified"])
async def test_an_answer_that_proves_nothing_adds_no_passkey(
    desk: Desk, authenticator: SoftwareAuthenticator, lie: str
) -> None:
    caller = await desk.sign_in(ANN)
    LIES[lie](authenticator)
    with pytest.raises(RefusedError) as caught:
        await desk.add(caller, authenticator)
    assert caught.value.details == {"problem": "registration"}
    assert passkeys.list_passkeys(desk.exchange, caller) == []


async def test_a_challenge_is_good_once_for_its_own_session_and_five_minutes(
    desk: Desk, authenticator: SoftwareAuthenticator
) -> None:
    here, there = await desk.sign_in(ANN), await desk.sign_in(ANN, session_id="elsewhere")
    await desk.add(here, authenticator)
    options = passkeys.begin_step_up(desk.exchange, here, party=PARTY)
    shown = authenticator.get(options)
    await passkeys.finish_step_up(desk.exchange, here, party=PARTY, credential=shown)
    for caller in (here, there):  # again, and in the other session
        with pytest.raises(RefusedError) as caught:
            await passkeys.finish_step_up(desk.exchange, caller, party=PARTY, credential=shown)
        assert caught.value.details == {"problem": "challenge"}
    late = authenticator.get(passkeys.begin_step_up(desk.exchange, there, party=PARTY))
    desk.clock.advance(300)
    with pytest.raises(RefusedError) as caught:
        await passkeys.finish_step_up(desk.exchange, there, party=PARTY, credential=late)
    assert caught.value.details == {"problem": "challenge"}


async def test_an_older_challenge_is_void_when_a_new_one_is_given(
    desk: Desk, authenticator: SoftwareAuthenticator
) -> None:
    caller = await desk.sign_in(ANN)
    await desk.add(caller, authenticator)
    shown = authenticator.get(passkeys.begin_step_up(desk.exchange, caller, party=PARTY))
    passkeys.begin_step_up(desk.exchange, caller, party=PARTY)
    with pytest.raises(RefusedError) as caught:
        await passkeys.finish_step_up(desk.exchange, caller, party=PARTY, credential=shown)
    assert caught.value.details == {"problem": "signature"}


async def test_a_registration_is_no_step_up(desk: Desk, authenticator: SoftwareAuthenticator) -> None:
    caller = await desk.sign_in(ANN)
    await desk.add(caller, authenticator)
    await desk.step_up(caller, authenticator)
    options = passkeys.begin_registration(desk.exchange, caller, party=PARTY)
    shown = authenticator.get({"challenge": options["challenge"], "rpId": PARTY.rp_id})
    with pytest.raises(RefusedError) as caught:
        await passkeys.finish_step_up(desk.exchange, caller, party=PARTY, credential=shown)
    assert caught.value.details == {"problem": "challenge"}


async def test_a_passkey_belongs_to_its_person(desk: Desk, authenticator: SoftwareAuthenticator) -> None:
    ann, bob = await desk.sign_in(ANN), await desk.sign_in(BOB)
    await desk.add(bob, SoftwareAuthenticator(PARTY.origin))
    passkey = await desk.add(ann, authenticator)
    assert (await refused(desk, bob, authenticator)).details == {"problem": "unknown"}
    with pytest.raises(RefusedError) as caught:
        await passkeys.rename_passkey(desk.exchange, bob, passkey_id=id_of(passkey), name="mine")
    assert caught.value.reason is R.passkey_not_found
    assert desk.passkeys.find_passkey(passkey.credential_id) == passkey


async def test_another_persons_passkey_cannot_be_removed_after_a_step_up(
    desk: Desk, authenticator: SoftwareAuthenticator
) -> None:
    ann, bob = await desk.sign_in(ANN), await desk.sign_in(BOB)
    passkey, own = await desk.add(ann, authenticator), SoftwareAuthenticator(PARTY.origin)
    await desk.add(bob, own)
    await desk.step_up(bob, own)
    with pytest.raises(RefusedError) as caught:
        await passkeys.remove_passkey(desk.exchange, bob, passkey_id=id_of(passkey))
    assert caught.value.reason is R.passkey_not_found
    assert desk.passkeys.find_passkey(passkey.credential_id) == passkey


@pytest.mark.parametrize("counter", [0, 4, 5])
async def test_a_counter_that_does_not_grow_is_refused_and_journaled(
    desk: Desk, authenticator: SoftwareAuthenticator, counter: int
) -> None:
    caller = await desk.sign_in(ANN)
    await desk.add(caller, authenticator)
    authenticator.sign_count = 4
    await desk.step_up(caller, authenticator)
    desk.clock.advance(3_600)
    authenticator.sign_count = counter - 1 if counter else 0
    authenticator.counts = counter > 0
    assert (await refused(desk, caller, authenticator)).details == {"problem": "counter"}
    assert desk.failures == ["counter"]
    assert desk.passkeys.list_passkeys(f"{ANN:032x}")[0].sign_count == 5


async def test_passkeys_that_do_not_count_say_nought_for_ever(desk: Desk, authenticator: SoftwareAuthenticator) -> None:
    caller = await desk.sign_in(ANN)
    authenticator.counts = False
    await desk.add(caller, authenticator)
    for _ in range(2):
        await desk.step_up(caller, authenticator)
    assert is_stepped_up(desk.exchange, caller)


async def test_a_passkey_is_kept_once(desk: Desk, authenticator: SoftwareAuthenticator) -> None:
    ann, bob = await desk.sign_in(ANN), await desk.sign_in(BOB)
    await desk.add(ann, authenticator)
    with pytest.raises(RefusedError) as caught:
        await desk.add(bob, authenticator)
    assert caught.value.details == {"problem": "known"}


async def test_nobody_has_more_than_twenty_passkeys(desk: Desk, authenticator: SoftwareAuthenticator) -> None:
    caller = await desk.sign_in(ANN)
    await desk.add(caller, authenticator)
    await desk.step_up(caller, authenticator)
    for _ in range(19):
        await desk.add(caller, SoftwareAuthenticator(PARTY.origin))
    with pytest.raises(RefusedError) as caught:
        await desk.add(caller, SoftwareAuthenticator(PARTY.origin))
    assert (caught.value.reason, caught.value.details) == (R.too_many_passkeys, {"limit": 20})


@pytest.mark.parametrize("name", ["x" * 65, "two\nlines"])
async def test_a_name_is_short_and_printable(desk: Desk, authenticator: SoftwareAuthenticator, name: str) -> None:
    caller = await desk.sign_in(ANN)
    with pytest.raises(RefusedError) as caught:
        await desk.add(caller, authenticator, name=name)
    assert caught.value.reason is R.field_is_invalid
    passkey = await desk.add(caller, authenticator)
    with pytest.raises(RefusedError):
        await passkeys.rename_passkey(desk.exchange, caller, passkey_id=id_of(passkey), name=name)
    renamed = await passkeys.rename_passkey(desk.exchange, caller, passkey_id=id_of(passkey), name="Zoë's phone")
    assert renamed.name == "Zoë's phone"


GARBAGE: list[dict[str, Any]] = [
    {},
    {"id": 1, "rawId": 1, "type": "public-key", "response": {}},
    {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "AA", "attestationObject": "AA"}},
    {"id": "AA", "rawId": "AA", "type": "public-key", "response": []},
    {"id": "AA", "rawId": "!", "type": "public-key", "response": {"clientDataJSON": "{}", "attestationObject": "oA"}},
]


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_is_refused_in_either_ceremony(
    desk: Desk, authenticator: SoftwareAuthenticator, garbage: dict[str, Any]
) -> None:
    caller = await desk.sign_in(ANN)
    passkeys.begin_registration(desk.exchange, caller, party=PARTY)
    with pytest.raises(RefusedError) as caught:
        await passkeys.finish_registration(desk.exchange, caller, party=PARTY, credential=garbage, name="")
    assert caught.value.reason is R.passkey_is_wrong
    await desk.add(caller, authenticator)
    options = passkeys.begin_step_up(desk.exchange, caller, party=PARTY)
    honest = authenticator.get(options)
    for credential in (garbage, honest | {"response": garbage.get("response", {})}):
        passkeys.begin_step_up(desk.exchange, caller, party=PARTY)
        with pytest.raises(RefusedError) as caught:
            await passkeys.finish_step_up(desk.exchange, caller, party=PARTY, credential=credential)
        assert caught.value.reason is R.passkey_is_wrong


async def test_the_host_removes_all_passkeys_and_ends_all_sessions(
    desk: Desk, authenticator: SoftwareAuthenticator
) -> None:
    caller = await desk.sign_in(ANN)
    await desk.add(caller, authenticator)
    removed = await passkeys.remove_all_passkeys(desk.exchange, account=ANN)
    assert len(removed) == 1
    assert passkeys.passkeys_of(desk.exchange, account=ANN) == []
    assert desk.told[-1] == (AuditEvent.passkey_removed, passkeys.fingerprint_of(removed[0]))
    with pytest.raises(RefusedError) as caught:
        passkeys.list_passkeys(desk.exchange, caller)
    assert caught.value.reason is R.session_is_required
    assert passkeys.passkeys_of(desk.exchange, account=BOB) == []
    with pytest.raises(RefusedError):
        passkeys.passkeys_of(desk.exchange, account=99)


def test_the_relying_party_is_the_public_url_without_its_path() -> None:
    assert RelyingParty.of("http://localhost:8081/") == RelyingParty(rp_id="localhost", origin="http://localhost:8081")
    assert RelyingParty.of("https://Exchange.example") == PARTY
