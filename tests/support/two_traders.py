"""An exchange in this process with two traders who have all that accounts can have, and every way to ask it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.sockets import SocketClient
from waiver_exchange.application.access import Caller, issue_token
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import NewKey, create_key
from waiver_exchange.application.authority import ADMIN, AUDIT, READ, TRADE
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import Login, Passkey, Person
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.passkeys import id_of
from waiver_exchange.application.risk_limits import set_role
from waiver_exchange.application.sessions import From, LiveSession, begin_session
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import ConnectionLimits, RequestLimits, Settings
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.gateway.app import Gateway, build_gateway

Headers = Mapping[str, str]
SYMBOL = "MAHOMES"
NO_LIMITS = RequestLimits(
    orders_per_second=0,
    reads_per_second=0,
    address_requests_per_second=0,
    failed_authentications_per_minute=0,
    sign_ins_per_minute=0,
)
KEY_SCOPES = (READ, TRADE, ADMIN)


@dataclass(kw_only=True)
class Trader:
    """An account, a person behind it, and every credential for it. `ids` are what is his, by what it is."""

    name: str
    account: int
    key: NewKey
    session: LiveSession
    token: str
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def account_id(self) -> str:
        return to_text(IdKind.account, self.account)

    @property
    def by_key(self) -> Headers:
        return {"X-API-Key": self.key.api_key, "X-API-Secret": self.key.api_secret}

    @property
    def by_session(self) -> Headers:
        return {"Authorization": f"Bearer {self.session.access.text}"}

    @property
    def by_cookie(self) -> Headers:
        """As a page of ours in the browser asks."""
        return {
            "Cookie": f"__Host-waiver_access={self.session.access.text}; __Host-waiver_csrf={self.session.csrf_token}",
            "X-CSRF-Token": self.session.csrf_token,
            "Sec-Fetch-Site": "same-origin",
        }

    @property
    def as_alpaca(self) -> Headers:
        return {"APCA-API-KEY-ID": self.key.api_key, "APCA-API-SECRET-KEY": self.key.api_secret}


@dataclass(kw_only=True)
class World:
    """A running exchange and its gateway."""

    exchange: Exchange
    gateway: Gateway
    http: httpx.AsyncClient

    async def add(self, name: str, *, role: int = 0, scopes: tuple[str, ...] = KEY_SCOPES) -> Trader:
        """Somebody new, with cash, a key, a session and a token."""
        exchange = self.exchange
        account = await create_account(exchange, name=name, cash_micros=1_000_000_000)
        await set_role(exchange, account=account.account, role=role)
        key = await create_key(
            exchange, account=account.account, name=f"{name} bot", scopes=scopes, may=frozenset(scopes)
        )
        now_ns = exchange.clock.now_ns()
        person = Person(
            person_id=f"person-of-{name}-himself",
            account=0,
            display_name=f"{name} Planted",
            email=f"{name}@planted.example",
            created_at_ns=now_ns,
        )
        login = Login(
            person_id=person.person_id, issuer="https://issuer.example", subject=f"{name}-subject", created_at_ns=now_ns
        )
        await exchange.people.add_person(person, login)
        person = await exchange.people.link_account(person.person_id, account=account.account)
        origin = From(address=f"198.51.100.{100 + account.account}", device=f"{name} device")
        session = await begin_session(exchange, person, provider="test", origin=origin)
        token = issue_token(
            exchange, Caller(account=account.account, key_id=key.api_key, scopes=frozenset(scopes) - {AUDIT})
        ).text
        return Trader(name=name, account=account.account, key=key, session=session, token=token)

    async def ask(self, method: str, path: str, headers: Headers, **options: Any) -> httpx.Response:  # noqa: ANN401
        """An answer, whatever it is."""
        return await self.http.request(method, path, headers=dict(headers), **options)

    async def plant(self, trader: Trader) -> None:
        """Give a trader one of everything, each with a name that can be found again."""
        order = {"symbol": SYMBOL, "side": "buy", "type": "limit", "quantity": "3", "limit_price": "19.37"}
        placed = await self.ask(
            "POST", "/api/v1/orders", trader.by_key, json=order | {"client_order_id": f"order-of-{trader.account}"}
        )
        assert placed.status_code == 200, placed.text
        watchlist = await self.ask(
            "POST",
            "/v2/watchlists",
            trader.as_alpaca,
            json={"name": f"watchlist-of-{trader.account}", "symbols": [SYMBOL]},
        )
        assert watchlist.status_code == 200, watchlist.text
        passkey = Passkey(
            credential_id=f"passkey of {trader.account}".encode(),
            person_id=f"person-of-{trader.name}-himself",
            public_key=b"never used",
            sign_count=0,
            name=f"{trader.name}'s passkey",
            created_at_ns=self.exchange.clock.now_ns(),
        )
        await self.exchange.passkeys.add_passkey(passkey)
        trader.ids = {
            "passkey_id": id_of(passkey),
            "order_id": placed.json()["id"],
            "client_order_id": f"order-of-{trader.account}",
            "key_id": trader.key.api_key,
            "session_id": trader.session.session.session_id,
            "watchlist_id": watchlist.json()["id"],
            "watchlist_name": f"watchlist-of-{trader.account}",
            "account_id": trader.account_id,
            "person_id": f"person-of-{trader.name}-himself",
            "address": f"198.51.100.{100 + trader.account}",
        }

    def connect(self, headers: dict[str, str] | None = None, path: str = "/ws") -> SocketClient:
        """A WebSocket."""
        return SocketClient(self.gateway.sockets, path, headers=headers)


@asynccontextmanager
async def running_world(data_dir: Path, *, limits: RequestLimits = NO_LIMITS) -> AsyncIterator[World]:
    """A world with one listed player and nobody in it yet."""
    settings = Settings(data_dir=data_dir, limits=limits, connection_limits=ConnectionLimits(key_connections=0))
    async with running_exchange(settings) as exchange:
        await list_player(
            exchange,
            Listing(
                symbol=SYMBOL,
                name="Patrick Mahomes",
                position="QB",
                team="KC",
                supply_units=100_000_000,
                reference_price_cents=2_000,
            ),
        )
        gateway = build_gateway(exchange, settings)
        transport = httpx.ASGITransport(gateway.app)  # type: ignore[arg-type]  # the same protocol, typed otherwise
        async with httpx.AsyncClient(transport=transport, base_url="http://exchange") as http:
            yield World(exchange=exchange, gateway=gateway, http=http)
