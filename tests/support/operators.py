"""People with roles, signed in and stepped up, in a data directory that a server is started on afterwards."""

import asyncio
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple

import httpx

from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import create_key
from waiver_exchange.application.authority import AUDIT, READ, ROLES
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import Login, Passkey, Person
from waiver_exchange.application.operating import parameters as given
from waiver_exchange.application.operating.perform import HOST, Request, perform
from waiver_exchange.application.operating.table import ACTIONS
from waiver_exchange.application.sessions import From, begin_session
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings, SignInSettings
from waiver_exchange.domain.ids import IdKind, to_text

PUBLIC_URL = "http://localhost:8081"
ROOT = "/api/v1/operator"


class Member(NamedTuple):
    """Somebody's account, a token of his session, and a key that reads and audits."""

    account: int
    session_id: str
    token: str
    api_key: str
    api_secret: str

    @property
    def account_id(self) -> str:
        return to_text(IdKind.account, self.account)

    def client(self, url: str) -> httpx.Client:
        """A client that acts in the session."""
        return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {self.token}"}, timeout=20)

    def key_client(self, url: str) -> httpx.Client:
        """A client that acts with the key."""
        return httpx.Client(base_url=url, headers={"X-API-Key": self.api_key, "X-API-Secret": self.api_secret})


def settings_of(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir, sign_in=SignInSettings(public_url=PUBLIC_URL))


def furnish(data_dir: Path, roles: dict[str, str], *, unconfirmed: str = "una") -> dict[str, Member]:
    """Make an exchange with MAHOMES and a member of each name and role; one of them has shown no passkey."""

    async def make() -> dict[str, Member]:
        async with running_exchange(settings_of(data_dir)) as exchange:
            listed = given.Listed(
                symbol="MAHOMES",
                name="Patrick Mahomes",
                position="QB",
                team="KC",
                supply_units=100_000_000,
                reference_price_cents=2_000,
            )
            await perform(exchange, ACTIONS["list_player"], listed, Request(HOST, "set up"))
            return {
                name: await add_member(exchange, name, role=role, stepped_up=name != unconfirmed)
                for name, role in roles.items()
            }

    return asyncio.run(make())


async def add_member(exchange: Exchange, name: str, *, role: str, stepped_up: bool = True) -> Member:
    """Open an account with a role, a person behind it, a session and a passkey."""
    now_ns = exchange.clock.now_ns()
    account = (await create_account(exchange, name=name, cash_micros=1_000_000_000)).account
    person = Person(person_id=token_bytes(16).hex(), account=account, display_name=name, created_at_ns=now_ns)
    login = Login(person_id=person.person_id, issuer="https://league", subject=name, created_at_ns=now_ns)
    await exchange.people.add_person(person, login)
    assert role in ROLES
    await perform(exchange, ACTIONS["set_role"], given.Role(account=account, role=role), Request(HOST, "set up"))
    key = await create_key(exchange, account=account, scopes=[READ, AUDIT])
    live = await begin_session(exchange, person, provider="league", origin=From())
    passkey = Passkey(
        credential_id=token_bytes(16), person_id=person.person_id, public_key=b"x", sign_count=0, created_at_ns=now_ns
    )
    await exchange.passkeys.add_passkey(passkey)
    if stepped_up:
        await exchange.sessions.mark_stepped_up(live.session.session_id, at_ns=now_ns)
    return Member(account, live.session.session_id, live.access.text, key.api_key, key.api_secret)
