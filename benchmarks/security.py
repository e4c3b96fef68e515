"""What signing in, authentication and limits cost, and what wrong credentials cost everybody else.

In one process, the differences between two ways through the same code in one run, in time of this thread, so that what
else the machine does is not counted; the flood meets a real server.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers as WebSocketHeaders

from benchmarks.fairness import measure_fairness
from benchmarks.measuring import RUNS, Figure
from benchmarks.security_flood import measure_flood
from tests.support.postgres_database import postgres_database
from tests.support.postgres_server import find_program, running_postgres
from waiver_exchange.application.access import authenticate, issue_token
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.sign_in_ports import ProvenLogin, Provider
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import RequestLimits, Settings
from waiver_exchange.gateway.app import build_app, build_gateway
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer
from waiver_exchange.gateway.websocket.methods import METHODS
from waiver_exchange.gateway.websocket.session import NativeSession

if TYPE_CHECKING:
    from waiver_exchange.gateway.dispatch import Dispatch

REQUESTS: Final = 2_000
MESSAGES: Final = 20_000
SIGN_INS: Final = 20
_MANY: Final = 1_000_000
_LIMITS: Final = RequestLimits(
    orders_per_second=_MANY, reads_per_second=_MANY, address_requests_per_second=_MANY, sign_ins_per_minute=_MANY
)
_UNLIMITED: Final = RequestLimits(orders_per_second=0, reads_per_second=0, address_requests_per_second=0)
_PATH: Final = "/api/v1/nothing"
Headers = Mapping[str, str]


def measure(progress: Callable[[str], None]) -> list[Figure]:
    """Return the figures of this suite."""
    with tempfile.TemporaryDirectory() as folder:
        progress("security: signing in, authentication and limits")
        figures = asyncio.run(_measure_in_process(Path(folder) / "exchange"))
    progress("security: a flood of wrong credentials")
    quiet, flooded = measure_flood()
    ratios = [busy / alone for alone, busy in zip(quiet, flooded, strict=True)]
    progress("security: a key that sends ten times what it may")
    fair_quiet, fair_busy = measure_fairness()
    fair = [busy / alone for alone, busy in zip(fair_quiet, fair_busy, strict=True)]
    return [
        *figures,
        *_fairness_of_two_workers(progress),
        Figure(key="fairness_order_p99_ms_alone", runs=fair_quiet),
        Figure(key="fairness_order_p99_ratio", runs=fair, at_most=2.0),
        Figure(key="security_order_p99_ms_alone", runs=quiet),
        Figure(key="security_order_p99_ms_flooded", runs=flooded),
        Figure(key="security_flood_p99_ratio", runs=ratios, at_most=2.0),
    ]


def _fairness_of_two_workers(progress: Callable[[str], None]) -> list[Figure]:
    """Return the same of two gateway processes, where there is a PostgreSQL."""
    if find_program("initdb") is None:
        progress("security: no PostgreSQL here, so no figure of two workers")
        return []
    with running_postgres() as server, postgres_database(server) as database:
        quiet, busy = measure_fairness(WAIVER_DATABASE_URL=database.url, WAIVER_WORKERS="2")
    ratios = [flooded / alone for alone, flooded in zip(quiet, busy, strict=True)]
    return [
        Figure(key="fairness_order_p99_ms_alone_2_workers", runs=quiet),
        Figure(key="fairness_order_p99_ratio_2_workers", runs=ratios, at_most=2.0),
    ]


async def _measure_in_process(data_dir: Path) -> list[Figure]:
    async with running_exchange(Settings(data_dir=data_dir, limits=_LIMITS)) as exchange:
        sign_ins = [await _time_sign_ins(exchange) for _ in range(RUNS)]
        return [
            Figure(key="security_sign_in_ms", runs=sign_ins, at_most=300.0),
            *await _rest_figures(exchange),
            await _websocket_figure(exchange),
        ]


async def _rest_figures(exchange: Exchange) -> list[Figure]:
    """Return what credentials and limits add to a request that does nothing else, in microseconds."""
    account = await create_account(exchange, name="Measured", cash_micros=1_000_000)
    caller = authenticate(exchange, api_key=account.api_key, api_secret=account.api_secret)
    token = issue_token(exchange, caller).text
    ways: dict[str, Headers] = {
        "key": {"x-api-key": account.api_key, "x-api-secret": account.api_secret},
        "bearer": {"authorization": f"Bearer {token}"},
        "cookie": await _session_cookies(exchange),
    }
    bare = _app_with(build_app(exchange, limits=_UNLIMITED), _nothing_for("public"))
    guarded = _app_with(build_app(exchange, limits=_LIMITS), _nothing_for("trade"))
    runs: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(RUNS):
        alone = await _time_requests(bare, {})
        for name, headers in ways.items():
            runs[name].append(await _time_requests(guarded, headers) - alone)
    return [Figure(key=f"security_rest_{name}_us", runs=values, at_most=60.0) for name, values in runs.items()]


async def _websocket_figure(exchange: Exchange) -> Figure:
    """Return what counting and checking a message adds to an order over WebSocket, in microseconds.

    The order itself asks nothing of it again.
    """
    account = await create_account(exchange, name="Connected", cash_micros=1_000_000)
    caller = authenticate(exchange, api_key=account.api_key, api_secret=account.api_secret)
    sockets = build_gateway(exchange, Settings(data_dir=Path(), limits=_LIMITS)).sockets
    connection = _Connection()
    session = sockets._routes["/ws"](connection)  # noqa: SLF001 - as a connection is opened
    if not isinstance(session, NativeSession):
        raise TypeError
    session.endpoint.sign_in(session, caller)
    return Figure(key="security_websocket_us", runs=[_time_messages(session) for _ in range(RUNS)], at_most=5.0)


def _time_messages(session: NativeSession) -> float:
    method, count = METHODS["order.place"], session._count  # noqa: SLF001 - the very part that is measured
    began = time.thread_time()
    for _ in range(MESSAGES):
        count(method)
    return (time.thread_time() - began) / MESSAGES * 1e6


class _Opening:
    """A connection without cookies."""

    address = "203.0.113.7"
    headers: Any = WebSocketHeaders()


class _Connection:
    """As much of a connection as counting asks for."""

    opening: Any = _Opening()
    is_congested = False
    is_open = True

    def send(self, frames: bytes) -> None:
        """Send nothing."""

    def close(self, code: int, reason: str) -> None:
        """Close nothing."""


def _nothing_for(access: Any) -> Route:  # noqa: ANN401 - one of a few words
    async def answer(_: Call) -> Answer:
        return json_answer(None)

    return Route(
        method="POST",
        path=_PATH,
        name="doNothing",
        summary="Nothing.",
        tag="nothing",
        handler=answer,
        answer=None,
        access=access,
        kind="order",
    )


def _app_with(app: "Dispatch", route: Route) -> "Dispatch":
    """Serve a route more: in the place of another one's method."""
    routing = app._routing  # noqa: SLF001 - nothing else serves what is not in the table
    found = routing.find("/healthz")
    if found is None:
        raise LookupError
    found.routes["POST"] = route
    return app


