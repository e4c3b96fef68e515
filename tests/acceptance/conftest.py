"""The service as its users have it: a process of its own, reached over the network and the command line."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.support.browser import CHROMIUM, WAIT_MS, running_browser
from tests.support.crooked_provider import CrookedProvider, serving_crooked_provider
from tests.support.identity_provider import IdentityProvider, is_installed, serving_identity_provider
from tests.support.several_processes import settings_of
from tests.support.waiver_process import UNLIMITED
from waiver_exchange.client import AsyncClient, AsyncStream, Client, RetryPolicy

START_SECONDS = 60
STOP_SECONDS = 30
COMMAND_SECONDS = 60
Json = Any


class Trader:
    """An account and the client that acts for it."""

    def __init__(self, url: str, *, account_id: str, api_key: str, api_secret: str) -> None:
        self.account_id = account_id
        self.api_key = api_key
        self.api_secret = api_secret
        headers = {"X-API-Key": api_key, "X-API-Secret": api_secret}
        self.http = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30)
        self.client = Client(url, api_key=api_key, api_secret=api_secret, timeout_seconds=30)

    @property
    def url(self) -> str:
        return self.client.access.url

    def connect(self) -> AsyncStream:
        """A stream that does not wait long before it connects again."""
        retry = RetryPolicy(first_seconds=0.01)
        return AsyncClient(self.url, api_key=self.api_key, api_secret=self.api_secret, retry=retry).connect()

    def post_order(self, **fields: object) -> httpx.Response:
        """The answer to an order for one share of MAHOMES at 20.00, changed by the fields; None leaves one out."""
        order = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "20.00"} | fields
        return self.http.post(
            "/api/v1/orders", json={name: value for name, value in order.items() if value is not None}
        )

    def place(self, **fields: object) -> Json:
        """The order of `post_order`, which must be taken."""
        response = self.post_order(**fields)
        assert response.status_code == 200, response.text
        return response.json()

    def get(self, path: str, **query: str | int) -> Json:
        """The body of a GET that must succeed."""
        response = self.http.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()


class Server:
    """A running `waiver serve` on a data directory."""

    def __init__(
        self, data_dir: Path, *, environment: dict[str, str] | None = None, arguments: tuple[str, ...] = ()
    ) -> None:
        self.data_dir = data_dir
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WAIVER_")}
        self._clients: list[httpx.Client | Client] = []
        self._environment = clean | UNLIMITED | settings_of(data_dir) | (environment or {})
        command = [
            sys.executable,
            "-m",
            "waiver_exchange",
            "serve",
            "--data-dir",
            str(data_dir),
            "--port",
            "0",
            "--json",
        ]
        self.log = data_dir.with_suffix(".log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the arguments are written above
                [*command, *arguments], stdout=subprocess.PIPE, stderr=log, text=True, env=self._environment
            )
        try:
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
            assert line, self.log.read_text()
            self.url: str = json.loads(line)["url"]
            self.public = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
            self._clients.append(self.public)
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> int:
        """End the process as Ctrl-C would; return its exit code."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def waiver(self, *arguments: str) -> Json:
        """What the command line prints about this server's exchange."""
        command = [sys.executable, "-m", "waiver_exchange", *arguments, "--json", "--data-dir", str(self.data_dir)]
        done = subprocess.run(  # noqa: S603 - the tests' own arguments
            command, capture_output=True, text=True, check=False, env=self._environment, timeout=COMMAND_SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def create_account(self, name: str, *, cash: str = "10000.00") -> Trader:
        """A new account with cash."""
        trader = Trader(
            self.url, **self.waiver("account", "create", "--reason", "test", "--name", name, "--cash", cash)
        )
        self._clients += [trader.http, trader.client]
        return trader

    def list_player(self, symbol: str = "MAHOMES", **facts: str) -> None:
        """List a player, at 20.00 unless said otherwise."""
        facts = {
            "name": "Patrick Mahomes",
            "position": "QB",
            "team": "KC",
            "supply": "10000",
            "reference_price": "20.00",
        } | facts
        flags = [part for name, value in facts.items() for part in (f"--{name.replace('_', '-')}", value)]
        self.waiver("market", "list-player", "--reason", "test", "--symbol", symbol, *flags)

    def grant(self, trader: Trader, quantity: str, *, symbol: str = "MAHOMES") -> None:
        """Give a trader shares of the house."""
        self.waiver(
            "shares",
            "grant",
            "--reason",
            "test",
            "--account",
            trader.account_id,
            "--symbol",
            symbol,
            "--quantity",
            quantity,
        )

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        while self.public.get("/readyz").status_code != 200:
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)


StartServer = Callable[..., Server]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers, each on a fresh data directory unless one is named, and ends them with the test."""
    started: list[Server] = []

    def start(data_dir: Path | None = None, *, arguments: tuple[str, ...] = (), **environment: str) -> Server:
        chosen = data_dir or tmp_path / f"exchange-{len(started)}"
        started.append(Server(chosen, environment=environment, arguments=arguments))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a module, with MAHOMES listed at 20.00."""
    server = Server(tmp_path_factory.mktemp("served") / "exchange")
    server.list_player()
    yield server
    server.stop()


@pytest.fixture
def create_account(server: Server) -> Callable[..., Trader]:
    """Opens accounts on the module's server."""
    return server.create_account


@pytest.fixture(scope="module")
def identity_provider() -> Iterator[IdentityProvider]:
    """The certified OpenID provider, for the tests of a module."""
    if not is_installed():
        pytest.skip("no Node, or no oidc-provider, here")
    with serving_identity_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def running_crooked_provider() -> Iterator[CrookedProvider]:
    """The provider that lies, for the tests of a module."""
    with serving_crooked_provider() as provider:
        yield provider


@pytest.fixture
def crooked_provider(running_crooked_provider: CrookedProvider) -> CrookedProvider:
    """The provider that lies, honest until the test says otherwise."""
    running_crooked_provider.fresh()
    return running_crooked_provider


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a module, none of which may be asynchronous."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    with running_browser() as browser:
        yield browser


@pytest.fixture
def person(browser: Browser) -> Iterator[BrowserContext]:
    """A person at a browser of their own: nothing in it yet."""
    context = browser.new_context()
    context.set_default_timeout(WAIT_MS)
    yield context
    context.close()
