"""The control socket: whom it lets in, what it answers, and what it does not let anybody do to it."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiver_process import Server, serving, waiver_json
from waiver_exchange.gateway.control.client import NoServerError, call_server
from waiver_exchange.gateway.control.protocol import LINE_BYTES_MAX, ControlError
from waiver_exchange.gateway.control.server import CONNECTIONS_MAX, ControlServer

NO_EXCHANGE: Any = None  # for tests in which no request comes as far as the exchange


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("socket") / "exchange"


@pytest.fixture(scope="module", autouse=True)
def running(data_dir: Path) -> Iterator[Server]:
    with serving(data_dir=data_dir) as server:
        yield server


def connect(data_dir: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(str(data_dir / "control.sock"))
    return connection


def ask(connection: socket.socket, line: bytes) -> Any:  # noqa: ANN401 - any JSON
    connection.sendall(line + b"\n")
    with connection.makefile("rb") as answers:
        return json.loads(answers.readline())


def test_only_the_owner_can_open_it(data_dir: Path) -> None:
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    found = (data_dir / "control.sock").stat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600


def test_a_connection_carries_several_requests(data_dir: Path) -> None:
    with connect(data_dir) as connection:
        for _ in range(3):
            assert ask(connection, b'{"method": "status"}')["result"]["sequence"] == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "request_is_malformed"),
        (b"status", "request_is_malformed"),
        (b"[]", "request_is_malformed"),
        (b'{"params": {}}', "request_is_malformed"),
        (b'{"method": 5}', "request_is_malformed"),
        (b'{"method": "status", "params": []}', "request_is_malformed"),
        (b'{"method": "status", "id": 1}', "request_is_malformed"),
        (b'{"method": "status", "params": {"colour": "red"}}', "request_is_malformed"),
        (b'{"method": "account.show", "params": {"account": 5}}', "request_is_malformed"),
        (b'{"method": "account.show", "params": {}}', "request_is_malformed"),
        (b'{"method": "\xff"}', "request_is_malformed"),
        (b"[" * 100_000, "request_is_malformed"),
        (b'{"method": "exchange.sell"}', "method_is_unknown"),
        (b'{"method": "account.show", "params": {"account": "x"}}', "field_is_invalid"),
    ],
)
def test_a_wrong_request_is_answered_and_the_next_one_works(data_dir: Path, line: bytes, code: str) -> None:
    with connect(data_dir) as connection:
        assert ask(connection, line)["error"]["code"] == code
        assert "result" in ask(connection, b'{"method": "status"}')


def test_a_line_without_end_is_refused(data_dir: Path) -> None:
    with connect(data_dir) as connection:
        error = ask(connection, b"x" * (LINE_BYTES_MAX + 10))["error"]
        assert error["code"] == "request_is_too_large"


def test_more_peers_than_it_takes_are_told_so(data_dir: Path) -> None:
    peers = [connect(data_dir) for _ in range(CONNECTIONS_MAX)]
    try:
        for peer in peers:
            assert "result" in ask(peer, b'{"method": "status"}')
        with connect(data_dir) as one_too_many, one_too_many.makefile("rb") as answers:
            assert json.loads(answers.readline())["error"]["code"] == "exchange_is_busy"
    finally:
        for peer in peers:
            peer.close()


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 30) / "exchange"
    with serving(data_dir=_made(data_dir)) as server:
        account = waiver_json("account", "create", "--name", "Ann", data_dir=data_dir)
        assert waiver_json("account", "show", "--account", account["account_id"], data_dir=data_dir)["name"] == "Ann"
        assert server.end() == 0
    assert not (data_dir / "control.sock").exists()


def _made(data_dir: Path) -> Path:
    data_dir.parent.mkdir(parents=True)
    return data_dir


@asynccontextmanager
async def listening(path: Path, *, idle_seconds: float = 10) -> AsyncIterator[ControlServer]:
    server = ControlServer(NO_EXCHANGE, path=path, idle_seconds=idle_seconds)
    await server.start()
    try:
        yield server
    finally:
        await server.close(timeout_seconds=0.1)


async def test_a_silent_peer_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with listening(path, idle_seconds=0.1):
        reader, writer = await asyncio.open_unix_connection(path)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


async def test_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "control.sock"
    another = os.geteuid() + 1
    async with listening(path):
        monkeypatch.setattr("waiver_exchange.gateway.control.server.os.geteuid", lambda: another)
        reader, writer = await asyncio.open_unix_connection(path)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


async def test_a_socket_file_that_was_left_is_replaced_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(NoServerError):
        call_server(path, "status", {})
    async with listening(path):
        with pytest.raises(ControlError, match="does not know this method"):
            await asyncio.to_thread(call_server, path, "fly", {})
    assert not path.exists()


async def test_closing_drops_a_peer_that_stays(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with listening(path) as server:
        reader, writer = await asyncio.open_unix_connection(path)
        await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            await server.close(timeout_seconds=0.1)
            assert await reader.read() == b""
        writer.close()