async def _time_requests(app: "Dispatch", headers: Headers) -> float:
    """Return the microseconds of one request."""
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def receive() -> Any:  # noqa: ANN401 - an ASGI message
        return {"type": "http.request", "body": b"", "more_body": False}

    statuses: list[int] = []

    async def send(message: Any) -> None:  # noqa: ANN401 - as above
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    began = time.thread_time()
    for _ in range(REQUESTS):
        scope: Any = {
            "type": "http",
            "method": "POST",
            "path": "/healthz",
            "query_string": b"",
            "headers": encoded,
            "client": ("127.0.0.1", 1),
            "state": {},
        }
        await app(scope, receive, send)
    took = time.thread_time() - began
    if set(statuses) != {200}:
        raise SystemExit(f"bench: requests were answered {set(statuses)}")
    return took / REQUESTS * 1e6


class _Stub(Provider):
    """A provider that vouches for anybody; `seconds` is the time that was spent in it."""

    name = "stub"
    label = "Stub"

    def __init__(self) -> None:
        self.seconds = 0.0
        self._subjects = 0

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return an address with the state."""
        del redirect_uri, nonce, verifier
        return f"https://stub.example/authorize?state={state}"

    async def identify(
        self, *, code: str, said_issuer: str | None, redirect_uri: str, nonce: str, verifier: str
    ) -> ProvenLogin:
        """Vouch for somebody new."""
        del code, said_issuer, redirect_uri, nonce, verifier
        self._subjects += 1
        return ProvenLogin(issuer="https://stub.example", subject=f"{id(self)}-{self._subjects}")

    async def close(self) -> None:
        """Nothing is open."""


async def _time_sign_ins(exchange: Exchange) -> float:
    """Return the milliseconds from going to a provider to the first authenticated answer, each of somebody new."""
    exchange.sign_in = replace(exchange.sign_in, providers={"stub": _Stub()})
    app = build_app(exchange, limits=_LIMITS)
    began = time.perf_counter()
    for _ in range(SIGN_INS):
        cookies = await _sign_in(app)
        status, _, _ = await _ask(app, "GET", "/api/v1/account", {"cookie": cookies})
        if status != 200:
            raise SystemExit(f"bench: the first answer was {status}")
    return (time.perf_counter() - began) / SIGN_INS * 1e3


async def _sign_in(app: "Dispatch") -> str:
    wanted = {"content-type": "application/json", "content-length": "2"}
    _, headers, answer = await _ask(app, "POST", "/auth/sign-in/stub", wanted, body=b"{}")
    state = parse_qs(urlsplit(json.loads(answer)["location"]).query)["state"][0]
    query = f"state={state}&code=x&iss=https://stub.example"
    _, headers, _ = await _ask(app, "GET", "/auth/callback/stub", {"cookie": _cookies(headers)}, query=query)
    return _cookies(headers)


async def _session_cookies(exchange: Exchange) -> Headers:
    exchange.sign_in = replace(exchange.sign_in, providers={"stub": _Stub()})
    cookies = await _sign_in(build_app(exchange, limits=_LIMITS))
    csrf = next(pair.partition("=")[2] for pair in cookies.split("; ") if pair.startswith("__Host-waiver_csrf"))
    return {"cookie": cookies, "x-csrf-token": csrf, "origin": exchange.sign_in.public_url}


async def _ask(
    app: Callable[..., Awaitable[None]], method: str, path: str, headers: Headers, *, query: str = "", body: bytes = b""
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    sent: list[Any] = []

    async def receive() -> Any:  # noqa: ANN401 - an ASGI message
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:  # noqa: ANN401 - as above
        sent.append(message)

    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": encoded}
    await app({**scope, "client": ("127.0.0.1", 1), "state": {}}, receive, send)
    return sent[0]["status"], sent[0]["headers"], b"".join(message.get("body", b"") for message in sent[1:])


def _cookies(headers: list[tuple[bytes, bytes]]) -> str:
    set_ = [value.decode().partition(";")[0] for name, value in headers if name.lower() == b"set-cookie"]
    return "; ".join(pair for pair in set_ if not pair.endswith("="))
