"""The stack as an operator has it: built from a clean copy of the repository, brought up by one command, and broken.

One test, because one engine serves all of it; what it proves, each step says by its name.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
import pytest

from tests.deploy.persistent_traders import SYMBOL, Outage, Trader, check_everything, trade_through
from tests.support.base_images import make_base_images
from tests.support.docker_engine import ROOT, DockerEngine, running_docker

URL: Final = "http://127.0.0.1:8081"
PUBLIC_URL: Final = "https://exchange.example.org"
IMAGE: Final = "waiver-exchange:local"
LASTING: Final = ("postgres", "redis", "exchange")
CASH: Final = Decimal("100000.00")
SHARES: Final = Decimal(500)
TRADERS: Final = 6
ORDERS_BETWEEN: Final = 60
SECONDS_MAX: Final = 1_200
UP_SECONDS_MAX: Final = 600.0
BACK_SECONDS_MAX: Final = 120.0
DEMO_MARKETS_MIN: Final = 5
PLANTED: Final = "planted-and-not-to-be-found"


class Stack:
    """compose.yaml of a clean copy of the tracked files, on our engine."""

    def __init__(self, engine: DockerEngine, folder: Path, images: dict[str, str]) -> None:
        self.engine = engine
        self.folder = folder
        self._images = images

    def compose(self, *arguments: str, seconds: float = 120, is_checked: bool = True, **choices: str) -> str:
        return self.engine.run(
            "compose", *arguments, seconds=seconds, folder=self.folder, is_checked=is_checked, **self._images, **choices
        )

    def up(self, *arguments: str, **choices: str) -> None:
        """Bring it up; what the containers said is shown where it fails."""
        said = self.compose("up", "--detach", *arguments, seconds=UP_SECONDS_MAX, is_checked=False, **choices)
        states = {name: self.state(name) for name in LASTING}
        assert set(states.values()) == {"healthy"}, f"{states}\n{said}\n{self.compose('logs')}"

    def container(self, service: str) -> str:
        """The id of a service's container; empty without one."""
        return self.compose("ps", "--all", "--quiet", service).strip()

    def state(self, service: str) -> str:
        """The health of a service, or what it does otherwise."""
        container = self.container(service)
        state = self.engine.inspect(container)["State"] if container else {}
        return str(state.get("Health", {}).get("Status", state.get("Status", "missing")))

    def execute(self, service: str, *command: str) -> str:
        return self.compose("exec", "--no-TTY", service, *command)

    def waiver(self, *command: str) -> Any:  # noqa: ANN401 - any JSON
        """What the command line prints in the service's container."""
        return json.loads(self.execute("exchange", "waiver", *command, "--json"))

    def secrets(self) -> dict[str, bytes]:
        folder = self.folder / "deploy/compose/secrets"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.timeout(SECONDS_MAX)
def test_the_stack_comes_up_trades_and_loses_nothing_when_each_part_is_killed(tmp_path: Path, seed: int) -> None:
    started = time.monotonic()

    def report(what: str) -> None:
        print(f"stack: {time.monotonic() - started:4.0f} s  {what}", flush=True)  # noqa: T201 - the time it takes

    with running_docker() as engine:
        images = make_base_images(engine)
        report("stand-in images are there")
        stack = Stack(engine, clean_copy(tmp_path / "clone"), images)
        check_that_production_wants_a_digest(stack)
        stack.up("--build", "--wait")
        report("built and up")
        check_image(engine)
        check_that_secrets_were_made_for_each_service_alone(stack)
        check_containers(stack)
        check_that_only_the_exchange_is_published(stack)
        report("hardened")
        traders = open_accounts(stack)
        stop_and_kill_under_load(stack, traders, Random(seed))
        report("each part killed under load")
        engine.within(lambda: check_everything(URL, traders, cash=CASH, shares=SHARES))
        assert stack.waiver("verify")["ok"] is True
        readiness = engine.within(lambda: httpx.get(f"{URL}/readyz", trust_env=False)).json()
        assert readiness["warning"] is None, "a store is not used"
        secrets = stack.secrets()
        stack.compose("down")
        stack.up("--wait", WAIVER_ENVIRONMENT="production", WAIVER_PUBLIC_URL=PUBLIC_URL)
        report("down, and up again for production")
        assert stack.secrets() == secrets
        engine.within(lambda: check_everything(URL, traders, cash=CASH, shares=SHARES))
        stack.compose("down")
        check_that_the_demo_trades(stack)
        report("demo")
        check_that_lost_passwords_are_not_made_anew(stack)
        report("done")


