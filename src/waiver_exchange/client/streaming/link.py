"""One WebSocket connection: requests find their answers by number, pushes go to a function."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from waiver_exchange.client.access import Access
from waiver_exchange.client.errors import ApiError, ClientError, NoAnswerError
from waiver_exchange.client.models.account import Scope
from waiver_exchange.client.streaming.frames import Frame, decode_frames, encode_request
from waiver_exchange.client.wire import decode

MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024  # a snapshot of a deep book in one message
_log = logging.getLogger(__name__)


class _SignedIn(msgspec.Struct, frozen=True):
    scopes: list[Scope] = []


class Link:
    """A connection that lives until it breaks or is closed; it never mends itself."""

    def __init__(self, socket: ClientConnection, *, on_push: Callable[[Frame], None], timeout_seconds: float) -> None:
        """Made by `open`."""
        self._socket = socket
        self._on_push = on_push
        self._timeout_seconds = timeout_seconds
        self._waiting: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._number = 0
        self.scopes: list[Scope] = []
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, access: Access, *, on_push: Callable[[Frame], None]) -> Self:
        """Connect and, where there is a key, sign in. Raises `ClientError`."""
        try:
            socket = await connect(
                access.websocket_url,
                open_timeout=access.timeout_seconds,
                max_size=MESSAGE_BYTES_MAX,
                compression=None,
                proxy=True if access.uses_proxies else None,
            )
        except (OSError, WebSocketException) as error:
            problem = f"no connection to {access.websocket_url}: {type(error).__name__} {error}".rstrip()
            raise NoAnswerError(problem, may_have_been_done=False) from error
        link = cls(socket, on_push=on_push, timeout_seconds=access.timeout_seconds)
        try:
            if access.credentials:
                signed_in = await link.request("auth", access.credentials)
                link.scopes = decode(signed_in, _SignedIn).scopes
        except BaseException:
            await link.close()
            raise
        return link

    async def request(self, method: str, params: dict[str, Any]) -> msgspec.Raw:
        """Send a request and return its result. Raises `ClientError`."""
        if self._reader.done():
            raise NoAnswerError(f"{method} was not sent: the connection is closed", may_have_been_done=False)
        self._number += 1
        number = self._number
        answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._socket.send(encode_request(number, method, params))
                return await answer
        except TimeoutError as error:
            problem = f"{method} got no answer within {self._timeout_seconds} s"
            raise NoAnswerError(problem, may_have_been_done=True) from error
        except ConnectionClosed as error:
            problem = f"{method} got no answer: the connection closed ({error})"
            raise NoAnswerError(problem, may_have_been_done=True) from error
        finally:
            self._waiting.pop(number, None)

    async def wait_closed(self) -> None:
        """Return when the connection is no more."""
        await asyncio.wait([self._reader])

    async def close(self) -> None:
        """Close the connection; may be called twice."""
        await self._socket.close()
        await self.wait_closed()

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                for frame in decode_frames(message):
                    self._take(frame)
        except ConnectionClosed:
            pass
        except ClientError:
            _log.exception("the connection is given up: it brought what the exchange does not say")
            await self._socket.close()
        finally:
            failure = f"the connection closed ({self._socket.close_code} {self._socket.close_reason or ''})".rstrip()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(NoAnswerError(failure, may_have_been_done=True))

    def _take(self, frame: Frame) -> None:
        if frame.channel is not None:
            self._on_push(frame)
            return
        answer = self._waiting.get(frame.id) if isinstance(frame.id, int) else None
        if answer is None or answer.done():
            if frame.error is not None:
                _log.warning("the exchange refused a message: %s: %s", frame.error.code, frame.error.message)
        elif frame.error is not None:
            answer.set_exception(ApiError(frame.error.code, frame.error.message, details=frame.error.details))
        else:
            answer.set_result(frame.result)
