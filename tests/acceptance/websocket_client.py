"""A client of `/ws` on the `websockets` library, as a bot would write it."""

import asyncio
import json
from collections import deque
from types import TracebackType
from typing import Any, Self

import websockets

from tests.acceptance.conftest import Server, Trader

WAIT_SECONDS = 20
Json = Any


def url_of(server: Server) -> str:
    return server.url.replace("http://", "ws://") + "/ws"


class Bot:
    """One connection; answers and pushes are kept apart, in order."""

    def __init__(self, server: Server, trader: Trader | None = None) -> None:
        self._server = server
        self._trader = trader
        self._next_id = 0
        self._answers: dict[int, Json] = {}
        self._pushes: deque[Json] = deque()
        self.order: list[str] = []

    async def __aenter__(self) -> Self:
        self.socket = await websockets.connect(url_of(self._server), proxy=None, max_size=None)
        if self._trader is not None:
            await self.ask("auth", api_key=self._trader.api_key, api_secret=self._trader.api_secret)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.socket.close()

    async def begin(self, method: str, **params: object) -> int:
        """Send a request and return its id."""
        self._next_id += 1
        await self.socket.send(json.dumps({"id": self._next_id, "method": method, "params": params}))
        return self._next_id

    async def answer(self, request_id: int) -> Json:
        """The answer to a request, whole."""
        while request_id not in self._answers:
            await self._read()
        return self._answers.pop(request_id)

    async def ask(self, method: str, **params: object) -> Json:
        """The result of a request that must succeed."""
        answer = await self.answer(await self.begin(method, **params))
        assert "result" in answer, answer
        return answer["result"]

    async def refused(self, method: str, **params: object) -> str:
        """The code of the refusal of a request."""
        answer = await self.answer(await self.begin(method, **params))
        return str(answer["error"]["code"])

    async def push(self, channel: str | None = None) -> Json:
        """The next push, of a channel or of any."""
        while True:
            for index, found in enumerate(self._pushes):
                if channel is None or found["channel"] == channel:
                    del self._pushes[index]
                    return found
            await self._read()

    async def _read(self) -> None:
        message = json.loads(await asyncio.wait_for(self.socket.recv(), WAIT_SECONDS))
        for one in message if isinstance(message, list) else [message]:
            if "channel" in one:
                self.order.append(one["channel"])
                self._pushes.append(one)
            else:
                self.order.append("answer")
                self._answers[one["id"]] = one


class Book:
    """A book kept from pushes; it notices a missing one."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
        self.sequence = -1

    def take(self, push: Json) -> None:
        if push["type"] == "snapshot":
            self.sides = {side: dict(push["data"][side]) for side in self.sides}
        else:
            assert push["sequence"] == self.sequence + 1
            for side, levels in self.sides.items():
                for price, quantity in push["data"][side]:
                    levels[price] = quantity
                    if quantity == "0":
                        del levels[price]
        self.sequence = push["sequence"]

    def shown(self) -> Json:
        """The book as REST shows it."""
        bids = sorted(self.sides["bids"].items(), key=lambda level: -float(level[0]))
        asks = sorted(self.sides["asks"].items(), key=lambda level: float(level[0]))
        return {"bids": list(map(list, bids)), "asks": list(map(list, asks)), "sequence": self.sequence}