def clean_copy(folder: Path) -> Path:
    """Copy what git tracks, and plant what must not get into an image."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - wherever it is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, tracked.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for place in (".env", ".git", "data", "src/data.db", "deploy/compose/exchange.env", "build"):
        path = folder / place
        if "." in path.name and path.name != ".git":
            path.write_text(f"# {PLANTED}\n", encoding="ascii")
        else:
            path.mkdir()
            (path / PLANTED).touch()
    return folder


def check_that_production_wants_a_digest(stack: Stack) -> None:
    choices = {"WAIVER_ENVIRONMENT": "production", "WAIVER_IMAGE": "refused"}
    assert "has no digest" in stack.compose("build", "exchange", is_checked=False, seconds=UP_SECONDS_MAX, **choices)
    assert not stack.engine.run("images", "--quiet", "refused").strip()


def check_image(engine: DockerEngine) -> None:
    config = engine.inspect(IMAGE)["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Labels"]["org.opencontainers.image.version"] == "0.1.0"
    assert "org.opencontainers.image.revision" in config["Labels"]
    look = (
        "for name in gcc cc make pip pip3 curl; do command -v $name; done; ls /opt/waiver/bin; "
        f"find / -xdev -name {PLANTED}; grep -rl {PLANTED} /opt /var/lib/waiver"
    )
    found = engine.run("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", f"{look}; true").split()
    assert "waiver" in found
    assert not {name for name in found if PLANTED in name or name.rpartition("/")[2] in {"gcc", "cc", "make", "pip"}}


def check_that_secrets_were_made_for_each_service_alone(stack: Stack) -> None:
    folder = stack.folder / "deploy/compose/secrets"
    owners = {"postgres": 999, "redis": 999, "migrate": 10_001, "exchange": 10_001, "demo": 10_001}
    assert {path.name for path in folder.iterdir()} == set(owners)
    for name, owner in owners.items():
        for path in (folder / name, *(folder / name).iterdir()):
            status = path.stat()
            assert (status.st_uid, status.st_mode & 0o077) == (owner, 0), path
    drawn = [text for name, text in stack.secrets().items() if "url" not in name and "acl" not in name]
    assert len(set(drawn)) == len(drawn) == 7
    assert all(len(text) >= 43 for text in drawn)
    ignored = subprocess.run(
        ["git", "check-ignore", "deploy/compose/secrets/exchange/master_key"],  # noqa: S607 - wherever it is
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert ignored.returncode == 0
    for service in LASTING:
        shown = json.dumps(stack.engine.inspect(stack.container(service)))
        assert not [name for name, text in stack.secrets().items() if text.decode().strip() in shown]


def check_containers(stack: Stack) -> None:
    for service in LASTING:
        known = stack.engine.inspect(stack.container(service))
        assert known["HostConfig"]["ReadonlyRootfs"]
        assert known["HostConfig"]["Memory"] > 0
        assert known["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
        status = dict(
            line.split(":\t", 1)
            for line in stack.execute(service, "cat", "/proc/self/status").splitlines()
            if ":\t" in line
        )
        assert int(status["Uid"].split()[0]) != 0
        assert (int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"]) == (0, 0, "1")
        said = stack.compose("exec", "--no-TTY", service, "touch", "/etc/written", is_checked=False)
        assert "Read-only file system" in said
    checksums = stack.execute("postgres", "cat", "/var/lib/postgresql/data/PG_VERSION")
    assert int(checksums) >= 15
    sql = "SHOW data_checksums; SHOW synchronous_commit; SHOW password_encryption"
    shown = database(stack, "postgres", "administrator", sql)
    assert shown.split() == ["on", "on", "scram-sha-256"]
    wrong = "PGPASSWORD=guessed psql --host=127.0.0.1 --username=waiver_service waiver --command='SELECT 1'"
    assert "password authentication failed" in stack.compose(
        "exec", "--no-TTY", "postgres", "sh", "-c", wrong, is_checked=False
    )
    assert "NOAUTH" in stack.execute("redis", "redis-cli", "ping")


def database(stack: Stack, user: str, secret: str, sql: str) -> str:
    """What PostgreSQL answers to a role, whose password has to be right."""
    command = (
        f'PGPASSWORD="$(cat /run/secrets/{secret})" psql --host=127.0.0.1 --username={user} --dbname=waiver '
        f"--no-align --tuples-only --quiet --command='{sql}'"
    )
    return stack.execute("postgres", "sh", "-c", command)


def check_that_only_the_exchange_is_published(stack: Stack) -> None:
    published = {name: stack.engine.inspect(stack.container(name))["NetworkSettings"]["Ports"] for name in LASTING}
    assert [port for name in ("postgres", "redis") for port in published[name].values() if port] == []
    assert published["exchange"] == {"8081/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]}
    assert stack.engine.inspect("waiver-exchange_stores")["Internal"] is True
    page = stack.engine.within(lambda: httpx.get(URL, trust_env=False))
    assert "<html" in page.text


def open_accounts(stack: Stack) -> list[Trader]:
    facts = ("--name", "Patrick Mahomes", "--position", "QB", "--team", "KC", "--supply", "10000")
    stack.waiver("market", "list-player", "--symbol", SYMBOL, *facts, "--reference-price", "25.00")
    traders = []
    for number in range(TRADERS):
        account = stack.waiver("account", "create", "--name", f"trader {number}", "--cash", str(CASH))
        grant = ("--account", account["account_id"], "--symbol", SYMBOL, "--quantity", str(SHARES))
        stack.waiver("shares", "grant", "--reason", "test", *grant)
        traders.append(Trader(account["account_id"], account["api_key"], account["api_secret"]))
    return traders


def stop_and_kill_under_load(stack: Stack, traders: list[Trader], chance: Random) -> None:
    """Kill each part as the kernel would that has no memory left, and the exchange once more by `docker kill`."""

    def docker_kill() -> None:
        stack.engine.run("kill", stack.container("exchange"))
        stack.up("--wait")

    outages: list[Outage] = [*(partial(kill, stack, service) for service in LASTING), docker_kill]
    stack.engine.within(
        lambda: asyncio.run(trade_through(URL, traders, outages, between=ORDERS_BETWEEN, chance=chance))
    )
    assert sum(trader.unanswered for trader in traders) > 0


def kill(stack: Stack, service: str) -> None:
    """Kill a container's first process and wait until it is back by itself."""
    container = stack.container(service)
    before = stack.engine.inspect(container)
    os.kill(before["State"]["Pid"], signal.SIGKILL)
    end = time.monotonic() + BACK_SECONDS_MAX
    while True:
        after = stack.engine.inspect(container)
        if after["RestartCount"] > before["RestartCount"] and after["State"]["Health"]["Status"] == "healthy":
            return
        assert time.monotonic() < end, f"{service} does not come back\n{stack.compose('logs', '--tail', '50')}"
        time.sleep(0.2)


def check_that_the_demo_trades(stack: Stack) -> None:
    stack.up("--wait", COMPOSE_PROFILES="demo")
    end = time.monotonic() + BACK_SECONDS_MAX
    traded: set[str] = set()
    while len(traded) < DEMO_MARKETS_MIN:
        assert time.monotonic() < end, stack.compose("logs", "--tail", "50", COMPOSE_PROFILES="demo")
        time.sleep(0.5)
        markets = stack.engine.within(lambda: httpx.get(f"{URL}/api/v1/markets", trust_env=False)).json()
        traded = {market["symbol"] for market in markets if market["trades"] and market["symbol"] != SYMBOL}
    stack.compose("down", COMPOSE_PROFILES="demo")


def check_that_lost_passwords_are_not_made_anew(stack: Stack) -> None:
    shutil.rmtree(stack.folder / "deploy/compose/secrets/postgres")
    stack.compose("up", "--detach", is_checked=False, seconds=UP_SECONDS_MAX)
    assert "The database is there" in stack.compose("logs", "secrets")
    assert not (stack.folder / "deploy/compose/secrets/postgres").exists()
