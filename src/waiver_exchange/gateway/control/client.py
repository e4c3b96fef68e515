"""The other end of the control socket: one request, one answer."""

import json
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

from waiver_exchange.gateway.control.protocol import ControlError, Params, Result, socket_address

CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 60.0
ANSWER_BYTES_MAX: Final = 1 << 26


class NoServerError(Exception):
    """Nobody listens on the socket."""


class ServerSilentError(Exception):
    """The server took the request and did not answer; whether it was done is unknown."""


def call_server(path: Path, method: str, params: Params, *, answer_seconds: float = ANSWER_SECONDS) -> Result:
    """Run a method in the server behind a socket. Raises `ControlError`, `NoServerError`, `ServerSilentError`."""
    request = json.dumps({"method": method, "params": params}).encode() + b"\n"
    with _connect(path) as connection:
        connection.settimeout(answer_seconds)
        try:
            with suppress(
                BrokenPipeError, ConnectionResetError
            ):  # a server that takes no more says why before it closes
                connection.sendall(request)
            line = _read_line(connection)
        except OSError as error:
            raise ServerSilentError(
                "The server took the request and did not answer; whether it was done is unknown. Look before you "
                "repeat it; what carries a reference can be repeated safely."
            ) from error
    try:
        return _result_of(line)
    except (ValueError, LookupError, TypeError) as error:
        raise ServerSilentError(
            f"What answers on {path} is not the exchange; find out who listens there, and remove the file."
        ) from error


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(CONNECT_SECONDS)
    try:
        with socket_address(path) as address:
            connection.connect(address)
    except OSError as error:
        connection.close()
        raise NoServerError(str(error)) from error
    _check_peer(connection, path=path)
    return connection


def _check_peer(connection: socket.socket, *, path: Path) -> None:
    """Talk to one's own server only: what is sent creates accounts, and the answer carries their secrets."""
    credentials = struct.Struct("3i")
    _, user, _ = credentials.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size))
    if user not in {os.geteuid(), 0}:
        connection.close()
        raise ServerSilentError(f"Another user (id {user}) answers on {path}; nothing was sent. Remove the file.")


def _read_line(connection: socket.socket) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size <= ANSWER_BYTES_MAX:
        part = connection.recv(1 << 16)
        if not part:
            raise ConnectionResetError("closed before the answer")
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            return b"".join(parts)
    raise ConnectionAbortedError("the answer is too long")


def _result_of(line: bytes) -> Result:
    answer = json.loads(line)
    if "error" in answer:
        error = answer["error"]
        raise ControlError(code=error["code"], message=error["message"], details=error["details"])
    result: Result = answer["result"]
    return result
