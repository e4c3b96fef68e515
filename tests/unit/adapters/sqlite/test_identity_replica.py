"""A replica that is told what there is and then what changes answers as the store does, whatever happens to it."""

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from waiver_exchange.adapters.sql.identity.stores import IdentityStores
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.adapters.sqlite.stores import open_identity_stores, open_preferences_store
from waiver_exchange.application.identity_changes import IdentityChange, SettingsChange
from waiver_exchange.application.identity_memory.accounts import KnownAccounts
from waiver_exchange.application.identity_memory.erasures import KnownErasures
from waiver_exchange.application.identity_memory.memory import IdentityMemory
from waiver_exchange.application.identity_memory.passkeys import KnownPasskeys
from waiver_exchange.application.identity_memory.people import KnownPeople
from waiver_exchange.application.identity_memory.sessions import KnownSessions
from waiver_exchange.application.identity_memory.settings import KnownSettings
from waiver_exchange.application.identity_memory.signing_keys import KnownSigningKeys
from waiver_exchange.application.identity_memory.uses import KeyUse, SessionUse
from waiver_exchange.application.identity_ports import Login, Passkey, Person, RefreshToken, Session, SigningKey
from waiver_exchange.application.ports import AccountSettings, ApiKey, IdentityError, RequestRates

MASTER_KEY = bytes(range(32))
ACCOUNTS = range(2, 6)
IDS = range(8)
STEPS = 250


class Replica:
    """What another process knows: everything comes as bytes."""

    def __init__(self) -> None:
        self.identity, self.people, self.sessions = KnownAccounts(), KnownPeople(), KnownSessions()
        self.passkeys, self.signing_keys, self.erasures = KnownPasskeys(), KnownSigningKeys(), KnownErasures()
        self.memory = IdentityMemory()
        for part in (self.identity, self.people, self.sessions, self.passkeys, self.signing_keys, self.erasures):
            self.memory.join(part)

    def take(self, changes: tuple[IdentityChange, ...] | list[IdentityChange]) -> None:
        sent = msgspec.msgpack.encode(changes)
        self.memory.apply(*msgspec.msgpack.decode(sent, type=list[IdentityChange]))


def answers(stores: "IdentityStores | Replica") -> dict[str, object]:
    """Return everything that can be asked."""
    identity, people, sessions = stores.identity, stores.people, stores.sessions
    persons = [f"p{number}" for number in IDS]
    return {
        "keys": [identity.find_key(f"K{number}") for number in IDS],
        "lists": [identity.list_keys(account) for account in ACCOUNTS],
        "names": [identity.find_name(account) for account in ACCOUNTS],
        "numbers": [identity.find_account(name) for name in ("Ann", "Bob")],
        "accounts": list(identity.list_accounts()),
        "rates": [identity.find_rates(account) for account in ACCOUNTS],
        "people": people.list_people(),
        "persons": [people.find_person(person_id) for person_id in persons],
        "owners": [people.find_person_of(account) for account in ACCOUNTS],
        "session": [sessions.find_session(f"s{number}") for number in IDS],
        "sessions": [sessions.list_sessions(person_id) for person_id in persons],
        "passkey": [stores.passkeys.find_passkey(bytes([number])) for number in IDS],
        "passkeys": [stores.passkeys.list_passkeys(person_id) for person_id in persons],
        "signing": stores.signing_keys.list_signing_keys(),
        "erasure": [stores.erasures.find_erasure(account) for account in ACCOUNTS],
        "erasures": stores.erasures.list_erasures(),
    }


