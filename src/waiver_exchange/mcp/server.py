"""The server of the protocol: which tools there are for a key, and what their calls lead to."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from waiver_exchange import __version__
from waiver_exchange.client import AsyncClient
from waiver_exchange.mcp.account_tools import ACCOUNT_TOOLS
from waiver_exchange.mcp.market_tools import MARKET_TOOLS
from waiver_exchange.mcp.tools import Tool, failed
from waiver_exchange.mcp.trading_tools import TRADING_TOOLS

AnyTool = Tool[Any, Any]
TOOLS: Final[tuple[AnyTool, ...]] = (*MARKET_TOOLS, *ACCOUNT_TOOLS, *TRADING_TOOLS)
INSTRUCTIONS: Final = (
    "Waiver Exchange trades shares of NFL players for play money, one order book per player. Amounts are decimal "
    "strings: prices in dollars per share, quantities in shares. A tool that fails says why; nothing was done then, "
    "unless it says that the outcome is unknown."
)


async def tools_for(client: AsyncClient) -> list[AnyTool]:
    """Return the tools that the client's key may use. Raises `ClientError` for a key that is none."""
    allowed = {"public"}
    if client.access.credentials:
        async with client.connect() as stream:
            allowed |= set(stream.scopes)
    return [tool for tool in TOOLS if tool.access in allowed]


def build_server(client: AsyncClient, tools: Sequence[AnyTool]) -> Server[Any]:
    """Return a server of these tools."""
    by_name = {tool.name: tool for tool in tools}

    async def list_tools(_: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[tool.describe() for tool in tools])

    async def call_tool(_: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        tool = by_name.get(params.name)
        if tool is None:
            return failed(f"There is no tool {params.name!r}{_because_of_the_key(params.name, TOOLS)}.")
        return await tool.call(client, params.arguments or {})

    return Server(
        "waiver",
        title="Waiver Exchange",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def serve(client: AsyncClient) -> None:
    """Serve over standard input and output until the input ends. Raises `ClientError` when the exchange refuses."""
    async with client:
        server = build_server(client, await tools_for(client))
        async with stdio_server() as (read_stream, write_stream):
            await server.run(read_stream, write_stream, server.create_initialization_options())


def _because_of_the_key(name: str, tools: Iterable[AnyTool]) -> str:
    needed = next((tool.access for tool in tools if tool.name == name), None)
    return "" if needed is None else f" for this key: it lacks the scope {needed}"
