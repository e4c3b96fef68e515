"""The WebSocket of an exchange that says what a test tells it to."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

from websockets.asyncio.server import ServerConnection, serve

Json = dict[str, Any]
Handler = Callable[[Json], object]


class Refused(Exception):  # noqa: N818 - an answer, not a failure of the fake
    """Makes a handler's answer a refusal."""


class FakeWebSocketExchange:
    """Answers `auth`, `subscribe`, `unsubscribe` and `ping`, and whatever else a test has a handler for."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Json]] = []
        self.handlers: dict[str, Handler] = {}
        self.snapshots: dict[str, Json] = {}
        self.port = 0
        self._connections: set[ServerConnection] = set()

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncIterator[Self]:
        fake = cls()
        async with serve(fake._talk, "127.0.0.1", 0, ping_interval=None) as server:
            (socket,) = server.sockets
            fake.port = socket.getsockname()[1]
            yield fake

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def methods(self) -> list[str]:
        return [method for method, _ in self.requests]

    def asked(self, method: str) -> list[Json]:
        return [params for name, params in self.requests if name == method]

    async def push(self, *frames: Json) -> None:
        """Send the frames in one message to everybody."""
        message = json.dumps(frames[0] if len(frames) == 1 else frames)
        for connection in list(self._connections):
            await connection.send(message)

    async def drop(self) -> None:
        """Break every connection."""
        for connection in list(self._connections):
            await connection.close(1011)

    async def _talk(self, connection: ServerConnection) -> None:
        self._connections.add(connection)
        try:
            async for message in connection:
                await self._answer(connection, json.loads(message))
        finally:
            self._connections.discard(connection)

    async def _answer(self, connection: ServerConnection, request: Json) -> None:
        method, params = request["method"], request["params"]
        self.requests.append((method, params))
        handler = self.handlers.get(method, _agree)
        try:
            answer: Json = {"result": handler(params)}
        except Refused as refused:
            answer = {"error": {"code": str(refused), "message": "No.", "details": {}}}
        if answer.get("result") is None and "error" not in answer:
            return  # silence
        await connection.send(json.dumps({"id": request["id"], **answer}))
        if method == "subscribe":
            for channel in params["channels"]:
                if channel in self.snapshots:
                    await connection.send(json.dumps(self.snapshots[channel]))


def _agree(_: Json) -> object:
    return {}
