"""The exchange as a class of CCXT, for programs that trade everywhere through it; needs the extra `ccxt`.

`waiver` is the synchronous one, `async_waiver` the one for asyncio; both are thin over the REST API.
"""

from waiver_exchange.client.ccxt.async_exchange import async_waiver
from waiver_exchange.client.ccxt.exchange import waiver

__all__ = ["async_waiver", "waiver"]
