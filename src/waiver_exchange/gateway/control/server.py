"""The socket of a running exchange: bounded lines, bounded peers, and nobody but the owner."""

import asyncio
import logging
import os
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.control.listening import bind_unix
from waiver_exchange.gateway.control.methods import run_method
from waiver_exchange.gateway.control.protocol import LINE_BYTES_MAX, ControlError, Params, Result

CONNECTIONS_MAX: Final = 16
IDLE_SECONDS: Final = 30.0
_BACKLOG: Final = 16
_PEER: Final = struct.Struct("3i")  # pid, uid, gid

_log = logging.getLogger(__name__)


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    method: str
    params: dict[str, object] = {}


_read_request: Final = msgspec.json.Decoder(_Request).decode
_write_answer: Final = msgspec.json.Encoder().encode


class ControlServer:
    """Answers on the socket from `start` until `close`. The caller holds the data directory's lock all the while."""

    def __init__(self, exchange: Exchange, *, path: Path, idle_seconds: float = IDLE_SECONDS) -> None:
        """Take the exchange and the path of the socket, in a directory of mode 0700."""
        self._exchange = exchange
        self._path = path
        self._idle_seconds = idle_seconds
        self._server: asyncio.Server | None = None
        self._peers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the socket (mode 0600) in place of one that a killed server left. Raises `OSError`."""
        listener = bind_unix(self._path)
        try:
            self._server = await asyncio.start_unix_server(
                self._serve_peer, sock=listener, limit=LINE_BYTES_MAX, backlog=_BACKLOG
            )
        except BaseException:
            listener.close()
            raise

    async def close(self, *, timeout_seconds: float = 1.0) -> None:
        """Take no more peers, let requests under way finish, and remove the socket."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        if self._peers:
            _, late = await asyncio.wait(self._peers, timeout=timeout_seconds)
            for peer in late:
                peer.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _serve_peer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._peers.add(task)
            task.add_done_callback(self._peers.discard)
        try:
            if len(self._peers) > CONNECTIONS_MAX:
                await self._send(writer, _refusal(RefusalReason.exchange_is_busy))
            elif _is_owner(writer):
                await self._converse(reader, writer)
            else:
                _log.warning("refused a control connection of another user")
        except (OSError, TimeoutError):
            pass  # the peer went away, or neither spoke nor listened
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self._server is not None:
            try:
                async with asyncio.timeout(self._idle_seconds):
                    line = await reader.readline()
            except ValueError:  # the line is longer than the limit: where the next one starts is unknown
                await self._send(writer, _refusal(RefusalReason.request_is_too_large))
                return
            if not line.endswith(b"\n"):
                return
            await self._send(writer, await self._answer(line))

    async def _answer(self, line: bytes) -> Result:
        try:
            request = _read_request(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            return _failure(ControlError(code=RefusalReason.request_is_malformed.name, message=str(error)))
        return await self._run(request.method, request.params)

    async def _run(self, method: str, params: Params) -> Result:
        try:
            return {"result": await run_method(self._exchange, method, params)}
        except ControlError as error:
            return _failure(error)
        except Exception:  # noqa: BLE001 - the boundary of a request; the log has the traceback
            _log.exception("control method %s failed", method)
            return _refusal(RefusalReason.internal_error)

    async def _send(self, writer: asyncio.StreamWriter, answer: Result) -> None:
        writer.write(_write_answer(answer) + b"\n")
        async with asyncio.timeout(self._idle_seconds):
            await writer.drain()


def _is_owner(writer: asyncio.StreamWriter) -> bool:
    """Whether the peer is the user of this process; the modes of socket and directory see to it, this makes sure."""
    if sys.platform != "linux":
        return True
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _pid, uid, _gid = _PEER.unpack(peer)
    return bool(uid == os.geteuid())


def _refusal(reason: RefusalReason) -> Result:
    return _failure(ControlError(code=reason.name, message=reason.message))


def _failure(error: ControlError) -> Result:
    return {"error": error.to_json()}
