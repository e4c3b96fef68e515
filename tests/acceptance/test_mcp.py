"""`waiver mcp` as an assistant has it: a process that the SDK's own client starts and talks to."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import CallToolResult, TextContent

from tests.acceptance.conftest import Server, Trader
from waiver_exchange.client.models.account import Scope
from waiver_exchange.mcp.server import TOOLS

DOCUMENT = (Path(__file__).parents[2] / "docs/mcp.md").read_text(encoding="utf-8")
START = (sys.executable, "-m", "waiver_exchange", "mcp")
Json = Any
Connect = Callable[..., Any]


def environment(url: str, key: tuple[str, str] | None) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("WAIVER_")}
    credentials = {} if key is None else {"WAIVER_API_KEY": key[0], "WAIVER_API_SECRET": key[1]}
    return own | {"WAIVER_URL": url} | credentials


@asynccontextmanager
async def assistant(server: Server, key: tuple[str, str] | None = None) -> AsyncIterator[Client]:
    command, *arguments = START
    parameters = StdioServerParameters(command=command, args=arguments, env=environment(server.url, key))
    async with Client(stdio_client(parameters)) as client:
        yield client


def key_of(trader: Trader, *scopes: Scope) -> tuple[str, str]:
    made = trader.client.create_key("assistant", scopes=scopes)
    return made.api_key, made.api_secret


async def call(client: Client, name: str, **arguments: object) -> Json:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result
    return result.structured_content


def reason(result: CallToolResult) -> str:
    assert result.is_error
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def names(access: Iterable[str]) -> set[str]:
    return {tool.name for tool in TOOLS if tool.access in access}


async def test_without_a_key_an_assistant_looks_at_markets(server: Server) -> None:
    async with assistant(server) as client:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == names(["public"])
        found = await call(client, "find_markets", search="mahomes")
        assert [market["symbol"] for market in found["items"]] == ["MAHOMES"]
        assert (await call(client, "get_market", symbol="MAHOMES"))["market"]["reference_price"] == "20.00"
        assert (await call(client, "get_tickers", symbols=["MAHOMES"]))["items"][0]["symbol"] == "MAHOMES"
        assert (await call(client, "get_exchange"))["status"]["status"] == "open"
        assert "no tool 'get_portfolio' for this key" in reason(await client.call_tool("get_portfolio", {}))
        assert "no tool 'fly'" in reason(await client.call_tool("fly", {}))


async def test_a_key_that_may_only_read_sees_no_tool_that_trades(
    server: Server, create_account: Callable[..., Trader]
) -> None:
    async with assistant(server, key_of(create_account("Reader"), "read")) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == names(["public", "read"])
        assert (await call(client, "get_portfolio"))["account"]["cash"] == "10000.00"
        refused = await client.call_tool("place_order", {"symbol": "MAHOMES", "side": "buy", "type": "market"})
        assert "lacks the scope trade" in reason(refused)


async def test_an_assistant_trades(server: Server, create_account: Callable[..., Trader]) -> None:
    seller = create_account("Seller")
    server.grant(seller, "10")
    seller.place(side="sell", quantity="1")
    async with assistant(server, key_of(create_account("Buyer"), "read", "trade")) as client:
        order = await call(
            client, "place_order", symbol="MAHOMES", side="buy", type="limit", quantity=1.5, limit_price="20.00"
        )
        assert (order["status"], order["filled_quantity"]) == ("partially_filled", "1")
        assert (await call(client, "get_order_book", symbol="MAHOMES"))["bids"] == [["20.00", "0.5"]]
        replaced = await call(client, "replace_order", order_id=order["id"], limit_price="19.50")
        assert replaced["replaces"] == order["id"]
        assert [item["id"] for item in (await call(client, "list_orders"))["items"]] == [replaced["id"]]
        assert (await call(client, "cancel_order", order_id=replaced["id"]))["status"] == "cancelled"
        assert (await call(client, "cancel_all_orders"))["items"] == []
        (fill,) = (await call(client, "list_fills"))["items"]
        assert (fill["price"], fill["liquidity"]) == ("20.00", "taker")
        assert (await call(client, "get_recent_trades"))["items"][0]["price"] == "20.00"
        portfolio = await call(client, "get_portfolio")
        assert portfolio["positions"][0]["quantity"] == "1"
        assert Decimal(portfolio["account"]["cash"]) == Decimal("9980.00")
        lines = (await call(client, "get_ledger"))["items"]
        assert {line["asset"] for line in lines} == {"USD", "MAHOMES"}
        assert (await call(client, "get_candles", symbol="MAHOMES", interval="1m"))["items"][-1]["close"] == "20.00"
        assert (await call(client, "get_equity_history", period="1W")).keys() == {"items"}
        assert (await call(client, "get_order", order_id=order["id"]))["status"] == "replaced"


async def test_a_refusal_is_an_error_that_says_why(server: Server, create_account: Callable[..., Trader]) -> None:
    async with assistant(server, key_of(create_account("Poor"), "read", "trade")) as client:
        order = {"symbol": "MAHOMES", "side": "buy", "type": "limit", "quantity": "1000", "limit_price": "20.00"}
        refused = await client.call_tool("place_order", order)
        assert reason(refused).startswith("insufficient_cash: There is not enough available cash for this.")
        assert "required 20000.00" in reason(refused)
        assert "colour" in reason(await client.call_tool("place_order", order | {"colour": "red"}))
        assert "quantity" in reason(await client.call_tool("place_order", order | {"quantity": "many"}))
        assert "market_not_found" in reason(await client.call_tool("get_order_book", {"symbol": "NOBODY"}))


@pytest.mark.parametrize(
    ("url", "key", "problem"),
    [(None, ("wrong", "key"), "credentials_are_wrong"), ("http://127.0.0.1:9", ("any", "key"), "no_answer")],
    ids=["key", "exchange"],
)
def test_what_keeps_it_from_starting_is_said(
    server: Server, url: str | None, key: tuple[str, str], problem: str
) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        START,
        input="",
        env=environment(url or server.url, key),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert problem in done.stderr


def test_every_tool_is_described_and_documented() -> None:
    documented = dict(re.findall(r"\| `(\w+)` \| (\w*) ?\|", DOCUMENT))
    assert documented == {tool.name: "" if tool.access == "public" else tool.access for tool in TOOLS}
    for tool in TOOLS:
        described = tool.describe()
        assert described.input_schema["type"] == "object"
        assert (described.output_schema or {})["type"] == "object"
        assert len(tool.description) > 40
