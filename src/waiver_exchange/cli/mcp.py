"""`waiver mcp`: the exchange for an AI assistant, which starts this command and talks to it."""

import asyncio
import os
from typing import Final

import click

from waiver_exchange.cli.failures import CommandFailedError

URL_DEFAULT: Final = "http://127.0.0.1:8081"


@click.command()
def mcp() -> None:
    """Serve the Model Context Protocol on standard input and output, for an AI assistant to trade with.

    The exchange is the one at WAIVER_URL, the key WAIVER_API_KEY with WAIVER_API_SECRET; without one it only looks at
    markets.
    """
    # Imported only here: every other command starts without the protocol and a client.
    from waiver_exchange.client import AsyncClient, ClientError  # noqa: PLC0415
    from waiver_exchange.mcp.server import serve  # noqa: PLC0415

    client = AsyncClient(
        os.environ.get("WAIVER_URL") or URL_DEFAULT,
        api_key=os.environ.get("WAIVER_API_KEY") or None,
        api_secret=os.environ.get("WAIVER_API_SECRET") or None,
    )
    try:
        asyncio.run(serve(client))
    except ClientError as error:
        raise CommandFailedError(code=getattr(error, "code", "no_answer"), message=str(error)) from error