class Chance:
    """Does one thing after the other to a store."""

    def __init__(self, stores: IdentityStores, seed: int) -> None:
        self.stores, self._random, self._now = stores, random.Random(seed), 0
        self._tokens = 0

    async def step(self) -> None:
        self._now += 1
        changes = [change for name, change in vars(Chance).items() if name.startswith("do_")]
        with suppress(LookupError, IdentityError):  # of one that is not there, or is there already
            await self._random.choice(changes)(self)

    def _one(self, prefix: str) -> str:
        return f"{prefix}{self._random.choice(IDS)}"

    @property
    def _account(self) -> int:
        return self._random.choice(ACCOUNTS)

    async def do_open(self) -> None:
        name = self._random.choice(("Ann", "Bob"))
        await self.stores.identity.add_account(account=self._account, name=name, opened_at_ns=self._now)

    async def do_add_key(self) -> None:
        key = ApiKey(
            key_id=self._one("K"),
            account=self._account,
            secret_hash=self._random.randbytes(32),
            created_at_ns=self._now,
            scopes=frozenset({"read", "trade"}),
        )
        await self.stores.identity.add_key(key)

    async def do_rename_key(self) -> None:
        await self.stores.identity.rename_key(self._one("K"), name=f"n{self._now}")

    async def do_revoke_key(self) -> None:
        await self.stores.identity.revoke_key(self._one("K"), at_ns=self._now)

    async def do_rates(self) -> None:
        await self.stores.identity.set_rates(account=self._account, rates=RequestRates(self._now, None, 0))

    async def do_add_person(self) -> None:
        person_id = self._one("p")
        login = Login(person_id=person_id, issuer="i", subject=person_id, created_at_ns=self._now)
        await self.stores.people.add_person(Person(person_id=person_id, created_at_ns=self._now), login)

    async def do_link(self) -> None:
        await self.stores.people.link_account(self._one("p"), account=self._account)

    async def do_change_person(self) -> None:
        await self.stores.people.change_person(self._one("p"), display_name=f"N{self._now}", email="a@b")

    async def do_add_session(self) -> None:
        session = Session(
            session_id=self._one("s"),
            person_id=self._one("p"),
            account=self._account,
            created_at_ns=self._now,
            expires_at_ns=self._now + 50,
            device="Firefox",
        )
        self._tokens += 1
        token = RefreshToken(
            token_hash=self._hash(self._tokens),
            session_id=session.session_id,
            created_at_ns=self._now,
            expires_at_ns=self._now + 50,
        )
        await self.stores.sessions.add_session(session, token)

    async def do_rotate(self) -> None:
        old, self._tokens = self._random.randint(0, self._tokens), self._tokens + 1
        await self.stores.sessions.rotate_refresh(
            self._hash(old), new_hash=self._hash(self._tokens), at_ns=self._now, expires_at_ns=self._now + 60
        )

    async def do_step_up(self) -> None:
        await self.stores.sessions.mark_stepped_up(self._one("s"), at_ns=self._now)

    async def do_sign_out(self) -> None:
        await self.stores.sessions.revoke_session(self._one("s"), at_ns=self._now)

    async def do_sign_out_everywhere(self) -> None:
        await self.stores.sessions.revoke_sessions(self._one("p"), at_ns=self._now, but=self._one("s"))

    async def do_sign_out_on_a_full_disk(self) -> None:
        async def fail(*_: object, **__: object) -> None:
            raise IdentityError("the disk is full")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Vault, "change", fail)
            await self.stores.sessions.revoke_session(self._one("s"), at_ns=self._now)

    async def do_forget_sessions(self) -> None:
        await self.stores.sessions.forget_sessions(ended_before_ns=self._now - 40)

    async def do_add_passkey(self) -> None:
        passkey = Passkey(
            credential_id=bytes([self._random.choice(IDS)]),
            person_id=self._one("p"),
            public_key=b"k",
            sign_count=0,
            transports=("usb",),
            created_at_ns=self._now,
        )
        await self.stores.passkeys.add_passkey(passkey)

    async def do_use_passkey(self) -> None:
        credential_id = bytes([self._random.choice(IDS)])
        await self.stores.passkeys.note_passkey_use(credential_id, sign_count=self._now, at_ns=self._now)

    async def do_rename_passkey(self) -> None:
        await self.stores.passkeys.rename_passkey(bytes([self._random.choice(IDS)]), name=f"n{self._now}")

    async def do_remove_passkey(self) -> None:
        await self.stores.passkeys.remove_passkey(bytes([self._random.choice(IDS)]))

    async def do_add_signing_key(self) -> None:
        key = SigningKey(kid=self._one("k"), private_key=self._random.randbytes(32), created_at_ns=self._now)
        await self.stores.signing_keys.add_signing_key(key)

    async def do_retire(self) -> None:
        await self.stores.signing_keys.retire_signing_key(self._one("k"), at_ns=self._now)

    async def do_destroy(self) -> None:
        await self.stores.signing_keys.forget_signing_key(self._one("k"))

    async def do_erase(self) -> None:
        if self._random.random() < 0.7:  # not too often, or nobody is left
            return
        account = self._account
        person = self.stores.people.find_person_of(account)
        person_id = "" if person is None else person.person_id
        await self.stores.erasures.begin_erasure(account, person_id=person_id, at_ns=self._now, was_frozen=False)
        await self.stores.erasures.remove_person(account)
        await self.stores.erasures.finish_erasure(account, at_ns=self._now)

    def _hash(self, number: int) -> bytes:
        return number.to_bytes(32, "big")


