"""A client of the fan-out that subscribes and then does not read, until it is asked what it missed."""

import asyncio
import json
import socket
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.network_load import ANSWER_SECONDS_MAX, Socket, text_frame

RECEIVE_BYTES: Final = 4_096
QUIET_SECONDS: Final = 0.5


class StalledSocket(Socket):
    """Keeps what comes once it does not speak any more."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.is_stalled = False
        self._pieces: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        """Take an answer, or keep what comes later."""
        if self.is_stalled:
            self._pieces.append(data)
        else:
            super().data_received(data)

    def stall(self, channels: list[str]) -> None:
        """Subscribe, and read no more."""
        self.is_stalled = True
        request = {"id": 0, "method": "subscribe", "params": {"channels": channels}}
        self.transport.write(text_frame(json.dumps(request).encode()))
        self.transport.pause_reading()

    async def catch_up(self) -> int:
        """Read everything that is still there; return how many changes of books came."""
        if not self.transport.is_closing():
            self.transport.resume_reading()
        count = -1
        while len(self._pieces) > count:
            count = len(self._pieces)
            await asyncio.sleep(QUIET_SECONDS)
        return b"".join(self._pieces).count(b'"type":"delta"')


async def open_stalled(url: str, key: dict[str, Any]) -> StalledSocket:
    """Return an open connection that has room for little."""
    parts = urlsplit(url)
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    own.setblocking(False)  # noqa: FBT003 - its only form
    loop = asyncio.get_running_loop()
    await loop.sock_connect(own, (str(parts.hostname), parts.port or 80))
    _, stalled = await loop.create_connection(lambda: StalledSocket(url), sock=own)
    await asyncio.wait_for(stalled.opened, ANSWER_SECONDS_MAX)
    await stalled.ask("auth", **key)
    return stalled
