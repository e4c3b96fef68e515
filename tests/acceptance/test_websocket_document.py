"""What docs/websocket.md shows happens: its examples are sent, in order, and answered as it says."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import websockets

from tests.acceptance.conftest import StartServer
from tests.acceptance.websocket_client import WAIT_SECONDS, url_of
from waiver_exchange.gateway.feeds.directory import MARKET_CHANNELS, PRIVATE_CHANNELS
from waiver_exchange.gateway.websocket.methods import METHODS

DOCUMENT = Path("docs/websocket.md").read_text(encoding="utf-8")
EXAMPLES = [line for block in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL) for line in block.splitlines()]


def shows(shown: Any, said: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether an answer has all that the document shows of it."""
    if isinstance(shown, dict) and isinstance(said, dict):
        return all(name in said and shows(value, said[name]) for name, value in shown.items())
    return bool(shown == said)


async def test_examples_happen_as_they_are_shown(start_server: StartServer) -> None:
    server = start_server()
    server.list_player()
    trader = server.create_account("Ann")
    async with websockets.connect(url_of(server), proxy=None) as socket:
        for line in EXAMPLES:
            direction, _, text = line.partition(" ")
            message = text.replace("$KEY", trader.api_key).replace("$SECRET", trader.api_secret)
            if direction == "->":
                await socket.send(message)
            else:
                said = json.loads(await asyncio.wait_for(socket.recv(), WAIT_SECONDS))
                assert shows(json.loads(message), said), said
    assert len(EXAMPLES) > 10


def test_every_method_and_channel_is_documented() -> None:
    for method in METHODS:
        assert f"`{method}`" in DOCUMENT
    for name in (*MARKET_CHANNELS, *PRIVATE_CHANNELS):
        assert f"| `{name}" in DOCUMENT
    pushes = [kind.pushes for kind in MARKET_CHANNELS.values()] + [kind.pushes for kind in PRIVATE_CHANNELS.values()]
    for shown in pushes:
        for push_type in shown:
            assert f"`{push_type}`" in DOCUMENT