@pytest.mark.parametrize("seed", range(4))
async def test_a_replica_answers_as_the_store(tmp_path: Path, seed: int) -> None:
    stores = open_identity_stores(tmp_path / "identity.db", master_key=MASTER_KEY)
    try:
        chance, replicas = Chance(stores, seed), [Replica()]
        stores.identity_memory.watch(replicas[0].take)
        for step in range(STEPS):
            if step % 50 == 49:  # another gateway comes
                replicas.append(Replica())
                replicas[-1].take(stores.identity_memory.dump())
                stores.identity_memory.watch(replicas[-1].take)
            await chance.step()
            for replica in replicas:
                assert answers(replica) == answers(stores)
    finally:
        await stores.identity.close()


async def test_who_watches_no_more_is_told_nothing(tmp_path: Path) -> None:
    stores = open_identity_stores(tmp_path / "identity.db", master_key=MASTER_KEY)
    try:
        told: list[Any] = []
        unwatch = stores.identity_memory.watch(told.append)
        await stores.identity.add_account(account=2, name="Ann", opened_at_ns=1)
        await stores.identity.add_account(account=2, name="Bob", opened_at_ns=2)
        unwatch()
        await stores.identity.set_rates(account=2, rates=RequestRates(1))
        assert len(told) == 1
        assert "Ann" not in repr(told)
    finally:
        await stores.identity.close()


async def test_uses_that_were_noted_elsewhere_count_when_they_are_later(tmp_path: Path) -> None:
    stores = open_identity_stores(tmp_path / "identity.db", master_key=MASTER_KEY)
    try:
        told: list[Any] = []
        await stores.identity.add_key(ApiKey(key_id="K", account=2, secret_hash=bytes(32), created_at_ns=1))
        session = Session(session_id="s", person_id="p", account=2, created_at_ns=1, expires_at_ns=9, device="Fox")
        token = RefreshToken(token_hash=bytes(32), session_id="s", created_at_ns=1, expires_at_ns=9)
        await stores.sessions.add_session(session, token)
        stores.identity_memory.watch(told.append)
        replica = Replica()
        replica.take(stores.identity_memory.dump())
        replica.identity.note_use("K", at_ns=5)
        replica.identity.note_use("unknown", at_ns=5)
        replica.sessions.note_use("s", at_ns=6, address="192.0.2.1")
        key_uses, session_uses = replica.identity.take_uses(), replica.sessions.take_uses()
        assert (replica.identity.take_uses(), replica.sessions.take_uses()) == ([], [])
        stores.identity.note_uses([*key_uses, KeyUse("K", 4), KeyUse("gone", 4)])
        stores.sessions.note_uses([*session_uses, SessionUse("s", 3, "192.0.2.9"), SessionUse("gone", 3)])
        assert [key.last_used_at_ns for key in stores.identity.list_keys(2)] == [5]
        (used,) = stores.sessions.list_sessions("p")
        assert (used.last_used_at_ns, used.address, used.device) == (6, "192.0.2.1", "Fox")
        await stores.identity.store_uses()
        await stores.sessions.store_uses()
        assert told == []
        assert answers(stores) == answers(replica)
    finally:
        await stores.identity.close()


async def test_settings_are_told_and_dumped(tmp_path: Path) -> None:
    store = open_preferences_store(tmp_path / "preferences.db")
    try:
        replica, late = KnownSettings(), KnownSettings()

        def take(change: SettingsChange) -> None:
            replica.apply(msgspec.msgpack.decode(msgspec.msgpack.encode(change), type=SettingsChange))

        store.watch(take)
        for account in ACCOUNTS:
            await store.change_settings(account, lambda _: AccountSettings(suspend_trade=True))
        await store.forget(3)
        for change in store.dump():
            late.apply(change)
        for known in (replica, late):
            assert [known.find_settings(account) for account in ACCOUNTS] == [
                store.find_settings(account) for account in ACCOUNTS
            ]
            assert (known.find_settings(2).suspend_trade, known.find_settings(3)) == (True, AccountSettings())
    finally:
        await store.close()
