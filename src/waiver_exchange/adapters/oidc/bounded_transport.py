"""HTTP to a provider, within bounds: what answers too much, too slowly or packed is no answer."""

import asyncio
from typing import Final

import httpx2

BODY_BYTES_MAX: Final = 256 * 1024
SECONDS_MAX: Final = 10.0


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Reads each answer whole, up to a size and a time; redirects are answers like any other and not followed."""

    def __init__(self, inner: httpx2.AsyncBaseTransport | None = None) -> None:
        """Connect through `inner`, or the network."""
        self._inner = inner or httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return an answer whose body is here. Raises `httpx2.HTTPError`."""
        # What is packed may grow without bounds when it is unpacked.
        request.headers["Accept-Encoding"] = "identity"
        try:
            async with asyncio.timeout(SECONDS_MAX):
                response = await self._inner.handle_async_request(request)
                try:
                    return await _read(request, response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            message = "the answer took too long"
            raise httpx2.ReadTimeout(message, request=request) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


async def _read(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    if response.headers.get("content-encoding", "identity") != "identity":
        message = "the answer is packed, which was not asked for"
        raise httpx2.ReadError(message, request=request)
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            message = "the answer is too large"
            raise httpx2.ReadError(message, request=request)
    headers = [(name, value) for name, value in response.headers.raw if name.lower() != b"transfer-encoding"]
    return httpx2.Response(response.status_code, headers=headers, content=bytes(body), request=request)
